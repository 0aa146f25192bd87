"""One mutant of a run: who is to meet it, who has, and who has noticed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.core.policy import Probe
from gate.core.proof import Trial
from gate.mutation.faults import Family, Mutant


@dataclass
class Case:
    """One mutant on its way: who is to meet it, who has, and who has noticed.

    Attributes:
        mutant: the fault.
        touched: probes that may meet it, by what the healthy service told them.
        ran: those that have met it.
        noticed: those that did not pass then.
        judged: those that found an answer wrong.
        missed: those that asked all they ask and passed without ever meeting it.
        failed: by suite, the tests that failed.
        met: by suite, the tests that met it while others of the suite were left out.
    """

    mutant: Mutant
    touched: tuple[Probe, ...]
    ran: list[Probe] = field(default_factory=list)
    noticed: list[Probe] = field(default_factory=list)
    judged: list[Probe] = field(default_factory=list)
    missed: list[Probe] = field(default_factory=list)
    failed: dict[str, frozenset[str]] = field(default_factory=dict)
    met: dict[str, frozenset[str]] = field(default_factory=dict)

    @property
    def killed(self) -> bool:
        """Whether a required probe has noticed it."""
        return any(probe.required for probe in self.noticed)

    @property
    def late(self) -> bool:
        """Whether meeting it is no more than waiting."""
        return self.mutant.family is Family.SPEED

    @property
    def writes(self) -> bool:
        """Whether somebody who may meet it changes what the service keeps."""
        return any(probe.spec.writes for probe in self.touched)

    def known(self, trial: Trial, probes: Mapping[str, Probe]) -> None:
        """Takes over what an earlier run has found out.

        Args:
            trial: what became of the mutant there.
            probes: those of this run, by name.
        """
        self.ran = [probes[name] for name in trial.ran if name in probes]
        self.noticed = [probes[name] for name in trial.noticed if name in probes]
        self.judged = [probes[name] for name in trial.judged if name in probes]
        self.failed = {name: tests for name, tests in trial.failed.items() if tests}

    @property
    def trial(self) -> Trial:
        """What became of it, by names."""
        mutant = self.mutant
        return Trial(
            mutant.name,
            mutant.family.value,
            mutant.caught_by,
            bool(self.ran),
            tuple(probe.name for probe in self.ran),
            tuple(probe.name for probe in self.noticed),
            tuple(probe.name for probe in self.judged),
            self.killed,
            self.failed,
            reachable=any(probe not in self.missed for probe in self.touched),
            whose=tuple(probe.name for probe in self.touched) if mutant.place.step else (),
        )
