"""Percentiles and how two of them compare, on samples that are known."""

import math
import random

import pytest

from gate.core.percentiles import (
    MORE_MAX,
    Interval,
    Place,
    percentile,
    percentile_interval,
    ratio_of_percentiles,
    samples_needed,
)

BLOCKS = 20


def pairs(slower: float, size: int = 25, seed: int = 1, spread: float = 0.3):
    """Blocks of the candidate beside blocks of stable, around 50 ms, log-normal."""
    rng = random.Random(seed)

    def block(times: float) -> list[float]:
        return [0.05 * times * rng.lognormvariate(0, spread) for _ in range(size)]

    return [(block(slower), block(1.0)) for _ in range(BLOCKS)]


def test_a_percentile_is_the_least_sample_that_so_many_are_not_above():
    samples = list(range(1, 101))
    assert [percentile(samples, percent) for percent in (50, 95, 99, 100)] == [50, 95, 99, 100]
    assert percentile([3.0], 95) == 3.0
    assert percentile([2.0, 1.0], 50) == 1.0
    assert percentile([2.0, 1.0], 50.1) == 2.0


@pytest.mark.parametrize(
    ("interval", "place"),
    [
        (Interval(0.9, 1.0, 1.2), Place.BELOW),
        (Interval(0.9, 1.0, 1.21), Place.ACROSS),
        (Interval(1.2, 1.3, 1.4), Place.ACROSS),
        (Interval(1.21, 1.3, 1.4), Place.ABOVE),
        (Interval(math.nan, math.nan, math.nan), Place.ACROSS),
        (Interval(-math.inf, 1.0, math.inf), Place.ACROSS),
    ],
)
def test_only_a_whole_interval_decides(interval, place):
    assert interval.place(1.2) is place


def test_the_interval_of_a_percentile_is_of_samples_that_lie_around_it():
    interval = percentile_interval([float(value) for value in range(1, 501)], 99)
    assert interval == Interval(489, 495, 500)  # exact: binomial, 500 of 99 %, 98 % sure


def test_too_few_samples_leave_an_end_open():
    interval = percentile_interval([float(value) for value in range(1, 11)], 99)
    assert interval.high == math.inf
    assert percentile_interval([1.0], 99) == Interval(-math.inf, 1.0, math.inf)


@pytest.mark.parametrize(
    ("slower", "place"), [(1.0, Place.BELOW), (1.2, Place.ACROSS), (1.6, Place.ABOVE)]
)
def test_a_candidate_is_slower_equal_or_too_close_to_tell(slower, place):
    ratio = ratio_of_percentiles(pairs(slower), 95, seed=7)
    assert ratio.low < ratio.estimate < ratio.high
    assert ratio.place(1.2) is place


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly():
    one, again, other = (ratio_of_percentiles(pairs(1.0), 95, seed) for seed in (7, 7, 8))
    assert one == again != other
    assert one.high == pytest.approx(other.high, rel=0.05)


def test_blocks_that_differ_by_themselves_widen_the_interval():
    """One slow block of twenty is one observation, not 25."""
    even = ratio_of_percentiles(pairs(1.0), 95, seed=7)
    uneven = [(list(candidate), list(stable)) for candidate, stable in pairs(1.0)]
    uneven[3] = ([value * 3 for value in uneven[3][0]], uneven[3][1])
    one_pause = ratio_of_percentiles(uneven, 95, seed=7)
    assert one_pause.place(1.2) is Place.ACROSS
    assert one_pause.high / one_pause.low > 1.5 * even.high / even.low


def test_too_few_samples_or_blocks_are_not_compared():
    assert ratio_of_percentiles(pairs(9.0, size=4), 95, seed=7) is None  # 4 samples beyond p95
    assert ratio_of_percentiles(pairs(9.0, size=5), 95, seed=7) is not None
    assert ratio_of_percentiles(pairs(9.0, size=24), 99, seed=7) is None
    assert ratio_of_percentiles(pairs(9.0, size=500)[:7], 95, seed=7) is None
    assert ratio_of_percentiles([], 95, seed=7) is None
    assert ratio_of_percentiles([([], [1.0])] * 50, 50, seed=7) is None


def test_how_many_samples_it_would_take():
    half_of_the_way = Interval(0.8, 1.0, 1.44)  # as far above the estimate as twice the limit's
    assert samples_needed(half_of_the_way, 1.2, 500) == pytest.approx(2000, rel=0.01)
    assert samples_needed(Interval(1.0, 1.2, 1.5), 1.2, 500) is None
    nearly = 1.2 * math.exp(-0.99 * math.log(1.5) / math.sqrt(MORE_MAX))
    assert samples_needed(Interval(1.0, nearly, nearly * 1.5), 1.2, 500) is None
