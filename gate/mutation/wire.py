"""HTTP/1.1 over a pair of streams, and WebSocket frames out of bytes.

h11 and websockets do the parsing; here is only what joins them to streams.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urlsplit

import h11
from websockets.frames import Frame
from websockets.streams import StreamReader as Buffer

CHUNK = 1 << 16
HEAD_MAX = 1 << 17
"""Most bytes of a head."""
MESSAGE_MAX = 1 << 22
"""Most bytes of one WebSocket message that is looked at."""
CONNECT_WITHIN_S = 10.0

Event = h11.Event | type[h11.PAUSED]


@dataclass(frozen=True, slots=True)
class Upstream:
    """The healthy service.

    Attributes:
        url: its base URL, without a slash at the end.
        tls: for https, None for http.
    """

    url: str
    tls: ssl.SSLContext | None = None

    @property
    def authority(self) -> str:
        """Host and port as a Host header has them."""
        return urlsplit(self.url).netloc

    @property
    def prefix(self) -> str:
        """What its paths begin with."""
        return urlsplit(self.url).path

    async def connect(self) -> "Streams":
        """A new connection.

        Raises:
            OSError: there is none, TLS included.
            TimeoutError: not in time.
        """
        parts = urlsplit(self.url)
        port = parts.port or (443 if self.tls else 80)
        async with asyncio.timeout(CONNECT_WITHIN_S):
            reader, writer = await asyncio.open_connection(
                parts.hostname, port, ssl=self.tls, limit=CHUNK
            )
        return Streams(reader, writer)


class Streams:
    """One connection: its reader and its writer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """What comes next, b"" at the end; a connection that breaks has ended, too."""
        try:
            return await self._reader.read(CHUNK)
        except OSError:
            return b""

    async def write(self, data: bytes) -> None:
        """Sends, at the pace of whoever reads.

        Raises:
            OSError: nobody reads any more.
        """
        if self._writer.transport.is_closing():
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
        """Ends the connection once everything is sent; does not wait for the other side."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self._writer.wait_closed()


class Side:
    """One side of an HTTP exchange: events in, events out.

    Args:
        role: h11.SERVER towards a probe, h11.CLIENT towards the service.
        streams: the connection.
    """

    def __init__(self, role: type[h11.CLIENT | h11.SERVER], streams: Streams) -> None:
        self.http = h11.Connection(role, max_incomplete_event_size=HEAD_MAX)
        self.streams = streams

    async def next(self) -> Event:
        """The next event.

        Raises:
            h11.RemoteProtocolError: what came is no HTTP.
        """
        while True:
            event = self.http.next_event()
            if not isinstance(event, type) or event is h11.PAUSED:
                return event
            if self.http.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.http.receive_data(await self.streams.read())

    async def send(self, event: h11.Event) -> None:
        """Sends an event.

        Raises:
            OSError: nobody reads any more.
            h11.LocalProtocolError: it does not belong here.
        """
        if data := self.http.send(event):
            await self.streams.write(data)

    @property
    def rest(self) -> bytes:
        """What came after the last event of HTTP."""
        return bytes(self.http.trailing_data[0])


class Frames:
    """Takes bytes apart into WebSocket frames.

    Args:
        masked: whether they come from a client.
    """

    def __init__(self, *, masked: bool) -> None:
        self._buffer = Buffer()
        self._found: list[Frame] = []
        self._parser = self._parse(masked=masked)
        next(self._parser)

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole now.

        Raises:
            websockets.exceptions.WebSocketException: these are no frames, or one is too large.
        """
        self._buffer.feed_data(data)
        next(self._parser)
        found, self._found = self._found, []
        return found

    def _parse(self, *, masked: bool) -> Generator[None, None, None]:
        while True:
            frame = yield from Frame.parse(
                self._buffer.read_exact, mask=masked, max_size=MESSAGE_MAX
            )
            self._found.append(frame)
