"""Services, both ways.

v1 has Ready among the conditions, generations as numbers, the project's number as namespace, and
an operation's id as an annotation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Final, cast

from gate.local.admin.checks import check_key
from gate.local.admin.conditions import State
from gate.local.admin.defaults import project_number
from gate.local.admin.etags import resource_version
from gate.local.admin.messages import Service
from gate.local.admin.names import short
from gate.local.admin.plan import last_change
from gate.local.admin.tables import ServiceRecord
from gate.local.admin.v1.fields import Fields, Json
from gate.local.admin.v1.settings import INGRESS, SERVER_MADE, SERVICE
from gate.local.admin.v1.status import service_conditions_v1, timestamp
from gate.local.admin.v1.table import Message, apply, shown
from gate.local.admin.v1.template import SERVER_METADATA, read_template, template_v1
from gate.local.admin.v1.traffic import observed_v1, read_target, target_v1
from gate.local.api.errors import ApiError, Code, invalid
from gate.local.ports import JsonValue

API: Final = "serving.knative.dev/v1"
LOCATION: Final = "cloud.googleapis.com/location"
OPERATION: Final = "run.googleapis.com/operation-id"


@dataclass(frozen=True, slots=True)
class ReadService:
    """What a v1 service asks for.

    Attributes:
        service: in v2's form; what v1 cannot express is the current service's.
        client: annotations of the template that v2 has no field for.
        version: the resourceVersion that was read, or "".
    """

    service: Service
    client: Mapping[str, str]
    version: str


def service_v1(record: ServiceRecord, operation_id: str) -> Json:
    """Gives a service in its v1 form.

    Args:
        record: as stored.
        operation_id: id of the last operation on it, or "".
    """
    service = record.resource
    return {
        "apiVersion": API,
        "kind": "Service",
        "metadata": _metadata(record, operation_id),
        "spec": {
            "template": template_v1(service.template, record.client),
            "traffic": [target_v1(target) for target in Service.pb(service).traffic],
        },
        "status": _status(service),
    }


def read_service(
    body: Json, name: str, namespaces: tuple[str, ...], current: Service
) -> ReadService:
    """Reads a whole service.

    Args:
        body: its JSON.
        name: what it must be called; "" is any name.
        namespaces: what its namespace may be.
        current: the service so far; an empty one for a new service.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    fields = Fields("", body)
    fields.only("apiVersion", API)
    fields.only("kind", "Service")
    metadata, spec = fields.inner("metadata"), fields.inner("spec")
    fields.ignore("status")
    fields.close()
    wanted = Service(current)
    version = metadata.text("resourceVersion")
    _check_names(metadata, name, namespaces)
    _read_metadata(Service.pb(wanted), metadata)
    template = spec.take("template")
    if not isinstance(template, dict) or not template:
        raise ApiError(Code.INVALID_ARGUMENT, "spec.template: should not be empty")
    read = read_template("spec.template", template, current.template)
    wanted.template = read.template
    wanted.traffic = [read_target(target) for target in spec.objects("traffic")]
    spec.close()
    return ReadService(wanted, read.client, version)


def _check_names(metadata: Fields, name: str, namespaces: tuple[str, ...]) -> None:
    for field, allowed in (("name", (name,)), ("namespace", namespaces)):
        given = metadata.text(field)
        if given and allowed != ("",) and given not in allowed:
            raise invalid(f"metadata.{field}", f"(got {given[:80]!r}, expected {allowed[0]!r})")


def _read_metadata(message: Message, metadata: Fields) -> None:
    labels, annotations = metadata.mapping("labels"), metadata.mapping("annotations")
    metadata.ignore(*SERVER_METADATA)
    metadata.close()
    labels.pop(LOCATION, None)
    for made_by_server in SERVER_MADE:
        annotations.pop(made_by_server, None)
    apply(SERVICE, message, shown(SERVICE, message), annotations)
    for target, entries in ((message.labels, labels), (message.annotations, annotations)):
        for key in entries:
            check_key("metadata", key)
        target.clear()
        target.update(entries)


def service_labels(record: ServiceRecord) -> dict[str, str]:
    """Gives a service's labels: its owner's, and its region."""
    return {**Service.pb(record.resource).labels, LOCATION: record.key.location}


def _metadata(record: ServiceRecord, operation_id: str) -> Json:
    service, key = record.resource, record.key
    number = project_number(key.project)
    message = Service.pb(service)
    annotations = {
        **message.annotations,
        **shown(SERVICE, message),
        "run.googleapis.com/ingress-status": INGRESS.get(message.ingress, "all"),
        "serving.knative.dev/creator": message.creator,
        "serving.knative.dev/lastModifier": message.last_modifier,
    }
    if message.urls:
        quoted = ",".join(f'"{url}"' for url in message.urls)
        annotations["run.googleapis.com/urls"] = f"[{quoted}]"
    if operation_id:
        annotations[OPERATION] = operation_id
    return {
        "name": key.service,
        "namespace": number,
        "selfLink": f"/apis/{API}/namespaces/{number}/services/{key.service}",
        "uid": message.uid,
        "resourceVersion": resource_version(last_change(service)),
        "generation": message.generation,
        "creationTimestamp": timestamp(message.create_time.ToDatetime(tzinfo=UTC)),
        "labels": cast("JsonValue", service_labels(record)),
        "annotations": cast("JsonValue", annotations),
    }


def _status(service: Service) -> Json:
    """Gives the v1 status; its observedGeneration advances with every finished reconciliation."""
    message = Service.pb(service)
    pending = message.terminal_condition.state == State.PENDING
    observed = message.observed_generation if pending else message.generation
    status: Json = {
        "observedGeneration": observed,
        "conditions": service_conditions_v1(service),
    }
    if message.traffic_statuses:
        status["traffic"] = observed_v1(service)
    if message.latest_created_revision:
        status["latestCreatedRevisionName"] = short(message.latest_created_revision)
    if message.latest_ready_revision:
        status["latestReadyRevisionName"] = short(message.latest_ready_revision)
    if message.uri:
        status["url"] = message.uri
        status["address"] = {"url": message.uri}
    return status
