"""A connection, and one side of HTTP/1.1 on it: h11 parses, here is what joins it to streams."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import h11

CHUNK = 1 << 16
HEAD_MAX = 1 << 17
"""Most bytes of a head."""
_LEAVE_WITHIN_S = 1.0

Event = h11.Event | type[h11.PAUSED]


class TooLargeError(h11.RemoteProtocolError):
    """A body of more bytes than whoever reads it takes."""


class Streams:
    """One connection: its reader and its writer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @property
    def open(self) -> bool:
        """Whether neither side has ended it."""
        return not self._reader.at_eof() and not self._writer.is_closing()

    async def read(self) -> bytes:
        """What comes next, b"" at the end.

        Raises:
            OSError: the connection broke.
        """
        return await self._reader.read(CHUNK)

    async def write(self, data: bytes) -> None:
        """Sends, at the pace of whoever reads.

        Raises:
            OSError: nobody reads any more.
        """
        if self._writer.is_closing():
            raise ConnectionResetError("the connection has ended")  # uvloop has another error
        self._writer.write(data)
        await self._writer.drain()

    def end(self) -> None:
        """Says that nothing more will be sent; over TLS that ends the connection."""
        with contextlib.suppress(OSError, RuntimeError):
            if self._writer.can_write_eof():
                self._writer.write_eof()
            else:
                self._writer.close()

    def break_off(self) -> None:
        """Ends the connection now, and everything that is still to be sent with it."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Ends the connection once everything is sent; hardly waits for the other side."""
        self._writer.close()
        with contextlib.suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(_LEAVE_WITHIN_S):
                await self._writer.wait_closed()


async def connect(url: str, tls: ssl.SSLContext | None) -> Streams:
    """A new connection to the host of a URL.

    Raises:
        OSError: there is none, TLS included.
        ValueError: the URL has no possible host or port.
    """
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return Streams(*await asyncio.open_connection(parts.hostname, port, ssl=tls, limit=CHUNK))


class Side:
    """One side of HTTP exchanges: events in, events out.

    Args:
        role: h11.SERVER or h11.CLIENT.
        streams: the connection.
    """

    def __init__(self, role: type[h11.CLIENT | h11.SERVER], streams: Streams) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=HEAD_MAX)
        self.streams = streams

    async def next(self) -> Event:
        """The next event.

        Raises:
            h11.RemoteProtocolError: what came is no HTTP, or ends too early.
            OSError: the connection broke.
        """
        while (event := self.http.next_event()) is h11.NEED_DATA:
            if self.http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.streams.read())
        assert not isinstance(event, type) or event is h11.PAUSED
        return event

    async def pieces(self) -> AsyncIterator[bytes]:
        """What comes until the end of the message; ends early where the connection does.

        Raises:
            As `next` does.
        """
        while isinstance(event := await self.next(), h11.Data):
            yield bytes(event.data)

    async def body(self, most: int) -> bytes:
        """The whole body of the message that has begun.

        Raises:
            TooLargeError: it has more than `most` bytes.
            h11.RemoteProtocolError, OSError: as `next` does.
        """
        body = bytearray()
        async for piece in self.pieces():
            body += piece
            if len(body) > most:
                raise TooLargeError(f"more than {most} bytes")
        return bytes(body)

    async def send(self, *events: h11.Event) -> None:
        """Sends events, together.

        Raises:
            OSError: nobody reads any more.
            h11.LocalProtocolError: one does not belong here.
        """
        if data := b"".join(self.http.send(event) or b"" for event in events):
            await self.streams.write(data)

    async def ask(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b""
    ) -> h11.Response:
        """Sends a request, and hears the head of its answer.

        Raises:
            EOFError: the connection ended before it.
            h11.ProtocolError, OSError: as `send` and `next` do.
        """
        request = h11.Request(method=method, target=target, headers=headers)
        await self.send(request, *([h11.Data(data=body)] if body else []), h11.EndOfMessage())
        try:
            while isinstance(event := await self.next(), h11.InformationalResponse):
                pass
        except h11.RemoteProtocolError:
            if self.streams.open:
                raise
            raise EOFError from None
        if isinstance(event, h11.Response):
            return event
        raise EOFError

    def again(self) -> bool:
        """Whether this exchange is over and another may follow; then it may begin."""
        over = self.http.our_state is h11.DONE and self.http.their_state is h11.DONE
        if over:
            self.http.start_next_cycle()
        return over

    @property
    def rest(self) -> bytes:
        """What came after the last event of HTTP."""
        return bytes(self.http.trailing_data[0])
