"""Whether the events of a stream are those that must come, in their order. Pure."""

import re
from collections.abc import Mapping

from gate.core.evidence import Symptom
from gate.kinds.stream import Ids
from gate.probes.expect import Bound
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.sockets.waiting import Waiting
from gate.probes.stream.formats import Event
from gate.probes.stream.plan import Plan

_COUNTED = re.compile("[0-9]{1,40}")
_IDS_MAX = 100_000
"""Most ids that are kept of one stream."""


class Judge:
    """Takes the events of one stream, and of its continuation.

    Args:
        plan: what must come.
        values: what templates are rendered with.
        now_s: when it begins.

    Attributes:
        count: events so far.
        step_since_s: since when the step is waited for that is next.
    """

    def __init__(self, plan: Plan, values: Mapping[str, str], now_s: float) -> None:
        self._spec = plan.spec
        self._plan = plan
        self._each: Bound = plan.each.bind(values)
        self._never: Bound = plan.never.bind(values)
        self._steps: list[Waiting] = [step.bind(values) for step in plan.steps]
        self._ids = _Ids(plan.spec.ids, unique=bool(plan.spec.resume_after))
        self.step_since_s = now_s
        self.count = 0

    @property
    def step(self) -> Waiting | None:
        """The step that is waited for."""
        return self._steps[0] if self._steps else None

    @property
    def satisfied(self) -> bool:
        """Whether all has come that must come."""
        return not self._steps and self.count >= self._spec.least

    def take(self, event: Event, at_s: float) -> Fault | None:
        """Looks at the next event; why the stream is wrong with it, or None."""
        self.count += 1
        message = event.message
        if fault := self._ids.take(event.id):
            return fault
        if not self._never.asks_nothing and self._never.may_match(message.value):
            return Fault(
                Symptom.FORBIDDEN, quoted(message.text, "one"), f"no event with {self._plan.never}"
            )
        for wrong in self._each.mismatches(message.value):
            seen = f"event {self.count} with {wrong.seen}"
            return Fault(wrong.symptom, seen, wrong.expected, wrong.hint)
        if not self._steps:
            return None
        fault = self._steps[0].take(message)
        if self._steps[0].done:
            del self._steps[0]
            self.step_since_s = at_s
        return fault

    def cut(self) -> Fault | None:
        """Notes that the stream was cut here; why it cannot be gone on with, or None."""
        return self._ids.cut()

    def missing(self, ending: str) -> Fault | None:
        """Why a stream that has no more to come is wrong, or None.

        Args:
            ending: how it ended, e.g. `it ended after 3 events`.
        """
        if self._steps:
            seen = ", ".join(text for text in (ending, self._steps[0].so_far) if text)
            return Fault(Symptom.SEQUENCE, seen, str(self._steps[0]))
        if self.count < self._spec.least:
            return Fault(Symptom.SEQUENCE, ending, f"at least {self._spec.least} events")
        return None


class _Ids:
    """The ids of a stream's events, also where it was cut and gone on with."""

    def __init__(self, wanted: Ids, *, unique: bool) -> None:
        self._consecutive = wanted is Ids.CONSECUTIVE
        self._unique = unique or wanted is Ids.UNIQUE
        self._seen: dict[str, None] = {}
        self._last = ""
        self._steps: set[int] = set()
        self._joint: tuple[str, str] | None = None
        self._cut_after = ""

    def take(self, own: str) -> Fault | None:
        """Looks at an event's id, "" for none; what is wrong with it, or None."""
        if self._consecutive and (fault := self._out_of_step(own)):
            return fault
        if not own:
            return None
        fault = self._again(own) if self._unique and own in self._seen else None
        last, self._last = self._last, own
        if len(self._seen) < _IDS_MAX:
            self._seen[own] = None
        return fault or self._gap(last, own)

    def cut(self) -> Fault | None:
        """Begins the part after the cut."""
        if not self._last:
            return Fault(
                Symptom.SEQUENCE,
                "no id in the events before the cut",
                "an `id` to go on from",
                "a client that loses its connection sends the last id as Last-Event-ID: without "
                "ids, whatever comes in between is lost",
            )
        self._cut_after = self._last
        return None

    def _out_of_step(self, own: str) -> Fault | None:
        wanted = f"an id one more than {self._last}" if self._last else "a whole number as id"
        if (number := _number(own)) is None:
            return Fault(Symptom.SEQUENCE, f"the id {own}" if own else "no id", wanted)
        if self._last and number != int(self._last) + 1:
            return Fault(Symptom.SEQUENCE, f"id {own} after {self._last}", wanted)
        return None

    def _again(self, own: str) -> Fault:
        if not self._cut_after:
            return Fault(Symptom.SEQUENCE, f"the id {own} twice", "each id once")
        return Fault(
            Symptom.SEQUENCE,
            f"the id {own} once more, after a cut and Last-Event-ID: {self._cut_after}",
            f"what follows {self._cut_after}",
            "the server does not heed Last-Event-ID: clients that lose their connection get events "
            "twice",
        )

    def _gap(self, last: str, own: str) -> Fault | None:
        """A gap at the cut, where ids count up by one wherever else they are looked at."""
        here, there = _number(last), _number(own)
        if here is None or there is None:
            return None
        if last == self._cut_after and self._joint is None:
            self._joint = (last, own)
        else:
            self._steps.add(there - here)
        if self._joint is None or self._steps != {1}:
            return None
        before, after = self._joint
        if int(after) == int(before) + 1:
            return None
        return Fault(
            Symptom.SEQUENCE,
            f"id {after} after a cut and Last-Event-ID: {before}",
            f"id {int(before) + 1}",
            "what was sent while the client was away is lost: keep events until they are asked for",
        )


def _number(own: str) -> int | None:
    """The whole number that an id is, None where it is none that anybody counts by."""
    return int(own) if _COUNTED.fullmatch(own) else None
