"""Distributions of latency, and counts that are put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.user_requests import Counts, Distribution

times = st.lists(st.floats(0.002, 3000), min_size=1, max_size=60)


@given(times, st.integers(50, 99))
def test_a_percentile_is_as_exact_as_the_buckets_are(took, percent):
    found = Distribution.of(took).percentile(percent)
    rank = max(-(-len(took) * percent // 100), 1)
    exact = sorted(took)[rank - 1]
    assert exact / 1.06 <= found <= exact * 1.06


@given(times, st.floats(0.001, 3000))
def test_those_above_a_limit_are_counted_to_a_bucket(took, limit):
    found = Distribution.of(took).above(limit)
    assert sum(t > limit * 1.06 for t in took) <= found <= sum(t > limit / 1.06 for t in took)


@given(times, times)
def test_two_together_are_what_they_would_be_at_once(one, other):
    both = Distribution.of(one).plus(Distribution.of(other))
    assert both == Distribution.of([*one, *other])
    assert Distribution().plus(both) == both.plus(Distribution()) == both


def test_other_buckets_are_put_where_they_end():
    fine = Distribution((1.0, 2.0, 4.0), (1, 1, 1, 1))
    coarse = Distribution((2.0,), (3, 2))
    assert fine.plus(coarse).counts == (1, 4, 1, 3)


@pytest.mark.parametrize("nothing", [Distribution(), Distribution.of([]), Distribution((1.0,), ())])
def test_nothing_measured_has_no_percentile(nothing):
    assert (nothing.total, nothing.percentile(95), nothing.above(0.0)) == (0, None, 0)


def test_sides_add_up():
    whole = Counts((1, 2, 3, 4, 5), 1).plus(Counts((1, 1, 1, 1, 1), 2))
    assert (whole.total, whole.bad, whole.front_end) == (20, 6, 3)
