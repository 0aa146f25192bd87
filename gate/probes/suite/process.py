"""Runs one command to its end, or to its time limit: with all that it started, and bounded."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

TAIL_MAX = 64 * 1024
"""Only the last so many bytes of what a command prints are kept."""
GRACE_S = 3.0
"""How long a group may take to end after SIGTERM."""
CLOSING_S = 1.0
_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that is over.

    Attributes:
        code: its exit code; minus the signal's number where a signal ended it.
        late: whether its time was up.
        tail: the end of what it printed, both streams together.
        cut: whether more was printed than that.
    """

    code: int
    late: bool
    tail: bytes
    cut: bool


class _Tail:
    """The end of a stream."""

    def __init__(self) -> None:
        self.bytes = b""
        self.cut = False

    async def read(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(_CHUNK):
            self.cut |= len(self.bytes) + len(chunk) > TAIL_MAX
            self.bytes = (self.bytes + chunk)[-TAIL_MAX:]


class _NothingCollected:
    """Keeps Python from collecting garbage while suites are started.

    uvloop, on which `gate policy prove` runs, forks and lets the child run Python until it executes
    the program: what is collected there belongs to the parent, and the child crashes.
    """

    _starting: ClassVar[int] = 0
    _stopped: ClassVar[bool] = False

    def __enter__(self) -> None:
        cls = type(self)
        if not cls._starting:
            cls._stopped = gc.isenabled()
            gc.disable()
        cls._starting += 1

    def __exit__(self, *_: object) -> None:
        cls = type(self)
        cls._starting -= 1
        if not cls._starting and cls._stopped:
            gc.enable()


async def run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    timeout_s: float,
    grace_s: float = GRACE_S,
) -> Ran:
    """Runs a command in a session of its own and ends whatever is left of it.

    The whole process group gets SIGTERM, then SIGKILL: at the end, when the time is up, and when
    this is cancelled. Only what has moved to another session escapes.

    Raises:
        OSError: it cannot be started.
    """
    with _NothingCollected():
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    assert process.stdout is not None
    tail = _Tail()
    reading = asyncio.create_task(tail.read(process.stdout))
    late = False
    try:
        async with asyncio.timeout(timeout_s):
            await process.wait()
    except TimeoutError:
        late = True
    finally:
        await _end(process, reading, grace_s)
    assert process.returncode is not None
    return Ran(process.returncode, late, tail.bytes, tail.cut)


async def _end(
    process: asyncio.subprocess.Process, reading: asyncio.Task[None], grace_s: float
) -> None:
    """Ends the group, and waits for the command itself, so that no zombie is left."""
    try:
        if process.returncode is None:
            _signal(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace_s):
                    await process.wait()
    finally:  # also if somebody is in a hurry and cancels once more
        _signal(process.pid, signal.SIGKILL)
        await process.wait()
        await asyncio.wait({reading}, timeout=CLOSING_S)  # an escaped child may hold the pipe
        reading.cancel()
        _close(process)


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _close(process: asyncio.subprocess.Process) -> None:
    """Lets go of the pipe, which asyncio keeps open as long as anybody holds its other end."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()
