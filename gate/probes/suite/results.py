"""What became of each test, put together from what its runner reports. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from gate.core.questions import Json
from gate.probes.suite.record import TESTS_MAX


class Ended(Enum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERRORED = "errored"  # before the test itself, or after it
    SKIPPED = "skipped"
    XFAILED = "expected to fail"  # whether it did or not: either way it stops nothing
    DESELECTED = "deselected"
    NOT_RUN = "not run"  # collected, and nobody heard of its end


@dataclass(frozen=True, slots=True)
class Result:
    """One test.

    Attributes:
        markers: names of its markers.
        why: what the runner said of it, as it came.
        reruns: how often it failed and was run again.
    """

    id: str
    ended: Ended
    markers: frozenset[str] = frozenset()
    why: str = ""
    reruns: int = 0


@dataclass(frozen=True, slots=True)
class Results:
    """All that a runner reported.

    Attributes:
        runner: e.g. `pytest 8.3` or `JUnit XML`, "" if none reported.
        tests: in the order in which they were collected.
        uncollected: places whose tests could not even be collected, and why.
        code: the exit code by the runner's own word, None if it never came to its end.
        by_test: whether the runner said which test was running.
        garbled: reports that could not be read.
    """

    runner: str = ""
    tests: tuple[Result, ...] = ()
    uncollected: Mapping[str, str] = field(default_factory=dict)
    code: int | None = None
    by_test: bool = False
    garbled: int = 0


@dataclass(slots=True)
class _Course:
    """One test on its way."""

    markers: frozenset[str] = frozenset()
    selected: bool = True
    passed: bool = False
    failed: bool = False
    errored: bool = False
    skipped: bool = False
    xfail: bool = False
    over: bool = False
    reruns: int = 0
    why: str = ""

    def report(self, when: str, outcome: str, why: str, *, xfail: bool, part: bool) -> None:
        if part and outcome != "failed":
            return  # a subtest that passed or was skipped says nothing of the whole
        match outcome:
            case "rerun":
                self._again()
            case "failed":
                self.errored |= when != "call"
                self.failed |= when == "call"
            case "skipped":
                self.skipped = True
            case "passed" if when == "call":
                self.passed = True
            case _:
                pass
        self.xfail |= xfail
        self.over |= when == "teardown"
        self.why = self.why or why

    def _again(self) -> None:
        self.reruns += 1
        self.passed = self.failed = self.errored = self.skipped = self.xfail = self.over = False

    def ended(self) -> Ended:
        """The worst of what was reported."""
        worst = (
            (not self.selected, Ended.DESELECTED),
            (self.errored, Ended.ERRORED),
            (self.failed, Ended.FAILED),
            (not self.over, Ended.NOT_RUN),
            (self.xfail, Ended.XFAILED),
            (self.skipped, Ended.SKIPPED),
            (self.passed, Ended.PASSED),
        )
        return next((ended for holds, ended in worst if holds), Ended.NOT_RUN)


class Account:
    """Takes a pytest plugin's events in.

    Args:
        advanced: told how many tests have ended, of how many, each time that one more has.
    """

    def __init__(self, advanced: Callable[[int, int], None] = lambda _done, _of: None) -> None:
        self._advanced = advanced
        self._courses: dict[str, _Course] = {}
        self._uncollected: dict[str, str] = {}
        self._runner = ""
        self._code: int | None = None
        self._garbled = 0
        self._over = 0

    def take(self, event: Mapping[str, Json]) -> None:
        """One event, as the plugin sends it; what cannot be read is counted."""
        handlers = {
            "start": self._start,
            "item": self._item,
            "deselected": self._deselected,
            "uncollected": self._not_collected,
            "report": self._report,
            "finish": self._finish,
        }
        name = event.get("event")
        handler = handlers.get(name) if isinstance(name, str) else None
        if handler is not None:
            handler(event)
        elif name not in ("begin", "end"):
            self._garbled += 1

    def garbled(self) -> None:
        """A line came that is no event."""
        self._garbled += 1

    def results(self) -> Results:
        """What is known by now."""
        return Results(
            self._runner,
            tuple(self._all()),
            dict(self._uncollected),
            self._code,
            by_test=bool(self._runner),
            garbled=self._garbled,
        )

    def _all(self) -> Iterator[Result]:
        for name, course in self._courses.items():
            yield Result(name, course.ended(), course.markers, course.why, course.reruns)

    def _course(self, event: Mapping[str, Json]) -> _Course:
        name = _text(event, "id")
        if name not in self._courses and len(self._courses) >= TESTS_MAX:
            self._garbled += 1
            return _Course()
        return self._courses.setdefault(name, _Course())

    def _start(self, event: Mapping[str, Json]) -> None:
        self._runner = f"pytest {_text(event, 'pytest')}"

    def _item(self, event: Mapping[str, Json]) -> None:
        self._course(event).markers = _names(event)

    def _deselected(self, event: Mapping[str, Json]) -> None:
        course = self._course(event)
        course.markers, course.selected = _names(event), False

    def _not_collected(self, event: Mapping[str, Json]) -> None:
        name, why = _text(event, "id"), _text(event, "why")
        if event.get("how") == "skipped":
            self._course(event).report("teardown", "skipped", why, xfail=False, part=False)
        elif len(self._uncollected) < TESTS_MAX:
            self._uncollected[name] = why

    def _report(self, event: Mapping[str, Json]) -> None:
        course = self._course(event)
        was_over = course.over
        course.report(
            _text(event, "when"),
            _text(event, "outcome"),
            _text(event, "why"),
            xfail=event.get("xfail") is True,
            part=event.get("part") is True,
        )
        self._over += course.over - was_over
        if course.over and not was_over:
            self._advanced(self._over, len(self._courses))

    def _finish(self, event: Mapping[str, Json]) -> None:
        code = event.get("code")
        self._code = code if isinstance(code, int) else None


def _text(event: Mapping[str, Json], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""


def _names(event: Mapping[str, Json]) -> frozenset[str]:
    value = event.get("markers")
    if not isinstance(value, list):
        return frozenset()
    return frozenset(name for name in value if isinstance(name, str))
