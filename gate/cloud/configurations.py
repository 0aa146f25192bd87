"""How revisions are set up, for comparison: implements ports.Configurations.

Values of environment variables, commands and arguments never leave this module: only their digests
do, under a key that this process makes up and forgets.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping

from google.cloud.run_v2.types.k8s_min import Container, Volume
from google.cloud.run_v2.types.revision import Revision as RevisionMessage

from gate.cloud.run import CloudRun
from gate.cloud.values import serving_container
from gate.ports import Configuration

_KEY = secrets.token_bytes(32)
NONE = "none"
"""Text of a field that is not set."""

Pairs = Iterator[tuple[str, str]]


class CloudConfigurations:
    """Reads how one service's revisions are set up.

    Args:
        platform: the service.
    """

    def __init__(self, platform: CloudRun) -> None:
        self._platform = platform

    async def of(self, revision: str) -> Configuration:
        """As ports.Configurations."""
        return configuration_value(await self._platform.revision_message(revision))


def configuration_value(message: RevisionMessage) -> Configuration:
    """A revision's configuration; what belongs to a sidecar has its name before a slash."""
    env: dict[str, str] = {}
    filled: dict[str, str] = {}
    fields = dict(_of_revision(message))
    hidden: dict[str, str] = {}
    volumes = {volume.name: volume for volume in message.volumes}
    containers = list(message.containers)
    serving = serving_container(containers)
    for number, container in enumerate(containers):
        sidecar = container is not serving and len(containers) > 1
        before = f"{container.name or number}/" if sidecar else ""
        env |= {before + name: text for name, text in _variables(container)}
        filled |= {before + name: text for name, text in _secrets(container, volumes)}
        fields |= {before + name: text for name, text in _of_container(container, volumes)}
        hidden |= {before + name: text for name, text in _hidden(container)}
    return Configuration(env, filled, fields, hidden)


def _of_revision(message: RevisionMessage) -> Pairs:
    pb = RevisionMessage.pb(message)
    yield "service_account", message.service_account or NONE
    yield "concurrency", str(message.max_instance_request_concurrency or NONE)
    yield "timeout_s", f"{pb.timeout.ToTimedelta().total_seconds():g}"
    yield "min_instances", str(message.scaling.min_instance_count)
    yield "max_instances", str(message.scaling.max_instance_count or NONE)
    yield "session_affinity", _flag(on=message.session_affinity)
    yield "execution_environment", str(pb.execution_environment or NONE)
    yield "vpc_connector", message.vpc_access.connector or NONE
    yield "vpc_egress", str(pb.vpc_access.egress or NONE)
    networks = (
        "/".join(filter(None, (one.network, one.subnetwork, *one.tags)))
        for one in message.vpc_access.network_interfaces
    )
    yield "vpc_networks", ", ".join(networks) or NONE
    yield "accelerator", message.node_selector.accelerator or NONE
    yield "encryption_key", message.encryption_key or NONE


def _of_container(container: Container, volumes: Mapping[str, Volume]) -> Pairs:
    yield "image", container.image
    yield "working_dir", container.working_dir or NONE
    yield from sorted(container.resources.limits.items())
    yield "cpu_idle", _flag(on=container.resources.cpu_idle)
    yield "startup_cpu_boost", _flag(on=container.resources.startup_cpu_boost)
    port = next(iter(container.ports), None)
    yield "port", str(port.container_port) if port else NONE
    yield "protocol", (port.name if port else "") or NONE
    for mount in container.volume_mounts:
        volume = volumes.get(mount.name, Volume())
        if "secret" not in volume:
            yield f"mount {mount.mount_path}", _volume(volume)


def _volume(volume: Volume) -> str:
    """What a volume is, by what it names; its kind alone where it names nothing."""
    pb = Volume.pb(volume)
    match kind := pb.WhichOneof("volume_type"):
        case "cloud_sql_instance":
            return "Cloud SQL " + ", ".join(sorted(volume.cloud_sql_instance.instances))
        case "nfs":
            return f"NFS {volume.nfs.server}:{volume.nfs.path}"
        case "gcs":
            return f"bucket {volume.gcs.bucket}"
        case "empty_dir":
            return f"memory {volume.empty_dir.size_limit}".rstrip()
        case _:
            return kind or "unknown"


def _variables(container: Container) -> Pairs:
    for variable in container.env:
        if "value_source" not in variable:
            yield variable.name, _digest(variable.name, variable.value.encode())


def _secrets(container: Container, volumes: Mapping[str, Volume]) -> Pairs:
    """Variables and mounts that a secret fills, and which version of which secret."""
    for variable in container.env:
        if "value_source" in variable:
            source = variable.value_source.secret_key_ref
            yield variable.name, f"{source.secret}:{source.version or 'latest'}"
    for mount in container.volume_mounts:
        volume = volumes.get(mount.name, Volume())
        if "secret" in volume:
            items = (f"{one.path}={one.version or 'latest'}" for one in volume.secret.items)
            yield f"mount {mount.mount_path}", " ".join((volume.secret.secret, *sorted(items)))


def _hidden(container: Container) -> Pairs:
    """What may hold a secret and is no variable."""
    pb = Container.pb(container)
    for name in ("command", "args"):
        if parts := list(getattr(pb, name)):
            yield name, _digest(name, "\0".join(parts).encode())
    for name in ("startup_probe", "liveness_probe", "readiness_probe"):
        if pb.HasField(name):
            yield name, _digest(name, getattr(pb, name).SerializeToString(deterministic=True))


def _digest(name: str, value: bytes) -> str:
    return hmac.new(_KEY, name.encode() + b"\0" + value, hashlib.sha256).hexdigest()


def _flag(*, on: bool) -> str:
    return "on" if on else "off"
