"""One container as one process: its start, its log lines, its end."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, cast

from gate.local.instances.command import MARKER, Command
from gate.local.instances.logs import STDERR, STDOUT, SYSTEM, LineSplitter, parse_line
from gate.local.instances.records import Records, end_marked
from gate.local.instances.settings import InstanceSettings
from gate.local.ports import LogLine, LogSink, RevisionKey

_SHIM: Final = Path(__file__).with_name("shim.py")
_LAST_WORDS_S: Final = 1.0
_STREAMS: Final = {1: STDOUT, 2: STDERR}


@dataclass(frozen=True, slots=True)
class Voice:
    """Writes log lines of one container.

    Attributes:
        container: its name where the instance has several, else "".
    """

    sink: LogSink
    key: RevisionKey
    instance_id: str
    container: str = ""

    def say(self, severity: str, text: str) -> None:
        """The platform's own line about this container."""
        at = datetime.now(UTC)
        self.sink.append(LogLine(self.key, SYSTEM, at, severity, text, labels=self._labels()))

    def output(self, log_id: str, text: str) -> None:
        """A line that the container has written."""
        at = datetime.now(UTC)
        self.sink.append(parse_line(self.key, log_id, at, text, self._labels()))

    def _labels(self) -> dict[str, str]:
        labels = {"instanceId": self.instance_id}
        return {**labels, "container_name": self.container} if self.container else labels


class _NothingCollected:
    """Keeps Python from collecting garbage while containers are started.

    uvloop forks and lets the child run Python until it executes the program: what is collected
    there belongs to the parent, and the child crashes.
    """

    _starting: ClassVar[int] = 0

    def __enter__(self) -> None:
        _NothingCollected._starting += 1
        gc.disable()

    def __exit__(self, *_: object) -> None:
        _NothingCollected._starting -= 1
        if not _NothingCollected._starting:
            gc.enable()


class ContainerProcess(asyncio.SubprocessProtocol):
    """A container's process, from its start until nothing of it is left.

    Args:
        marker: a value that no other process has in its environment.
        voice: writes its log lines.
        records: where it is recorded while it lives.
        settings: times and sizes.
        ended: called once when it exits without having been stopped.
    """

    def __init__(
        self,
        marker: str,
        voice: Voice,
        records: Records,
        settings: InstanceSettings,
        ended: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.voice = voice
        self.exited: asyncio.Future[int] = loop.create_future()
        self._marker = marker
        self._records = records
        self._grace_s = settings.grace_s
        self._ended = ended
        self._lines = {stream: LineSplitter(settings.line_bytes) for stream in _STREAMS}
        self._transport: asyncio.SubprocessTransport | None = None
        self._pid = 0
        self._closed: asyncio.Future[None] = loop.create_future()
        self._tidying: asyncio.Task[None] | None = None
        self._stopping = False

    async def spawn(self, command: Command) -> None:
        """Starts it.

        Raises:
            OSError: there is no such directory, or no more processes can be had.
        """
        with _NothingCollected():
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self,
                *(sys.executable, "-I", "-S", str(_SHIM), str(os.getpid()), *command.program),
                stdin=asyncio.subprocess.DEVNULL,
                cwd=command.cwd,
                env={**command.env, MARKER: self._marker},
                start_new_session=True,
            )

    async def stop(self) -> None:
        """Ends it (SIGTERM, a grace, SIGKILL) and returns when nothing of it is left."""
        self._stopping = True
        if self._transport is None:
            return
        self._signal(signal.SIGTERM)
        await asyncio.wait([self.exited], timeout=self._grace_s)
        await self.kill()

    async def kill(self) -> None:
        """Ends it at once and returns when nothing of it is left."""
        self._stopping = True
        if self._transport is None:
            return
        self._signal(signal.SIGKILL)
        await asyncio.wait([self.exited])
        await self.tidied()

    async def tidied(self) -> None:
        """Returns when an exited process has been cleared away and its last words are logged."""
        if self._tidying:
            await asyncio.wait([self._tidying])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process has been started."""
        self._transport = cast(asyncio.SubprocessTransport, transport)  # uvloop's is no subclass
        self._pid = self._transport.get_pid()
        self._records.add(self._pid, f"{MARKER}={self._marker}")

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """The process has written."""
        for text in self._lines[fd].feed(data):
            self.voice.output(_STREAMS[fd], text)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        """The process, and every child that shared the stream, have closed it."""
        for text in self._lines[fd].flush():
            self.voice.output(_STREAMS[fd], text)

    def process_exited(self) -> None:
        """The process has ended; its children may not have."""
        assert self._transport is not None
        self.exited.set_result(self._transport.get_returncode() or 0)
        self._tidying = asyncio.get_running_loop().create_task(self._tidy())
        if not self._stopping:
            self._ended()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """The process has ended and both its streams are closed."""
        if not self._closed.done():
            self._closed.set_result(None)

    async def _tidy(self) -> None:
        """Ends what the process left behind, hears its last words, forgets it."""
        assert self._transport is not None
        by_itself = not self._stopping
        await asyncio.to_thread(end_marked, f"{MARKER}={self._marker}")
        await asyncio.wait([self._closed], timeout=_LAST_WORDS_S)
        self._transport.close()
        self._records.remove(self._pid)
        if not by_itself:
            return
        code = self.exited.result()
        how = f"called exit({code})" if code >= 0 else f"terminated on signal {-code}"
        self.voice.say("WARNING" if code >= 0 else "ERROR", f"Container {how}.")

    def _signal(self, number: signal.Signals) -> None:
        """To the process group; never after the exit, when the number may be another's."""
        if self._transport is not None and not self.exited.done():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, number)
