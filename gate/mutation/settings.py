"""How mutants are tried."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gate.core.control import Baseline, Repeats
from gate.core.proof import Trial


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How mutants are tried.

    Attributes:
        at_once: most mutants at the same time, each at a port of its own.
        whole: every probe meets every mutant that it can; else a mutant is done with once a
            required probe has noticed it, and a probe that has noticed nothing yet goes on.
        baseline: whether the healthy service is asked beside each mutant, as in a rollout.
        repeats: how often the policy asks again what is much slower than stable; None for once.
        suite_s: so long each suite meets mutants; those that only it could meet may be left.
        before: what an earlier run has found out, which was stopped.
        keep: takes what is known by now, every few seconds and where the run is stopped.
    """

    at_once: int = 8
    whole: bool = False
    baseline: Baseline = Baseline.NONE
    repeats: Repeats | None = None
    suite_s: float = 900.0
    before: tuple[Trial, ...] = ()
    keep: Callable[[Sequence[Trial]], None] = lambda _: None
