"""Starts instances: images, ports and volumes become processes."""

import asyncio
import itertools
import os
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

from gate.local.images import Image, ImageSource
from gate.local.instances.asking import Ask, asker
from gate.local.instances.command import (
    SecretMissingError,
    Surroundings,
    command_of,
    marker_of,
)
from gate.local.instances.instance import Member, RunningInstance
from gate.local.instances.pool import Instance, StartError, StartReason
from gate.local.instances.process import ContainerProcess, Voice
from gate.local.instances.records import Records
from gate.local.instances.settings import InstanceSettings
from gate.local.instances.texts import container_name, starting, startup_failure
from gate.local.instances.volumes import VolumeError, Volumes
from gate.local.ports import (
    BootFailure,
    BootReason,
    ContainerSpec,
    Lease,
    LogSink,
    ProbeSpec,
    RevisionSpec,
)

HOST: Final = "127.0.0.1"
_PORTS: Final = range(20_000, 32_768)  # below the ports that systems give to outgoing connections
_TURNS: Final = itertools.count(secrets.randbelow(len(_PORTS)))
"""One after the other: other processes, which take theirs from elsewhere, do not meet ours."""


class ProcessLauncher:
    """Starts instances of revisions as processes (a Launcher).

    Args:
        images: what to run for an image reference, and the secrets.
        sink: takes their output and the platform's own lines.
        records: remembers running processes across a crash of the local Cloud Run.
        volumes: where instances have their volumes.
        settings: times and sizes.
    """

    def __init__(
        self,
        images: ImageSource,
        sink: LogSink,
        records: Records,
        volumes: Volumes,
        settings: InstanceSettings,
    ) -> None:
        self._images = images
        self._sink = sink
        self._records = records
        self._volumes = volumes
        self._settings = settings

    async def start(
        self, spec: RevisionSpec, reason: StartReason, ended: Callable[[str], None]
    ) -> Instance:
        """As `Launcher.start`."""
        containers = (spec.main, *spec.sidecars)
        images = [self._image(container) for container in containers]
        lease = Lease(spec.key, secrets.token_hex(32), HOST, free_port())
        Voice(self._sink, spec.key, lease.instance_id).say("INFO", starting(reason))
        instance = RunningInstance(spec, lease, ended, self._volumes.remove)
        for number, (container, image) in enumerate(zip(containers, images, strict=True)):
            instance.add(self._member(instance, number, container, image))
        try:
            await self._make_volumes(spec, lease)
            await instance.start()
        except BaseException:
            await instance.kill()
            raise
        return instance

    def _image(self, container: ContainerSpec) -> Image:
        """Finds what to run: what the revision was made of, where that is still known."""
        image = self._images.find(container.digest) or self._images.find(container.image)
        if image is None:
            text = f"Image '{container.image}' not found."
            raise StartError(BootFailure(BootReason.CONTAINER_MISSING, text))
        return image

    def _member(
        self, instance: RunningInstance, number: int, container: ContainerSpec, image: Image
    ) -> Member:
        spec, lease = instance.spec, instance.lease
        name = container_name(spec, container) if spec.sidecars else ""
        process = ContainerProcess(
            marker_of(lease.instance_id, number),
            Voice(self._sink, spec.key, lease.instance_id, name),
            self._records,
            self._settings,
            partial(instance.container_ended, number),
        )
        launch = partial(self._launch, spec, container, image, lease, process)
        return Member(container, process, launch, partial(self._asker, container, lease))

    async def _make_volumes(self, spec: RevisionSpec, lease: Lease) -> None:
        if not spec.volumes:
            return
        try:
            await asyncio.to_thread(
                self._volumes.make, lease.instance_id, spec.volumes, self._images.secrets
            )
        except (OSError, SecretMissingError, VolumeError) as error:
            Voice(self._sink, spec.key, lease.instance_id).say("ERROR", _unable(error))
            raise StartError(startup_failure(spec, spec.main)) from error

    async def _launch(
        self,
        spec: RevisionSpec,
        container: ContainerSpec,
        image: Image,
        lease: Lease,
        process: ContainerProcess,
    ) -> None:
        try:
            mounts = self._volumes.mounts(lease.instance_id, container)
            around = Surroundings(lease, self._images.secrets, os.environ, mounts)
            command = command_of(spec, container, image, around)
            if container.working_dir and not (image.cwd / container.working_dir).is_dir():
                text = f"There is no directory '{container.working_dir}' here: {command.cwd} is it."
                process.voice.say("WARNING", text)
            await process.spawn(command)
        except (OSError, SecretMissingError, VolumeError) as error:
            process.voice.say("ERROR", _unable(error))
            raise StartError(startup_failure(spec, container)) from error

    def _asker(self, container: ContainerSpec, lease: Lease, probe: ProbeSpec) -> Ask:
        """The container's own port is its process's port, any other one is the machine's."""
        port = lease.port if probe.port == container.port else probe.port
        return asker(probe, lease.host, port, self._settings.probe_interval_s)


def free_port() -> int:
    """A port that nothing listens on now.

    Raises:
        OSError: none was found.
    """
    for _ in range(200):
        port = _PORTS[next(_TURNS) % len(_PORTS)]
        with socket.socket() as attempt, suppress(OSError):
            attempt.bind(("", port))
            return port
    raise OSError(f"no free port (tried 200 of {_PORTS.start} to {_PORTS.stop - 1})")


def _unable(error: Exception) -> str:
    return f"The container could not be started: {str(error).removesuffix('.')}."
