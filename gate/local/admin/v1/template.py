"""Revision templates, both ways."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from google.protobuf.duration_pb2 import Duration

from gate.local.admin.checks import check_key
from gate.local.admin.messages import RevisionTemplate
from gate.local.admin.v1.annotations import BOOST, CLIENT, TEMPLATE, THROTTLING
from gate.local.admin.v1.containers import container_v1, read_container
from gate.local.admin.v1.fields import Fields, Json, plain
from gate.local.admin.v1.secrets import ANNOTATION, Aliases, read_aliases
from gate.local.admin.v1.table import Entry, Message, apply, shown
from gate.local.admin.v1.volumes import (
    CLOUD_SQL,
    add_cloud_sql,
    cloud_sql,
    read_volume,
    volumes_v1,
)

_ACCELERATOR: Final = "run.googleapis.com/accelerator"
_SERVER_LABELS: Final = ("run.googleapis.com/startupProbeType", "cloud.googleapis.com/location")
SERVER_METADATA: Final = (
    *("namespace", "selfLink", "uid", "resourceVersion", "generation", "creationTimestamp"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences", "finalizers"),
    *("clusterName", "generateName"),
)
"""Fields of metadata that the server writes; what clients send back of them is not looked at."""


@dataclass(frozen=True, slots=True)
class ReadTemplate:
    """What a v1 template asks for.

    Attributes:
        template: in v2's form.
        client: annotations that v2 has no field for: who wrote it.
    """

    template: RevisionTemplate
    client: Mapping[str, str] = field(default_factory=dict)


def template_v1(template: RevisionTemplate, client: Mapping[str, str]) -> Json:
    """Gives a template in its v1 form; a name that the server chose is not shown."""
    message = RevisionTemplate.pb(template)
    metadata: Json = {
        "name": message.revision,
        "labels": cast("Json", dict(message.labels)),
        "annotations": cast("Json", {**annotations_of(message), **client}),
    }
    return {
        "metadata": {name: value for name, value in metadata.items() if value},
        "spec": spec_v1(message),
    }


def annotations_of(message: Message) -> dict[str, str]:
    """Gives the annotations of a template: its owner's, and those that stand for fields."""
    aliases = Aliases(message).annotation()
    special = {ANNOTATION: aliases, CLOUD_SQL: cloud_sql(message)}
    return {
        **dict(message.annotations),
        **shown(TEMPLATE, message),
        **{name: value for name, value in special.items() if value},
    }


def spec_v1(message: Message) -> Json:
    """Gives spec.template.spec."""
    aliases, annotated = Aliases(message), bool(cloud_sql(message))
    spec: Json = {
        "containerConcurrency": message.max_instance_request_concurrency,
        "timeoutSeconds": message.timeout.seconds,
        "serviceAccountName": message.service_account,
        "containers": [
            container_v1(container, aliases, annotated=annotated)
            for container in message.containers
        ],
        "volumes": volumes_v1(message, aliases),
    }
    if message.node_selector.accelerator:
        spec["nodeSelector"] = {_ACCELERATOR: message.node_selector.accelerator}
    return {name: value for name, value in spec.items() if value not in ("", [])}


def read_template(where: str, body: Json, current: RevisionTemplate) -> ReadTemplate:
    """Reads spec.template; one that is as it was shown is the current one, to the last field.

    Args:
        where: path of the template.
        body: its JSON.
        current: the service's template so far; an empty one for a new service.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    fields = Fields(where, body)
    metadata, spec = fields.inner("metadata"), fields.inner("spec")
    fields.close()
    name, labels = metadata.text("name"), metadata.mapping("labels")
    annotations = metadata.mapping("annotations")
    metadata.ignore(*SERVER_METADATA)
    metadata.close()
    for made_by_server in _SERVER_LABELS:
        labels.pop(made_by_server, None)
    client = {key: annotations.pop(key) for key in CLIENT if key in annotations}
    asked: Json = {
        "metadata": {"labels": cast("Json", labels), "annotations": cast("Json", {**annotations})},
        "spec": body.get("spec"),
    }
    made = RevisionTemplate(current)
    if not _as_shown(asked, current):
        _read(RevisionTemplate.pb(made), labels, annotations, spec)
    made.revision = name
    return ReadTemplate(made, client)


def _as_shown(asked: Json, current: RevisionTemplate) -> bool:
    nameless = RevisionTemplate(current)
    nameless.revision = ""
    return bool(current.containers) and plain(asked) == plain(template_v1(nameless, {}))


def _read(
    message: Message, labels: dict[str, str], annotations: dict[str, str], spec: Fields
) -> None:
    before = annotations_of(message)
    aliases = read_aliases(annotations.pop(ANNOTATION, ""))
    instances = annotations.pop(CLOUD_SQL, "")
    throttling = {name: annotations.get(name, "") for name in (THROTTLING, BOOST)}
    _read_volumes(message, spec, aliases)
    fresh = _read_containers(message, spec, aliases)
    add_cloud_sql(message, instances)
    apply(TEMPLATE, message, before, annotations)
    for entry in TEMPLATE:
        if entry.name in throttling:
            _put_on(fresh, entry, throttling[entry.name])
    _replace(message.labels, labels)
    _replace(message.annotations, annotations)
    _read_rest(message, spec)


def _read_volumes(message: Message, spec: Fields, aliases: Mapping[str, str]) -> None:
    old = {volume["name"]: volume for volume in _shown_volumes(message)}
    kept = {volume.name: _copy(volume) for volume in message.volumes}
    del message.volumes[:]
    for fields in spec.objects("volumes"):
        volume = message.volumes.add()
        read_volume(fields, aliases, volume)
        before = kept.get(volume.name)
        if before is not None and _same_volume(volume, old.get(volume.name)):
            volume.CopyFrom(before)


def _shown_volumes(message: Message) -> list[Json]:
    return cast("list[Json]", volumes_v1(message, Aliases(message)))


def _same_volume(volume: Message, shown_before: Json | None) -> bool:
    """Tells whether a volume would be shown as it was: then it keeps what v1 does not show."""
    alone = RevisionTemplate.pb(RevisionTemplate())
    alone.volumes.add().CopyFrom(volume)
    return _shown_volumes(alone) == [shown_before]


def _read_containers(message: Message, spec: Fields, aliases: Mapping[str, str]) -> list[Message]:
    """Reads the containers onto those of the same name; gives the ones that are new."""
    old = [_copy(container) for container in message.containers]
    by_name = {container.name: container for container in old}
    del message.containers[:]
    fresh = []
    for index, fields in enumerate(spec.objects("containers")):
        container = message.containers.add()
        name = fields.peek("name")
        before = by_name.get(str(name or ""))
        if before is None and index < len(old) and len(old) == 1:
            before = old[index]
        if before is None:
            fresh.append(container)
        else:
            container.CopyFrom(before)
        read_container(fields, aliases, container)
    return fresh


def _put_on(containers: list[Message], entry: Entry, value: str) -> None:
    """Gives new containers what an annotation says of all."""
    alone = RevisionTemplate.pb(RevisionTemplate())
    alone.containers.extend(containers)
    entry.put(alone, value)
    for container, put in zip(containers, alone.containers, strict=True):
        container.CopyFrom(put)


def _read_rest(message: Message, spec: Fields) -> None:
    message.max_instance_request_concurrency = spec.number("containerConcurrency")
    timeout_s = spec.number("timeoutSeconds")
    if timeout_s != message.timeout.seconds:
        message.ClearField("timeout")
        if timeout_s:
            message.timeout.CopyFrom(Duration(seconds=timeout_s))
    message.service_account = spec.text("serviceAccountName")
    selector = spec.inner("nodeSelector")
    accelerator = selector.text(_ACCELERATOR)
    selector.close()
    if accelerator != message.node_selector.accelerator:
        message.ClearField("node_selector")
        if accelerator:
            message.node_selector.accelerator = accelerator
    spec.close()


def _replace(target: Any, entries: Mapping[str, str]) -> None:
    for key in entries:
        check_key("spec.template.metadata", key)
    target.clear()
    target.update(entries)


def _copy(message: Message) -> Message:
    made = type(message)()
    made.CopyFrom(message)
    return made
