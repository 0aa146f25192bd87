"""Statistics that decide: pure functions over samples and counts."""

import math
from enum import Enum

# --- Counts: how often something went wrong, and what follows -------------------------------------


class SprtResult(Enum):
    """What a sequential test knows so far."""

    LOW = "low"  # it happens as seldom as the lower rate
    HIGH = "high"  # it happens as often as the higher rate
    OPEN = "open"


def sequential(
    bad: int, trials: int, *, low: float, high: float, alpha: float, beta: float
) -> SprtResult:
    """Wald's sequential probability ratio test of a rate.

    Args:
        bad: how often it happened.
        trials: how often it could have.
        low: the rate that is tolerable, more than 0.
        high: the rate that is not, less than 1.
        alpha: chance of HIGH where the rate is `low`.
        beta: chance of LOW where the rate is `high`.
    """
    ratio = bad * math.log(high / low) + (trials - bad) * math.log((1 - high) / (1 - low))
    if ratio >= math.log((1 - beta) / alpha):
        return SprtResult.HIGH
    return SprtResult.LOW if ratio <= math.log(beta / (1 - alpha)) else SprtResult.OPEN


def worse(right: int, asked: int, right_there: int, asked_there: int) -> float:
    """Fisher's exact test, one-sided: the chance of so few rights here if both were the same.

    Args:
        right: how many went right here.
        asked: of how many.
        right_there: how many went right there.
        asked_there: of how many.
    """
    rights, total = right + right_there, asked + asked_there
    least = max(0, rights - asked_there)
    ways = math.lgamma
    fixed = (
        ways(asked + 1) + ways(asked_there + 1) + ways(rights + 1) + ways(total - rights + 1)
    ) - ways(total + 1)
    tail = 0.0
    for k in range(least, right + 1):
        cells = (k, asked - k, rights - k, asked_there - rights + k)
        tail += math.exp(fixed - sum(ways(cell + 1) for cell in cells))
    return min(tail, 1.0)


def at_most(limit: int, trials: int, rate: float) -> float:
    """The binomial chance of at most `limit` events in so many trials, 0 < rate < 1."""
    tail = 0.0
    for k in range(limit + 1):
        choose = math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1)
        tail += math.exp(choose + k * math.log(rate) + (trials - k) * math.log1p(-rate))
    return min(tail, 1.0)


def sample_size(allowed: float, *, bad: float, beta: float = 0.05) -> int:
    """How many sessions it takes to tell a service without a fault from a bad one.

    The first always passes; the second fails the probe with a chance of at least 1 - beta. Exact,
    by search; one more session may allow one more failure, and so no smaller number will do.

    Args:
        allowed: share of sessions that may fail, 0 <= allowed < bad < 1.
        bad: the rate of failures that must be noticed.
        beta: chance of passing a bad one.
    """
    period = math.ceil(2 / allowed) if allowed else 1
    short = 0
    for trials in range(1, SAMPLE_MAX):
        if noticed(allowed, trials, bad=bad) < 1 - beta:
            short = trials
        elif trials - short >= period:
            break
    return min(short + 1, SAMPLE_MAX)


SAMPLE_MAX = 5000
"""A service that needs more sessions than this is not told apart by a probe."""


def noticed(allowed: float, trials: int, *, bad: float) -> float:
    """The chance that so many sessions notice a service that fails at the rate `bad`."""
    return 1 - at_most(math.floor(allowed * trials + 1e-9), trials, bad)
