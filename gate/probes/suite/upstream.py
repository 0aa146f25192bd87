"""The proxy's way to the candidate: sends what the suite sends, and says whose answer came back."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import SplitResult, urlsplit

import httpcore

from gate.core.evidence import Asked, Outcome
from gate.http1.headers import values
from gate.ports import Target
from gate.probes import headers as outgoing
from gate.probes.frontend import LOOKED_AT, FrontEndAnswer, recognise, telling
from gate.probes.headers import Trace
from gate.probes.identity import Identity
from gate.probes.outcome import CannotAskError
from gate.probes.readiness import not_yet
from gate.probes.suite.record import Seen
from gate.probes.web.exchange import BROKEN

CONNECT_S = 10.0
_FRONT_END = frozenset({401, 403, 404, 429, 500, 502, 503, 504})
"""Statuses that Cloud Run's front end gives by itself."""
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"proxy-authorization", b"te", b"upgrade"}
)

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """What the suite asks.

    Attributes:
        base: the address that the suite believes to ask, e.g. `http://127.0.0.1:4711`.
        path: path and query, as they came.
        upgrade: whether it asks for a WebSocket.
    """

    method: bytes
    base: str
    path: bytes
    headers: Headers
    body: bytes = b""
    upgrade: bool = False

    @property
    def place(self) -> Asked:
        """What it asks, without the query."""
        path = self.path.decode("ascii", "replace").partition("?")[0]
        return Asked(self.method.decode("ascii", "replace"), path, self.upgrade)

    def __str__(self) -> str:
        return f"{'WS' if self.upgrade else self.place.method} {self.place.path}"


@dataclass(slots=True)
class Reply:
    """An answer whose body is still to be read.

    Attributes:
        ours: whether the candidate gave it, as its header says; None where that says nothing.
    """

    status: int
    reason: bytes
    headers: Headers
    response: httpcore.Response
    seen: Seen
    place: Asked
    ours: bool | None
    _head: bytearray = field(default_factory=bytearray)
    _broke_off: bool = False

    @property
    def stream(self) -> httpcore.AsyncNetworkStream:
        """The bare connection, after 101."""
        stream: httpcore.AsyncNetworkStream = self.response.extensions["network_stream"]
        return stream

    async def body(self) -> AsyncIterator[bytes]:
        """The body as it comes.

        Raises:
            httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException: it broke off.
        """
        try:
            async for chunk in self.response.aiter_stream():
                if len(self._head) < LOOKED_AT:
                    self._head += chunk[: LOOKED_AT - len(self._head)]
                yield chunk
        except BROKEN as error:
            self.seen.broke(self.place, f"an answer that broke off ({_name(error)})")
            self._broke_off = True
            raise

    def settle(self) -> None:
        """Counts the answer, now that it is known whose it is; a stream need not have ended."""
        if self.ours is False or self._broke_off:
            return
        front_end = self.front_end()
        if front_end is not None and front_end.outcome is not Outcome.FAILED:
            self.seen.unreached.note(f"{self.status}: {front_end.meaning}")
            return
        if self.ours is None:
            count(self.seen, self.status)
        self._code()

    def _code(self) -> None:
        """Notes how the place answered, unless its close will tell, or it is too early to ask."""
        later, date = (", ".join(values(self.headers, name)) for name in ("retry-after", "date"))
        if not_yet(self.status, self._head.decode(errors="replace"), later, date):
            self.seen.early += 1
        elif self.status != 101:
            self.seen.coded(self.place, self.status)

    def front_end(self) -> FrontEndAnswer | None:
        """What Cloud Run's front end said in the candidate's place; None if it did not."""
        if self.ours is not None or self.status not in _FRONT_END:
            return None
        told = telling(lambda name: ", ".join(values(self.headers, name)))
        return recognise(self.status, self._head.decode(errors="replace"), told)


_UNREACHED = (httpcore.ConnectError, httpcore.ConnectTimeout)


def count(seen: Seen, status: int) -> None:
    """Notes an answer of the candidate."""
    seen.answers += 1
    seen.statuses[status] += 1


class Upstream:
    """The candidate's address; to be used as an asynchronous context.

    Args:
        target: whom the suite is to ask.
        identity: whose answers count.
        tls: verifies the candidate; None for http.
        trace: what all requests belong to.

    Attributes:
        answered_by: the revisions that answered, by their own word.
    """

    def __init__(
        self, target: Target, identity: Identity, tls: Callable[[], ssl.SSLContext], trace: Trace
    ) -> None:
        self.url = target.url
        self._parts = _parts(target.url)
        outgoing.render(trace, target.headers, (), {})  # refused at once where it cannot be sent
        self._headers = target.headers
        self._trace = trace
        self._identity = identity
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls() if self._parts.scheme == "https" else None,
            max_connections=None,
            max_keepalive_connections=0,  # one that the candidate has just closed would fail a test
        )
        self.answered_by: dict[str, None] = {}

    async def __aenter__(self) -> Self:
        await self._pool.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()

    @asynccontextmanager
    async def ask(self, request: Request, seen: Seen) -> AsyncIterator[Reply]:
        """Asks the candidate; the answer's body is read within the context.

        Raises:
            httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException: no answer.
        """
        try:
            response = await self._pool.handle_async_request(self._request(request))
        except _UNREACHED as error:
            seen.unreached.note(f"no connection ({_name(error)})")
            raise
        except BROKEN as error:
            seen.broke(request.place, f"no answer ({_name(error)})")
            raise
        reply = self._reply(request, response, seen)
        try:
            yield reply
        finally:
            reply.settle()
            await response.aclose()

    def _reply(self, request: Request, response: httpcore.Response, seen: Seen) -> Reply:
        status = response.status
        seen.line(f"{request} {status}")
        kept: Headers = [
            (name, self._location(value, request) if name.lower() == b"location" else value)
            for name, value in response.headers
            if status == 101 or name.lower() not in _HOP_BY_HOP
        ]
        ours = self._identified(response, request, seen)
        reason = response.extensions.get("reason_phrase", b"")
        return Reply(status, reason, kept, response, seen, request.place, ours)

    def _identified(self, response: httpcore.Response, request: Request, seen: Seen) -> bool | None:
        """Whether the candidate gave it; None where that is not known yet, else it is counted."""
        status = response.status
        name = self._identity.name_in(lambda wanted: _header(response, wanted))
        if name:
            self.answered_by[name[:100]] = None
        elif status in _FRONT_END or (not self._identity.asks and status != 101):
            self._identity.nameless += 1
            return None  # the body may tell
        doubt = self._identity.doubt(name, f"{request} {status}")
        if doubt is not None:
            seen.foreign.note(doubt.fault.seen)
            return False
        count(seen, status)
        return True

    def _request(self, request: Request) -> httpcore.Request:
        parts = self._parts
        given = {name.lower() for name, _ in request.headers}
        sent = [(b"Host", parts.netloc.encode())]
        sent += [
            (name, self._origin(value, request) if name.lower() == b"origin" else value)
            for name, value in request.headers
            if name.lower() != b"host" and (request.upgrade or name.lower() not in _HOP_BY_HOP)
        ]
        sent += [
            (name.encode(), value.encode())
            for name, value in outgoing.render(self._trace, self._headers, (), {})
            if name.lower().encode() not in given
        ]
        url = httpcore.URL(
            scheme=parts.scheme.encode(),
            host=(parts.hostname or "").encode(),
            port=parts.port,
            target=parts.path.encode() + request.path,
        )
        return httpcore.Request(
            request.method,
            url,
            headers=sent,
            content=request.body,
            extensions={"timeout": {"connect": CONNECT_S}},
        )

    def _location(self, value: bytes, request: Request) -> bytes:
        """Leads a redirect within the candidate back through the proxy."""
        own = self.url.encode()
        after = value[len(own) : len(own) + 1]
        if value.startswith(own) and after in (b"", b"/", b"?"):
            return request.base.encode() + value[len(own) :]
        return value

    def _origin(self, value: bytes, request: Request) -> bytes:
        return self.url.encode() if value == request.base.encode() else value


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CannotAskError("an address that is none", "an http or https URL")
    return parts


def _header(response: httpcore.Response, wanted: str) -> str | None:
    return ", ".join(values(response.headers, wanted)) or None


def _name(error: Exception) -> str:
    return str(error)[:100] or type(error).__name__
