"""What a container's process is: program and arguments, directory, environment.

`command` replaces the image's ENTRYPOINT and drops its CMD, `args` replaces the CMD
(google.cloud.run.v2.Container; what Kubernetes makes of both). Neither is run by a shell and
variables in them stay as they are ("Variable references are not supported in Cloud Run", v1's
Container). What the images file says stands for an image, whose CMD may be a shell's: there, $PORT
and ${PORT} are the port.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gate.local.images import Image, with_python
from gate.local.ports import ContainerSpec, Lease, RevisionSpec, SecretRef

MARKER: Final = "GATE_LOCAL_INSTANCE"
_INHERITED: Final = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "USER")
_PORT: Final = re.compile(r"\$(?:PORT(?![A-Za-z0-9_])|\{PORT\})")
_NOT_A_NAME: Final = re.compile(r"[^A-Z0-9]")


@dataclass(frozen=True, slots=True)
class MountedAt:
    """Where a volume really is, which a container expects elsewhere.

    Attributes:
        volume: its name.
        path: where the container expects it.
        directory: where it is.
    """

    volume: str
    path: str
    directory: Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process finds where it starts.

    Attributes:
        lease: its instance's id, and the port of the container that takes requests.
        secrets: the value of each secret by name.
        own: the environment of this program.
        mounts: where its volumes are, longer paths first.
    """

    lease: Lease
    secrets: Mapping[str, str] = field(repr=False)
    own: Mapping[str, str] = field(repr=False)
    mounts: tuple[MountedAt, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start.

    Attributes:
        program: program and arguments.
        cwd: the directory to run in.
        env: its whole environment.
    """

    program: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(repr=False)


class SecretMissingError(Exception):
    """A secret was there when the revision was made, and is not any more."""


def command_of(
    spec: RevisionSpec, container: ContainerSpec, image: Image, around: Surroundings
) -> Command:
    """Gives the process of a container.

    It has the machine's files: where program, arguments or environment name a path below a mount,
    they are given the directory that stands for it.

    Raises:
        SecretMissingError: a secret is not there any more.
    """
    mounts = around.mounts
    env = environment(spec, container, image, around)
    moved = {name: _moved(text, mounts) for name, text in env.items()}
    told = {mount_variable(mount.volume): str(mount.directory) for mount in mounts}
    inherited = {name: around.own[name] for name in _INHERITED if name in around.own}
    program = program_of(container, image, around.lease.port)
    return Command(
        tuple(_moved(part, mounts) for part in program),
        directory(container, image),
        {**inherited, **told, **moved},
    )


def program_of(container: ContainerSpec, image: Image, port: int) -> tuple[str, ...]:
    """Gives program and arguments, as Docker and Kubernetes put them together."""
    entrypoint = tuple(_with_port(part, port) for part in image.entrypoint)
    command = tuple(_with_port(part, port) for part in image.command)
    if container.command:
        return (*with_python(container.command), *container.args)
    if not container.args:
        return (*entrypoint, *command)
    return (*entrypoint, *container.args) if entrypoint else with_python(container.args)


def directory(container: ContainerSpec, image: Image) -> Path:
    """Gives the directory to run in: what the image says where the machine has no such one.

    A relative `working_dir` begins at the image's directory.
    """
    wanted = image.cwd / container.working_dir
    return wanted if wanted.is_dir() else image.cwd


def environment(
    spec: RevisionSpec, container: ContainerSpec, image: Image, around: Surroundings
) -> dict[str, str]:
    """Gives a container's environment by Cloud Run's container contract.

    Of this program's own environment only what processes need to run at all is passed on beside
    it: a developer's keys and tokens are not the service's. PORT is for the container that takes
    requests alone.

    Raises:
        SecretMissingError: a secret is not there any more.
    """
    service = spec.key.service.service
    contract = {
        "K_SERVICE": service,
        "K_REVISION": spec.key.revision,
        "K_CONFIGURATION": service,
    }
    if container.port:
        contract["PORT"] = str(around.lease.port)
    own = {name: secret_text(value, around.secrets) for name, value in container.env}
    return {**image.env, **own, **contract}


def secret_text(value: str | SecretRef, secrets: Mapping[str, str]) -> str:
    """Gives a text as it is, and that of a secret.

    Raises:
        SecretMissingError: it is not there any more.
    """
    if isinstance(value, str):
        return value
    if value.name not in secrets:
        raise SecretMissingError(f"The images file has no such secret any more: '{value.name}'.")
    return secrets[value.name]


def mount_variable(volume: str) -> str:
    """Gives the variable that tells a container where a volume really is."""
    return f"GATE_LOCAL_MOUNT_{_NOT_A_NAME.sub('_', volume.upper())}"


def _with_port(part: str, port: int) -> str:
    return _PORT.sub(str(port), part)


def _moved(text: str, mounts: tuple[MountedAt, ...]) -> str:
    """Names the real directories where a text names mounts, by themselves or in front of a path."""
    for mount in mounts:
        place = rf"(?<![\w./-]){re.escape(mount.path)}(?=$|[/:;,\s\"'])"
        text = re.sub(place, str(mount.directory).replace("\\", r"\\"), text)
    return text


def marker_of(instance_id: str, number: int) -> str:
    """Gives the value of `MARKER` for a container of an instance; the first has the id itself."""
    return f"{instance_id}.{number}" if number else instance_id


def instance_of(line: str) -> str:
    """Gives the instance's id of a line of an environment that `marker_of` made."""
    return line.partition("=")[2].partition(".")[0]
