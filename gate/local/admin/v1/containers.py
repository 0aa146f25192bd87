"""Containers, both ways."""

from collections.abc import Mapping
from typing import Final

from gate.local.admin.v1.fields import Fields, Json
from gate.local.admin.v1.secrets import Aliases
from gate.local.admin.v1.table import Message
from gate.local.admin.v1.volumes import mounts_v1, read_mounts
from gate.local.ports import JsonValue

_PROBES: Final = (
    ("startupProbe", "startup_probe"),
    ("livenessProbe", "liveness_probe"),
    ("readinessProbe", "readiness_probe"),
)
_TIMES: Final = (
    ("initialDelaySeconds", "initial_delay_seconds"),
    ("timeoutSeconds", "timeout_seconds"),
    ("periodSeconds", "period_seconds"),
    ("failureThreshold", "failure_threshold"),
)


def container_v1(container: Message, aliases: Aliases, *, annotated: bool) -> Json:
    """Gives a container in its v1 form.

    Args:
        container: as stored.
        aliases: names of its secrets.
        annotated: an annotation stands for the volume of Cloud SQL.
    """
    made: Json = {
        "name": container.name,
        "image": container.image,
        "command": list(container.command),
        "args": list(container.args),
        "workingDir": container.working_dir,
        "env": [_variable(item, aliases) for item in container.env],
        "resources": {"limits": dict(sorted(container.resources.limits.items()))},
        "ports": [_port(port) for port in container.ports],
        "volumeMounts": mounts_v1(container, annotated=annotated),
    }
    for name, field in _PROBES:
        if container.HasField(field):
            made[name] = _probe(getattr(container, field))
    return {name: value for name, value in made.items() if value not in ("", [])}


def read_container(fields: Fields, aliases: Mapping[str, str], container: Message) -> None:
    """Reads a container into a message that holds what it was before; what v1 lacks stays.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    container.name, container.image = fields.text("name"), fields.text("image")
    container.working_dir = fields.text("workingDir")
    for name in ("command", "args"):
        items = getattr(container, name)
        del items[:]
        items.extend(fields.texts(name))
    resources = fields.inner("resources")
    container.resources.limits.clear()
    container.resources.limits.update(resources.mapping("limits"))
    resources.close()
    _read_env(fields, aliases, container)
    _read_ports(fields, container)
    read_mounts(fields, container)
    for name, field in _PROBES:
        container.ClearField(field)
        if fields.has(name):
            _read_probe(fields.inner(name), getattr(container, field))
    fields.close()


def _variable(item: Message, aliases: Aliases) -> Json:
    if not item.HasField("value_source"):
        return (
            {"name": item.name, "value": item.value}
            if item.HasField("value")
            else {"name": item.name}
        )
    reference = item.value_source.secret_key_ref
    selector: Json = {"name": aliases.name(reference.secret), "key": reference.version}
    return {"name": item.name, "valueFrom": {"secretKeyRef": selector}}


def _read_env(fields: Fields, aliases: Mapping[str, str], container: Message) -> None:
    del container.env[:]
    for each in fields.objects("env"):
        variable = container.env.add(name=each.text("name"))
        if each.has("valueFrom"):
            source = each.inner("valueFrom")
            selector = source.inner("secretKeyRef")
            name, version = selector.text("name"), selector.text("key")
            reference = variable.value_source.secret_key_ref
            reference.secret, reference.version = aliases.get(name, name), version
            selector.close()
            source.close()
        elif each.has("value"):
            variable.value = each.text("value")
        each.close()


def _port(port: Message) -> Json:
    made: Json = {"containerPort": port.container_port}
    return {"name": port.name, **made} if port.name else made


def _read_ports(fields: Fields, container: Message) -> None:
    del container.ports[:]
    for each in fields.objects("ports"):
        each.only("protocol", "", "TCP")
        container.ports.add(name=each.text("name"), container_port=each.number("containerPort"))
        each.close()


def _probe(probe: Message) -> Json:
    made: Json = {}
    for name, field in _TIMES:
        if getattr(probe, field):
            made[name] = getattr(probe, field)
    kind = probe.WhichOneof("probe_type")
    if kind == "http_get":
        headers: list[JsonValue] = [
            {"name": each.name, "value": each.value} for each in probe.http_get.http_headers
        ]
        action: Json = {"path": probe.http_get.path, "port": probe.http_get.port}
        action["httpHeaders"] = headers
        made["httpGet"] = {name: value for name, value in action.items() if value}
    elif kind == "tcp_socket":
        made["tcpSocket"] = {"port": probe.tcp_socket.port} if probe.tcp_socket.port else {}
    elif kind == "grpc":
        call: Json = {"port": probe.grpc.port, "service": probe.grpc.service}
        made["grpc"] = {name: value for name, value in call.items() if value}
    return made


def _read_probe(fields: Fields, probe: Message) -> None:
    probe.SetInParent()
    for name, field in _TIMES:
        setattr(probe, field, fields.number(name))
    if fields.has("httpGet"):
        action = fields.inner("httpGet")
        probe.http_get.SetInParent()
        probe.http_get.path, probe.http_get.port = action.text("path"), action.number("port")
        for header in action.objects("httpHeaders"):
            probe.http_get.http_headers.add(name=header.text("name"), value=header.text("value"))
            header.close()
        action.close()
    elif fields.has("tcpSocket"):
        action = fields.inner("tcpSocket")
        probe.tcp_socket.SetInParent()
        probe.tcp_socket.port = action.number("port")
        action.close()
    elif fields.has("grpc"):
        action = fields.inner("grpc")
        probe.grpc.SetInParent()
        probe.grpc.port, probe.grpc.service = action.number("port"), action.text("service")
        action.close()
    fields.only("successThreshold", 0, 1)
    fields.close()
