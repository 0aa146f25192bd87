"""When each request is due: the arithmetic alone."""

from itertools import pairwise

import pytest

from gate.kinds.latency import LatencyProbe
from gate.probes.latency.schedule import OWN_RATE_PER_S, PAIRS, WARM_UP, Side, schedule

BOTH = (Side.CANDIDATE, Side.STABLE)


def of(plan, side):
    return [due for due in plan.dues if due.side is side]


def measured(plan, side):
    return [due for due in of(plan, side) if due.block != WARM_UP]


@pytest.mark.parametrize(
    ("rate", "for_s", "count", "blocks"), [(50, 10, 500, 20), (1, 7, 7, 7), (33.3, 3, 100, 20)]
)
def test_each_side_is_asked_as_often_as_the_policy_says(rate, for_s, count, blocks):
    plan = schedule(LatencyProbe("/", rate_per_s=rate, for_s=for_s, warm_up_s=2), BOTH, seed=1)
    assert plan.blocks == blocks
    for side in BOTH:
        assert len(measured(plan, side)) == count
        assert len(of(plan, side)) - count == round(rate * 2)
        assert {due.block for due in measured(plan, side)} == set(range(blocks))
    assert len(of(plan, Side.OWN)) == int(plan.ends_s * OWN_RATE_PER_S)


def test_requests_are_due_one_gap_apart_whatever_comes_of_them():
    plan = schedule(LatencyProbe("/", rate_per_s=200, for_s=5, warm_up_s=0), BOTH[:1], seed=1)
    times = [due.at_s for due in of(plan, Side.CANDIDATE)]
    assert len(times) == 1000
    assert all(late - early == pytest.approx(1 / 200) for early, late in pairwise(times))
    assert 0 <= times[0] < 1 / 200
    assert times[-1] < plan.ends_s == pytest.approx(5)


def test_blocks_alternate_pair_by_pair_and_the_seed_decides_who_is_first():
    spec = LatencyProbe("/", rate_per_s=50, for_s=10, warm_up_s=1)
    order = {}
    for seed in (1, 2):
        plan = schedule(spec, BOTH, seed)
        both = [due for due in plan.dues if due.side is not Side.OWN and due.block != WARM_UP]
        runs = [both[0], *(b for a, b in pairwise(both) if (a.block, a.side) != (b.block, b.side))]
        assert [due.block for due in runs] == [block for block in range(PAIRS) for _ in BOTH]
        assert all(
            {a.side, b.side} == set(BOTH) for a, b in zip(runs[::2], runs[1::2], strict=True)
        )
        order[seed] = [due.side for due in runs[::2]]
        assert set(order[seed]) == set(BOTH)
        assert all(late.at_s - early.at_s == pytest.approx(0.02) for early, late in pairwise(both))
    assert order[1] != order[2]
    assert schedule(spec, BOTH, 1) == schedule(spec, BOTH, 1)
    assert plan.block_s == pytest.approx(0.5)
    assert plan.ends_s == pytest.approx(21)


@pytest.mark.parametrize("rate", [20, 50, 97, 200, 1000])
def test_our_own_requests_come_between_the_measured_ones(rate):
    plan = schedule(LatencyProbe("/", rate_per_s=rate, for_s=3, warm_up_s=1), BOTH, seed=3)
    others = sorted(due.at_s for due in plan.dues if due.side is not Side.OWN and due.at_s > 1)
    for own in of(plan, Side.OWN):
        if own.at_s > 1:
            assert min(abs(own.at_s - other) for other in others) > 0.4 / rate


def test_the_whole_schedule_is_in_order():
    plan = schedule(LatencyProbe("/", rate_per_s=97, for_s=3), BOTH, seed=3)
    assert all(early.at_s <= late.at_s for early, late in pairwise(plan.dues))
