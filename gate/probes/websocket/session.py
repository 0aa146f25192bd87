"""One session: opens, talks as the script says, stays, closes; and what was wrong with it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gate.core.evidence import Symptom
from gate.core.shapes import Shape
from gate.kinds.websocket import Send, WebSocketProbe
from gate.probes.inquiry import Run
from gate.probes.outcome import Fault
from gate.probes.sockets import classify
from gate.probes.sockets.classify import How, Refusal
from gate.probes.sockets.connection import FRAMES_MAX, Connection
from gate.probes.sockets.handshake import Handshake
from gate.probes.sockets.message import PONG, Message, message_of
from gate.probes.sockets.opening import Opening
from gate.probes.sockets.record import Record
from gate.probes.sockets.results import Wanted
from gate.probes.sockets.shaped import Shaped
from gate.probes.sockets.waiting import Listen, Say, Waiting

SHAPED_SESSIONS = 3
"""Sessions of a probe whose messages' shapes are looked at."""
CLOSE_WITHIN_S = 5.0
"""How long the server may take to answer our close frame."""
HELD_FRAMES_PER_S = 100


class Plan:
    """A probe's spec with everything parsed and compiled: shared by all its sessions.

    Args:
        spec: the probe.
        run: what it runs in.

    Raises:
        CannotAskError: the policy or the target does not allow to ask.
        ValueProblem: a template is malformed.
    """

    def __init__(self, spec: WebSocketProbe, run: Run) -> None:
        self.spec = spec
        self.run = run
        self.opening = Opening(spec, run)
        self.steps: Sequence[Say | Listen] = tuple(
            Say(step) if isinstance(step, Send) else Listen(step) for step in spec.script
        )
        self.close = f"close {spec.close_code}" if spec.close_code else "an open connection"
        self.refusals = "refused with " + " or ".join(map(str, spec.refused))

    @property
    def wanted(self) -> Wanted:
        """What is asked of all sessions together."""
        spec = self.spec
        total = spec.connections * spec.repeat
        question, trace = str(self.opening), self.opening.trace.id
        return Wanted(
            self.run.words, total, spec.success_percent, spec.foreign_messages, question, trace
        )


class Session:
    """One connection's life.

    Args:
        plan: what all sessions of the probe share.
        number: 1 for the first session of the probe.
        record: keeps its frames.

    Attributes:
        foreign: messages that carried another connection's nonce.
        refused_with: the expected status or close code that it was refused with, else 0.
        fault: what was wrong first, None while nothing was.

    Raises:
        CannotAskError: the handshake or the script cannot be rendered.
    """

    def __init__(self, plan: Plan, number: int, record: Record) -> None:
        spec, run = plan.spec, plan.run
        self._plan = plan
        self.number = number
        self.user = spec.users[(number - 1) % len(spec.users)] if spec.users else ""
        self.record = record
        self._nonces = run.nonces
        self._nonce = run.nonces.new()
        self._values: Mapping[str, str] = run.values(self._nonce, self.user)
        self._steps = self._script()
        self._loop = asyncio.get_running_loop()
        self.began_s = self._loop.time()
        self._handshake = Handshake(plan.opening, run, self._values, spec.open_within_s)
        self._connection = self._new_connection()
        self._error = ""
        self._awaited = False
        self._shaped = Shaped(self._clean)
        self.foreign = 0
        self.refused_with = 0
        self.fault: Fault | None = None

    def _script(self) -> list[str | Waiting]:
        """The steps, of which nothing has come true yet."""
        return [
            step.text(self._values) if isinstance(step, Say) else step.bind(self._values)
            for step in self._plan.steps
        ]

    # The four acts of its life, called by the round in this order.

    async def open(self) -> None:
        """Shakes hands; a refusal is a fault, unless it is the expected one."""
        self.began_s = self._loop.time()
        await self._open()

    async def _open(self) -> None:
        began_s = self._loop.time()
        refusal = await self._handshake.shake(self._connection, self._again)
        if refusal is None:
            took_ms = (self._loop.time() - began_s) * 1000
            selected = self._connection.subprotocol
            self._note("=", f"open in {took_ms:.0f} ms, subprotocol {selected or 'none'}")
            self.fault = self._wrong_subprotocol(selected)
            return
        self._note("=", refusal.fault.seen)
        if refusal.doubt:
            self._forget()
        if refusal.doubt or not self._plan.spec.refused:
            self.fault = refusal.fault
        elif refusal.status in self._plan.spec.refused and refusal.fault.symptom in (
            Symptom.REFUSED,
            Symptom.REDIRECT,
        ):
            self.refused_with = refusal.status
        else:
            self.fault = replace(refusal.fault, expected=self._plan.refusals)

    async def talk(self) -> None:
        """Goes through the script up to the first fault, or waits to be refused after all."""
        await self._converse()
        while (doubt := self._handshake.doubt) is not None:
            self._note("=", f"{doubt.fault.seen}: asking again")
            self._forget()
            if not await self._handshake.another(self._connection):
                return
            self.fault, self.refused_with = None, 0
            self._steps = self._script()
            self._connection = self._new_connection()
            await self._open()
            await self._converse()

    async def _converse(self) -> None:
        if not self._connection.open and self._connection.ending is None:
            return
        if self._plan.spec.refused:
            self.fault = self.fault or await self._let_in()
            return
        for step in self._steps:
            if self.fault is not None:
                return
            if isinstance(step, str):
                self._connection.send(step)
            else:
                self.fault = await self._listen(step)

    def stay(self, hold_s: float) -> None:
        """Takes no more messages, and answers pings only."""
        frames_max = FRAMES_MAX + int(hold_s * HELD_FRAMES_PER_S)
        self._connection.begin_phase(frames_max, keep=False)

    def close(self) -> None:
        """Begins to close; whoever closed before us did so too early."""
        ending = self._connection.ending
        if ending is not None and self.fault is None and not self.refused_with:
            during = "while it was held open" if self._plan.spec.hold_s else "before our close"
            self.fault = classify.ended(ending, during, self._error, self._plan.close)
        self._connection.close()

    def closed(self) -> None:
        """Judges how the close went, once it has ended or taken too long, and who it was."""
        self._judge_close()
        self.fault = self._handshake.judged(self.fault)
        if self._handshake.doubt is not None:
            self._forget()
            self.refused_with = 0

    def _judge_close(self) -> None:
        wanted = self._plan.spec.close_code
        if self.fault is not None or self.refused_with or wanted is None:
            return
        ending = self._connection.ending
        if ending is None:
            seen = f"no close frame within {CLOSE_WITHIN_S:g} s of ours"
            self.fault = Fault(Symptom.TIMEOUT, seen, self._plan.close)
        elif ending.how is not How.CLOSED or ending.code != wanted:
            self.fault = classify.ended(ending, "after our close", self._error, self._plan.close)

    def abort(self) -> None:
        """Ends the connection now."""
        self._connection.abort()

    @property
    def answered_by(self) -> str:
        """The revision that answered the handshake, by its own word."""
        return self._handshake.answered_by

    @property
    def over(self) -> asyncio.Future[None]:
        """Done when the connection has ended or was refused."""
        return self._connection.over

    @property
    def lost(self) -> asyncio.Future[None]:
        """Done when nothing is left of the connection."""
        return self._connection.lost

    @property
    def shape(self) -> Shape | None:
        """The shape of its messages, each type for itself; None where it is not looked at."""
        return self._shaped.shape if self.number <= SHAPED_SESSIONS else None

    @property
    def label(self) -> str:
        """How excerpts name it."""
        return f"#{self.number} {self.user}".rstrip()

    @property
    def told(self) -> Fault | None:
        """The fault without what differs from session to session, so that equal ones are equal."""
        return self.fault.without(self._nonce) if self.fault else None

    # The handshake.

    def _new_connection(self) -> Connection:
        return self._handshake.connection(self._arrived, self._note)

    def _again(self, refusal: Refusal) -> Connection:
        """The next connection to try; nothing of the one before is kept."""
        self._note("=", f"{refusal.fault.seen}: asking again")
        self._forget()
        self._connection = self._new_connection()
        return self._connection

    def _forget(self) -> None:
        self._error, self.foreign, self._awaited = "", 0, False
        self._shaped.forget()

    def _wrong_subprotocol(self, selected: str) -> Fault | None:
        spec = self._plan.spec
        if spec.refused:
            return None
        return self._plan.opening.wrong_selection(selected, spec.subprotocol, self._values)

    # The script.

    async def _listen(self, waiting: Waiting) -> Fault | None:
        connection = self._connection
        connection.begin_phase()
        deadline_s = self._loop.time() + waiting.within_s
        while not waiting.done:
            message = await connection.take(deadline_s)
            if message is None:
                ending = connection.ending
                if ending is None:
                    return waiting.late()
                during = f"while waiting for {waiting}"
                return classify.ended(ending, during, self._error, self._plan.close)
            if fault := waiting.take(message):
                return fault
            if not waiting.begun and not self._awaited:
                self._shaped.passed_over(message)
        self._awaited = True
        return None

    async def _let_in(self) -> Fault | None:
        """A stranger whose handshake succeeded: a close with an expected code is a refusal, too."""
        connection, within_s = self._connection, self._plan.spec.open_within_s
        connection.begin_phase(keep=False)
        await connection.take(self._loop.time() + within_s)
        ending = connection.ending
        if ending is None:
            seen = f"let in, and still so after {within_s:g} s"
            return Fault(Symptom.NOT_REFUSED, seen, self._plan.refusals)
        if ending.how is How.CLOSED and ending.code in self._plan.spec.refused:
            self.refused_with = ending.code
            return None
        return classify.ended(ending, "after the handshake", self._error, self._plan.refusals)

    # What the connection tells.

    def _arrived(self, text: str) -> Message:
        message = message_of(text)
        if isinstance(message.value, dict):
            if not self._handshake.hear(message.value):
                self._connection.abort()
                return message
            self._error = classify.error_label(message.value) or self._error
        if self.number <= SHAPED_SESSIONS:
            self._shaped.add(message.value)
        foreign = self._nonces.foreign(text, self._nonce)
        self.foreign += foreign
        if message.ping:
            self._connection.send(PONG)
        return message._replace(foreign=foreign)

    def _clean(self, text: str) -> str:
        words, nonce = self._plan.run.words, self._nonce
        return words.line(text.replace(nonce, "${nonce}"))

    def _note(self, mark: str, text: str) -> None:
        self.record.add(self._loop.time(), mark, text)
