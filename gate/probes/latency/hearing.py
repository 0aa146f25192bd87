"""When the bytes of an answer came: noted where the event loop hands them over.

A task that waits for an answer runs some time later, after those of all others that came with it.
After a pause of the server, when hundreds come at once, that is our own time and not the server's.
Times are those of time.monotonic: a loop's own clock may stand still within one of its rounds, and
uvloop's knows whole milliseconds only.
"""

import asyncio
import functools
import math
import time
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection


class Hearing(ResponseHandler):
    """One connection's protocol.

    Attributes:
        heard_s: when bytes came last.
    """

    heard_s = -math.inf

    def data_received(self, data: bytes) -> None:
        """Notes the time, and goes on."""
        self.heard_s = time.monotonic()
        super().data_received(data)


class Connector(aiohttp.TCPConnector):
    """Connects with that protocol; takes what aiohttp's own takes."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        loop = asyncio.get_running_loop()
        self._factory = functools.partial(Hearing, loop=loop)  # type: ignore[assignment]


class Response(aiohttp.ClientResponse):
    """Knows the connection that it comes over even after that has been let go.

    Attributes:
        hearing: its protocol.
    """

    hearing: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Begins to read."""
        self.hearing = connection.protocol
        return await super().start(connection)


def heard_s(response: aiohttp.ClientResponse, since_s: float) -> float:
    """When the last bytes of an answer came, now where nobody noted it.

    Args:
        response: read to its end.
        since_s: not before.
    """
    now_s = time.monotonic()
    if not isinstance(response, Response) or not isinstance(response.hearing, Hearing):
        return now_s
    return response.hearing.heard_s if response.hearing.heard_s >= since_s else now_s
