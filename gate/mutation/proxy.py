"""The proxy: stands on a port of its own in front of a healthy service, and does one thing wrong.

Without a mutant it is transparent: bytes, headers, statuses, subprotocols and close codes pass as
they are, but for Host, which names the service, and offers of WebSocket extensions, which are not
passed on, so that messages can be read.
"""

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import unquote, unquote_plus

import h11
from websockets.utils import accept_key

from gate.http1.headers import values
from gate.http1.streams import Side, Streams
from gate.mutation import faults
from gate.mutation.faults import Mutant
from gate.mutation.http_faults import (
    BODY_MAX,
    Answer,
    Headers,
    changed_head,
    faulty,
    framed,
    stripped,
    with_header,
    without,
)
from gate.mutation.service_profile import BODY_KEPT_MAX, Page, ServiceProfile
from gate.mutation.stream_faults import Parts, between_of, flow_of
from gate.mutation.streaming import EventStream
from gate.mutation.tunnel import Tunnel, keep_open, say
from gate.mutation.websocket_faults import Crowd, conversation_of
from gate.mutation.wire import Upstream

HOST = "127.0.0.1"
_NO_HTTP = b"\x00\x01 sabotaged\r\n\r\n"
_UNKNOWN_SUBPROTOCOL = "sabotaged"
_ANSWER_FAULTS = faults.HeadFault | faults.AnswerFault
_STATE = re.compile(r"(?:^|,)\s*gate=(\d+)\.([^,]*)")
"""Which step of which journey a request is, in the header tracestate."""
_SENT_KEPT_MAX = 1 << 15
Failed = (OSError, TimeoutError, h11.ProtocolError)


class MutatingProxy:
    """One proxy, from `async with` to its end.

    Args:
        upstream: the healthy service.
        mutants: what to do wrong, nothing where there are none; several at places of their own.
        profile: learns what the service says; None where nobody learns.

    Attributes:
        url: where probes are to ask.
        strikes: how often something was not as the service said it.
        struck_by: names of mutants that changed an answer.
    """

    def __init__(
        self, upstream: Upstream, *mutants: Mutant, profile: ServiceProfile | None = None
    ) -> None:
        self._upstream = upstream
        self._mutants = mutants
        self._profile = profile
        self._crowd = Crowd()
        self._open: list[Tunnel] = []
        self._streams: list[EventStream] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._socket = socket.socket()
        self.url = ""
        self.strikes = 0
        self.struck_by: set[str] = set()

    async def __aenter__(self) -> Self:
        """Begins to listen on a free port; one that refuses connections only keeps the port."""
        self._socket.bind((HOST, 0))
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}"
        if any(isinstance(mutant.fault, faults.Refused) for mutant in self._mutants):
            self.strikes = 1
        else:
            self._server = await asyncio.start_server(self._serve, sock=self._socket)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Ends every connection, and gives the port back."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._socket.close()

    def struck(self) -> None:
        """Something was not as the service said it."""
        self.strikes += 1

    def other(self, session: Tunnel) -> Tunnel | None:
        """Another session that is open, the one that began last; None where there is none."""
        return next((one for one in reversed(self._open) if one is not session), None)

    def other_stream(self, stream: EventStream) -> EventStream | None:
        """Another stream that is open, the one that began last; None where there is none."""
        return next((one for one in reversed(self._streams) if one is not stream), None)

    def others(self, session: Tunnel) -> Sequence[Tunnel]:
        """All other sessions that are open."""
        return [one for one in self._open if one is not session]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        streams = Streams(reader, writer)
        try:
            with contextlib.suppress(*Failed, asyncio.CancelledError):
                await self._exchanges(Side(h11.SERVER, streams))
                await streams.close()
        finally:
            self._tasks.discard(task)
            streams.break_off()

    async def _exchanges(self, probe: Side) -> None:
        """One exchange after the other, as long as the connection is kept alive."""
        while isinstance(request := await probe.next(), h11.Request):
            asked = _Asked(request)
            if not await self._before(probe, asked):
                return
            await self._exchange(probe, asked)
            await _sent(probe)
            if not probe.again():
                return

    def _mutant_of(self, asked: "_Asked") -> Mutant | None:
        """Which one strikes this exchange."""
        method, target, step = asked.method, asked.target, asked.step
        for mutant in self._mutants:
            if mutant.place.covers(method, target, websocket=asked.websocket, step=step):
                return mutant
        return None

    def _fault_of(self, asked: "_Asked") -> faults.Fault | None:
        """What is to be done to this exchange."""
        mutant = self._mutant_of(asked)
        return mutant.fault if mutant else None

    def _changes(self, asked: "_Asked") -> None:
        """An answer was changed."""
        self.struck()
        if mutant := self._mutant_of(asked):
            self.struck_by.add(mutant.name)

    async def _before(self, probe: Side, asked: "_Asked") -> bool:
        """What is done before the service is asked; says whether it is to be asked at all."""
        match self._fault_of(asked):
            case faults.Silent():
                self.struck()
                while await probe.streams.read():
                    pass
                return False
            case faults.Garbled():
                self.struck()
                await probe.streams.write(_NO_HTTP)
                await probe.streams.close()
                return False
            case faults.Late(delay_s) if not asked.websocket:
                self.struck()
                await asyncio.sleep(delay_s)
        return True

    async def _exchange(self, probe: Side, asked: "_Asked") -> None:
        """Passes one request on, and what comes of it back."""
        streams = await self._upstream.connect()
        service = Side(h11.CLIENT, streams)
        try:
            await service.send(self._for_service(asked))
            async for data in probe.pieces():
                asked.keep(data)
                await service.send(h11.Data(data=data))
            await service.send(h11.EndOfMessage())
            response = await service.next()
            while isinstance(response, h11.InformationalResponse) and response.status_code != 101:
                response = await service.next()
            if isinstance(response, h11.InformationalResponse):
                await self._switched(probe, service, asked, response)
            elif isinstance(response, h11.Response):
                await self._answered(probe, service, asked, response)
        finally:
            streams.break_off()

    def _for_service(self, asked: "_Asked") -> h11.Request:
        """The request as the service gets it."""
        forgets = isinstance(self._fault_of(asked), faults.Forgetful)
        if forgets and asked.header("last-event-id"):
            self.struck()
            asked.headers = without(asked.headers, "last-event-id")
        return asked.for_service(self._upstream)

    async def _answered(
        self, probe: Side, service: Side, asked: "_Asked", response: h11.Response
    ) -> None:
        fault = self._fault_of(asked)
        if asked.websocket and self._profile is not None:
            self._profile.sessions(asked.target).denied += 1
        if asked.websocket and isinstance(fault, faults.Welcomed):
            await self._welcome(probe, asked, _headers(response), fault)
            return
        headers = _headers(response)
        between = between_of(
            Answer(response.status_code, headers, b"").header("content-type") or ""
        )
        if isinstance(fault, _ANSWER_FAULTS | faults.CutOff):
            whole = between is None and _needs_all(fault, headers)
            await self._changed(probe, service, asked, response, fault, whole=whole)
            return
        await probe.send(_response(response.status_code, headers, response.reason))
        pieces = self._heard(service.pieces(), asked, response, streams=between is not None)
        if between is not None:
            await self._stream(probe, asked, pieces, Parts(between))
            return
        async for data in pieces:
            await probe.send(h11.Data(data=data))

    async def _heard(
        self,
        pieces: AsyncIterator[bytes],
        asked: "_Asked",
        response: h11.Response,
        *,
        streams: bool,
    ) -> AsyncIterator[bytes]:
        """The pieces of a body as they come; the profile learns its beginning, then all of it."""
        told = not asked.websocket and asked.journey <= 1  # of several at once, one tells enough
        kept, profile = bytearray(), self._profile if told else None

        def learn(*, part: bool) -> None:
            if profile is not None:
                answer = Answer(response.status_code, _headers(response), bytes(kept))
                page = Page(asked.method, asked.target, answer, part, asked.step, asked.sent)
                profile.page(page)

        async for data in pieces:
            first = not kept
            kept += data[: BODY_KEPT_MAX - len(kept)] if profile is not None else b""
            if first:
                learn(part=True)
            yield data
        learn(part=streams)

    async def _stream(
        self, probe: Side, asked: "_Asked", pieces: AsyncIterator[bytes], parts: Parts
    ) -> None:
        """A stream of events: they pass as they come."""
        known = None
        if self._profile is not None:
            known = self._profile.streams_of(asked.method, asked.target)
            known.most_open = max(known.most_open, len(self._streams) + 1)
            known.resumed += bool(asked.header("last-event-id"))
        stream = EventStream(probe, flow_of(self._fault_of(asked)), self, parts, known)
        self._streams.append(stream)
        running = asyncio.ensure_future(stream.run(pieces))
        leaving = asyncio.ensure_future(_left(probe))
        try:
            await asyncio.wait({running, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._streams.remove(stream)
            leaving.cancel()
            running.cancel()
            ended, _ = await asyncio.gather(running, leaving, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended

    async def _changed(
        self,
        probe: Side,
        service: Side,
        asked: "_Asked",
        response: h11.Response,
        fault: "faults.AnswerFault | faults.HeadFault | faults.CutOff",
        *,
        whole: bool,
    ) -> None:
        """An answer that is changed, and sent; a large one passes as it is.

        It is read to its end only where it must be: a stream may have none.
        """
        body = bytearray()
        pieces = service.pieces()
        async for data in pieces:
            body += data
            if len(body) > BODY_MAX or not whole:
                break
        known = Answer(response.status_code, _headers(response), bytes(body))
        if isinstance(fault, faults.CutOff):
            await self._cut_off(probe, known)
            return
        small = len(body) <= BODY_MAX
        changed = faulty(known, fault, asked.target) if small else known
        if changed != known:
            self._changes(asked)
        await probe.send(_response(changed.status, changed.headers))
        if asked.method != "HEAD":
            await probe.send(h11.Data(data=changed.body))
        if asked.method != "HEAD" and changed.body == known.body:
            async for data in pieces:
                await probe.send(h11.Data(data=data))

    async def _cut_off(self, probe: Side, answer: Answer) -> None:
        self.struck()
        half = answer.body[: len(answer.body) // 2]
        headers = framed(answer.headers, len(answer.body) + 1)
        await probe.send(_response(answer.status, headers))
        await probe.send(h11.Data(data=half))
        await probe.streams.close()

    async def _welcome(
        self, probe: Side, asked: "_Asked", headers: Headers, fault: faults.Welcomed
    ) -> None:
        """Lets somebody in whom the service has refused, and hears whatever they say."""
        self.struck()
        await probe.send(_switching(stripped(headers), asked))
        if fault.greeting:
            await say(probe.streams, fault.greeting)
        await keep_open(probe.streams, probe.rest)

    async def _switched(
        self, probe: Side, service: Side, asked: "_Asked", response: h11.InformationalResponse
    ) -> None:
        """A session: its handshake, then its messages."""
        fault, headers = self._fault_of(asked), _headers(response)
        changed = _handshake(headers, fault, asked)
        if changed != headers:
            self._changes(asked)
        if isinstance(fault, faults.Denied):
            self.struck()
            await probe.send(_response(fault.status, framed(stripped(headers), 0)))
            return
        await probe.send(h11.InformationalResponse(status_code=101, headers=list(changed)))
        known = None
        seat = self._crowd.enter()
        if self._profile is not None:
            known = self._profile.sessions(asked.target)
            known.opened += 1
            known.most_open = max(known.most_open, self._crowd.open)
            known.offered = max(known.offered, len(asked.offered))
            known.selected = known.selected or _selected(headers)
        conversation = conversation_of(fault, seat) if fault is not None else None
        tunnel = Tunnel(probe.streams, service.streams, conversation, self, known, seat)
        self._open.append(tunnel)
        began_s = asyncio.get_running_loop().time()
        try:
            await tunnel.run(probe.rest, service.rest)
        finally:
            if known is not None:
                lasted_s = asyncio.get_running_loop().time() - began_s
                known.longest_s = max(known.longest_s, lasted_s)
            self._open.remove(tunnel)
            self._crowd.open -= 1


class _Asked:
    """A request of a probe."""

    def __init__(self, request: h11.Request) -> None:
        self.method = request.method.decode("latin-1")
        self.target = request.target.decode("latin-1")
        self.headers: Headers = tuple(request.headers.raw_items())
        self._body = bytearray()
        state = _STATE.search(self.header("tracestate"))
        self.journey = int(state[1]) if state else 0
        self.step = unquote(state[2]) if state else ""

    def keep(self, data: bytes) -> None:
        """Keeps what of its body there is room for."""
        self._body += data[: _SENT_KEPT_MAX - len(self._body)]

    @property
    def sent(self) -> str:
        """What an answer before it may have said: target, headers and body, as text."""
        headers = b"\n".join(value for _, value in self.headers)
        said = b"\n".join((self.target.encode("latin-1"), headers, bytes(self._body)))
        return unquote_plus(said.decode("utf-8", "replace"))

    def header(self, name: str) -> str:
        """The header's values, joined by commas; "" without one."""
        return ",".join(values(self.headers, name))

    @property
    def websocket(self) -> bool:
        """Whether it asks for a WebSocket."""
        return self.header("upgrade").lower() == "websocket"

    @property
    def offered(self) -> list[str]:
        """The subprotocols that it offers."""
        names = self.header("sec-websocket-protocol").split(",")
        return [name.strip() for name in names if name.strip()]

    def for_service(self, upstream: Upstream) -> h11.Request:
        """The same request to the service."""
        gone = {b"host", b"sec-websocket-extensions"}
        headers = [pair for pair in self.headers if pair[0].lower() not in gone]
        headers.insert(0, (b"Host", upstream.authority.encode("latin-1")))
        return h11.Request(
            method=self.method, target=upstream.prefix + self.target, headers=headers
        )


def _headers(response: h11.Response | h11.InformationalResponse) -> Headers:
    return tuple((bytes(name), bytes(value)) for name, value in response.headers.raw_items())


def _response(status: int, headers: Headers, reason: bytes = b"") -> h11.Response:
    return h11.Response(status_code=status, headers=list(headers), reason=reason)


def _switching(headers: Headers, asked: _Asked) -> h11.InformationalResponse:
    """101, as a server writes it that takes everybody; it selects what comes first."""
    own = [
        (b"upgrade", b"websocket"),
        (b"connection", b"Upgrade"),
        (b"sec-websocket-accept", accept_key(asked.header("sec-websocket-key")).encode()),
    ]
    own += [(b"sec-websocket-protocol", name.encode()) for name in asked.offered[:1]]
    return h11.InformationalResponse(status_code=101, headers=[*headers, *own])


def _selected(headers: Headers) -> str:
    return next(iter(values(headers, "sec-websocket-protocol")), "")


def _handshake(headers: Headers, fault: faults.Fault | None, asked: _Asked) -> Headers:
    """The headers of a handshake after the fault."""
    match fault:
        case faults.HeaderGone() | faults.HeaderSet():
            return changed_head(headers, fault)
        case faults.Subprotocol(faults.Choice.NONE):
            return without(headers, "sec-websocket-protocol")
        case faults.Subprotocol(faults.Choice.UNKNOWN) if _selected(headers):
            return with_header(headers, "sec-websocket-protocol", _UNKNOWN_SUBPROTOCOL)
        case faults.Subprotocol(faults.Choice.OTHER) if _selected(headers):
            others = (name for name in asked.offered if name != _selected(headers))
            other = next(others, _selected(headers))
            return with_header(headers, "sec-websocket-protocol", other)
        case _:
            return headers


def _needs_all(fault: faults.Fault, headers: Headers) -> bool:
    """Whether the fault can only be made once the whole body is there."""
    if isinstance(fault, faults.CutOff):
        return Answer(200, headers, b"").header("content-length") is not None
    by_head = faults.HeaderGone | faults.HeaderSet
    anew = faults.Status | faults.Redirect | faults.Blank | faults.Html | faults.LetIn
    return not isinstance(fault, by_head | anew)


async def _left(probe: Side) -> None:
    """Returns once the probe has hung up; it has nothing more to ask while it is answered."""
    while await probe.streams.read():
        pass


async def _sent(probe: Side) -> None:
    """Ends an answer that was begun and not broken off."""
    if probe.http.our_state is h11.SEND_BODY:
        await probe.send(h11.EndOfMessage())
