"""Percentiles by their definition; and no candidate gets a better answer by being slower."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.core.evidence import Outcome
from gate.core.percentiles import (
    Interval,
    Place,
    percentile,
    percentile_interval,
    ratio_of_percentiles,
    samples_needed,
)
from gate.kinds.latency import LatencyProbe
from gate.probes.latency.client import Reply
from gate.probes.latency.judging import Measured, faults
from gate.probes.latency.meter import Meter
from gate.probes.latency.schedule import PAIRS, Due, Side, schedule
from gate.probes.outcome import worst

SECONDS = st.floats(0.0001, 100)
SAMPLES = st.lists(SECONDS, min_size=1, max_size=300)
PERCENT = st.sampled_from([50.0, 90.0, 95.0, 99.0, 99.9, 100.0])
BLOCKS = st.lists(st.lists(SECONDS, min_size=10, max_size=10), min_size=8, max_size=8)
SEVERITY = [Outcome.PASSED, Outcome.INCONCLUSIVE, Outcome.FAILED]
PLACES = [Place.BELOW, Place.ACROSS, Place.ABOVE]


@given(SAMPLES, PERCENT)
def test_a_percentile_is_the_least_sample_that_so_many_are_not_above(samples, percent):
    found = percentile(samples, percent)

    def share(limit):
        return 100 * sum(sample <= limit for sample in samples) / len(samples)

    assert found in samples
    assert share(found) >= percent - 1e-9
    assert all(share(lower) < percent for lower in samples if lower < found)


@given(SAMPLES, st.sampled_from([50.0, 90.0, 95.0, 99.0]))
def test_the_interval_holds_the_percentile(samples, percent):
    found = percentile_interval(samples, percent)
    assert found.low <= found.estimate <= found.high


@settings(max_examples=settings.default.max_examples // 3)
@given(BLOCKS, BLOCKS, st.floats(1, 20), st.integers(0, 2**32 - 1))
def test_a_slower_candidate_never_compares_better(ours, theirs, slower, seed):
    pairs = list(zip(ours, theirs, strict=True))
    slow = [([sample * slower for sample in block], other) for block, other in pairs]
    before = ratio_of_percentiles(pairs, 50, seed)
    after = ratio_of_percentiles(slow, 50, seed)
    for limit in (0.5, 1.2, 3.0):
        assert PLACES.index(after.place(limit)) >= PLACES.index(before.place(limit))


@given(st.tuples(SECONDS, SECONDS, SECONDS).map(sorted), st.floats(1.01, 5), st.integers(1, 10_000))
def test_more_samples_are_asked_for_or_none_would_do(ends, limit, asked):
    needed = samples_needed(Interval(*ends), limit, asked)
    assert needed is None or asked <= needed <= asked * 101


def measured(samples):
    meter, own = Meter(PAIRS), Meter(PAIRS)
    for number, took_s in enumerate(samples):
        due = Due(0.0, number * PAIRS // len(samples), Side.CANDIDATE)
        meter.note(due, 0.0, 0.0, Reply(0.0, took_s))
        own.note(due, 0.0, 0.0, Reply(0.0, 0.00001))
    return Measured(meter, own, seed=1, open_max=500)


@given(st.lists(st.floats(0.001, 1), min_size=20, max_size=120), st.floats(1, 5))
def test_a_slower_candidate_is_never_judged_better(samples, slower):
    spec = LatencyProbe("/", p95_s=0.5, for_s=3600, rate_per_s=1)
    outcomes = [
        worst(faults(spec, measured([sample * times for sample in samples]), None))
        for times in (1, slower)
    ]
    assert SEVERITY.index(outcomes[0]) <= SEVERITY.index(outcomes[1])


@given(st.floats(0.1, 300), st.floats(1, 20), st.floats(0, 5), st.integers(0, 2**32 - 1))
def test_every_side_is_asked_alike_and_in_order(rate, for_s, warm_up_s, seed):
    spec = LatencyProbe("/", rate_per_s=rate, for_s=for_s, warm_up_s=warm_up_s)
    plan = schedule(spec, (Side.CANDIDATE, Side.STABLE), seed)
    times = [due.at_s for due in plan.dues]
    assert times == sorted(times)
    assert times[0] >= 0
    blocks = {side: [d.block for d in plan.dues if d.side is side] for side in Side}
    assert sorted(blocks[Side.CANDIDATE]) == sorted(blocks[Side.STABLE])
