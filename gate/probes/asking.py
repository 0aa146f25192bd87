"""Asks one probe of whom it concerns: the candidate, stable as a control, and again where need be.

What a failure may be besides a fault of the candidate is looked for here, whatever the kind: it is
not ready yet (readiness), Cloud Run itself cuts it (configured), its host name is unknown (hosts),
or it passes by itself (control).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.evidence import STABLE, Evidence
from gate.core.policy import Probe
from gate.kinds.keys import Keys, keys_of
from gate.kinds.kind import Control
from gate.ports import Progress
from gate.probes.configured import Configured
from gate.probes.control import (
    ALONE_WITHIN_S,
    Limits,
    Sides,
    alone_pause_s,
    ask_alone,
    ask_both,
    blamed,
    settled,
    stands,
)
from gate.probes.enough import Enough
from gate.probes.host_check import HostCheck
from gate.probes.inquiry import Inquiry, Run
from gate.probes.outcome import Fault
from gate.probes.readiness import until_ready
from gate.probes.words import LINES_MAX, TEXT_MAX

_SPARED = "stable was not asked: the probe changes something there; stable_writes: true allows it"
Progressing = Callable[[Progress], None]
Ask = Callable[..., Awaitable[Evidence]]
"""Asks a probe once: (probe, run, progress, address, control) to its evidence; never raises."""


class Asking:
    """One run over the probes.

    Args:
        run: at the candidate.
        stable: the same at stable, None where nobody asks it.
        ask: asks once.
        progress: told how far each probe is.
    """

    def __init__(self, run: Run, stable: Run | None, ask: Ask, progress: Progressing) -> None:
        self._run = run
        self._stable = stable
        self._ask = ask
        self._progress = progress
        target = run.target
        self._limits = Limits(target.repeats, run.clock, target.until)
        self._configured = Configured(run.configurations, target)
        self._hosts = HostCheck(run, stable, self._once)
        self._decided = False
        self._enough = Enough(target)
        self._ends: datetime | None = None

    async def ask(self, probe: Probe) -> tuple[Evidence, Evidence | None]:
        """What the candidate shows, and stable where it is asked."""
        self._progress(Progress(probe.name))
        impossible = await self._impossible(probe)
        if impossible:
            own, control = impossible, None
        elif self._stable is not None and probe.spares_stable:
            own, control = await self._sparing(probe), None
        else:
            own, control = await self._both(probe)
        self._progress(Progress(probe.name, evidence=own))
        if control is not None:
            self._progress(Progress(probe.name, evidence=control, address=STABLE))
        self._enough.seen(probe, own, control)
        return own, control

    def look_back(self, probes: Sequence[Probe]) -> None:
        """Looks at what the same round has seen at another address."""
        self._enough.look_back(probes)
        self._hosts.look_back(probes)

    def needs(self, probe: Probe) -> bool:
        """Whether it is still to be asked."""
        return not (self._enough.known and probe.spec.long)

    async def _sparing(self, probe: Probe) -> Evidence:
        """Of a probe that changes something: what the candidate shows, with nothing beside it."""
        run = replace(self._run, target=replace(self._run.target, stable=None))
        alone = Asking(run, None, self._ask, self._progress)
        seen = await alone._own(probe)
        first = [
            replace(one, hint=f"{one.hint}; {_SPARED}" if one.hint else _SPARED)
            for one in seen.findings[:1]
        ]
        excerpts = (f"= {_SPARED}", *seen.excerpts)[:LINES_MAX]
        return replace(seen, findings=(*first, *seen.findings[1:]), excerpts=excerpts)

    async def _impossible(self, probe: Probe) -> Evidence | None:
        """Why it is not asked at all; where the candidate has users, that has been looked at."""
        if self._run.target.alone is not None:
            return None
        fault = await self._configured.impossible(keys_of(probe))
        return _unasked(probe, self._run, fault) if fault else None

    async def _both(self, probe: Probe) -> tuple[Evidence, Evidence | None]:
        kind = keys_of(probe).facts
        if kind.control is Control.ITSELF:
            return await self._compared(probe)
        if self._stable is None and kind.addressed and self._run.target.alone is not None:
            return await self._alone(probe), None
        if self._stable is None or kind.control is Control.NONE:
            return await self._own(probe), None
        if kind.control is Control.AFTER_FAILURE:
            return await self._after_failure(probe)
        limits = self._limits if kind.again else replace(self._limits, rule=None)
        sides = Sides(
            lambda: self._own(probe),
            lambda: self._control(probe),
            self._again(probe, "failed: asking both again"),
        )
        own, control = await ask_both(probe, sides, limits)
        pair = await self._hosts.told(probe, own, control), control
        if settled(*pair, probe):
            self._limits = replace(self._limits, rule=None)
            self._decided = True
        return pair

    async def _after_failure(self, probe: Probe) -> tuple[Evidence, Evidence | None]:
        """What the candidate shows, and stable if that was no pass."""
        seen = await self._own(probe)
        if seen.passed:
            return seen, None
        control = replace(await self._control(probe), address=STABLE)
        return blamed(seen, control), control

    async def _alone(self, probe: Probe) -> Evidence:
        """With users on it: a failure is asked again before they are moved, unless one stands."""
        if self._decided:
            return await self._own(probe)
        target = self._run.target
        rule = target.alone.shared(target.share) if target.alone else None
        limits = replace(self._limits, rule=rule, pause_s=alone_pause_s(target.share))
        again = self._again(probe, "failed: asking again before anybody is moved")
        seen = await ask_alone(lambda: self._own(probe), limits, again, self._alone_ends)
        self._decided = probe.required and stands(seen)
        return seen

    def _alone_ends(self) -> datetime:
        """When nothing is asked again any more: one time for the run, from its first failure."""
        now = self._run.clock.now()
        self._ends = self._ends or now + timedelta(seconds=ALONE_WITHIN_S)
        return self._ends

    def _again(self, probe: Probe, text: str) -> Callable[[int], None]:
        def told(times: int) -> None:
            most = self._limits.rule.at_most if self._limits.rule else times
            self._progress(Progress(probe.name, text, times, most))

        return told

    async def _own(self, probe: Probe) -> Evidence:
        async def ask() -> Evidence:
            return await self._ask(probe, self._run, self._progress)

        async def waiting(seen: Evidence, left_s: float) -> bool:
            if self._stable is not None and (await self._once(probe, self._stable)).not_yet:
                return False
            said = self._run.words.line(seen.seen, TEXT_MAX)
            text = (
                f"the candidate says {said}: asking again for at most {left_s:.0f} s, until it is "
                "ready (candidate.starting_within)"
            )
            self._progress(Progress(probe.name, text, of=int(left_s)))
            return True

        seen = await until_ready(ask, self._run.readiness, self._run.clock, waiting)
        return await self._configured.explained(seen)

    async def _control(self, probe: Probe) -> Evidence:
        assert self._stable is not None
        stable = self._stable
        self._progress(Progress(probe.name, "asking", address=STABLE))
        await self._arrived(keys_of(probe))

        async def ask() -> Evidence:
            return await self._once(probe, stable)

        async def waiting(_: Evidence, __: float) -> bool:
            return self._run.readiness.left_s(stable.clock.now()) > 0

        return await until_ready(ask, stable.readiness, stable.clock, waiting)

    async def _once(self, probe: Probe, stable: Run) -> Evidence:
        of_stable = replace(probe, spec=keys_of(probe).of_stable())
        return await self._ask(of_stable, stable, self._progress, STABLE)

    async def _arrived(self, keys: Keys) -> None:
        """Waits for what stable was asked last, unless the verdict is known."""
        if not self._decided and (wait_s := keys.arrival_s):
            await self._run.clock.sleep(wait_s)

    async def _compared(self, probe: Probe) -> tuple[Evidence, Evidence | None]:
        """Of a kind that asks both by itself: stable's evidence comes along, if it was asked."""
        controls: list[Evidence] = []

        async def ask() -> Evidence:
            controls.clear()
            return await self._ask(probe, self._run, self._progress, control=controls.append)

        async def waiting(_: Evidence, __: float) -> bool:
            return not (controls and controls[-1].not_yet)

        own = await until_ready(ask, self._run.readiness, self._run.clock, waiting)
        return own, controls[-1] if controls else None


def _unasked(probe: Probe, run: Run, fault: Fault) -> Evidence:
    """Evidence of a question that is at fault itself."""
    keys = keys_of(probe)
    draft = Inquiry(probe.name, keys, run, lambda *_: None).begin(
        keys.facts.name, keys.asked, fault.expected
    )
    return draft.end(fault.seen, [fault])
