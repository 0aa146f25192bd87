"""Passes bytes between two connections until one of them ends."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import httpcore

_CHUNK = 1 << 16
_SETTLE_S = 1.0
ENDED = (OSError, ssl.SSLError, httpcore.NetworkError, httpcore.TimeoutException)
"""How a connection says that it is over before its time."""


class Pipe(Protocol):
    """One end of a connection."""

    async def read(self) -> bytes:
        """The next bytes; none at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Sends bytes, and waits while there is no room."""
        ...

    async def close(self) -> None:
        """Closes it; harmless if it is closed."""
        ...


@dataclass(frozen=True, slots=True)
class CorePipe:
    """The connection under an answer 101 of httpcore."""

    stream: httpcore.AsyncNetworkStream

    async def read(self) -> bytes:
        """As Pipe.read."""
        return await self.stream.read(_CHUNK)

    async def write(self, data: bytes) -> None:
        """As Pipe.write."""
        await self.stream.write(data)

    async def close(self) -> None:
        """As Pipe.close."""
        with contextlib.suppress(*ENDED):
            await self.stream.aclose()


def _unwatched(_: bytes) -> None:
    """Nobody looks on."""


async def relay(
    near: Pipe,
    far: Pipe,
    first: bytes = b"",
    sent: Callable[[bytes], None] = _unwatched,
    received: Callable[[bytes], None] = _unwatched,
) -> bool:
    """Passes bytes both ways; returns whether the far side was the first to end.

    Args:
        near: the suite's side.
        far: the other one.
        first: what the suite has sent already.
        sent: shown the near side's bytes before they go on.
        received: shown the far side's bytes before they go on.
    """
    if first:
        sent(first)
        await far.write(first)
    out = asyncio.create_task(_pump(near, far, sent))
    back = asyncio.create_task(_pump(far, near, received))
    try:
        done, _ = await asyncio.wait({out, back}, return_when=asyncio.FIRST_COMPLETED)
        far_first = back in done
        if not far_first:
            await far.close()
            await asyncio.wait({back}, timeout=_SETTLE_S)
        return far_first
    finally:
        for task in (out, back):
            task.cancel()
        await asyncio.gather(out, back, return_exceptions=True)
        await near.close()
        await far.close()


async def _pump(source: Pipe, sink: Pipe, watch: Callable[[bytes], None]) -> None:
    with contextlib.suppress(*ENDED):
        while data := await source.read():
            watch(data)
            await sink.write(data)
