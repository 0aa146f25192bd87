"""What one stream has said so far: events, when they came, and what is kept of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gate.core.shapes import KEY_MAX, Shape, shape_of, together
from gate.probes.outcome import Fault
from gate.probes.quoting import quoted
from gate.probes.sockets.record import Record
from gate.probes.stream.formats import UNNAMED, Event
from gate.probes.stream.judging import Judge
from gate.probes.stream.plan import Plan
from gate.probes.stream.timing import Timing

SHAPED_SESSIONS = 3
SHAPED_EVENTS = 50
"""Streams of a probe, and events of each, whose shape is looked at."""


@dataclass(frozen=True, slots=True)
class Keep:
    """What is kept of one stream's events.

    Attributes:
        record: the first and last ones.
        shapes: whether their shape is looked at.
        told: hears how many there are.
    """

    record: Record
    shapes: bool
    told: Callable[[int], None]


class Heard:
    """The events of one stream, and of its continuation.

    Args:
        plan: what must come.
        values: what templates are rendered with.
        nonce: the stream's own.
        keep: what is kept.
        now_s: when it is asked for.

    Attributes:
        judge: says whether they are right.
        timing: when they came.
        last_id: the last id that any of them had, "" for none.
        foreign: how many carried another stream's nonce.
    """

    def __init__(
        self, plan: Plan, values: Mapping[str, str], nonce: str, keep: Keep, now_s: float
    ) -> None:
        self._run = plan.run
        self._nonce = nonce
        self._keep = keep
        self._shapes: list[Shape] = []
        self.judge = Judge(plan, values, now_s)
        self.timing = Timing(now_s)
        self.last_id = ""
        self.foreign = 0

    def begin(self, asked_s: float, *, packed: bool) -> None:
        """Notes when the stream was asked for, once it is there.

        Args:
            asked_s: by the loop's clock.
            packed: whether it comes compressed.
        """
        self.timing = Timing(asked_s)
        self.timing.packed = packed
        self.judge.step_since_s = asked_s

    def go_on(self, asked_s: float) -> None:
        """Notes when its continuation was asked for."""
        self.timing.go_on(asked_s)
        self.judge.step_since_s = asked_s

    def take(self, event: Event, now_s: float) -> Fault | None:
        """Notes an event; why the stream is wrong with it, or None."""
        message = event.message
        self.timing.came(now_s)
        self.last_id = event.known_as
        named = f"{message.kind} " if message.kind not in ("", UNNAMED) else ""
        known = f"id {event.id} " if event.id else ""
        self.note(now_s, "<", f"{named}{known}{quoted(message.text)}")
        self._look_at(event)
        foreign = self._run.nonces.foreign(message.text, self._nonce)
        self.foreign += foreign
        self._keep.told(self.timing.count)
        own = event._replace(message=message._replace(foreign=foreign))
        return self.judge.take(own, now_s)

    def note(self, now_s: float, mark: str, text: str) -> None:
        """Keeps a line: > of ours, < of the stream, = of the connection itself."""
        self._keep.record.add(now_s, mark, text)

    @property
    def shape(self) -> Shape | None:
        """The shape of the events, each name for itself; None for none."""
        return together(self._shapes)

    def _look_at(self, event: Event) -> None:
        value = event.message.value
        if not self._keep.shapes or len(self._shapes) >= SHAPED_EVENTS:
            return
        if isinstance(value, dict):
            label = self._clean(f"event {event.message.kind}")
            self._shapes.append(shape_of(value, label[:KEY_MAX], self._clean))

    def _clean(self, text: str) -> str:
        return self._run.words.line(text.replace(self._nonce, "${nonce}"))
