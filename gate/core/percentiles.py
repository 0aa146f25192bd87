"""Percentiles of what requests took, and how two of them compare: pure functions over samples.

Exact over the raw samples, whose number is bounded by whoever took them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.98
"""Of every interval below, two-sided: one in a hundred lies beyond each of its ends."""
RESAMPLES = 2000
TAIL_MIN = 5
"""Fewest samples beyond a percentile that two of them can be compared by."""
PAIRS_MIN = 8
"""Fewest pairs of blocks: fewer tell nothing of how much blocks differ by themselves."""
MORE_MAX = 100
"""So many times more samples are never asked for."""


class Place(Enum):
    """Where an interval lies, seen from a limit. ACROSS decides nothing."""

    BELOW = "below"
    ACROSS = "across"
    ABOVE = "above"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate, and where the truth lies with CONFIDENCE."""

    low: float
    estimate: float
    high: float

    def place(self, limit: float) -> Place:
        """Where the interval lies; what is not a number lies nowhere, and so ACROSS."""
        if self.high <= limit:
            return Place.BELOW
        return Place.ABOVE if self.low > limit else Place.ACROSS


def percentile(samples: Sequence[float], percent: float) -> float:
    """The least sample that at least `percent` of all are not above: always one that was seen.

    Args:
        samples: at least one.
        percent: more than 0, at most 100.
    """
    import numpy as np  # noqa: PLC0415 - lazy: takes 90 ms, and a rollback needs none of it

    return float(np.percentile(samples, percent, method="inverted_cdf"))


def tail_count(count: int, percent: float) -> float:
    """How many of so many samples lie beyond a percentile."""
    return count * (100 - percent) / 100


def percentile_interval(samples: Sequence[float], percent: float) -> Interval:
    """A percentile and its interval, by order statistics: nothing is assumed of the samples.

    An end that so few samples cannot give is infinite.
    """
    from scipy.stats import quantile_test  # noqa: PLC0415 - lazy: takes over half a second

    tested = quantile_test(samples, q=0.0, p=percent / 100)
    low, high = tested.confidence_interval(confidence_level=CONFIDENCE)
    return Interval(
        -math.inf if math.isnan(low) else float(low),
        percentile(samples, percent),
        math.inf if math.isnan(high) else float(high),
    )


Pair = tuple[Sequence[float], Sequence[float]]
"""What one block of the candidate took, and the block of stable beside it."""


def ratio_of_percentiles(pairs: Sequence[Pair], percent: float, seed: int) -> Interval | None:
    """How many times a percentile of the first side is that of the second.

    A bootstrap over whole pairs of blocks that were measured beside each other: samples of one
    block depend on each other (a pause slows all of them), blocks nearly do not.

    Args:
        pairs: of blocks; one without a sample on either side is left out.
        percent: which percentile.
        seed: of the resampling: the same samples and seed give the same interval.

    Returns:
        None where there are too few samples to say anything.
    """
    import numpy as np  # noqa: PLC0415 - lazy, as above
    from scipy.stats import bootstrap  # noqa: PLC0415 - lazy, as above

    whole = [pair for pair in pairs if all(pair)]
    fewest = min((sum(len(pair[side]) for pair in whole) for side in (0, 1)), default=0)
    if len(whole) < PAIRS_MIN or tail_count(fewest, percent) < TAIL_MIN:
        return None
    first, second = (_Resampled([pair[side] for pair in whole], percent) for side in (0, 1))

    def log_ratio(drawn: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> float:
        times = np.bincount(drawn.astype(int), minlength=len(whole))
        return math.log(first.percentile(times) / second.percentile(times))

    every = np.arange(len(whole))
    found = bootstrap(
        (every,),
        log_ratio,
        vectorized=False,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(math.exp(found.low), math.exp(log_ratio(every)), math.exp(found.high))


class _Resampled:
    """Blocks of samples, sorted once, so that a resample of blocks has its percentile cheaply.

    Args:
        blocks: the samples of each block; all are more than 0.
        percent: which percentile.
    """

    def __init__(self, blocks: Sequence[Sequence[float]], percent: float) -> None:
        import numpy as np  # noqa: PLC0415 - lazy, as above

        samples = np.concatenate([np.asarray(block, dtype=float) for block in blocks])
        order = np.argsort(samples, kind="stable")
        self._samples = samples[order]
        self._block_of = np.repeat(np.arange(len(blocks)), [len(block) for block in blocks])[order]
        self._percent = percent

    def percentile(self, times: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> float:
        """The percentile where each block counts so many times, as `percentile` has it."""
        import numpy as np  # noqa: PLC0415 - lazy, as above

        reached = np.cumsum(times[self._block_of])
        wanted = reached[-1] * self._percent / 100
        return float(self._samples[np.searchsorted(reached, wanted - 1e-9)])


def samples_needed(ratio: Interval, most: float, asked: int) -> int | None:
    """About how many samples of each side it would take for the interval to leave the limit.

    An interval shrinks with the square root of their number.

    Args:
        ratio: as `ratio_of_percentiles` found it, across `most`.
        most: the limit.
        asked: how many samples of each side there were.

    Returns:
        None where the estimate is so close to the limit that MORE_MAX times as many would not do.
    """
    logs = [math.log(value) for value in (ratio.low, ratio.estimate, ratio.high, most)]
    low, estimate, high, limit = logs
    away = abs(estimate - limit)
    half = estimate - low if estimate > limit else high - estimate
    if not away > 0 or not half / away < math.sqrt(MORE_MAX):
        return None
    return math.ceil(asked * max(1.0, half / away) ** 2)
