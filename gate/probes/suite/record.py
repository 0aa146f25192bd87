"""What the proxy saw, test by test: answers of the candidate, and what was none. Bounded."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from gate.core.answers import NO_ANSWER
from gate.core.evidence import Asked

NOBODY = ""
"""Key of what was asked while no test ran: imports, collection, and what runs between tests."""
SEVERAL = "\0several"
"""Key of what was asked while several tests ran at once: nobody knows by which."""
KINDS_MAX = 20
LINES_MAX = 3
PLACES_MAX = 100
TESTS_MAX = 20_000
"""Most tests of one suite."""


class Bounded(Counter[str]):
    """Counts texts, only so many different ones."""

    def note(self, text: str) -> None:
        """Counts one more; what is new beyond the bound is counted as `others`."""
        self[text if text in self or len(self) < KINDS_MAX else "others"] += 1


@dataclass(slots=True)
class Seen:
    """What was seen while one test ran.

    Attributes:
        answers: answers that the candidate gave, WebSocket handshakes included.
        statuses: how often which status.
        sent, received: WebSocket messages to the candidate and from it.
        closes: how often which close.
        broken: exchanges with the candidate that ended without a whole answer, by what was seen.
        foreign: answers of another revision, or of nobody knows which, by what was seen.
        unreached: questions that never reached the candidate: no connection, or the front end
            answered in its place.
        lines: the first exchanges, each in a line.
        places: what was asked, the first PLACES_MAX of them, each with the codes that it was
            answered with (core.answers).
        early: answers that say that it is too early to ask.
        took_s: how long the test ran.
    """

    answers: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    received: int = 0
    closes: Bounded = field(default_factory=Bounded)
    broken: Bounded = field(default_factory=Bounded)
    foreign: Bounded = field(default_factory=Bounded)
    unreached: Bounded = field(default_factory=Bounded)
    lines: list[str] = field(default_factory=list)
    places: dict[Asked, set[int]] = field(default_factory=dict)
    early: int = 0
    took_s: float = 0.0

    @property
    def asked(self) -> bool:
        """Whether the candidate was asked something and answered."""
        return self.answers > 0 or (self.sent > 0 and self.received > 0)

    @property
    def exchanges(self) -> int:
        """How often anything was asked."""
        wrong = (self.broken, self.foreign, self.unreached)
        return self.answers + sum(texts.total() for texts in wrong)

    def at(self, place: Asked) -> None:
        """Notes what is asked."""
        if len(self.places) < PLACES_MAX:
            self.places.setdefault(place, set())

    def coded(self, place: Asked, code: int) -> None:
        """Notes how it was answered."""
        codes = self.places.get(place)
        if codes is not None and len(codes) < KINDS_MAX:
            codes.add(code)

    def broke(self, place: Asked, told: str) -> None:
        """Notes that an exchange with the candidate ended without a whole answer."""
        self.broken.note(told)
        self.coded(place, NO_ANSWER)

    def line(self, text: str) -> None:
        """Keeps one exchange in words, if it is among the first."""
        if len(self.lines) < LINES_MAX:
            self.lines.append(text)

    def __str__(self) -> str:
        parts = [f"{count} x {status}" for status, count in self.statuses.most_common(5)]
        parts += [f"{self.sent} sent, {self.received} received"] if self.sent else []
        parts += [f"close {close}" for close, _ in self.closes.most_common(3)]
        for texts in (self.broken, self.foreign, self.unreached):
            parts += [text for text, _ in texts.most_common(2)]
        return ", ".join(parts)


class Record:
    """Everything that the proxy saw, and which test is running.

    Args:
        now_s: a clock that only goes forward.
    """

    def __init__(self, now_s: Callable[[], float] = monotonic) -> None:
        self._now_s = now_s
        self._by_test: dict[str, Seen] = {}
        self._running: dict[str, int] = {}
        self._began_s: dict[str, float] = {}

    def begin(self, test: str) -> None:
        """A test begins."""
        self._running[test] = self._running.get(test, 0) + 1
        self._began_s.setdefault(test, self._now_s())

    def end(self, test: str) -> None:
        """A test has ended."""
        left = self._running.pop(test, 1) - 1
        if left > 0:
            self._running[test] = left
        elif (began_s := self._began_s.pop(test, None)) is not None:
            self.of(test).took_s += self._now_s() - began_s

    @property
    def running(self) -> tuple[str, ...]:
        """The tests that are running."""
        return tuple(self._running)

    def now(self) -> Seen:
        """Where to note what is asked now."""
        match list(self._running):
            case []:
                return self.of(NOBODY)
            case [test]:
                return self.of(test)
            case _:
                return self.of(SEVERAL)

    def of(self, test: str) -> Seen:
        """What was seen while this test ran."""
        if test not in self._by_test and len(self._by_test) > TESTS_MAX:
            return Seen()
        return self._by_test.setdefault(test, Seen())

    def all(self) -> Iterable[Seen]:
        """What was seen in all."""
        return self._by_test.values()

    def by_test(self) -> Mapping[str, Seen]:
        """The same by test, NOBODY and SEVERAL among them."""
        return self._by_test
