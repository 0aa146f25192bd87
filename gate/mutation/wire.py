"""The way to the healthy service, and WebSocket frames out of bytes, which websockets parses."""

import asyncio
import ssl
from collections.abc import Generator
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.frames import Frame
from websockets.streams import StreamReader as Buffer

from gate.http1.streams import Streams, connect

MESSAGE_MAX = 1 << 22
"""Most bytes of one WebSocket message that is looked at."""
CONNECT_WITHIN_S = 10.0


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

    async def connect(self) -> Streams:
        """A new connection.

        Raises:
            OSError: there is none, TLS included, or not in time.
        """
        async with asyncio.timeout(CONNECT_WITHIN_S):
            return await connect(self.url, self.tls)


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
