"""What a v1 template's annotations say of the revision, each a field of v2's RevisionTemplate."""

import json
from typing import Final

from google.protobuf.duration_pb2 import Duration

from gate.local.admin.v1.fields import whole
from gate.local.admin.v1.table import Entry, Message, choice, compact, flag, number, text, truth
from gate.local.ports import JsonValue

_RUN: Final = "run.googleapis.com"
_EGRESS: Final = {1: "all-traffic", 2: "private-ranges-only"}
_HOUR_S: Final = 3_600
THROTTLING: Final = f"{_RUN}/cpu-throttling"
BOOST: Final = f"{_RUN}/startup-cpu-boost"
CLIENT: Final = (f"{_RUN}/client-name", f"{_RUN}/client-version")
"""Annotations of a template that v2 has no field for: who wrote it last, not what it is."""


def main(template: Message) -> Message:
    """Gives the container that takes requests: the one with a port."""
    with_port = (container for container in template.containers if container.ports)
    return next(with_port, template.containers[0] if template.containers else None)


def _show_throttling(template: Message) -> str:
    container = main(template)
    return "false" if container is not None and not container.resources.cpu_idle else ""


def _put_throttling(template: Message, value: str) -> None:
    idle = truth(value or "true")
    for container in template.containers:
        container.resources.cpu_idle = idle


def _show_boost(template: Message) -> str:
    container = main(template)
    return "true" if container is not None and container.resources.startup_cpu_boost else ""


def _put_boost(template: Message, value: str) -> None:
    for container in template.containers:
        container.resources.startup_cpu_boost = truth(value)


def _show_interfaces(template: Message) -> str:
    made: list[JsonValue] = []
    for each in template.vpc_access.network_interfaces:
        fields = {"network": each.network, "subnetwork": each.subnetwork, "tags": list(each.tags)}
        made.append({name: value for name, value in fields.items() if value})
    return compact(made)


def _put_interfaces(template: Message, value: str) -> None:
    access = template.vpc_access
    del access.network_interfaces[:]
    for each in json.loads(value or "[]"):
        if set(each) - {"network", "subnetwork", "tags"}:
            raise ValueError(each)
        access.network_interfaces.add(**each)
    if not access.ByteSize():
        template.ClearField("vpc_access")


def _show_shutdown(template: Message) -> str:
    seconds = int(template.encryption_key_shutdown_duration.seconds)
    return str(seconds // _HOUR_S or "")


def _put_shutdown(template: Message, value: str) -> None:
    template.ClearField("encryption_key_shutdown_duration")
    if value:
        seconds = whole("encryption-key-shutdown-hours", value) * _HOUR_S
        template.encryption_key_shutdown_duration.CopyFrom(Duration(seconds=seconds))


def _show_zonal(template: Message) -> str:
    if not template.HasField("gpu_zonal_redundancy_disabled"):
        return ""
    return str(template.gpu_zonal_redundancy_disabled).lower()


def _put_zonal(template: Message, value: str) -> None:
    template.ClearField("gpu_zonal_redundancy_disabled")
    if value:
        template.gpu_zonal_redundancy_disabled = truth(value)


def _show_dependencies(template: Message) -> str:
    depending = [each for each in template.containers if each.depends_on]
    return compact({each.name: list(each.depends_on) for each in depending})


def _put_dependencies(template: Message, value: str) -> None:
    asked = json.loads(value or "{}")
    for container in template.containers:
        del container.depends_on[:]
        container.depends_on.extend(asked.pop(container.name, []))
    if asked:
        raise ValueError(asked)


def _show_base_images(template: Message) -> str:
    pairs = ((each.name, each.base_image_uri) for each in template.containers)
    return compact({name: uri for name, uri in pairs if uri})


def _put_base_images(template: Message, value: str) -> None:
    asked = json.loads(value or "{}")
    for container in template.containers:
        container.base_image_uri = asked.pop(container.name, "")
    if asked:
        raise ValueError(asked)


TEMPLATE: Final = (
    number("autoscaling.knative.dev/minScale", "scaling.min_instance_count"),
    number("autoscaling.knative.dev/maxScale", "scaling.max_instance_count"),
    Entry(THROTTLING, _show_throttling, _put_throttling),
    Entry(BOOST, _show_boost, _put_boost),
    flag(f"{_RUN}/sessionAffinity", "session_affinity"),
    text(f"{_RUN}/vpc-access-connector", "vpc_access.connector"),
    choice(f"{_RUN}/vpc-access-egress", "vpc_access.egress", _EGRESS),
    Entry(f"{_RUN}/network-interfaces", _show_interfaces, _put_interfaces),
    text(f"{_RUN}/encryption-key", "encryption_key"),
    choice(
        f"{_RUN}/post-key-revocation-action-type",
        "encryption_key_revocation_action",
        {1: "prevent-new", 2: "shut-down"},
    ),
    Entry(f"{_RUN}/encryption-key-shutdown-hours", _show_shutdown, _put_shutdown),
    choice(f"{_RUN}/execution-environment", "execution_environment", {1: "gen1", 2: "gen2"}),
    text(f"{_RUN}/mesh", "service_mesh.mesh"),
    flag(f"{_RUN}/health-check-disabled", "health_check_disabled"),
    Entry(f"{_RUN}/gpu-zonal-redundancy-disabled", _show_zonal, _put_zonal),
    Entry(f"{_RUN}/container-dependencies", _show_dependencies, _put_dependencies),
    Entry(f"{_RUN}/base-images", _show_base_images, _put_base_images),
)
"""Annotations that stand for fields. Those of secrets and Cloud SQL are in `secrets`, `volumes`."""
