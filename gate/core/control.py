"""The control: what a candidate is compared with, and how often a failure is asked again."""

from dataclasses import dataclass, replace
from enum import Enum

from gate.core.checks import within
from gate.errors import ValueProblem

FLAKY_MIN = 0.1
BROKEN_MIN = 1.0
SHARED_MAX = 100
"""Most tries where the candidate shares an address."""


class Baseline(Enum):
    """What the candidate is compared with, probe by probe, in the same minutes."""

    NONE = "none"
    STABLE = "stable"


class Contract(Enum):
    """What an answer's shape must be, beside what the probe expects; needs a baseline."""

    STABLE = "stable"  # whatever stable's answers always have
    DECLARED = "declared"  # what the probe expects declares it, whatever stable's is


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often a failed probe is asked again: until a sequential test knows.

    The test (Wald's) tells a probe that fails by chance from one that is broken. The failure that
    began it is no part of it, so that its error rates hold for what follows.

    Attributes:
        alpha_percent: how often a probe that fails as seldom as `flaky` is called broken.
        beta_percent: how often one that fails as often as `broken` is called flaky.
        flaky_percent: a probe that fails no more often than this is flaky at most.
        broken_percent: one that fails at least as often as this is broken.
        at_most: tries after the first, of candidate and stable each; 0 for none.
    """

    alpha_percent: float = 5.0
    beta_percent: float = 5.0
    flaky_percent: float = 10.0
    broken_percent: float = 50.0
    at_most: int = 8

    def __post_init__(self) -> None:
        within("alpha", self.alpha_percent, 0.01, 49)
        within("beta", self.beta_percent, 0.01, 49)
        within("flaky", self.flaky_percent, FLAKY_MIN, 98)
        within("broken", self.broken_percent, BROKEN_MIN, 99)
        within("at_most", self.at_most, 0, 1000)
        if not self.flaky_percent < self.broken_percent:
            raise ValueProblem(
                "broken",
                f"must be more than flaky (got {self.broken_percent:g}%, "
                f"expected more than {self.flaky_percent:g}%)",
            )

    def shared(self, percent: int) -> "Repeats":
        """The same test where only so many percent of the answers are the candidate's.

        It fails as much more seldom there, and more tries are needed to know.
        """
        if percent >= 100:
            return self
        part = max(percent, 1) / 100
        return replace(
            self,
            flaky_percent=max(self.flaky_percent * part, FLAKY_MIN),
            broken_percent=max(self.broken_percent * part, BROKEN_MIN),
            at_most=min(round(self.at_most / part), SHARED_MAX),
        )
