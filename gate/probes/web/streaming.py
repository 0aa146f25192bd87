"""One answer that is read piece by piece: as they come, and as long as somebody wants more."""

import asyncio
import contextlib
import ssl
from contextlib import AsyncExitStack

import httpcore

from gate.http1.packing import Unpacker
from gate.probes.web.exchange import (
    BROKEN,
    Answer,
    Course,
    ExchangeError,
    Request,
    answer_of,
    late,
    opened,
    told,
)

PIECE_MAX = 1 << 20
"""Most bytes that one piece may unpack to."""


class Stream:
    """One request over its own connection, and the pieces of its answer.

    Args:
        request: what to send.
        tls: context for https, None for http.
    """

    def __init__(self, request: Request, tls: ssl.SSLContext | None) -> None:
        self._request = request
        self._tls = tls
        self._course = Course(0)
        self._stack = AsyncExitStack()
        self._loop = asyncio.get_running_loop()
        self._next: asyncio.Task[bytes | None] | None = None
        self._response: httpcore.Response | None = None

    async def open(self, within_s: float) -> Answer:
        """Sends the request; the answer as far as its headers.

        Raises:
            ExchangeError: there is none in time.
        """
        began_s = self._loop.time()
        response = await self._begun(within_s)
        self._response = response
        with told(self._course):
            head = answer_of(response, self._loop.time() - began_s)
            self._unpacker = Unpacker(head.header("content-encoding") or "", PIECE_MAX)
            self._pieces = aiter(response.aiter_stream())
        return head

    async def piece(self, until_s: float) -> bytes | None:
        """The next piece; b"" where the time is up before, None once the answer has ended whole.

        Args:
            until_s: when the time is up, by the loop's clock; nothing is lost then.

        Raises:
            ExchangeError: the answer broke off.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._read())
        left_s = max(until_s - self._loop.time(), 0)
        await asyncio.wait({self._next}, timeout=left_s)
        if not self._next.done():
            return b""
        reading, self._next = self._next, None
        return reading.result()

    async def rest(self, most: int, within_s: float) -> bytes:
        """The beginning of what is left, as far as it comes in time, whatever comes."""
        kept, until_s = bytearray(), self._loop.time() + within_s
        try:
            while len(kept) < most and (piece := await self.piece(until_s)):
                kept += piece
        except ExchangeError:
            pass
        return bytes(kept[:most])

    async def close(self) -> None:
        """Hangs up."""
        if self._next is not None:
            self._next.cancel()
            await asyncio.gather(self._next, return_exceptions=True)
            self._next = None
        with contextlib.suppress(*BROKEN, OSError):
            await self._stack.aclose()

    async def _begun(self, within_s: float) -> httpcore.Response:
        with told(self._course):
            try:
                async with asyncio.timeout(within_s):
                    return await self._stack.enter_async_context(
                        opened(self._request, self._tls, self._course)
                    )
            except TimeoutError:
                raise ExchangeError(late(self._course, within_s)) from None

    async def _read(self) -> bytes | None:
        """The next piece that unpacks to anything."""
        with told(self._course):
            async for raw in self._pieces:
                if piece := self._unpacker.feed(raw):
                    return piece
        return None
