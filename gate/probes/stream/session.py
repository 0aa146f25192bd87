"""One stream's life: it is asked for, followed, perhaps cut and gone on with; what was wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from gate.core.shapes import Shape
from gate.probes.outcome import Fault
from gate.probes.sockets.record import Record
from gate.probes.stream.following import Follower
from gate.probes.stream.heard import SHAPED_SESSIONS, Heard, Keep
from gate.probes.stream.opening import Opening
from gate.probes.stream.plan import Plan
from gate.probes.stream.timing import Timing


class Session:
    """One stream, up to the first fault.

    Args:
        plan: what all streams of the probe share.
        number: 1 for the first stream of the probe.
        record: keeps its events.
        told: hears how many events have come.

    Attributes:
        fault: what was wrong, None while nothing was.
        refused_with: always 0: what refuses a stream is an answer with another status.

    Raises:
        CannotAskError: a value of a template is missing.
    """

    def __init__(
        self, plan: Plan, number: int, record: Record, told: Callable[[int], None]
    ) -> None:
        spec, run = plan.spec, plan.run
        self._plan = plan
        self._number = number
        self._user = spec.users[(number - 1) % len(spec.users)] if spec.users else ""
        self._nonce = run.nonces.new()
        self._loop = asyncio.get_running_loop()
        values = run.values(self._nonce, self._user)
        keep = Keep(record, number <= SHAPED_SESSIONS, told)
        self._heard = Heard(plan, values, self._nonce, keep, self._loop.time())
        self._opening = Opening(plan, values, self._note)
        self.began_s = self._loop.time()
        self.record = record
        self.refused_with = 0
        self.fault: Fault | None = None

    async def run(self, few: asyncio.Semaphore) -> None:
        """Goes through all of it; never raises for what comes back.

        Args:
            few: lets so many ask at the same time.
        """
        try:
            self.fault = await self._go(few)
        finally:
            await self._opening.close()
        if self.fault is not None:
            self._note("=", self.fault.seen)

    @property
    def told(self) -> Fault | None:
        """The fault without what differs from stream to stream, so that equal ones are equal."""
        return self.fault.without(self._nonce) if self.fault else None

    @property
    def label(self) -> str:
        """How excerpts name it."""
        return f"#{self._number} {self._user}".rstrip()

    @property
    def answered_by(self) -> str:
        """The revision that answered, by its own word."""
        return self._opening.answered_by

    @property
    def foreign(self) -> int:
        """How many events carried another stream's nonce."""
        return self._heard.foreign

    @property
    def shape(self) -> Shape | None:
        """The shape of its events, each name for itself; None for none."""
        return self._heard.shape

    @property
    def timing(self) -> Timing:
        """When its events came."""
        return self._heard.timing

    async def _go(self, few: asyncio.Semaphore) -> Fault | None:
        cut_after = self._plan.spec.resume_after
        opening, heard = self._opening, self._heard
        if fault := await opening.ask(few):
            return fault
        self.began_s = opening.asked_s
        heard.begin(opening.asked_s, packed=opening.packed)
        fault = await Follower(self._plan, heard, opening, cut_after).follow()
        return fault if fault or not cut_after else await self._resume(few)

    async def _resume(self, few: asyncio.Semaphore) -> Fault | None:
        """Hangs up, asks again with the last id, and follows what comes then."""
        opening, heard = self._opening, self._heard
        await opening.close()
        if fault := heard.judge.cut():
            return fault
        self._note(">", f"after a cut, with Last-Event-ID: {heard.last_id}")
        if fault := await opening.ask(few, heard.last_id):
            return replace(fault, seen=f"after the cut: {fault.seen}")
        heard.go_on(opening.asked_s)
        return await Follower(self._plan, heard, opening).follow()

    def _note(self, mark: str, text: str) -> None:
        self._heard.note(self._loop.time(), mark, text)
