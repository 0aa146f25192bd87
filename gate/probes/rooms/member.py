"""One connection of a party: joins, says, hears, is silent, leaves."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from gate.core.evidence import Outcome, Symptom
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.rooms.carried import Carried, carries
from gate.probes.rooms.plan import Part, Plan
from gate.probes.sockets import classify
from gate.probes.sockets.classify import How, Refusal
from gate.probes.sockets.connection import FRAMES_MAX, Connection
from gate.probes.sockets.handshake import Handshake
from gate.probes.sockets.message import PONG, Message, message_of
from gate.probes.sockets.record import Record
from gate.probes.sockets.shaped import Shaped
from gate.probes.sockets.waiting import Waiting

HEARD_MAX = 1 << 23
"""Most characters that one connection may hear in a round, of few; many share what these have."""
_HEARD_ALL = 1 << 27
_HEARD_LEAST = 1 << 16
ALIVE_WITHIN_S = 5.0
"""How long the pong may take that shows that a silent connection lives."""
LEAVE_WITHIN_S = 1.0
_OPEN = "an open connection"
_FRAMES = 10


class Member:
    """One connection of one party, for one round.

    Args:
        plan: the probe.
        part: the party.
        number: 1 for the first connection of the party.
        nonce: the round's.

    Attributes:
        heard: every message since it joined, in order.
        gone: whether it has left.
        foreign: messages that carried the nonce of another round or probe.

    Raises:
        CannotAskError: the handshake cannot be rendered.
    """

    def __init__(self, plan: Plan, part: Part, number: int, nonce: str) -> None:
        run = plan.run
        self._plan = plan
        self._most = max(_HEARD_LEAST, min(HEARD_MAX, _HEARD_ALL // plan.total))
        self._part = part
        self._nonce = nonce
        self.name = part.name
        self.label = part.name if part.party.connections == 1 else f"{part.name} #{number}"
        self.values = run.values(nonce, part.party.user)
        self.record = Record(run.words.reach(), _FRAMES // 3, _FRAMES - _FRAMES // 3)
        self.shaped = Shaped(lambda text: run.words.line(text.replace(nonce, "${nonce}")))
        self._loop = asyncio.get_running_loop()
        self.began_s = self._loop.time()
        within_s = plan.spec.open_within_s
        self._handshake = Handshake(part.opening, run, self.values, within_s)
        self._news = asyncio.Event()
        self.heard: list[Message] = []
        self.gone = False
        self.foreign = 0
        self._next = 0
        self._taken: Counter[str] = Counter()
        self._chars = 0
        self._flooded = False
        self._error = ""
        self._connection = self._renewed()

    # What the steps do with it.

    @property
    def answered_by(self) -> str:
        """The revision that answered the handshake, by its own word."""
        return self._handshake.answered_by

    @property
    def doubted(self) -> Fault | None:
        """Why nothing that it heard is evidence: another revision spoke, or nobody knows which."""
        return self._handshake.judged(None)

    async def another(self) -> bool:
        """Whether to ask again, after a pause: another revision answered."""
        return await self._handshake.another(self._connection)

    @property
    def count(self) -> int:
        """How many messages it has heard."""
        return len(self.heard)

    async def join(self) -> Fault | None:
        """Shakes hands; why it was refused, or None."""
        self._connection = self._renewed()
        refusal = await self._handshake.shake(self._connection, self._again)
        if refusal is not None:
            self._note("=", refusal.fault.seen)
            return refusal.fault
        selected = self._connection.subprotocol
        self._note("=", f"open, subprotocol {selected or 'none'}")
        wanted = self._plan.spec.subprotocol
        return self._part.opening.wrong_selection(selected, wanted, self.values)

    def begin_step(self) -> None:
        """Counts frames anew."""
        self._connection.begin_phase(FRAMES_MAX, keep=False)

    def say(self, text: str) -> Fault | None:
        """Sends a message."""
        fault = self.ended("before it could say anything")
        if fault is None:
            self._connection.send(text)
        return fault

    async def hear(
        self, wait: Callable[[], Waiting | Carried], since: int, marks: Sequence[str]
    ) -> Fault | None:
        """Listens until what is awaited has come; why it has not, or None.

        Args:
            wait: makes what is awaited.
            since: messages before this one do not count.
            marks: of what was said last; a message with one of them must not come twice.
        """
        waiting = wait()
        at = max(since, self._next)
        deadline_s = self._loop.time() + waiting.within_s
        while True:
            while at < self.count:
                message, at = self.heard[at], at + 1
                fault = waiting.take(message)
                if fault is not None or waiting.done:
                    self._next = at
                    if carries(message, marks):
                        self._taken[message.text] += 1
                    return fault
            if fault := self.ended(f"while waiting for {waiting}"):
                return fault
            if not await self._more(deadline_s):
                return self._came_before(wait(), max(since, 0)) or waiting.late()

    async def silent(
        self, forbidden: Callable[[Message], bool], leak: Fault, since: int, for_s: float
    ) -> Fault | None:
        """Listens for what must not come, then shows that the connection lives.

        Args:
            forbidden: whether a message is such a one.
            leak: what is wrong if one comes, without the message.
            since: messages before this one do not count.
            for_s: how long.
        """
        deadline_s = self._loop.time() + for_s
        at = since
        alive = False
        while True:
            while at < self.count:
                message, at = self.heard[at], at + 1
                if forbidden(message):
                    return replace(leak, seen=f"heard {quoted(message.text, leak.seen)}")
            if fault := self.ended("while it had to be silent"):
                return fault
            if alive:
                return None
            if not await self._more(deadline_s):
                if fault := await self._dead():
                    return fault
                alive = True

    async def closed(self, codes: Sequence[int], within_s: float) -> Fault | None:
        """Waits until the server closes the connection with one of these codes."""
        expected = f"close {' or '.join(map(str, codes))}"
        if not self._connection.over.done():
            await asyncio.wait({self._connection.over}, timeout=within_s)
        ending = self._connection.ending
        self.gone = True
        if ending is None:
            return Fault(Symptom.TIMEOUT, f"still open after {within_s:g} s", expected)
        if ending.how is How.CLOSED and ending.code in codes:
            return None
        return classify.ended(ending, "", self._error, expected)

    async def leave(self) -> None:
        """Closes in good manners; whether that is answered does not matter."""
        self.gone = True
        self._connection.close()
        if not self._connection.over.done():
            await asyncio.wait({self._connection.over}, timeout=LEAVE_WITHIN_S)
        self._connection.abort()

    async def settle(self) -> None:
        """Lets what is on its way arrive: whatever was sent before the pong has come then."""
        pong = self._connection.ping()
        await asyncio.wait(
            {pong, self._connection.over},
            timeout=LEAVE_WITHIN_S,
            return_when=asyncio.FIRST_COMPLETED,
        )

    def doubled(self, times: Callable[[str], int]) -> Fault | None:
        """Whether a message that it was to hear came more often than it was said.

        Args:
            times: how often what a message carries was said.
        """
        heard = Counter(message.text for message in self.heard)
        for text, taken in self._taken.items():
            if heard[text] > max(taken, times(text)):
                seen = f"{heard[text]} times the same message: {quoted(text, 'not kept')}"
                return Fault(Symptom.SEQUENCE, seen, "each message once")
        return None

    def ended(self, during: str) -> Fault | None:
        """Why the connection is over, None while it lives or where it was left."""
        ending = self._connection.ending
        if self.gone or (ending is None and not self._flooded):
            return None
        if self._flooded:
            seen = f"more than {self._most} characters {during}"
            return Fault(Symptom.TOO_LARGE, seen, "messages that end")
        assert ending is not None
        return classify.ended(ending, during, self._error, _OPEN)

    async def abort(self, within_s: float) -> None:
        """Ends the connection now, and leaves nothing of it behind."""
        self._connection.abort()
        if not self._connection.lost.done():
            await asyncio.wait({self._connection.lost}, timeout=within_s)

    # Waiting.

    async def _more(self, deadline_s: float) -> bool:
        """Whether something has happened before the deadline (loop time)."""
        self._news.clear()
        try:
            async with asyncio.timeout_at(deadline_s):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _dead(self) -> Fault | None:
        """Whether nobody knows that the connection lives: then its silence proves nothing."""
        pong = self._connection.ping()
        await asyncio.wait(
            {pong, self._connection.over},
            timeout=ALIVE_WITHIN_S,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if pong.done() or self._connection.over.done():
            return None
        return Fault(
            Symptom.TIMEOUT,
            f"silent, but no pong within {ALIVE_WITHIN_S:g} s either",
            "a connection that is silent and lives",
            "whether it would have heard anything, nobody knows",
            Outcome.INCONCLUSIVE,
        )

    def _came_before(self, waiting: Waiting | Carried, since: int) -> Fault | None:
        """Whether what is awaited came before what was awaited first."""
        for message in self.heard[since : self._next]:
            if waiting.take(message) is not None:
                return None
            if waiting.done:
                seen = f"{waiting} came before what was awaited first"
                return Fault(Symptom.SEQUENCE, seen, "the order in which it was said")
        return None

    # The connection, and what it tells.

    def _renewed(self) -> Connection:
        """A new connection, which has heard nothing."""
        self.heard, self._taken = [], Counter()
        self._next = self._chars = 0
        self._flooded = self.gone = False
        self._error = ""
        connection = self._handshake.connection(self._arrived, self._note)
        connection.begin_phase(FRAMES_MAX, keep=False)
        connection.over.add_done_callback(lambda _: self._news.set())
        return connection

    def _again(self, refusal: Refusal) -> Connection:
        self._note("=", f"{refusal.fault.seen}: asking again")
        self.shaped.forget()
        self.foreign = 0
        self._connection = self._renewed()
        return self._connection

    def _arrived(self, text: str) -> Message:
        message = message_of(text)
        if isinstance(message.value, dict):
            self._error = classify.error_label(message.value) or self._error
            self._handshake.hear(message.value)
        self.shaped.add(message.value)
        if message.ping:
            self._connection.send(PONG)
        nonces = self._plan.run.nonces
        foreign = self._part.own_room and nonces.foreign(text, self._nonce)
        self.foreign += foreign
        message = message._replace(foreign=foreign)
        self._keep(message)
        return message

    def _keep(self, message: Message) -> None:
        self._chars += len(message.text)
        if self._chars > self._most:
            self._flooded = True
            self._connection.abort()
        else:
            self.heard.append(message)
        self._news.set()

    def _note(self, mark: str, text: str) -> None:
        self.record.add(self._loop.time(), mark, text)
