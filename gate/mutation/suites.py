"""What a run knows of suites: which of their tests pass with nothing wrong, and which fail.

A suite notices a fault as one probe among others. But in a rollout its passes count test by test,
so each test has to be seen failing, too: one that no fault makes fail says nothing by passing.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from gate.core.evidence import Evidence, Outcome
from gate.core.policy import Probe
from gate.kinds.keys import keys_of

TIMES, LEAST_S = 5.0, 20.0
"""A suite that a fault makes wait is given up after so many times what it takes without."""


class Suites:
    """The suites of one run; other probes are let through as they are.

    Args:
        within_s: so long each may meet faults, and its tests may go on till they notice one.
        now_s: a clock that only goes forward.

    Attributes:
        hurried: suites whose time was up before every test had failed, or met all that it could.
    """

    def __init__(self, within_s: float, now_s: Callable[[], float]) -> None:
        self._within_s = within_s
        self._now_s = now_s
        self._steady: dict[str, frozenset[str]] = {}
        self._failed: dict[str, frozenset[str]] = {}
        self._limits_s: dict[str, float] = {}
        self._until_s: dict[str, float] = {}
        self.hurried: set[str] = set()

    def healthy(self, probe: Probe, evidence: Evidence) -> None:
        """The healthy service was asked; a test that does not pass each time is not steady."""
        if not keys_of(probe).facts.cases:
            return
        passed = frozenset(one.name for one in evidence.cases if one.outcome is Outcome.PASSED)
        self._steady[probe.name] = self._steady.get(probe.name, passed) & passed
        self._limits_s.setdefault(probe.name, max(LEAST_S, TIMES * evidence.duration_s))

    def bounded(self, probe: Probe) -> Probe:
        """The same with a time limit that fits a suite whose own is for the slowest of services."""
        limit_s = self._limits_s.get(probe.name)
        if limit_s is None:
            return probe
        return replace(probe, spec=keys_of(probe).bounded(limit_s))

    def under_mutant(self, evidence: Evidence) -> frozenset[str]:
        """The tests that failed with a fault; they are kept in mind."""
        failed = frozenset(one.name for one in evidence.cases if one.outcome is Outcome.FAILED)
        self._failed[evidence.probe] = self._failed.get(evidence.probe, frozenset()) | failed
        return failed

    def open(self, probe: Probe) -> bool:
        """Whether some test has not failed yet, and there is time to see whether it can."""
        steady = self._steady.get(probe.name, frozenset())
        if not steady - self._failed.get(probe.name, frozenset()):
            return False
        return self.in_time(probe)

    def in_time(self, probe: Probe) -> bool:
        """Whether it may be asked once more; a suite only for so long from the first time on."""
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
