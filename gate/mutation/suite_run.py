"""Puts the tests of suites to the test, each for itself."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from gate.core.policy import Probe
from gate.mutation.case import Case
from gate.mutation.progress import Progressing
from gate.mutation.settings import RunSettings
from gate.mutation.suites import Suites
from gate.mutation.together import together

SUITES_AT_ONCE = 4
"""Most runs of a suite at the same time: each is a process, and a whole client."""
AT_ONCE = 2
"""So many of them at least find tests to run where faults are put together and tests take long."""
Parts = Sequence[tuple[Case, frozenset[str]]]
"""Mutants, each with the tests that meet it."""


class SuiteRun:
    """The suites of one mutation run.

    Args:
        suites: what is known of their tests.
        how: how the run is made.
        few: lets so many go on at the same time.
        against: lets a probe meet a mutant, with some of its tests or with all.
        screen: lets a probe meet several mutants in one run, each with its own tests; says which of
            them no test noticed.
        progress: hears how far it is.
    """

    def __init__(
        self,
        suites: Suites,
        how: RunSettings,
        few: asyncio.Semaphore,
        against: Callable[[Case, Probe, frozenset[str]], Awaitable[None]],
        screen: Callable[[Parts, Probe], Awaitable[frozenset[str]]],
        progress: Progressing,
    ) -> None:
        self._suites = suites
        self._how = how
        self._few = few
        self._against = against
        self._screen = screen
        self._progress = progress

    async def test_by_test(self, suite: Probe, cases: Sequence[Case]) -> None:
        """Each test of a suite that passed meets faults until one makes it fail."""
        by_name = {case.mutant.name: case for case in cases if suite in case.touched}
        failed = [name for case in cases for name in case.failed.get(suite.name, ())]
        plan = self._suites.plan(suite, [case.mutant for case in by_name.values()], failed)
        free = self._suites.free(suite)
        freed = asyncio.Condition()
        pace = self._progress.pace(self._how.suite_s)

        async def go_on() -> None:
            while self._suites.in_time(suite):
                async with freed:
                    while not (steps := plan.next(max(-(-plan.open // AT_ONCE), free))):
                        if not plan.running:
                            return
                        await freed.wait()
                parts = [(by_name[step.mutant.name], step.tests) for step in steps]
                unseen = await self._unseen(parts, suite)
                for step, (case, tests) in zip(steps, parts, strict=True):
                    met = case.mutant.name in unseen or await self._alone(case, suite, tests)
                    async with freed:
                        plan.over(step, case.failed.get(suite.name, ()), met=met)
                        freed.notify_all()
                    told = f"{plan.failed} of {len(plan)} tests seen failing{pace(plan.left)}"
                    self._progress.said(f"{suite.name}: {told}")

        await together(go_on() for _ in range(min(SUITES_AT_ONCE, self._how.at_once)))

    async def _alone(self, case: Case, suite: Probe, tests: frozenset[str]) -> bool:
        """A suite meets one mutant with these tests; whether there was time for it."""
        async with self._few:
            if not self._suites.in_time(suite):
                return False
            await self._against(case, suite, tests)
            return True

    async def _unseen(self, parts: Parts, suite: Probe) -> frozenset[str]:
        """Of several mutants those that no test noticed; whatever one did is looked at alone."""
        if len(parts) < 2:
            return frozenset()
        async with self._few:
            return await self._screen(parts, suite)

    async def others(self, suite: Probe, cases: Sequence[Case]) -> None:
        """A suite meets what no other probe has noticed, or all that it can."""
        left = [
            case
            for case in cases
            if suite in case.touched
            and suite not in case.ran
            and (self._how.whole or (case.ran and not case.killed))
        ]
        steps = self._progress.of(len(left), f"mutants that {suite.name} alone may notice")

        async def meet(case: Case) -> None:
            async with self._few:
                if self._suites.in_time(suite):
                    await self._against(case, suite, frozenset())
            steps()

        await together(meet(case) for case in left)
