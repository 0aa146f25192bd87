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
from gate.mutation.proxy import MutatingProxy
from gate.mutation.service_profile import ServiceProfile
from gate.mutation.suites import Suites
from gate.mutation.wire import Upstream
from gate.ports import Probes, Progress, Target

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
    """

    at_once: int = 8
    whole: bool = False
    baseline: Baseline = Baseline.NONE
    suite_s: float = 900.0


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
        cases = [_Case(mutant, self._touched(mutant, probes)) for mutant in known.mutants]
        await self._meet(cases)
        await self._toothless(cases, probes)
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

    def _touched(self, mutant: Mutant, probes: Sequence[Probe]) -> tuple[Probe, ...]:
        touched = [probe for probe in probes if touches(mutant, self._profiles[probe.name])]
        return tuple(sorted(touched, key=_cost))

    async def _meet(self, cases: Sequence[_Case]) -> None:
        done = 0

        async def meet(case: _Case) -> None:
            nonlocal done
            async with self._few:
                for probe in filter(self._suites.in_time, case.touched):
                    await self._against(case, probe)
                    if case.killed and not self._how.whole:
                        break
            done += 1
            if done % 50 == 0:
                self._told(f"{done} of {len(cases)} mutants")

        await _together(meet(case) for case in cases)

    async def _toothless(self, cases: Sequence[_Case], probes: Sequence[Probe]) -> None:
        """What has noticed no wrong answer yet, probe or test, meets all that it can until it does.

        Faults that strike everywhere come first: most tests fail with one of those.
        """

        async def go_on(probe: Probe, case: _Case) -> None:
            async with self._few:
                idle = not any(probe in one.judged for one in cases)
                if idle or self._suites.open(probe):
                    await self._against(case, probe)

        await _together(
            go_on(probe, case)
            for probe in probes
            for case in sorted(cases, key=lambda case: _particular(case.mutant))
            if case.mutant.family.judged and probe in case.touched and probe not in case.ran
        )

    async def _against(self, case: _Case, probe: Probe) -> None:
        """One probe meets one mutant; what the mutant cannot have caused is no evidence."""
        for _ in range(_TRIES):
            async with self._asking(probe, case.mutant) as (evidence, proxy):
                struck = bool(proxy.strikes)
            if evidence.passed or (struck and not _unsteady(case.mutant, evidence)):
                break
            self._strays += 1
        else:
            return
        case.ran += [probe] if struck else []
        if struck and case.mutant.family.judged:
            case.failed[probe.name] = self._suites.under_mutant(evidence)
        if evidence.passed:
            return
        case.noticed.append(probe)
        if case.mutant.family.judged and evidence.outcome is Outcome.FAILED:
            case.judged.append(probe)

    @asynccontextmanager
    async def _asking(
        self, probe: Probe, mutant: Mutant | None = None, profile: ServiceProfile | None = None
    ) -> AsyncIterator[tuple[Evidence, MutatingProxy]]:
        """The evidence of one probe that was asked through a proxy of its own."""
        async with MutatingProxy(self._upstream, mutant, profile) as proxy:
            target = replace(self._target, url=proxy.url, stable=self._stable_for(probe))
            evidence = await self._runner.run([self._suites.bounded(probe)], target, _unheard)
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
