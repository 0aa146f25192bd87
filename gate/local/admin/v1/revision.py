"""Revisions, as v1 shows them: their template as it was, with images by digest."""

from typing import Final, cast
from urllib.parse import quote

from gate.local.admin.defaults import project_number
from gate.local.admin.etags import resource_version
from gate.local.admin.messages import Revision, RevisionTemplate
from gate.local.admin.names import short
from gate.local.admin.plan import as_time, last_change
from gate.local.admin.tables import RevisionRecord, ServiceRecord
from gate.local.admin.template import template_of
from gate.local.admin.v1.annotations import THROTTLING, main
from gate.local.admin.v1.fields import Json
from gate.local.admin.v1.service import API, LOCATION
from gate.local.admin.v1.status import condition_v1, timestamp
from gate.local.admin.v1.template import annotations_of, spec_v1
from gate.local.ports import JsonValue, RevisionKey

_SERVING: Final = "serving.knative.dev"


def revision_v1(held: RevisionRecord, owner: ServiceRecord) -> Json:
    """Gives a revision in its v1 form."""
    message = RevisionTemplate.pb(resolved(held, owner.key.service))
    return {
        "apiVersion": API,
        "kind": "Revision",
        "metadata": _metadata(held, owner, annotations_of(message)),
        "spec": spec_v1(message),
        "status": _status(held, main(message).image),
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
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }


def _status(held: RevisionRecord, image: str) -> Json:
    revision: Revision = held.resource
    names = [item.name for item in revision.containers if item.name]
    made: Json = {
        "observedGeneration": revision.observed_generation,
        "conditions": [condition_v1(item) for item in revision.conditions],
        "containerStatuses": [{"name": name} for name in names],
        "logUrl": _log_url(held.key),
    }
    if "@" in image:
        made["imageDigest"] = image
    return made


def _log_url(key: RevisionKey) -> str:
    project, service, revision = key.service.project, key.service.service, short(key.revision)
    wanted = (
        'resource.type="cloud_run_revision"\n'
        f'resource.labels.service_name="{service}"\n'
        f'resource.labels.revision_name="{revision}"'
    )
    place = f"cloud_run_revision/service_name/{service}/revision_name/{revision}"
    query = f"project={project}&resource={place}&advancedFilter={quote(wanted, safe='')}"
    return f"https://console.cloud.google.com/logs/viewer?{query}"
