"""Puts a policy's probes to the test: a healthy control, every mutant, and the control again.

A probe counts as having noticed a mutant only where the proxy has struck during that run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from gate.core.control import Baseline
from gate.core.evidence import STABLE, Evidence, Outcome, Symptom
from gate.core.policy import Probe
from gate.core.proof import Trial, Trials
from gate.kinds.keys import keys_of
from gate.kinds.kind import Control
from gate.mutation.catalogue import Catalogue, catalogue, touches
from gate.mutation.faults import AnswerFault, Mutant
from gate.mutation.progress import Progressing
from gate.mutation.proxy import MutatingProxy
from gate.mutation.service_profile import ServiceProfile
from gate.mutation.suites import Suites
from gate.mutation.wire import Upstream
from gate.ports import Probes, Progress, Target

SUITES_AT_ONCE = 4
"""Most runs of a suite at the same time: each is a process, and a whole client."""
_TRIES = 3
"""So often a probe meets a mutant if it fails for something else."""
T = TypeVar("T")


class ControlError(Exception):
    """The healthy service does not pass: what a mutant shows then would mean nothing.

    Args:
        when: before the mutants, or after them.
        evidence: what the probes that did not pass saw.
    """

    def __init__(self, when: str, evidence: Sequence[Evidence]) -> None:
        super().__init__(when)
        self.when = when
        self.evidence = tuple(evidence)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How mutants are tried.

    Attributes:
        at_once: most mutants at the same time, each at a port of its own.
        whole: every probe meets every mutant that it can; else a mutant is done with once a
            required probe has noticed it, and a probe that has noticed nothing yet goes on.
        baseline: whether the healthy service is asked beside each mutant, as in a rollout.
        suite_s: so long each suite meets mutants; those that only it could meet may be left.
        before: what an earlier run has found out, which was stopped.
        keep: takes what is known by now, every few seconds and where the run is stopped.
    """

    at_once: int = 8
    whole: bool = False
    baseline: Baseline = Baseline.NONE
    suite_s: float = 900.0
    before: tuple[Trial, ...] = ()
    keep: Callable[[Sequence[Trial]], None] = lambda _: None


@dataclass
class _Case:
    """One mutant on its way: who is to meet it, who has, and who has noticed."""

    mutant: Mutant
    touched: tuple[Probe, ...]
    ran: list[Probe] = field(default_factory=list)
    noticed: list[Probe] = field(default_factory=list)
    judged: list[Probe] = field(default_factory=list)
    failed: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def killed(self) -> bool:
        return any(probe.required for probe in self.noticed)


class MutationRun:
    """One policy, one healthy service.

    Args:
        probes: the policy's probes.
        runner: asks them.
        upstream: the healthy service.
        target: the healthy service as probes see it; what it says of identity and headers holds
            for the proxies in front of it.
        how: how it is run.
        told: hears how far it is, in a few words.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        runner: Probes,
        upstream: Upstream,
        target: Target,
        how: RunSettings,
        told: Callable[[str], None],
    ) -> None:
        self._all = tuple(probes)
        self._runner = runner
        self._upstream = upstream
        self._target = target
        self._how = how
        self._told = told
        self._few = asyncio.Semaphore(how.at_once)
        self._profiles: dict[str, ServiceProfile] = {}
        self._strays = 0
        self._suites = Suites(how.suite_s, lambda: asyncio.get_running_loop().time())

    async def run(self) -> Trials:
        """Runs all of it.

        Raises:
            ControlError: a required probe does not pass on the healthy service.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        probes, unprovable = await self._control()
        known = catalogue(self._profiles, self._target.identity)
        self._told(f"{len(known.mutants)} mutants, {self._how.at_once} at a time")
        cases = self._cases(known, probes)
        progress = Progressing(self._told, lambda: self._how.keep([*map(_trial, cases)]))
        try:
            await self._tried(cases, probes, progress)
        finally:
            progress.keep()
        self._told("the healthy service again")
        await self._control_again(probes)
        return self._trials(cases, probes, unprovable, known, loop.time() - began_s)

    async def _control(self) -> tuple[tuple[Probe, ...], tuple[tuple[str, str], ...]]:
        """Asks every probe through a proxy that only listens; learns what each is told."""
        provable: list[Probe] = []
        unprovable: list[tuple[str, str]] = []
        failed: list[Evidence] = []
        for probe in self._all:
            why = keys_of(probe).facts.past_proxy
            if not why:
                self._told(f"control: {probe.name}")
                profile = self._profiles.setdefault(probe.name, ServiceProfile())
                async with self._asking(probe, profile=profile) as (evidence, _):
                    if not evidence.passed and probe.required:
                        failed.append(evidence)
                    elif not evidence.passed:
                        why = f"it does not pass on the healthy service ({evidence.seen})"
                    elif profile.empty:
                        why = "what it asks does not pass the proxy"
                    else:
                        self._suites.healthy(probe, evidence)
            if not why:
                provable.append(probe)
            else:
                unprovable.append((probe.name, why))
                self._profiles.pop(probe.name, None)
        if failed:
            raise ControlError("before the mutants", failed)
        return tuple(provable), tuple(unprovable)

    async def _control_again(self, probes: Sequence[Probe]) -> None:
        """As much at once as the mutants had: what now fails would have failed among them, too."""

        async def again(probe: Probe) -> Evidence:
            async with self._few, self._asking(probe) as (evidence, _):
                return evidence

        steady = self._suites.steady
        asked = [probe for probe in probes if probe.required or probe.name in steady]
        found = dict(zip(asked, await _together(again(probe) for probe in asked), strict=True))
        if failed := [one for probe, one in found.items() if probe.required and not one.passed]:
            raise ControlError("after the mutants", failed)
        for probe, evidence in found.items():
            self._suites.healthy(probe, evidence)

    def _cases(self, known: Catalogue, probes: Sequence[Probe]) -> list[_Case]:
        """The mutants, with what an earlier run has found out of them."""
        by_name = {probe.name: probe for probe in probes}
        before = {trial.mutant: trial for trial in self._how.before}
        cases = [_Case(mutant, self._touched(mutant, probes)) for mutant in known.mutants]
        for case in cases:
            if (trial := before.get(case.mutant.name)) is not None:
                case.ran = [by_name[name] for name in trial.ran if name in by_name]
                case.noticed = [by_name[name] for name in trial.noticed if name in by_name]
                case.judged = [by_name[name] for name in trial.judged if name in by_name]
                case.failed = {name: tests for name, tests in trial.failed.items() if tests}
        return cases

    async def _tried(
        self, cases: Sequence[_Case], probes: Sequence[Probe], progress: "Progressing"
    ) -> None:
        """Probes meet mutants first; suites, which take longer, come after them, test by test."""
        suites = [probe for probe in probes if keys_of(probe).facts.cases]
        quick = [probe for probe in probes if probe not in suites]
        await self._meet(cases, quick, progress)
        await self._toothless(cases, quick)
        for suite in suites:
            await self._test_by_test(suite, cases, progress)
        for suite in suites:
            await self._left(suite, cases, progress)

    def _touched(self, mutant: Mutant, probes: Sequence[Probe]) -> tuple[Probe, ...]:
        touched = [probe for probe in probes if touches(mutant, self._profiles[probe.name])]
        return tuple(sorted(touched, key=_cost))

    async def _meet(
        self, cases: Sequence[_Case], quick: Sequence[Probe], progress: "Progressing"
    ) -> None:
        waiting = [case for case in cases if any(probe in quick for probe in case.touched)]
        steps = progress.of(len(waiting), "mutants")

        async def meet(case: _Case) -> None:
            async with self._few:
                for probe in case.touched:
                    if case.killed and not self._how.whole:
                        break
                    if probe in quick and probe not in case.ran:
                        await self._against(case, probe)
            steps()

        await _together(meet(case) for case in waiting)

    async def _test_by_test(
        self, suite: Probe, cases: Sequence[_Case], progress: "Progressing"
    ) -> None:
        """Each test of a suite that passed meets faults until one makes it fail."""
        by_name = {case.mutant.name: case for case in cases if suite in case.touched}
        failed = [name for case in cases for name in case.failed.get(suite.name, ())]
        plan = self._suites.plan(suite, [case.mutant for case in by_name.values()], failed)
        freed = asyncio.Condition()

        async def go_on() -> None:
            while self._suites.in_time(suite):
                async with freed:
                    while (step := plan.next()) is None:
                        if not plan.running:
                            return
                        await freed.wait()
                case = by_name[step.mutant.name]
                async with self._few:
                    await self._against(case, suite, step.tests)
                async with freed:
                    plan.over(step, case.failed.get(suite.name, ()))
                    freed.notify_all()
                progress.said(f"{suite.name}: {plan.failed} of {len(plan)} tests seen failing")

        self._told(f"{suite.name}: test by test, {len(plan)} of them")
        await _together(go_on() for _ in range(min(SUITES_AT_ONCE, self._how.at_once)))

    async def _left(self, suite: Probe, cases: Sequence[_Case], progress: "Progressing") -> None:
        """A suite meets what no other probe has noticed, or all that it can."""
        left = [
            case
            for case in cases
            if suite in case.touched
            and suite not in case.ran
            and (self._how.whole or (case.ran and not case.killed))
        ]
        steps = progress.of(len(left), f"mutants that {suite.name} alone may notice")

        async def meet(case: _Case) -> None:
            async with self._few:
                if self._suites.in_time(suite):
                    await self._against(case, suite)
            steps()

        await _together(meet(case) for case in left)

    async def _toothless(self, cases: Sequence[_Case], probes: Sequence[Probe]) -> None:
        """What has noticed no wrong answer yet meets all that it can until it does."""

        async def go_on(probe: Probe, case: _Case) -> None:
            async with self._few:
                if not any(probe in one.judged for one in cases):
                    await self._against(case, probe)

        await _together(
            go_on(probe, case)
            for probe in probes
            for case in sorted(cases, key=lambda case: bool(case.mutant.place.path))
            if case.mutant.family.judged and probe in case.touched and probe not in case.ran
        )

    async def _against(
        self, case: _Case, probe: Probe, tests: frozenset[str] = frozenset()
    ) -> None:
        """One probe meets one mutant; what the mutant cannot have caused is no evidence.

        Args:
            case: the mutant.
            probe: the probe.
            tests: of a suite, those that are asked; all of them where none is named.
        """
        for _ in range(_TRIES):
            async with self._asking(probe, case.mutant, tests=tests) as (evidence, proxy):
                struck = bool(proxy.strikes)
            if evidence.passed or (struck and not _unsteady(case.mutant, evidence)):
                break
            self._strays += 1
        else:
            return
        case.ran += [probe] if struck and probe not in case.ran else []
        if struck and case.mutant.family.judged:
            failed = {one.name for one in evidence.cases if one.outcome is Outcome.FAILED}
            case.failed[probe.name] = case.failed.get(probe.name, frozenset()) | failed
        if evidence.passed or probe in case.noticed:
            return
        if tests and keys_of(probe).tolerant:
            return  # whether all of them would be too few is not known of some
        case.noticed.append(probe)
        if case.mutant.family.judged and evidence.outcome is Outcome.FAILED:
            case.judged.append(probe)

    @asynccontextmanager
    async def _asking(
        self,
        probe: Probe,
        mutant: Mutant | None = None,
        profile: ServiceProfile | None = None,
        tests: frozenset[str] = frozenset(),
    ) -> AsyncIterator[tuple[Evidence, MutatingProxy]]:
        """The evidence of one probe that was asked through a proxy of its own."""
        async with MutatingProxy(self._upstream, mutant, profile) as proxy:
            target = replace(self._target, url=proxy.url, stable=self._stable_for(probe))
            narrowed = self._suites.narrowed(probe, tests)
            evidence = await self._runner.run([narrowed], target, _unheard)
        yield next(one for one in evidence if one.address != STABLE), proxy

    def _stable_for(self, probe: Probe) -> Target | None:
        """The healthy service as a control: where the policy has one, or the question needs it.

        Not for suites: whose fault it is changes nothing about which of their tests fail.
        """
        kind = keys_of(probe).facts
        if kind.cases:
            return None
        always = kind.control is Control.ITSELF
        return self._target if always or self._how.baseline is Baseline.STABLE else None

    def _trials(
        self,
        cases: Sequence[_Case],
        probes: Sequence[Probe],
        unprovable: tuple[tuple[str, str], ...],
        known: Catalogue,
        took_s: float,
    ) -> Trials:
        return Trials(
            tuple(probe.name for probe in probes),
            tuple(_trial(case) for case in cases),
            unprovable,
            self._suites.steady,
            self._suites.silent,
            self._suites.untried,
            tuple(sorted(self._suites.hurried)),
            self._strays,
            known.fields_left_out,
            took_s,
        )


def _trial(case: _Case) -> Trial:
    mutant = case.mutant
    return Trial(
        mutant.name,
        mutant.family.value,
        mutant.caught_by,
        bool(case.ran),
        tuple(probe.name for probe in case.ran),
        tuple(probe.name for probe in case.noticed),
        tuple(probe.name for probe in case.judged),
        case.killed,
        case.failed,
        reachable=bool(case.touched),
    )


def _unsteady(mutant: Mutant, evidence: Evidence) -> bool:
    """Whether it failed for time, which no other content of an answer takes: a busy machine."""
    symptoms = {finding.symptom for finding in evidence.findings}
    return isinstance(mutant.fault, AnswerFault) and symptoms <= {Symptom.TIMEOUT, Symptom.CONNECT}


def _cost(probe: Probe) -> tuple[int, float]:
    """Quick ones meet a mutant first."""
    keys = keys_of(probe)
    return keys.facts.rank, keys.sessions


async def _together(work: Iterable[Coroutine[None, None, T]]) -> list[T]:
    """All at the same time; the first exception ends all of them, and is raised itself."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one) for one in work]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _unheard(_: Progress) -> None:
    """A run tells of mutants, not of what each probe does."""
