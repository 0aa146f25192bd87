"""HTTP/1.1 to one host, one exchange at a time, with connections kept for the next request.

Every rollback imports this: h11 takes 10 ms of it, where httpcore would take 130 and clients of
Google's several times that (`python -X importtime`).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import h11

from gate.cloud.failure import Code, Failure
from gate.http1.streams import Side, Streams

Headers = list[tuple[str, str]]
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]

BODY_MAX_BYTES = 64 * 1024 * 1024
_BROKEN = (OSError, EOFError, UnicodeError, h11.RemoteProtocolError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a whole body, and by whose clock it was sent ("" where it does not say)."""

    status: int
    body: bytes
    date: str = ""


class Exchange:
    """One connection: asks and hears, one request after the other.

    Args:
        pair: an open connection.
    """

    def __init__(self, pair: Pair) -> None:
        self._streams = Streams(*pair)
        self._side = Side(h11.CLIENT, self._streams)

    @property
    def reusable(self) -> bool:
        """Whether another request may be sent on it."""
        http = self._side.http
        return self._streams.open and http.our_state is http.their_state is h11.IDLE

    def drop(self) -> None:
        """Closes it at once, also in the middle of an exchange."""
        self._streams.break_off()

    async def ask(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """One request and its whole answer.

        Raises:
            OSError, EOFError: the connection broke.
            h11.RemoteProtocolError: what came is not HTTP.
        """
        response = await self._side.ask(method, target, headers, body)
        try:
            body = await self._side.body(BODY_MAX_BYTES)
            date = next((text for name, text in response.headers if name == b"date"), b"")
            answer = Answer(response.status_code, body, date.decode("ascii", "replace"))
        except h11.RemoteProtocolError:
            if self._streams.open:
                raise
            raise EOFError from None
        self._side.again()
        return answer


class Client:
    """Requests to one host.

    Args:
        connect: opens a connection.
    """

    def __init__(self, connect: Callable[[], Awaitable[Pair]]) -> None:
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


async def connect_plainly(address: tuple[str, int]) -> Pair:
    """A connection without TLS, past any proxy: to an emulator, which is next door."""
    return await asyncio.open_connection(*address)
