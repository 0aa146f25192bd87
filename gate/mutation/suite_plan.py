"""Which fault a suite meets next, and with which of its tests. Pure.

In a rollout the passes of a suite count test by test, so each test has to be seen failing once.
Most faults cannot make most tests fail: a test meets faults at the places that it was seen asking,
strong ones first, one place after the other. All tests that ask there and have not failed yet meet
the fault in the same run; what has failed is not asked again. Faults at different places go into
one run, as far as each of its tests meets one of them alone.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gate.core.evidence import Asked
from gate.mutation import faults
from gate.mutation.edits import How
from gate.mutation.faults import Fault, Mutant


@dataclass(frozen=True, slots=True)
class Step:
    """A fault, and the tests that meet it: a run of a suite, or a part of one."""

    mutant: Mutant
    tests: frozenset[str]


@dataclass(slots=True)
class _Test:
    """One test: where it asks, what it can meet, in order, and how far it is."""

    asked: frozenset[Asked]
    mutants: Sequence[Mutant]
    names: frozenset[str]
    met: set[str] = field(default_factory=set)
    failed: bool = False
    running: bool = False

    @property
    def open(self) -> bool:
        return not self.failed

    def next(self) -> Mutant | None:
        return next(self.unmet, None)

    @property
    def unmet(self) -> Iterator[Mutant]:
        return (one for one in self.mutants if one.name not in self.met)

    def meets(self, steps: Iterable[Step]) -> bool:
        """Whether it asks where one of these faults is."""
        return any(_at(step.mutant, self.asked) for step in steps)

    def takes(self, mutant: Mutant) -> bool:
        """Whether it is free, may still fail by this one, and has not met it."""
        return (
            self.open
            and not self.running
            and mutant.name in self.names
            and mutant.name not in self.met
        )


class SuitePlan:
    """The tests of one suite that passed on the healthy service.

    Args:
        tests: by test, what it was seen asking.
        mutants: all that the suite can meet and that say something of a test.
        failed: tests that were seen failing before.
    """

    def __init__(
        self,
        tests: Mapping[str, frozenset[Asked]],
        mutants: Sequence[Mutant],
        failed: Iterable[str] = (),
    ) -> None:
        anywhere = frozenset[Asked]().union(*tests.values())
        before = frozenset(failed)
        self._tests = {
            name: _test(asked or anywhere, mutants, failed=name in before)
            for name, asked in tests.items()
        }

    def next(self, most: int = 1) -> tuple[Step, ...]:
        """The next run; nothing where none can be begun now.

        Args:
            most: so many faults may go into one run, each at a place of its own.
        """
        waiting = sorted(self._tests.values(), key=lambda one: len(one.met))
        steps: list[Step] = []
        for test in waiting:
            if test.failed or test.running:
                continue
            mutant = next((one for one in test.unmet if self._fits(one, steps)), None)
            if mutant is None or (steps and test.meets(steps)):
                continue
            steps.append(Step(mutant, self._takers(mutant, steps)))
            if len(steps) == most or not _mild(mutant):
                break
        for step in steps:
            for name in step.tests:
                self._tests[name].running = True
        return tuple(steps)

    def _fits(self, mutant: Mutant, steps: Sequence[Step]) -> bool:
        """Whether it may come to these: none of their tests asks where it is."""
        if not steps:
            return True
        theirs = (self._tests[name] for step in steps for name in step.tests)
        return _mild(mutant) and not any(_at(mutant, one.asked) for one in theirs)

    def _takers(self, mutant: Mutant, steps: Sequence[Step]) -> frozenset[str]:
        return frozenset(
            name for name, one in self._tests.items() if one.takes(mutant) and not one.meets(steps)
        )

    def over(self, step: Step, failed: Iterable[str], *, met: bool = True) -> None:
        """Notes what came of a run.

        Args:
            step: the run, or its part.
            failed: tests that were seen failing.
            met: whether there was time for it at all.
        """
        for name in step.tests:
            self._tests[name].running = False
            self._tests[name].met |= {step.mutant.name} if met else set()
        for name in failed:
            if name in self._tests:
                self._tests[name].failed = True

    def can_meet(self, mutant: Mutant) -> frozenset[str]:
        """The tests that ask where a fault is, whether they have failed already or not."""
        return frozenset(name for name, one in self._tests.items() if mutant.name in one.names)

    @property
    def running(self) -> bool:
        """Whether some run has not ended yet."""
        return any(one.running for one in self._tests.values())

    @property
    def open(self) -> int:
        """How many tests are not done: they have neither failed nor met all that they can."""
        return sum(one.open and one.next() is not None for one in self._tests.values())

    @property
    def failed(self) -> int:
        """How many tests were seen failing."""
        return sum(one.failed for one in self._tests.values())

    @property
    def left(self) -> int:
        """At most how many runs are still to come."""
        unmet = (one.names - one.met for one in self._tests.values() if one.open)
        return len(frozenset[str]().union(*unmet))

    @property
    def untried(self) -> tuple[str, ...]:
        """Tests that were not seen failing, and have not met every fault that they could."""
        return tuple(
            name for name, one in self._tests.items() if one.open and one.next() is not None
        )

    def __len__(self) -> int:
        return len(self._tests)


def _test(asked: frozenset[Asked], mutants: Sequence[Mutant], *, failed: bool) -> _Test:
    mine = tuple(_in_turns(mutant for mutant in mutants if _at(mutant, asked)))
    return _Test(asked, mine, frozenset(one.name for one in mine), failed=failed)


def _mild(mutant: Mutant) -> bool:
    """Whether it changes an answer at one place alone, so that nobody waits for it."""
    changes = isinstance(mutant.fault, faults.AnswerFault | faults.HeadFault)
    return changes and bool(mutant.place.path)


def _at(mutant: Mutant, asked: frozenset[Asked]) -> bool:
    covers = mutant.place.covers
    return any(covers(one.method, one.path, websocket=one.websocket) for one in asked)


def _in_turns(mutants: Iterable[Mutant]) -> Iterator[Mutant]:
    """Strong faults first, and one of each place before the second of any; everywhere is first."""
    by_place: defaultdict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_place[str(mutant.place) if mutant.place.path else ""].append(mutant)
    turns = [
        (index, place, mutant)
        for place, several in by_place.items()
        for index, mutant in enumerate(sorted(several, key=lambda one: _weakness(one.fault)))
    ]
    yield from (mutant for *_, mutant in sorted(turns, key=lambda turn: turn[:2]))


_STRONGEST: tuple[type[Fault], ...] = (
    faults.Denied, faults.Blank, faults.Html, faults.Muted, faults.Redirect, faults.LetIn,
    faults.Welcomed, faults.Crowded, faults.Lost, faults.Ended, faults.Crossed, faults.Unwrapped,
    faults.Wrapped, faults.Parrot, faults.Worn, faults.Swapped, faults.Doubled,
    faults.MessageWrapped, faults.MessageFlat, faults.Subprotocol,
)  # fmt: skip
_EDITS = (
    How.DROPPED,
    How.RETYPED,
    How.CHANGED,
    How.REPLACED,
    How.EMPTIED,
    How.RENAMED,
)


def _weakness(fault: Fault) -> tuple[int, int]:
    """Where a fault stands among others at the same place; lower ones make more tests fail."""
    match fault:
        case faults.Status(status):
            return (0 if status == 500 else 3, status)
        case faults.Field(edit) | faults.MessageField(_, edit):
            return (len(_STRONGEST) + 1 + _EDITS.index(edit.how), len(edit.path))
        case faults.Crowded(at) | faults.Worn(at):
            return (1 + _STRONGEST.index(type(fault)), at)
        case _ if type(fault) in _STRONGEST:
            return (1 + _STRONGEST.index(type(fault)), 0)
        case _:
            return (len(_STRONGEST) + len(_EDITS) + 1, 0)
