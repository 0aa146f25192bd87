"""Holds one WebSocket open for a while: it must stay open, answer our pings, and be pinged.

Idle connections die of what short ones never see: timeouts of proxies, heartbeats that do not fit
each other, the revision's request timeout. Nothing is said but pings; those of the server, the
protocol's own and JSON ones, are answered and counted.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from gate.core.evidence import Evidence, Symptom
from gate.kinds.soak import SoakProbe
from gate.kinds.websocket import WebSocketProbe
from gate.probes.inquiry import Inquiry
from gate.probes.outcome import Fault
from gate.probes.sockets import classify
from gate.probes.sockets.classify import Refusal
from gate.probes.sockets.connection import FRAMES_MAX, Connection
from gate.probes.sockets.handshake import Handshake
from gate.probes.sockets.message import PONG, Message, message_of
from gate.probes.sockets.opening import Opening
from gate.probes.sockets.record import Record
from gate.probes.words import LINES_MAX

KIND = "soak"
FRAMES_PER_S = 100
"""Frames beyond the usual that a second of holding allows for."""
LEAVE_WITHIN_S = 1.0
_SHOWN = LINES_MAX - 2
_REQUEST_TIMEOUT_FROM_S = 30.0
_OPEN = "an open connection"


async def ask(inquiry: Inquiry[SoakProbe]) -> Evidence:
    """Opens the connection, holds it as long as the policy says, and closes it.

    Raises:
        CannotAskError: the policy or the target does not allow to ask.
    """
    run, spec = inquiry.run, inquiry.spec
    opening = Opening(WebSocketProbe(spec.path, spec.subprotocols, spec.headers), run)
    asked = f"WebSocket {spec.path}, held for {spec.for_s:g} s"
    draft = inquiry.begin(KIND, asked, _expected(spec))
    held = _Held(inquiry, opening)
    try:
        fault = await held.held()
        await held.leave()
    finally:
        held.abort()
    excerpts = [run.words.line(f"> {opening}"), *held.lines()]
    faults = [fault] if fault else []
    name = held.answered_by
    return draft.end(held.seen(fault), faults, excerpts, trace=opening.trace.id, answered_by=name)


class _Held:
    """The connection and what it showed.

    Raises:
        CannotAskError: the handshake cannot be rendered.
    """

    def __init__(self, inquiry: Inquiry[SoakProbe], opening: Opening) -> None:
        self._inquiry = inquiry
        self._spec = inquiry.spec
        run = inquiry.run
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._record = Record(run.words.reach(), _SHOWN // 3, _SHOWN - _SHOWN // 3)
        self._opening = opening
        self._values = run.values(run.nonces.new())
        self._handshake = Handshake(opening, run, self._values, self._spec.open_within_s)
        self._connection = self._new()
        self._error = ""
        self._json_pings = 0
        self._pongs_s: list[float] = []

    @property
    def answered_by(self) -> str:
        """The revision that answered the handshake, by its own word."""
        return self._handshake.answered_by

    async def held(self) -> Fault | None:
        """Opens and holds it, with the right revision; what was wrong, or None."""
        fault = await self.open() or await self.hold() or self.too_quiet()
        while (doubt := self._handshake.doubt) is not None:
            self._note("=", f"{doubt.fault.seen}: asking again")
            if not await self._handshake.another(self._connection):
                break
            self._renew()
            fault = await self.open() or await self.hold() or self.too_quiet()
        return self._handshake.judged(fault)

    async def open(self) -> Fault | None:
        """Shakes hands; why it was refused, or None."""
        refusal = await self._handshake.shake(self._connection, self._again)
        self._began_s = self._loop.time()
        if refusal is None:
            selected = self._connection.subprotocol
            self._note("=", f"open, subprotocol {selected or 'none'}")
            return self._opening.wrong_selection(selected, self._spec.subprotocol, self._values)
        self._note("=", refusal.fault.seen)
        return refusal.fault

    async def hold(self) -> Fault | None:
        """Pings until the time is over; why it did not last so long, or None."""
        spec, connection = self._spec, self._connection
        connection.begin_phase(FRAMES_MAX + int(spec.for_s * FRAMES_PER_S), keep=False)
        ends_s = self._began_s + spec.for_s
        while self._loop.time() < ends_s:
            sent_s = self._loop.time()
            pong = connection.ping()
            await self._wait(spec.ping_every_s, pong)
            if connection.over.done():
                return self._ended()
            if not pong.done():
                seen = f"no pong within {spec.ping_every_s:g} s {self._after()}"
                return Fault(Symptom.TIMEOUT, seen, "an answer to each ping")
            self._pongs_s.append(self._loop.time() - sent_s)
            held_s = self._loop.time() - self._began_s
            self._inquiry.report("held, in seconds", int(held_s), int(spec.for_s))
            await self._wait(min(sent_s + spec.ping_every_s, ends_s) - self._loop.time())
            if connection.over.done():
                return self._ended()
        return None

    def too_quiet(self) -> Fault | None:
        """Whether the server has pinged less than it should have."""
        wanted, came = self._spec.server_pings, self._server_pings
        if came >= wanted:
            return None
        return Fault(
            Symptom.SEQUENCE,
            f"{came} pings of the server in {self._spec.for_s:g} s",
            f"at least {wanted}",
            "a server that never pings finds out late who has gone, and proxies end quiet ones",
        )

    async def leave(self) -> None:
        """Closes in good manners; whether that is answered does not matter."""
        self._connection.close()
        if not self._connection.over.done():
            await asyncio.wait({self._connection.over}, timeout=LEAVE_WITHIN_S)

    def abort(self) -> None:
        """Ends the connection now."""
        self._connection.abort()

    def seen(self, fault: Fault | None) -> str:
        """One line: what broke it, or how long it held; the pings of both sides."""
        parts = [fault.seen if fault else f"open for {self._spec.for_s:g} s"]
        if self._pongs_s:
            middle_ms, most_ms = median(self._pongs_s) * 1000, max(self._pongs_s) * 1000
            parts.append(
                f"{len(self._pongs_s)} pings answered in {middle_ms:.0f} ms (median), "
                f"{most_ms:.0f} ms at most"
            )
        came = self._server_pings
        parts += [f"{came} of the server's own answered"] if came else []
        return "; ".join(parts)

    def lines(self) -> Iterator[str]:
        """The first and last frames."""
        return self._record.lines(self._inquiry.run.words, self._began_s, "#1", _SHOWN)

    @property
    def _server_pings(self) -> int:
        return self._connection.pings + self._json_pings

    async def _wait(self, within_s: float, *others: asyncio.Future[None]) -> None:
        """Until one of the others is done, the connection has ended, or the time is over."""
        await asyncio.wait(
            {self._connection.over, *others},
            timeout=max(within_s, 0),
            return_when=asyncio.FIRST_COMPLETED,
        )

    def _ended(self) -> Fault:
        ending = self._connection.ending
        assert ending is not None
        fault = classify.ended(ending, self._after(), self._error, _OPEN)
        if self._loop.time() - self._began_s < _REQUEST_TIMEOUT_FROM_S:
            return fault
        hint = (
            "Cloud Run ends a WebSocket at the revision's request timeout (5 m unless set, 60 m at "
            "most); if it came sooner, look for heartbeats and proxies that give up on quiet ones"
        )
        return replace(fault, hint=hint)

    def _after(self) -> str:
        return f"after {self._loop.time() - self._began_s:.1f} s of {self._spec.for_s:g} s"

    def _new(self) -> Connection:
        return self._handshake.connection(self._arrived, self._note)

    def _again(self, refusal: Refusal) -> Connection:
        self._note("=", f"{refusal.fault.seen}: asking again")
        return self._renew()

    def _renew(self) -> Connection:
        """The next connection to try; nothing of the one before is kept."""
        self._error, self._json_pings, self._pongs_s = "", 0, []
        self._connection = self._new()
        return self._connection

    def _arrived(self, text: str) -> Message:
        message = message_of(text)
        if isinstance(message.value, dict):
            if not self._handshake.hear(message.value):
                self._connection.abort()
                return message
            self._error = classify.error_label(message.value) or self._error
        if message.ping:
            self._json_pings += 1
            self._connection.send(PONG)
        return message

    def _note(self, mark: str, text: str) -> None:
        self._record.add(self._loop.time(), mark, text)


def _expected(spec: SoakProbe) -> str:
    parts = [f"open for {spec.for_s:g} s", f"a pong within {spec.ping_every_s:g} s of each ping"]
    parts += [f"at least {spec.server_pings} pings of the server"] if spec.server_pings else []
    return ", ".join(parts)
