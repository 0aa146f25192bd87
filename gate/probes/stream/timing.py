"""When the events of a stream came, and what it looks like if something held them back. Pure."""

from gate.core.evidence import Symptom
from gate.probes.outcome import Fault

AT_ONCE = 0.1
"""Events count as come at once if all came in this share of the time before the first."""
SHOWS_S = 0.5
"""From so long a wait on it is said of a pass, too, that all came at once."""
_PACKED = "something compresses the stream and waits for more: leave text/event-stream out of it"
_HELD = (
    "a server, a middleware or a proxy collects the answer before it sends any: flush after each "
    "event, turn buffering off for this path (X-Accel-Buffering: no), and send no Content-Length"
)


class Timing:
    """Times of one stream, by the loop's clock.

    Args:
        began_s: when it was asked for.

    Attributes:
        asked_s: when it, or its continuation, was asked for.
        count: events so far.
        first_s: how long the first one took, None before it.
        longest_s: the longest time from one event to the next.
        ended_s: how long it took to its end, None before.
        packed: whether the answer is compressed.
    """

    def __init__(self, began_s: float) -> None:
        self.began_s = self.asked_s = began_s
        self.count = 0
        self.first_s: float | None = None
        self.last_s = 0.0
        self.longest_s = 0.0
        self._since_s = 0.0
        self.ended_s: float | None = None
        self.packed = False

    def came(self, at_s: float) -> None:
        """Notes an event."""
        took_s = at_s - self.began_s
        if self.first_s is None:
            self.first_s = took_s
        else:
            self.longest_s = max(self.longest_s, took_s - self._since_s)
        self.last_s = self._since_s = took_s
        self.count += 1

    def go_on(self, asked_s: float) -> None:
        """Notes when the continuation was asked for; what comes before is no gap."""
        self.asked_s = asked_s
        self._since_s = asked_s - self.began_s

    def ended(self, at_s: float) -> None:
        """Notes the end of the answer."""
        self.ended_s = at_s - self.began_s

    @property
    def last_at_s(self) -> float:
        """When the last event came, or its continuation was asked for, by the loop's clock."""
        return self.began_s + self._since_s

    @property
    def spread_s(self) -> float:
        """Time from the first event to the last one."""
        return self.last_s - (self.first_s or 0.0)

    @property
    def at_once(self) -> bool:
        """Whether all of it, its end included, came together after a while of nothing."""
        if self.first_s is None or self.ended_s is None or self.count < 2:
            return False
        return self.ended_s - self.first_s <= AT_ONCE * self.first_s

    def late(self, within_s: float) -> Fault | None:
        """The fault of a first event that came, but too late; None where it was in time."""
        if self.first_s is None or self.first_s <= within_s:
            return None
        expected = f"the first event within {within_s:g} s"
        if self.at_once:
            return self._buffered(expected)
        return Fault(Symptom.SLOW, f"the first event after {self.first_s:.1f} s", expected)

    def too_close(self, spread_s: float) -> Fault | None:
        """The fault of events that came closer together than they should, or None."""
        if self.spread_s >= spread_s:
            return None
        expected = f"at least {spread_s:g} s from the first event to the last"
        if self.at_once or (self.ended_s is not None and self._together):
            return self._buffered(expected)
        seen = f"{self._events} within {self.spread_s:.2f} s"
        return Fault(Symptom.SLOW, seen, expected)

    def __str__(self) -> str:
        if self.first_s is None:
            return "no event"
        if self.at_once and self.first_s >= SHOWS_S:
            return f"{self._events}, all at once at the end, after {self.first_s:.1f} s of nothing"
        parts = [self._events, f"the first after {self.first_s * 1000:.0f} ms"]
        parts += [f"at most {self.longest_s:.1f} s apart"] if self.count > 1 else []
        return ", ".join(parts)

    @property
    def _events(self) -> str:
        return f"{self.count} event{'' if self.count == 1 else 's'}"

    @property
    def _together(self) -> bool:
        """Whether the events took but a moment of all the time."""
        whole_s = self.ended_s or self.last_s
        return self.count > 1 and self.spread_s <= AT_ONCE * whole_s

    def _buffered(self, expected: str) -> Fault:
        seen = (
            f"all at once at the end: {self._events} after {self.first_s or 0:.1f} s of nothing: "
            "buffered"
        )
        hint = _PACKED if self.packed else _HELD
        return Fault(Symptom.SLOW, seen, expected, hint)
