"""Probes that see what the test says."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from gate.core.evidence import STABLE, Evidence, Finding, Outcome, Symptom
from gate.core.policy import Probe
from gate.ports import Progress, Target
from tests.fakes.script import Script

LONG_AGO = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def evidence(probe: str, outcome: Outcome = Outcome.PASSED, seen: str = "200") -> Evidence:
    """What a probe saw; anything but a pass carries a finding."""
    right = outcome is Outcome.PASSED
    return Evidence(
        probe=probe,
        kind="http",
        outcome=outcome,
        asked=f"GET /{probe}",
        expected="200",
        seen=seen,
        started_at=LONG_AGO,
        duration_s=0.01,
        findings=() if right else (Finding(Symptom.STATUS, "200", seen),),
        excerpts=(f"GET /{probe} -> {seen}",),
        right_times=int(right),
    )


class FakeProbes(Script):
    """Implements gate.ports.Probes.

    Attributes:
        sees: what a probe is to see, by its name; the others pass.
        controls: what stable is to see, by the probe's name, where a target has one.
        hangs_at: the probe that never ends, "" for none.
        hanging: set once that probe hangs.
        targets: whom the probes were run against, one a run.
        cancelled: how many runs were cut off.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sees: dict[str, Evidence] = {}
        self.controls: dict[str, Evidence] = {}
        self.hangs_at = ""
        self.hanging = asyncio.Event()
        self.targets: list[Target] = []
        self.cancelled = 0

    async def run(
        self, probes: Sequence[Probe], target: Target, progress: Callable[[Progress], None]
    ) -> tuple[Evidence, ...]:
        """One evidence a probe, in order; a probe that hangs does so until it is cancelled."""
        self.enter("run")
        self.targets.append(target)
        ended = []
        for probe in probes:
            progress(Progress(probe.name, "began"))
            if probe.name == self.hangs_at:
                await self._hang()
            ended.append(self.sees.get(probe.name, evidence(probe.name)))
            progress(Progress(probe.name, evidence=ended[-1]))
            if target.stable and probe.name in self.controls:
                control = self.controls[probe.name]
                progress(Progress(probe.name, evidence=control, address=STABLE))
        return tuple(ended)

    async def _hang(self) -> None:
        self.hanging.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
