"""What a service may look like: everything that a write is refused for.

Pure. Rules and texts come from the docstrings of google.cloud.run.v2 and from errors that users
of v2 have published; where the text is not known the message is this server's own.
"""

import re
from collections.abc import Mapping
from typing import Any

from gate.local.admin.messages import (
    Container,
    ContainerPort,
    HTTPGetAction,
    Probe,
    RevisionTemplate,
    Service,
    seconds,
)
from gate.local.admin.names import check_prefix, check_revision_id
from gate.local.admin.resources import check_resources
from gate.local.admin.traffic import check_traffic
from gate.local.api.errors import invalid

RESERVED = (
    "run.googleapis.com",
    "cloud.googleapis.com",
    "serving.knative.dev",
    "autoscaling.knative.dev",
)
MAX_TIMEOUT_S = 3_600
MAX_CONCURRENCY = 1_000
MAX_ENV = 1_000
MAX_STARTUP_S = 240
_IMAGE = re.compile(r"[A-Za-z0-9][\w.\-/:+]{0,2000}(@[a-z0-9]+:[0-9a-fA-F]{32,128})?")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_PATH = re.compile(r"/[\x21-\x7e]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_PLATFORM_ENV = frozenset({"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"})


def check_service(request: str, service: Service, service_id: str) -> None:
    """Refuses a service that Cloud Run refuses, or that this server cannot run.

    Args:
        request: name of the request message, for the field paths of messages.
        service: complete, defaults filled in.
        service_id: its short name.

    Raises:
        ApiError: INVALID_ARGUMENT, also for what only the real Cloud Run does.
    """
    where = f"{request}.service"
    _check_enums(where, Service.pb(service))
    if len(service.description) > 512:
        got = len(service.description)
        raise invalid(f"{where}.description", f"too long (got {got}, expected <= 512 characters)")
    _check_metadata(where, service.labels, service.annotations)
    _check_counts(
        f"{where}.scaling",
        service.scaling.min_instance_count,
        service.scaling.max_instance_count,
    )
    _check_template(f"{where}.template", service.template, service_id)
    check_traffic(f"{where}.traffic", service.traffic, service_id)


def _check_enums(where: str, message: Any) -> None:
    """Refuses numbers that are no value of their enum: a wire format lets them through."""
    for field, value in message.ListFields():
        values = list(value) if field.is_repeated else [value]
        if field.message_type is not None:
            parts = [] if field.message_type.GetOptions().map_entry else values
            for part in parts:
                _check_enums(f"{where}.{field.name}", part)
        elif field.enum_type is not None:
            for number in values:
                if number not in field.enum_type.values_by_number:
                    raise invalid(f"{where}.{field.name}", f"no such value (got {number})")


def _check_template(where: str, template: RevisionTemplate, service_id: str) -> None:
    if template.revision:
        check_revision_id(f"{where}.revision", template.revision)
        check_prefix(f"{where}.revision", template.revision, service_id)
    _check_metadata(where, template.labels, template.annotations)
    scaling = template.scaling
    _check_counts(f"{where}.scaling", scaling.min_instance_count, scaling.max_instance_count)
    if seconds(template.timeout) > MAX_TIMEOUT_S:
        raise invalid(f"{where}.timeout", "maximum allowed time is one hour.")
    if seconds(template.timeout) <= 0:
        raise invalid(f"{where}.timeout", "must be more than 0 s")
    concurrency = template.max_instance_request_concurrency
    if not 0 <= concurrency <= MAX_CONCURRENCY:
        what = f"must be from 0 to {MAX_CONCURRENCY} (got {concurrency})"
        raise invalid(f"{where}.max_instance_request_concurrency", what)
    if not template.containers:
        raise invalid(f"{where}.containers", "should contain at least one container")
    _check_set(f"{where}.containers", template)
    for index, container in enumerate(template.containers):
        _check_container(f"{where}.containers[{index}]", container)
    check_resources(template)


def _check_set(where: str, template: RevisionTemplate) -> None:
    """Checks what containers and volumes must agree in; the texts are this server's own."""
    names = [container.name for container in template.containers]
    if len(names) > 1 and (len(set(names)) < len(names) or "" in names):
        raise invalid(where, "several containers must have names of their own")
    if sum(1 for container in template.containers if container.ports) != 1:
        raise invalid(where, "exactly one container must have a port")
    volumes = {volume.name for volume in template.volumes}
    for container in template.containers:
        for dependency in container.depends_on:
            if dependency not in names:
                raise invalid(where, f"depends on no container (got {dependency[:80]!r})")
        for mount in container.volume_mounts:
            if mount.name not in volumes:
                raise invalid(where, f"mounts no volume (got {mount.name[:80]!r})")


def _check_container(where: str, container: Container) -> None:
    if not _IMAGE.fullmatch(container.image):
        raise invalid(
            f"{where}.image",
            "must be a container image path in the form [hostname/]repo-path[:tag and/or @digest]",
        )
    _check_words(where, container)
    _check_env(f"{where}.env", container)
    if "startup_probe" in container:
        _check_startup(f"{where}.startup_probe", container.startup_probe)
    for field in ("startup_probe", "liveness_probe"):
        if field in container:
            _check_request(f"{where}.{field}.http_get", getattr(container, field).http_get)
    if len(container.ports) > 1:
        raise invalid(f"{where}.ports", f"must name one port (got {len(container.ports)})")
    for port in container.ports:
        _check_port(f"{where}.ports[0]", port)


def _check_words(where: str, container: Container) -> None:
    """Refuses what no process can be given; the program would be blamed for it."""
    given = [("command", container.command), ("args", container.args)]
    for field, words in [*given, ("working_dir", [container.working_dir])]:
        for word in words:
            if "\0" in word:
                raise invalid(f"{where}.{field}", f"not text (got {word[:80]!r})")


def _check_port(where: str, port: ContainerPort) -> None:
    if not 1 <= port.container_port <= 65_535:
        what = f"must be from 1 to 65535 (got {port.container_port})"
        raise invalid(f"{where}.container_port", what)
    if port.name not in ("http1", "h2c"):
        raise invalid(f"{where}.name", f"must be http1 or h2c (got {port.name[:60]!r})")


def _check_env(where: str, container: Container) -> None:
    if len(container.env) > MAX_ENV:
        got = len(container.env)
        raise invalid(where, f"too many variables (got {got}, expected <= {MAX_ENV})")
    seen: set[str] = set()
    for index, variable in enumerate(container.env):
        name = variable.name
        if not _ENV_NAME.fullmatch(name) or len(name) > 32_768:
            raise invalid(f"{where}[{index}].name", f"not a variable name (got {name[:80]!r})")
        if name in _PLATFORM_ENV:
            raise invalid(f"{where}[{index}].name", f"{name} is reserved for the platform")
        if name in seen:
            raise invalid(f"{where}[{index}].name", f"{name[:80]} is given twice")
        if len(variable.value) > 32_768 or "\0" in variable.value:
            raise invalid(f"{where}[{index}].value", "too long or not text (at most 32 KiB)")
        seen.add(name)


def _check_startup(where: str, probe: Probe) -> None:
    numbers = (probe.initial_delay_seconds, probe.timeout_seconds, probe.period_seconds)
    if min(numbers) < 0 or probe.failure_threshold < 0 or max(numbers) > MAX_STARTUP_S:
        raise invalid(where, f"times must be from 0 to {MAX_STARTUP_S} s")
    if probe.timeout_seconds > probe.period_seconds:
        raise invalid(f"{where}.timeout_seconds", "must not exceed period_seconds")
    total = probe.period_seconds * probe.failure_threshold
    if total > MAX_STARTUP_S:
        what = f"period_seconds times failure_threshold (got {total} s, expected <= 240 s)"
        raise invalid(where, what)


def _check_request(where: str, asked: HTTPGetAction) -> None:
    """Refuses what would be no HTTP request, or more than one."""
    if asked.path and not _PATH.fullmatch(asked.path):
        raise invalid(f"{where}.path", f"not a path (got {asked.path[:80]!r})")
    for header in asked.http_headers:
        if not _HEADER_NAME.fullmatch(header.name):
            what = f"not the name of a header (got {header.name[:80]!r})"
            raise invalid(f"{where}.http_headers", what)
        if not _HEADER_VALUE.fullmatch(header.value):
            what = f"not the value of a header (got {header.value[:80]!r})"
            raise invalid(f"{where}.http_headers", what)


def _check_counts(where: str, least: int, most: int) -> None:
    if least < 0 or most < 0:
        raise invalid(where, f"instance counts must not be negative (got {least} and {most})")
    if most and least > most:
        raise invalid(where, f"min_instance_count must not exceed max (got {least} and {most})")


def _check_metadata(where: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> None:
    for kind, entries in (("labels", labels), ("annotations", annotations)):
        for key in entries:
            check_key(f"{where}.{kind}", key)
    for key, value in labels.items():
        if len(value) > 63:
            raise invalid(f"{where}.labels", f"value of {key[:80]!r} is longer than 63 characters")
    size = sum(len(key) + len(value) for key, value in annotations.items())
    if size > 262_144:
        raise invalid(f"{where}.annotations", f"too large (got {size} bytes, expected <= 262144)")


def check_key(where: str, key: str) -> None:
    """Refuses keys of labels and annotations that Cloud Run keeps for itself.

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if not key or len(key) > 317:
        raise invalid(where, f"not a key (got {key[:80]!r})")
    namespace = key.rpartition("/")[0]
    if any(namespace == name or namespace.endswith(f".{name}") for name in RESERVED):
        what = f"{', '.join(RESERVED)} namespaces are not supported (got {key[:80]!r})"
        raise invalid(where, what)
