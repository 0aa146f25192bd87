"""How a revision is set up, or would be by a service's template: one reading for both. Pure.

Values of environment variables, commands, arguments and probes never leave this module: only their
digests do, under a key that this process makes up and forgets. What Cloud Run fills in by itself is
left out, so that a template and the revision that it made read the same.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from gate.cloud.documents import Document, part, parts, text, texts, value
from gate.cloud.knative import own_name, reserved, serving_container
from gate.cloud.volumes import LATEST, Volumes, secret_aliases
from gate.core.policy import Json

NONE = "none"
"""Text of a field that is not set."""

_KEY = secrets.token_bytes(32)
_RUN, _SCALE = "run.googleapis.com", "autoscaling.knative.dev"
_FIELDS = {
    "min_instances": (f"{_SCALE}/minScale", "0"),
    "max_instances": (f"{_SCALE}/maxScale", NONE),
    "execution_environment": (f"{_RUN}/execution-environment", NONE),
    "vpc_connector": (f"{_RUN}/vpc-access-connector", NONE),
    "vpc_egress": (f"{_RUN}/vpc-access-egress", NONE),
    "vpc_networks": (f"{_RUN}/network-interfaces", NONE),
    "encryption_key": (f"{_RUN}/encryption-key", NONE),
}
_FLAGS = {
    "session_affinity": (f"{_RUN}/sessionAffinity", "true"),
    "startup_cpu_boost": (f"{_RUN}/startup-cpu-boost", "true"),
}
_THROTTLING = f"{_RUN}/cpu-throttling"
_UNTOLD = {
    f"{_RUN}/operation-id",
    f"{_RUN}/client-name",
    f"{_RUN}/client-version",
    f"{_RUN}/startupProbeType",
    f"{_RUN}/secrets",  # told by what each alias stands for
    _THROTTLING,
    *(key for key, _ in (*_FIELDS.values(), *_FLAGS.values())),
}
"""Labels and annotations that say nothing of the set-up, or that a field tells."""
_UNTOLD_BEGINNINGS = (
    "serving.knative.dev/", "cloud.googleapis.com/", "client.knative.dev/", f"{_RUN}/build-",
)  # fmt: skip
_SPEC_TOLD = {
    "containers", "volumes", "serviceAccountName", "containerConcurrency", "timeoutSeconds",
}  # fmt: skip
_CONTAINER_TOLD = {
    "name", "image", "env", "resources", "ports", "volumeMounts", "workingDir",
    "command", "args", "startupProbe", "livenessProbe", "readinessProbe",
}  # fmt: skip
_HIDDEN = {
    "command": "command",
    "args": "args",
    "startupProbe": "startup_probe",
    "livenessProbe": "liveness_probe",
    "readinessProbe": "readiness_probe",
}


class Group(Enum):
    """What sort of setting one is."""

    VARIABLE = "env"  # an environment variable with a value: a digest
    SECRET = "secret"  # a variable that a secret fills  # noqa: S105
    MOUNT = "mount"  # a mounted secret
    FIELD = "field"  # text that may be shown
    HIDDEN = "hidden"  # may hold a secret and is no variable: a digest
    OTHER = "other"  # labels, annotations, and what this gate does not know


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting; `owner` is the sidecar that it belongs to, "" for what is not a sidecar's.

    `floating` ones mean the latest version of a secret, whatever that will be.
    """

    group: Group
    name: str
    text: str
    owner: str = ""
    floating: bool = False

    @property
    def owned_name(self) -> str:
        """The name, after its sidecar's and a slash."""
        return f"{self.owner}/{self.name}" if self.owner else self.name

    @property
    def title(self) -> str:
        """How people read it, e.g. `env MODE` or `concurrency`."""
        variable = self.group in {Group.VARIABLE, Group.SECRET}
        return f"{self.group.value} {self.owned_name}" if variable else self.owned_name


def settings_of(document: Document, service: str) -> tuple[tuple[str, str], ...]:
    """Every setting but the image by its title; what is not set has none.

    Args:
        document: a revision, or a service's template: both have `metadata` and `spec`.
        service: name of the service.
    """
    return tuple(
        sorted(
            (setting.title, setting.text)
            for setting in read_settings(document, service)
            if setting.text != NONE and (setting.name != "image" or setting.owner)
        )
    )


def floating_names(document: Document, service: str) -> tuple[str, ...]:
    """Titles of the settings that mean the latest version of a secret."""
    return tuple(one.title for one in read_settings(document, service) if one.floating)


def read_settings(document: Document, service: str) -> Iterator[Setting]:
    """All settings, as `settings_of`, with those that are not set, and the image."""
    annotations = texts(document, "metadata", "annotations")
    spec = part(document, "spec")
    yield from _of_revision(spec, annotations)
    yield from _labels_and_annotations(texts(document, "metadata", "labels"), annotations)
    volumes = Volumes(parts(spec, "volumes"), secret_aliases(annotations))
    containers = parts(spec, "containers")
    serving = serving_container(containers)
    for place, container in enumerate(containers):
        sidecar = container is not serving and len(containers) > 1
        owner = (own_name(container, service, place) or str(place)) if sidecar else ""
        for setting in _of_container(container, volumes):
            yield replace(setting, owner=owner)


def _of_revision(spec: Document, annotations: Mapping[str, str]) -> Iterator[Setting]:
    yield _field("service_account", text(spec, "serviceAccountName"))
    yield _field("concurrency", _shown(value(spec, "containerConcurrency")))
    yield _field("timeout_s", _shown(value(spec, "timeoutSeconds")))
    yield _field("accelerator", text(spec, "nodeSelector", f"{_RUN}/accelerator"))
    for name, (key, default) in _FIELDS.items():
        yield _field(name, annotations.get(key, default))
    for name, (key, on) in _FLAGS.items():
        yield _flag(name, on=annotations.get(key) == on)
    yield _flag("cpu_idle", on=annotations.get(_THROTTLING) != "false")
    for name in sorted(spec.keys() - _SPEC_TOLD):
        yield _unknown(name, spec[name])


def _labels_and_annotations(
    labels: Mapping[str, str], annotations: Mapping[str, str]
) -> Iterator[Setting]:
    for name, one in labels.items():
        if not _untold(name):
            yield Setting(Group.OTHER, f"label {name}", one)
    for name, one in annotations.items():
        if not _untold(name):
            told = one if reserved(name) else _digest(name, one)
            yield Setting(Group.OTHER, f"annotation {name}", told)


def _untold(key: str) -> bool:
    return key in _UNTOLD or key.startswith(_UNTOLD_BEGINNINGS)


def _of_container(container: Document, volumes: Volumes) -> Iterator[Setting]:
    yield _field("image", text(container, "image"))
    yield _field("working_dir", text(container, "workingDir"))
    for name, limit in texts(container, "resources", "limits").items():
        yield _field(name, _millicores(limit) if name == "cpu" else limit)
    port = next(iter(parts(container, "ports")), {})
    yield _field("port", _shown(value(port, "containerPort")))
    yield _field("protocol", text(port, "name"))
    yield from _variables(container, volumes)
    for mount in parts(container, "volumeMounts"):
        yield _mount(mount, volumes)
    for key, name in _HIDDEN.items():
        if container.get(key):
            yield Setting(Group.HIDDEN, name, _digest(name, container[key]))
    for name in sorted(container.keys() - _CONTAINER_TOLD):
        yield _unknown(name, container[name])


def _variables(container: Document, volumes: Volumes) -> Iterator[Setting]:
    for variable in parts(container, "env"):
        name, source = text(variable, "name"), part(variable, "valueFrom", "secretKeyRef")
        if source:
            secret, which = volumes.secret_name(text(source, "name")), text(source, "key") or LATEST
            told = f"{secret}:{which}"
            yield Setting(Group.SECRET, name, told, floating=which == LATEST)
        else:
            given = variable.get("valueFrom") or text(variable, "value")
            yield Setting(Group.VARIABLE, name, _digest(name, given))


def _mount(mount: Document, volumes: Volumes) -> Setting:
    name = f"mount {text(mount, 'mountPath')}"
    told, floating = volumes.told(text(mount, "name"))
    group = Group.FIELD if floating is None else Group.MOUNT
    return Setting(group, name, told, floating=bool(floating))


def _unknown(name: str, given: Json) -> Setting:
    return Setting(Group.OTHER, name, _digest(name, given))


def _field(name: str, told: str) -> Setting:
    return Setting(Group.FIELD, name, told or NONE)


def _flag(name: str, *, on: bool) -> Setting:
    return Setting(Group.FIELD, name, "on" if on else "off")


def _shown(given: Json) -> str:
    return str(given) if given else ""


def _millicores(cpu: str) -> str:
    return f"{int(cpu) * 1000}m" if cpu.isdecimal() else cpu


def _digest(name: str, given: Json) -> str:
    whole = json.dumps([name, given], sort_keys=True).encode()
    return hmac.new(_KEY, whole, hashlib.sha256).hexdigest()
