"""From a revision's containers and volumes to what runs them.

Pure. Without effect here: resources, readiness probes, volumes other than secrets and emptyDir, and
the versions of secrets (the images file has one value for each).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from gate.local.admin.messages import Container, EnvVar, Probe, Revision
from gate.local.admin.names import short
from gate.local.ports import (
    ContainerSpec,
    Mount,
    ProbeKind,
    ProbeSpec,
    SecretFile,
    SecretRef,
    VolumeSpec,
)

_DEFAULT_MODE: Final = 0o444  # google.cloud.run.v2.SecretVolumeSource.default_mode
_MOUNTED: Final = ("secret", "empty_dir")


def container_spec(
    container: Container, images: Mapping[str, str], volumes: tuple[VolumeSpec, ...]
) -> ContainerSpec:
    """Gives what it takes to run a container.

    Args:
        container: complete, defaults filled in.
        images: by digest, as far as they existed when the revision was made.
        volumes: those that can be mounted.
    """
    named = {volume.name for volume in volumes}
    return ContainerSpec(
        image=container.image,
        digest=images.get(container.image, ""),
        name=container.name,
        port=container.ports[0].container_port if container.ports else 0,
        env=tuple((variable.name, _value(variable)) for variable in container.env),
        command=tuple(container.command),
        args=tuple(container.args),
        working_dir=container.working_dir,
        depends_on=tuple(container.depends_on),
        startup=_probe(container, "startup_probe"),
        liveness=_probe(container, "liveness_probe"),
        mounts=tuple(
            Mount(mount.name, mount.mount_path, mount.sub_path)
            for mount in container.volume_mounts
            if mount.name in named
        ),
    )


def volume_specs(revision: Revision) -> tuple[VolumeSpec, ...]:
    """Gives the volumes that can be mounted here."""
    return tuple(
        VolumeSpec(volume.name, tuple(_files(volume)))
        for volume in revision.volumes
        if any(kind in volume for kind in _MOUNTED)
    )


def missing_secret(revision: Revision, secrets: Mapping[str, str]) -> str:
    """Names the first secret that a revision needs and that is not there, or ""."""
    for name in _secrets(revision):
        if short(name) not in secrets:
            return name
    return ""


def _secrets(revision: Revision) -> Iterator[str]:
    for container in revision.containers:
        for variable in container.env:
            if "value_source" in variable:
                yield variable.value_source.secret_key_ref.secret or variable.name
    for volume in revision.volumes:
        if "secret" in volume:
            yield volume.secret.secret or volume.name


def _value(variable: EnvVar) -> str | SecretRef:
    if "value_source" not in variable:
        return str(variable.value)
    return SecretRef(short(variable.value_source.secret_key_ref.secret or variable.name))


def _files(volume: Any) -> Iterator[SecretFile]:
    if "secret" not in volume:
        return
    source = volume.secret
    secret, usual = SecretRef(short(source.secret or volume.name)), source.default_mode
    if not source.items:
        yield SecretFile(secret.name, secret, usual or _DEFAULT_MODE)
    for item in source.items:
        yield SecretFile(item.path, secret, item.mode or usual or _DEFAULT_MODE)


def _probe(container: Container, field: str) -> ProbeSpec | None:
    if field not in container:
        return None
    probe: Probe = getattr(container, field)
    made = replace(
        _action(probe),
        initial_delay_s=float(probe.initial_delay_seconds),
        timeout_s=float(probe.timeout_seconds),
        period_s=float(probe.period_seconds),
        failure_threshold=probe.failure_threshold,
    )
    if made.port or not container.ports:
        return made
    return replace(made, port=container.ports[0].container_port)


def _action(probe: Probe) -> ProbeSpec:
    if "http_get" in probe:
        get = probe.http_get
        headers = tuple((header.name, header.value) for header in get.http_headers)
        return ProbeSpec(ProbeKind.HTTP, get.port, get.path or "/", headers)
    if "grpc" in probe:
        return ProbeSpec(ProbeKind.GRPC, probe.grpc.port, service=probe.grpc.service)
    return ProbeSpec(ProbeKind.TCP, probe.tcp_socket.port)
