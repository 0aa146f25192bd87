"""Instances as processes: start, TCP startup probe, log lines, stop."""

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from gate.local.images import Image, Images
from gate.local.instances.logs import STDERR, STDOUT, SYSTEM, LineSplitter, parse_line
from gate.local.instances.pool import StartError
from gate.local.instances.records import Records, end_marked
from gate.local.instances.settings import InstanceSettings
from gate.local.ports import BootFailure, BootReason, Lease, LogLine, LogSink, RevisionSpec

HOST: Final = "127.0.0.1"
MARKER: Final = "GATE_LOCAL_INSTANCE"
_SHIM: Final = Path(__file__).with_name("shim.py")
_INHERITED: Final = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ", "USER")
_PORTS: Final = range(20_000, 32_768)  # below the ports that systems give to outgoing connections
_LAST_WORDS_S: Final = 1.0
_STREAMS: Final = {1: STDOUT, 2: STDERR}


class ProcessLauncher:
    """Starts processes for revisions (a Launcher).

    Args:
        images: what to run for an image reference.
        sink: takes their output and the platform's own lines.
        records: remembers running processes across a crash of the local Cloud Run.
        settings: times and sizes.
    """

    def __init__(
        self, images: Images, sink: LogSink, records: Records, settings: InstanceSettings
    ) -> None:
        self._images = images
        self._sink = sink
        self._records = records
        self._settings = settings

    async def start(self, spec: RevisionSpec, ended: Callable[[str], None]) -> "ContainerProcess":
        """As `Launcher.start`."""
        image = self._images.find(spec.image)
        if image is None:
            text = f"Image '{spec.image}' not found."
            raise StartError(BootFailure(BootReason.CONTAINER_MISSING, text))
        lease = Lease(spec.key, secrets.token_hex(32), HOST, free_port())
        container = ContainerProcess(spec, lease, self._sink, self._records, self._settings, ended)
        try:
            await self._spawn(container, image, environment(spec, image, lease, os.environ))
            await container.probe()
        except OSError as error:
            container.say("ERROR", f"The container could not be started: {error}.")
            raise StartError(startup_failure(spec)) from error
        except BaseException:
            await container.kill()
            raise
        return container

    async def _spawn(
        self, container: "ContainerProcess", image: Image, env: Mapping[str, str]
    ) -> None:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: container,
            *(sys.executable, "-I", "-S", str(_SHIM), str(os.getpid()), *image.command),
            stdin=asyncio.subprocess.DEVNULL,
            cwd=image.cwd,
            env=env,
            start_new_session=True,
        )


class ContainerProcess(asyncio.SubprocessProtocol):
    """One instance's process (an Instance), from its start until nothing of it is left.

    Args:
        spec: the revision.
        lease: its id and where it is told to listen.
        sink: takes its output.
        records: where it is recorded while it lives.
        settings: times and sizes.
        ended: called once with its id if it exits after its startup probe without being stopped.
    """

    def __init__(
        self,
        spec: RevisionSpec,
        lease: Lease,
        sink: LogSink,
        records: Records,
        settings: InstanceSettings,
        ended: Callable[[str], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.lease = lease
        self._spec = spec
        self._sink = sink
        self._records = records
        self._settings = settings
        self._ended = ended
        self._lines = {stream: LineSplitter(settings.line_bytes) for stream in _STREAMS}
        self._transport: asyncio.SubprocessTransport | None = None
        self._pid = 0
        self._exited: asyncio.Future[int] = loop.create_future()
        self._closed: asyncio.Future[None] = loop.create_future()
        self._tidying: asyncio.Task[None] | None = None
        self._ready = False
        self._stopping = False

    async def probe(self) -> None:
        """The default TCP startup probe: waits until the port accepts a connection.

        Raises:
            StartError: the process exited, or the time was up, before it listened.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._spec.startup_timeout_s
        while not self._exited.done() and loop.time() < deadline_s:
            if await _accepts(self.lease.port):
                self._ready = True
                self.say("INFO", probe_text(self._spec, "succeeded after 1 attempt"))
                return
            await asyncio.wait([self._exited], timeout=self._settings.probe_interval_s)
        if self._tidying:
            await self._tidying
        failed = probe_text(self._spec, "failed 1 time consecutively")
        self.say("ERROR", f"{failed} The instance was not started.")
        raise StartError(startup_failure(self._spec))

    async def stop(self) -> None:
        """As `Instance.stop`."""
        self._stopping = True
        self._signal(signal.SIGTERM)
        await asyncio.wait([self._exited], timeout=self._settings.grace_s)
        await self.kill()

    async def kill(self) -> None:
        """Ends it at once and returns when nothing of it is left."""
        self._stopping = True
        if self._transport is None:
            return
        self._signal(signal.SIGKILL)
        await asyncio.wait([self._exited])
        if self._tidying:
            await asyncio.wait([self._tidying])

    def say(self, severity: str, text: str) -> None:
        """The platform's own line about this instance."""
        labels = {"instanceId": self.lease.instance_id}
        at = datetime.now(UTC)
        self._sink.append(LogLine(self.lease.key, SYSTEM, at, severity, text, labels=labels))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process has been started."""
        self._transport = cast(asyncio.SubprocessTransport, transport)  # uvloop's is no subclass
        self._pid = self._transport.get_pid()
        self._records.add(self._pid, self._marker())

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """The process has written."""
        for text in self._lines[fd].feed(data):
            self._log(fd, text)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The process, and every child that shared the stream, have closed it."""
        for text in self._lines[fd].flush():
            self._log(fd, text)

    def process_exited(self) -> None:
        """The process has ended; its children may not have."""
        assert self._transport is not None
        self._exited.set_result(self._transport.get_returncode() or 0)
        self._tidying = asyncio.get_running_loop().create_task(self._tidy())
        if self._ready and not self._stopping:
            self._ended(self.lease.instance_id)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process has ended and both its streams are closed."""
        if not self._closed.done():
            self._closed.set_result(None)

    async def _tidy(self) -> None:
        """Ends what the process left behind, hears its last words, forgets it."""
        assert self._transport is not None
        await asyncio.to_thread(end_marked, self._marker())
        await asyncio.wait([self._closed], timeout=_LAST_WORDS_S)
        self._transport.close()
        self._records.remove(self._pid)
        if self._stopping:
            return
        code = self._exited.result()
        how = f"called exit({code})" if code >= 0 else f"terminated on signal {-code}"
        self.say("WARNING" if code >= 0 else "ERROR", f"Container {how}.")

    def _log(self, stream: int, text: str) -> None:
        at = datetime.now(UTC)
        instance_id = self.lease.instance_id
        self._sink.append(parse_line(self.lease.key, _STREAMS[stream], at, text, instance_id))

    def _marker(self) -> str:
        return f"{MARKER}={self.lease.instance_id}"

    def _signal(self, number: signal.Signals) -> None:
        """To the process group; never after the exit, when the number may be another's."""
        if self._transport is not None and not self._exited.done():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, number)


def environment(
    spec: RevisionSpec, image: Image, lease: Lease, own: Mapping[str, str]
) -> dict[str, str]:
    """A container's environment by Cloud Run's container contract.

    Of this process's own environment only what programs need to run at all is passed on: a
    developer's keys and tokens are not the service's.
    """
    inherited = {name: own[name] for name in _INHERITED if name in own}
    service = spec.key.service.service
    contract = {
        "PORT": str(lease.port),
        "K_SERVICE": service,
        "K_REVISION": spec.key.revision,
        "K_CONFIGURATION": service,
        MARKER: lease.instance_id,
    }
    return {**inherited, **image.env, **dict(spec.env), **contract}


def startup_failure(spec: RevisionSpec) -> BootFailure:
    """Cloud Run's condition for a container that did not listen in time."""
    text = (
        "The user-provided container failed to start and listen on the port defined provided by "
        f"the PORT={spec.container_port} environment variable within the allocated timeout. "
        "This can happen when the container port is misconfigured or if the timeout is too "
        "short. The health check timeout can be extended. "
        "Logs for this revision might contain more information."
    )
    return BootFailure(BootReason.HEALTH_CHECK_CONTAINER_ERROR, text)


def probe_text(spec: RevisionSpec, outcome: str) -> str:
    """Cloud Run's line about the default startup probe."""
    name = spec.container_name or f"{spec.key.service.service}-1"
    where = f'for container "{name}" on port {spec.container_port}'
    return f"Default STARTUP TCP probe {outcome} {where}."


def free_port() -> int:
    """A port that nothing listens on now.

    Raises:
        OSError: none was found.
    """
    for _ in range(200):
        port = secrets.choice(_PORTS)
        with socket.socket() as attempt, suppress(OSError):
            attempt.bind(("", port))
            return port
    raise OSError(f"no free port (tried 200 of {_PORTS.start} to {_PORTS.stop - 1})")


async def _accepts(port: int) -> bool:
    try:
        async with asyncio.timeout(1):
            transport, _ = await asyncio.get_running_loop().create_connection(
                asyncio.Protocol, HOST, port
            )
    except (OSError, TimeoutError):
        return False
    transport.close()
    return True
