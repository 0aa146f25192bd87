"""Puts a policy's probes to the test: a healthy control, every mutant, and the control again.

A probe counts as having noticed a mutant only where the proxy has struck during that run.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from gate.core.control import Baseline, Repeats
from gate.core.evidence import STABLE, Evidence, Outcome, Symptom
from gate.core.policy import Probe
from gate.core.proof import Trials
from gate.kinds.keys import keys_of
from gate.kinds.kind import Control
from gate.mutation.case import Case
from gate.mutation.catalogue import Catalogue, catalogue, touches
from gate.mutation.faults import AnswerFault, Family, Mutant
from gate.mutation.progress import Progressing
from gate.mutation.proxy import MutatingProxy
from gate.mutation.service_profile import ServiceProfile
from gate.mutation.settings import RunSettings
from gate.mutation.suite_run import Parts, SuiteRun
from gate.mutation.suites import Suites
from gate.mutation.together import together
from gate.mutation.wire import Upstream
from gate.ports import Probes, Progress, Target

LATE_TIMES = 2
"""So many times as many mutants go on at once where they are only late: that is waiting."""
_TRIES = 3
"""So often a probe meets a mutant if it fails for something else."""


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
        self._waiting = asyncio.Semaphore(LATE_TIMES * how.at_once)
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
        progress = Progressing(self._told, lambda: self._how.keep([case.trial for case in cases]))
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
        found = dict(zip(asked, await together(again(probe) for probe in asked), strict=True))
        if failed := [one for probe, one in found.items() if probe.required and not one.passed]:
            raise ControlError("after the mutants", failed)
        for probe, evidence in found.items():
            self._suites.healthy(probe, evidence)

    def _cases(self, known: Catalogue, probes: Sequence[Probe]) -> list[Case]:
        """The mutants, with what an earlier run has found out of them."""
        by_name = {probe.name: probe for probe in probes}
        before = {trial.mutant: trial for trial in self._how.before}
        cases = [Case(mutant, self._touched(mutant, probes)) for mutant in known.mutants]
        for case in cases:
            if (trial := before.get(case.mutant.name)) is not None:
                case.known(trial, by_name)
        return cases

    async def _tried(
        self, cases: Sequence[Case], probes: Sequence[Probe], progress: "Progressing"
    ) -> None:
        """Probes meet mutants first; suites, which take longer, come after them, test by test."""
        suites = [probe for probe in probes if keys_of(probe).facts.cases]
        quick = [probe for probe in probes if probe not in suites]
        await self._meet(cases, quick, progress)
        await self._toothless(cases, quick)
        run = SuiteRun(self._suites, self._how, self._few, self._against, self._screen, progress)
        for suite in suites:
            self._told(f"{suite.name}: test by test")
            await run.test_by_test(suite, cases)
        for suite in suites:
            await run.others(suite, cases)
        await self._toothless(cases, suites)

    def _touched(self, mutant: Mutant, probes: Sequence[Probe]) -> tuple[Probe, ...]:
        touched = [probe for probe in probes if touches(mutant, self._profiles[probe.name])]
        return tuple(sorted(touched, key=_cost))

    async def _meet(
        self, cases: Sequence[Case], quick: Sequence[Probe], progress: "Progressing"
    ) -> None:
        waiting = [case for case in cases if any(probe in quick for probe in case.touched)]
        steps = progress.of(len(waiting), "mutants")

        async def meet(case: Case) -> None:
            async with self._waiting if case.late else self._few:
                for probe in case.touched:
                    if case.killed and not self._how.whole:
                        break
                    if probe in quick and probe not in case.ran:
                        await self._against(case, probe)
            steps()

        for last in (False, True):  # what those write is there for seconds, in others' way
            cases = [case for case in waiting if (case.late and case.writes) is last]
            await together(map(meet, cases))

    async def _toothless(self, cases: Sequence[Case], probes: Sequence[Probe]) -> None:
        """What has noticed no wrong answer yet meets all that it can until it does."""

        async def go_on(probe: Probe, case: Case) -> None:
            async with self._few:
                idle = not any(probe in one.judged for one in cases)
                if idle and self._suites.in_time(probe):
                    await self._against(case, probe)

        await together(
            go_on(probe, case)
            for probe in probes
            for case in sorted(cases, key=lambda case: _particular(case.mutant))
            if case.mutant.family.judged and probe in case.touched and probe not in case.ran
        )

    async def _against(self, case: Case, probe: Probe, tests: frozenset[str] = frozenset()) -> None:
        """One probe meets one mutant; what the mutant cannot have caused is no evidence.

        Args:
            case: the mutant.
            probe: the probe.
            tests: of a suite, those that are asked; all of them where none is named.
        """
        for _ in range(_TRIES):
            async with self._asking(probe, [case.mutant], tests=tests) as (evidence, proxy):
                struck = bool(proxy.strikes)
            if evidence.passed or (struck and not _unsteady(case.mutant, evidence)):
                break
            self._strays += 1
        else:
            return
        if struck and case.mutant.family.judged:
            failed = {one.name for one in evidence.cases if one.outcome is Outcome.FAILED}
            case.failed[probe.name] = case.failed.get(probe.name, frozenset()) | failed
        if tests and keys_of(probe).tolerant:
            return  # some of them have met it: what all of them would come to is not known
        if tests and evidence.passed:
            self._some_met(case, probe, tests if struck else frozenset())
            return
        case.ran += [probe] if struck and probe not in case.ran else []
        case.missed += [] if struck or tests or probe in case.missed else [probe]
        if evidence.passed or probe in case.noticed:
            return
        case.noticed.append(probe)
        if case.mutant.family.judged and evidence.outcome is Outcome.FAILED:
            case.judged.append(probe)

    def _some_met(self, case: Case, probe: Probe, tests: frozenset[str]) -> None:
        """Some tests of a suite met a mutant and passed: the suite did once all have that can."""
        met = case.met[probe.name] = case.met.get(probe.name, frozenset()) | tests
        if met and probe not in case.ran and self._suites.is_met(probe, case.mutant, met):
            case.ran.append(probe)

    async def _screen(self, parts: Parts, probe: Probe) -> frozenset[str]:
        """One run of a suite meets several mutants, each of its tests one of them.

        What fails here may fail for another's fault, by what tests share: that is no evidence.
        """
        tests = frozenset[str]().union(*(own for _, own in parts))
        mutants = [case.mutant for case, _ in parts]
        async with self._asking(probe, mutants, tests=tests) as (evidence, proxy):
            passed = {one.name for one in evidence.cases if one.outcome is Outcome.PASSED}
        unseen = [(case, own) for case, own in parts if own <= passed]
        for case, own in unseen:
            if case.mutant.name in proxy.struck_by and not keys_of(probe).tolerant:
                self._some_met(case, probe, own)
        return frozenset(case.mutant.name for case, _ in unseen)

    @asynccontextmanager
    async def _asking(
        self,
        probe: Probe,
        mutants: Sequence[Mutant] = (),
        profile: ServiceProfile | None = None,
        tests: frozenset[str] = frozenset(),
    ) -> AsyncIterator[tuple[Evidence, MutatingProxy]]:
        """The evidence of one probe that was asked through a proxy of its own."""
        async with MutatingProxy(self._upstream, *mutants, profile=profile) as proxy:
            target = replace(
                self._target,
                url=proxy.url,
                stable=self._stable_for(probe),
                repeats=self._repeats_for(probe, mutants),
            )
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

    def _repeats_for(self, probe: Probe, mutants: Sequence[Mutant]) -> Repeats | None:
        """How often it is asked again: only whoever is late may be late by chance.

        What a fault changes of an answer, it changes of each.
        """
        timed = keys_of(probe).slower_at_most_percent is not None
        late = any(mutant.family is Family.SPEED for mutant in mutants)
        return self._how.repeats if timed and late else None

    def _trials(
        self,
        cases: Sequence[Case],
        probes: Sequence[Probe],
        unprovable: tuple[tuple[str, str], ...],
        known: Catalogue,
        took_s: float,
    ) -> Trials:
        return Trials(
            tuple(probe.name for probe in probes),
            tuple(case.trial for case in cases),
            unprovable,
            self._suites.steady,
            self._suites.silent,
            self._suites.untried,
            tuple(sorted(self._suites.hurried)),
            self._strays,
            known.fields_left_out,
            took_s,
        )


def _unsteady(mutant: Mutant, evidence: Evidence) -> bool:
    """Whether it failed for time, which no other content of an answer takes: a busy machine."""
    symptoms = {finding.symptom for finding in evidence.findings}
    return isinstance(mutant.fault, AnswerFault) and symptoms <= {Symptom.TIMEOUT, Symptom.CONNECT}


def _particular(mutant: Mutant) -> bool:
    """Whether it strikes at one place alone."""
    return bool(mutant.place.path or mutant.place.step)


def _cost(probe: Probe) -> tuple[int, float]:
    """Quick ones meet a mutant first."""
    keys = keys_of(probe)
    return keys.facts.rank, keys.sessions


def _unheard(_: Progress) -> None:
    """A run tells of mutants, not of what each probe does."""
