"""Revisions, as v1 shows them: their template as it was, with images by digest."""

from collections.abc import Iterable
from typing import Final, cast
from uuid import NAMESPACE_OID, uuid5

from gate.local.admin.defaults import default_startup_probe, main_container, project_number
from gate.local.admin.etags import resource_version
from gate.local.admin.messages import Revision, RevisionTemplate
from gate.local.admin.names import log_url
from gate.local.admin.plan import as_time, last_change
from gate.local.admin.tables import RevisionRecord, ServiceRecord
from gate.local.admin.template import template_of
from gate.local.admin.v1.annotations import THROTTLING, main
from gate.local.admin.v1.fields import Json
from gate.local.admin.v1.service import API, LOCATION
from gate.local.admin.v1.status import conditions_v1, timestamp
from gate.local.admin.v1.table import Message
from gate.local.admin.v1.template import annotations_of, spec_v1
from gate.local.ports import JsonValue

_SERVING: Final = "serving.knative.dev"
PROBE_TYPE: Final = "run.googleapis.com/startupProbeType"


def revision_v1(held: RevisionRecord, owner: ServiceRecord) -> Json:
    """Gives a revision in its v1 form."""
    message = RevisionTemplate.pb(resolved(held, owner.key.service))
    return {
        "apiVersion": API,
        "kind": "Revision",
        "metadata": _metadata(held, owner, annotations_of(message)),
        "spec": spec_v1(message),
        "status": _status(held, message.containers, main(message).image),
    }


def resolved(held: RevisionRecord, service: str) -> RevisionTemplate:
    """Gives what a revision was made of: containers with names, images by digest."""
    template = template_of(held.resource)
    for index, container in enumerate(template.containers):
        container.name = container.name or f"{service}-{index + 1}"
        container.image = held.images.get(container.image, container.image)
    return template


def revision_labels(held: RevisionRecord, owner: ServiceRecord) -> dict[str, str]:
    """Gives a revision's labels: its template's, whose it is, and its region."""
    key = owner.key
    return {
        **Revision.pb(held.resource).labels,
        f"{_SERVING}/service": key.service,
        f"{_SERVING}/serviceUid": owner.resource.uid,
        f"{_SERVING}/configuration": key.service,
        f"{_SERVING}/configurationGeneration": str(held.number),
        f"{_SERVING}/route": key.service,
        LOCATION: key.location,
        **_probe_label(held.resource),
    }


def _metadata(held: RevisionRecord, owner: ServiceRecord, annotations: dict[str, str]) -> Json:
    revision, key = held.resource, owner.key
    name, number = held.key.revision, project_number(key.project)
    return {
        "name": name,
        "namespace": number,
        "selfLink": f"/apis/{API}/namespaces/{number}/revisions/{name}",
        "uid": revision.uid,
        "resourceVersion": resource_version(last_change(revision)),
        "generation": revision.generation,
        "creationTimestamp": timestamp(as_time(revision.create_time)),
        "labels": cast("JsonValue", revision_labels(held, owner)),
        "annotations": cast(
            "JsonValue",
            {
                THROTTLING: "true",
                **annotations,
                **held.client,
                f"{_SERVING}/creator": revision.creator,
            },
        ),
        "ownerReferences": [
            {
                "apiVersion": API,
                "kind": "Configuration",
                "name": key.service,
                "uid": str(uuid5(NAMESPACE_OID, f"{owner.resource.uid}/configuration")),
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def _status(held: RevisionRecord, containers: Iterable[Message], image: str) -> Json:
    revision: Revision = held.resource
    made: Json = {
        "observedGeneration": revision.observed_generation,
        "conditions": conditions_v1(revision.conditions),
        "containerStatuses": [_container_status(item) for item in containers],
        "logUrl": log_url(held.key),
    }
    if "@" in image:
        made["imageDigest"] = image
    return made


def _container_status(container: Message) -> Json:
    made: Json = {"name": container.name}
    if "@" in container.image:
        made["imageDigest"] = container.image
    return made


def _probe_label(revision: Revision) -> dict[str, str]:
    """Marks the startup probe that the server gave; how others are marked no source tells."""
    container = main_container(revision.containers)
    given = default_startup_probe(container.ports[0].container_port) if container.ports else None
    return {PROBE_TYPE: "Default"} if container.startup_probe == given else {}
