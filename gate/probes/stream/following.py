"""Follows one stream against its limits of time, up to the first fault or the end of it."""

import asyncio
from collections.abc import Awaitable, Callable

from gate.core.event_stream import TooLargeError
from gate.core.evidence import Symptom
from gate.probes.outcome import Fault
from gate.probes.stream.formats import Reader, reader_of
from gate.probes.stream.heard import Heard
from gate.probes.stream.opening import Opening
from gate.probes.stream.plan import Plan
from gate.probes.stream.wrong import broken_off, ended_by_front_end
from gate.probes.web.exchange import ExchangeError
from gate.probes.web.streaming import Stream

MORE = 2
"""So many events are waited for after a cut: the second one says how ids go on there."""
_MOMENT_S = 0.2

Late = Callable[[], Awaitable[Fault | None]]


class Follower:
    """One answer: of a stream, or of its continuation.

    Args:
        plan: what must come.
        heard: what has come.
        opening: the answer, whose head is there.
        cut_after: how many events there are to be before it is cut, 0 for no cut.
    """

    def __init__(self, plan: Plan, heard: Heard, opening: Opening, cut_after: int = 0) -> None:
        assert opening.stream is not None
        self._plan, self._spec = plan, plan.spec
        self._heard = heard
        self._judge, self._timing = heard.judge, heard.timing
        self._stream: Stream = opening.stream
        self._reader: Reader = reader_of(plan.spec.format)
        self._asked_s, self._opened_s = opening.asked_s, opening.began_s
        self._cut_after = cut_after
        self._before = heard.timing.count
        self._loop = asyncio.get_running_loop()
        self._piece_s = opening.began_s

    async def follow(self) -> Fault | None:
        """Takes events until all has come, the time is up, or something is wrong."""
        try:
            while not self._done:
                due_s, late = self._due()
                piece = await self._stream.piece(due_s)
                if piece == b"":
                    return await late()
                if piece is None:
                    return await self._ended()
                if fault := await self._taken(piece):
                    return fault
        except TooLargeError as error:
            return Fault(Symptom.TOO_LARGE, f"an event of {error}", f"at most {error.most} bytes")
        except ExchangeError as error:
            rest, now_s = self._reader.rest, self._loop.time()
            return await broken_off(self._plan.run, error.fault, rest, self._timing, now_s)
        return None

    @property
    def _here(self) -> int:
        """Events of this answer."""
        return self._timing.count - self._before

    @property
    def _done(self) -> bool:
        """Whether all has come, so that we may hang up."""
        spec = self._spec
        if self._cut_after:
            return self._here >= self._cut_after
        if spec.for_s or spec.end or not self._judge.satisfied:
            return False
        resumed = self._here >= MORE or not spec.resume_after
        return resumed and self._timing.spread_s >= spec.spread_s

    async def _taken(self, piece: bytes) -> Fault | None:
        self._piece_s = now_s = self._loop.time()
        for event in self._reader.feed(piece):
            if fault := self._heard.take(event, now_s):
                return fault
            if self._cut_after and self._done:
                break
        return await self._first_late() if self._timing.late(self._spec.first_within_s) else None

    # Time.

    def _due(self) -> tuple[float, Late]:
        """When the time is up for what is awaited first, and what is wrong then."""
        spec = self._spec
        whole_s = self._opened_s + spec.for_s if spec.for_s else self._asked_s + spec.within_s
        due: list[tuple[float, Late]] = [(whole_s, self._over)]
        if spec.silence_s is not None:
            due.append((self._piece_s + spec.silence_s, self._silence))
        if not self._here:
            if not self._judge.satisfied:
                due.append((self._asked_s + spec.first_within_s, self._first_late))
            return min(due, key=lambda one: one[0])
        step = self._judge.step
        if step is not None:
            due.append((self._judge.step_since_s + step.within_s, self._step_late))
        if spec.gap_s is not None:
            due.append((self._timing.last_at_s + spec.gap_s, self._gap))
        return min(due, key=lambda one: one[0])

    async def _over(self) -> Fault | None:
        """The time for all of it is over, as it must be with `for`."""
        spec = self._spec
        limit_s = spec.for_s or spec.within_s
        told = f"{self._timing} within {limit_s:g} s"
        if (fault := self._missing(told)) or spec.for_s:
            return fault
        if spec.end:
            seen = f"still open after {limit_s:g} s: {self._timing}"
            return Fault(Symptom.TIMEOUT, seen, f"its end within {limit_s:g} s")
        return self._timing.too_close(spec.spread_s)

    async def _step_late(self) -> Fault:
        step = self._judge.step
        assert step is not None
        return step.late()

    async def _gap(self) -> Fault:
        gap_s = self._spec.gap_s or 0.0
        seen = f"no event for {gap_s:g} s after {self._timing}"
        return Fault(Symptom.TIMEOUT, seen, f"one every {gap_s:g} s")

    async def _silence(self) -> Fault:
        silence_s = self._spec.silence_s or 0.0
        seen = f"nothing, not even a comment, for {silence_s:g} s after {self._timing}"
        hint = "proxies and clients give up on quiet streams: send a comment line now and then"
        return Fault(Symptom.TIMEOUT, seen, f"something every {silence_s:g} s", hint)

    async def _first_late(self) -> Fault | None:
        """The first event is late: what comes a little later says why."""
        within_s = self._spec.first_within_s
        if self._before:
            seen = f"no event within {within_s:g} s after the cut"
            return Fault(Symptom.TIMEOUT, seen, self._plan.first)
        until_s = self._asked_s + self._plan.look_s
        while piece := await self._stream.piece(min(until_s, self._end_s)):
            for event in self._reader.feed(piece):
                self._heard.take(event, self._loop.time())
        if piece is None:
            self._timing.ended(self._loop.time())
            if fault := await self._said_by_front_end():
                return fault
        if fault := self._timing.late(within_s):
            return fault
        seen = "its end before any event," if piece is None else "no event within"
        seen = f"{seen} {self._loop.time() - self._asked_s:.1f} s"
        return Fault(Symptom.TIMEOUT, seen, self._plan.first)

    @property
    def _end_s(self) -> float:
        """Until when the end must come if all comes at once; later than anything before that."""
        first_s = self._timing.first_s
        if first_s is None:
            return float("inf")
        return self._timing.began_s + first_s * 1.1 + _MOMENT_S

    # Its end.

    async def _ended(self) -> Fault | None:
        """The server has ended the stream, and whole."""
        now_s = self._loop.time()
        self._timing.ended(now_s)
        if fault := await self._said_by_front_end():
            return fault
        for event in self._reader.end():
            if fault := self._heard.take(event, now_s):
                return fault
        rest = self._reader.rest
        if any(line.startswith(b"data") for line in rest.split(b"\n")):
            seen = f"its end in the middle of an event ({len(rest)} bytes of it)"
            return Fault(Symptom.PROTOCOL, seen, "an empty line after each event")
        return self._timing.late(self._spec.first_within_s) or self._too_early(now_s)

    async def _said_by_front_end(self) -> Fault | None:
        return await ended_by_front_end(self._plan.run, self._reader.rest, self._timing)

    def _too_early(self, now_s: float) -> Fault | None:
        spec = self._spec
        told = f"its end after {now_s - self._opened_s:.1f} s: {self._timing}"
        if self._cut_after:
            wanted = f"more than {self._cut_after} events, after which it was to be cut"
            return Fault(Symptom.SEQUENCE, told, wanted)
        if spec.spread_s and (fault := self._timing.too_close(spec.spread_s)):
            return fault
        if fault := self._missing(told):
            return fault
        return Fault(Symptom.SEQUENCE, told, f"open for {spec.for_s:g} s") if spec.for_s else None

    def _missing(self, told: str) -> Fault | None:
        if self._before and not self._here:
            return Fault(Symptom.SEQUENCE, f"{told}, none of them after the cut", "more events")
        return self._judge.missing(told)
