"""What a run knows of suites: which of their tests pass with nothing wrong, and which fail.

A suite notices a fault as one probe among others. But in a rollout its passes count test by test,
so each test has to be seen failing, too: one that no fault makes fail says nothing by passing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from gate.core.evidence import Case, Evidence, Outcome
from gate.core.policy import Probe
from gate.kinds.keys import keys_of
from gate.mutation.faults import Mutant
from gate.mutation.suite_plan import SuitePlan

TIMES, LEAST_S = 5.0, 20.0
"""A suite that a fault makes wait is given up after so many times what it takes without."""


class Suites:
    """The suites of one run; other probes are let through as they are.

    Args:
        within_s: so long each may meet faults.
        now_s: a clock that only goes forward.

    Attributes:
        hurried: suites whose time was up before they had met every fault that they were to meet.
    """

    def __init__(self, within_s: float, now_s: Callable[[], float]) -> None:
        self._within_s = within_s
        self._now_s = now_s
        self._steady: dict[str, dict[str, Case]] = {}
        self._silent: dict[str, frozenset[str]] = {}
        self._took_s: dict[str, float] = {}
        self._start_s: dict[str, float] = {}
        self._until_s: dict[str, float] = {}
        self._plans: dict[str, SuitePlan] = {}
        self.hurried: set[str] = set()

    def healthy(self, probe: Probe, evidence: Evidence) -> None:
        """The healthy service was asked; a test that does not pass each time is not steady."""
        if not keys_of(probe).facts.cases:
            return
        passed = {one.name: one for one in evidence.cases if one.outcome is Outcome.PASSED}
        before = self._steady.get(probe.name, passed)
        self._steady[probe.name] = {name: before[name] for name in before if name in passed}
        silent = frozenset(one.name for one in evidence.cases if one.idle)
        self._silent[probe.name] = self._silent.get(probe.name, frozenset()) | silent
        self._took_s.setdefault(probe.name, evidence.duration_s)
        tests_s = sum(one.took_s for one in evidence.cases)
        self._start_s.setdefault(probe.name, evidence.duration_s - tests_s)

    def plan(self, probe: Probe, mutants: Sequence[Mutant], failed: Iterable[str]) -> SuitePlan:
        """In which order this suite's tests meet faults.

        Args:
            probe: the suite.
            mutants: those that it can meet.
            failed: tests that were seen failing before.
        """
        tests = {name: case.asked for name, case in self._steady.get(probe.name, {}).items()}
        judged = [mutant for mutant in mutants if mutant.family.judged]
        plan = SuitePlan(tests, judged, failed)
        self._plans[probe.name] = plan
        return plan

    def is_met(self, probe: Probe, mutant: Mutant, tests: frozenset[str]) -> bool:
        """Whether a suite has met a fault once these tests have: no other one asks where it is."""
        plan = self._plans.get(probe.name)
        return plan is None or plan.can_meet(mutant) <= tests

    def narrowed(self, probe: Probe, tests: frozenset[str]) -> Probe:
        """The suite with these tests alone where it has more, and no more time than they need."""
        steady = self._steady.get(probe.name, {})
        keys = keys_of(probe)
        if not steady:
            return probe
        some = bool(tests) and tests < steady.keys() and any(one.took_s for one in steady.values())
        took_s = self._took_s[probe.name]
        if some:
            took_s -= sum(one.took_s for name, one in steady.items() if name not in tests)
            keys = keys.narrowed(tests)
        return replace(probe, spec=keys.bounded(max(LEAST_S, TIMES * took_s)))

    def free(self, probe: Probe) -> int:
        """So many of its tests add no more to a run than the start of the run takes."""
        steady = self._steady.get(probe.name, {}).values()
        tests_s = sum(one.took_s for one in steady)
        start_s = max(0.0, self._start_s.get(probe.name, 0.0))
        return int(start_s * len(steady) / tests_s) if tests_s else 0

    def in_time(self, probe: Probe) -> bool:
        """Whether there is time for it to meet one more; there always is for what is no suite."""
        if not keys_of(probe).facts.cases:
            return True
        now_s = self._now_s()
        if now_s < self._until_s.setdefault(probe.name, now_s + self._within_s):
            return True
        self.hurried.add(probe.name)
        return False

    @property
    def steady(self) -> Mapping[str, tuple[str, ...]]:
        """By suite, the tests that asked the healthy service and passed, each time."""
        return {suite: tuple(sorted(tests)) for suite, tests in self._steady.items()}

    @property
    def silent(self) -> Mapping[str, tuple[str, ...]]:
        """By suite, the tests that passed without asking the healthy service."""
        return {suite: tuple(sorted(tests)) for suite, tests in self._silent.items()}

    @property
    def untried(self) -> Mapping[str, tuple[str, ...]]:
        """By suite, steady tests that may yet fail: there was no time for every fault."""
        found = {
            suite: tuple(name for name in sorted(plan.untried) if name in self._steady[suite])
            for suite, plan in self._plans.items()
        }
        return {suite: tests for suite, tests in found.items() if tests}
