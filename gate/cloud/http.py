"""HTTP/1.1 to one host: h11 over asyncio's streams, with connections kept for the next request.

httpx would bring 150 ms of imports into every rollback, and clients of Google's several times that;
what is needed here is one exchange at a time. `python -X importtime` tells what h11 costs: 10 ms.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from gate.cloud.failure import Code, Failure

Headers = list[tuple[str, str]]
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

BODY_MAX_BYTES = 64 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_BROKEN = (OSError, EOFError, UnicodeError, h11.RemoteProtocolError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a whole body."""

    status: int
    body: bytes


class Exchange:
    """One connection: asks and hears, one request after the other.

    Args:
        streams: an open connection.
    """

    def __init__(self, streams: Streams) -> None:
        self._reader, self._writer = streams
        self._state = h11.Connection(h11.CLIENT)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent on it."""
        return (
            self._state.our_state is h11.IDLE
            and self._state.their_state is h11.IDLE
            and not self._reader.at_eof()
            and not self._writer.is_closing()
        )

    def drop(self) -> None:
        """Closes it at once, also in the middle of an exchange."""
        self._writer.transport.abort()

    async def ask(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """One request and its whole answer.

        Raises:
            OSError, EOFError: the connection broke.
            h11.RemoteProtocolError: what came is not HTTP.
        """
        request = h11.Request(method=method, target=target, headers=headers)
        out = self._state.send(request) or b""
        if body:
            out += self._state.send(h11.Data(body)) or b""
        self._writer.write(out + (self._state.send(h11.EndOfMessage()) or b""))
        await self._writer.drain()
        try:
            answer = await self._answer()
        except h11.RemoteProtocolError:
            if self._reader.at_eof():
                raise EOFError from None
            raise
        if self._state.our_state is h11.DONE and self._state.their_state is h11.DONE:
            self._state.start_next_cycle()
        return answer

    async def _answer(self) -> Answer:
        status, body = 0, bytearray()
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                self._state.receive_data(await self._reader.read(_CHUNK_BYTES))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > BODY_MAX_BYTES:
                    raise h11.RemoteProtocolError(f"more than {BODY_MAX_BYTES} bytes")
            elif isinstance(event, h11.EndOfMessage):
                return Answer(status, bytes(body))
            elif isinstance(event, h11.ConnectionClosed):
                raise EOFError


class Client:
    """Requests to one host.

    Args:
        connect: opens a connection.
    """

    def __init__(self, connect: Callable[[], Awaitable[Streams]]) -> None:
        self._connect = connect
        self._idle: list[Exchange] = []

    def close(self) -> None:
        """Closes the connections that wait for a request."""
        while self._idle:
            self._idle.pop().drop()

    async def ask(
        self, method: str, target: str, headers: Headers, body: bytes, *, timeout_s: float
    ) -> Answer:
        """One request and its whole answer, within a time.

        Raises:
            Failure: there is none.
        """
        sent = False
        exchange: Exchange | None = None
        try:
            async with asyncio.timeout(timeout_s):
                exchange = self._kept() or Exchange(await self._connect())
                sent = True
                answer = await exchange.ask(method, target, headers, body)
        except BaseException as error:
            if exchange is not None:
                exchange.drop()
            if isinstance(error, _BROKEN):
                raise _failure(error, timeout_s, sent=sent) from None
            raise
        if exchange.reusable:
            self._idle.append(exchange)
        else:
            exchange.drop()
        return answer

    def _kept(self) -> Exchange | None:
        while self._idle:
            exchange = self._idle.pop()
            if exchange.reusable:
                return exchange
            exchange.drop()
        return None


def _failure(error: Exception, timeout_s: float, *, sent: bool) -> Failure:
    match error:
        case TimeoutError() if sent:
            return Failure(Code.DEADLINE_EXCEEDED, f"no answer within {timeout_s:g} s")
        case TimeoutError():
            return Failure(Code.UNAVAILABLE, f"no connection within {timeout_s:g} s", sent=False)
        case EOFError():
            return Failure(Code.UNAVAILABLE, "connection closed without an answer")
        case h11.RemoteProtocolError():
            return Failure(Code.UNKNOWN, f"what came is no HTTP: {error}")
        case _:
            seen = str(error) or type(error).__name__
            return Failure(Code.UNAVAILABLE, seen, sent=sent, nobody="" if sent else _nobody(error))


def _nobody(error: Exception) -> str:
    """Whether nobody listens, or there is no such host; several addresses fail as one text."""
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "no such host"
    refused = isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error)
    return "connection refused" if refused else ""


async def connect_plainly(address: tuple[str, int]) -> Streams:
    """A connection without TLS, past any proxy: to an emulator, which is next door."""
    return await asyncio.open_connection(*address)
