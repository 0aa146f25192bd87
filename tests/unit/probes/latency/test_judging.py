"""What follows from samples that are known: a case for each answer."""

import random

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.kinds.latency import LatencyProbe
from gate.probes.latency.client import Reply
from gate.probes.latency.judging import Measured, faults, faults_of_stable, ratio
from gate.probes.latency.meter import KINDS_MAX, Meter
from gate.probes.latency.schedule import PAIRS, WARM_UP, Due, Side
from gate.probes.outcome import Fault, worst

WRONG = Fault(Symptom.STATUS, "500 Internal Server Error", "200")
UNREACHED = Fault(Symptom.CONNECT, "no connection", "a connection")
LATE = Fault(Symptom.TIMEOUT, "no whole answer within 10 s", "an answer within 10 s")
SPEC = LatencyProbe("/", rate_per_s=50, for_s=10, p95_s=0.1)
VERSUS = LatencyProbe("/", rate_per_s=50, for_s=10, slower_percent=20)


def meter(typical_s: float, count=500, late_s=0.0, seed=1, spread=0.2, busy_s=0.0):
    """Answers around a typical latency; our own side was `late_s` late each time."""
    rng, filled = random.Random(seed), Meter(PAIRS)
    for number in range(count):
        took_s = typical_s * rng.lognormvariate(0, spread)
        due = Due(0.0, number * PAIRS // count, Side.CANDIDATE)
        filled.note(due, 0.0, late_s, Reply(late_s, late_s + took_s))
    filled.busy_s += busy_s
    return filled


def spoilt(filled: Meter, fault: Fault, times: int, took_s=0.0):
    for _ in range(times):
        due = Due(0.0, 0, Side.CANDIDATE)
        filled.note(due, 0.0, 0.0, Reply(0.0, took_s, fault, late=fault is LATE))
    return filled


def measured(candidate, stable=None, own=None, why_alone=""):
    own = own or meter(0.001, 400, seed=9)
    return Measured(candidate, own, seed=7, open_max=500, stable=stable, why_alone=why_alone)


def judged(spec, one):
    found = faults(spec, one, ratio(spec, one))
    assert all(isinstance(fault, Fault) for fault in found)
    return found


def only(spec, one, symptom, outcome):
    (fault,) = judged(spec, one)
    assert (fault.symptom, fault.outcome) == (symptom, outcome), fault
    return fault


def test_within_its_limit_is_a_pass():
    assert not judged(SPEC, measured(meter(0.05)))


def test_beyond_its_limit_is_a_failure():
    fault = only(SPEC, measured(meter(0.2)), Symptom.SLOW, Outcome.FAILED)
    assert fault.seen.startswith("p95 2")
    assert fault.expected == "p95 of at most 100 ms"


def test_beyond_its_limit_by_chance_is_not_known():
    typical_s = 0.1 / meter(1.0).percentile_s(95) * 1.02
    fault = only(SPEC, measured(meter(typical_s)), Symptom.SLOW, Outcome.INCONCLUSIVE)
    assert "by chance" in fault.seen
    assert "more samples needed: about 2000" in fault.hint


def test_beyond_its_limit_because_we_were_late_is_our_fault():
    late = measured(meter(0.05, late_s=0.08))
    only(SPEC, late, Symptom.CLIENT, Outcome.INCONCLUSIVE)


def test_a_limit_missed_by_less_than_our_own_part_is_our_fault():
    slow = measured(meter(0.2), own=meter(0.25, 400))
    only(SPEC, slow, Symptom.CLIENT, Outcome.INCONCLUSIVE)


def test_too_few_connections_for_the_rate_are_our_fault():
    crowded = measured(meter(0.2, busy_s=500 * 10.0))
    assert "connections" in only(SPEC, crowded, Symptom.CLIENT, Outcome.INCONCLUSIVE).seen


def test_too_few_samples_have_no_such_percentile():
    spec = LatencyProbe("/", p99_s=1.0)
    fault = only(spec, measured(meter(0.05, 99)), Symptom.SLOW, Outcome.INCONCLUSIVE)
    assert "about 100" in fault.hint
    assert not judged(spec, measured(meter(0.05, 100)))


def test_a_slower_candidate_fails():
    one = measured(meter(0.08), meter(0.05, seed=2))
    fault = only(VERSUS, one, Symptom.SLOW, Outcome.FAILED)
    assert "times stable's" in fault.seen
    assert fault.expected == "p95 of at most 1.2 times stable's"


def test_an_equal_candidate_passes():
    assert not judged(VERSUS, measured(meter(0.05), meter(0.05, seed=2)))


def test_a_little_slower_than_stable_is_not_known_and_says_how_many_it_would_take():
    one = measured(meter(0.0545, spread=0.3), meter(0.05, seed=2, spread=0.3))
    fault = only(VERSUS, one, Symptom.SLOW, Outcome.INCONCLUSIVE)
    assert "more samples needed: about " in fault.hint


def test_too_few_samples_are_not_compared():
    one = measured(meter(0.5, 60), meter(0.05, 60, seed=2))
    fault = only(VERSUS, one, Symptom.SLOW, Outcome.INCONCLUSIVE)
    assert "about 100" in fault.hint


@pytest.mark.parametrize("candidate_s", [0.002, 0.0022, 0.003])
def test_an_instrument_slower_than_what_it_measures_refuses_to_compare(candidate_s):
    own = meter(0.0015, 400, seed=9)
    one = measured(meter(candidate_s), meter(0.002, seed=2), own)
    only(VERSUS, one, Symptom.CLIENT, Outcome.INCONCLUSIVE)


def test_a_slow_instrument_still_sees_what_is_slower_by_far():
    own = meter(0.0015, 400, seed=9)
    only(VERSUS, measured(meter(0.1), meter(0.002), own), Symptom.SLOW, Outcome.FAILED)


@pytest.mark.parametrize(("why", "hint"), [("", "set `baseline: stable`"), ("stable is down", "")])
def test_nothing_to_compare_with_is_not_known(why, hint):
    fault = only(VERSUS, measured(meter(0.05), why_alone=why), Symptom.SLOW, Outcome.INCONCLUSIVE)
    assert fault.hint.startswith(hint)
    assert why in fault.seen


def test_a_stable_that_is_wrong_is_nothing_to_compare_with():
    one = measured(meter(0.5), spoilt(meter(0.05), WRONG, 3))
    fault = only(VERSUS, one, Symptom.SLOW, Outcome.INCONCLUSIVE)
    assert "stable itself was wrong 3 times: 500" in fault.seen


@pytest.mark.parametrize(
    ("percents", "at"),
    [({}, 95), ({"p50_s": 1}, 50), ({"p99_s": 1}, 99), ({"p50_s": 1, "p95_s": 1, "p99_s": 1}, 95)],
)
def test_the_percentile_that_is_asked_for_is_compared(percents, at):
    assert LatencyProbe("/", slower_percent=20, **percents).compared == at


def test_wrong_answers_are_counted_apart_and_have_no_latency():
    one = spoilt(meter(0.05), WRONG, 3, took_s=9.0)
    assert (one.asked, one.right, one.wrong, len(one.samples)) == (503, 500, 3, 500)
    assert max(one.samples) < 1
    assert judged(SPEC, measured(one)) == {WRONG: 3}


def test_a_timeout_counts_as_what_it_waited():
    one = spoilt(meter(0.05), LATE, 50, took_s=10.0)
    assert one.late == 50
    assert one.percentile_s(95) == 10.0
    found = judged(SPEC, measured(one))
    assert found[LATE] == 50
    assert {fault.symptom for fault in found} == {Symptom.TIMEOUT, Symptom.SLOW}


def test_errors_within_the_budget_are_forgiven():
    spec = LatencyProbe("/", rate_per_s=50, errors_percent=1)
    assert not judged(spec, measured(spoilt(meter(0.05, 495), WRONG, 5)))
    assert judged(spec, measured(spoilt(meter(0.05, 494), WRONG, 6))) == {WRONG: 6}


def test_what_says_nothing_of_the_container_is_not_a_failure():
    assert worst(judged(SPEC, measured(spoilt(meter(0.05), UNREACHED, 9)))) is Outcome.INCONCLUSIVE
    spec = LatencyProbe("/", rate_per_s=50, errors_percent=1)
    both = spoilt(spoilt(meter(0.05), UNREACHED, 9), WRONG, 2)
    assert judged(spec, measured(both)) == {UNREACHED: 9}


def test_stable_by_itself_shows_what_was_there_before():
    one = measured(meter(0.2), meter(0.2, seed=2))
    (fault,) = faults_of_stable(SPEC, one)
    assert (fault.symptom, fault.outcome) == (Symptom.SLOW, Outcome.FAILED)
    assert not faults_of_stable(VERSUS, one)


def test_the_warm_up_is_kept_apart():
    one = meter(0.05)
    one.note(Due(0.0, WARM_UP, Side.CANDIDATE), 0.0, 0.0, Reply(0.0, 3.0))
    one.note(Due(0.0, WARM_UP, Side.CANDIDATE), 0.0, 0.0, Reply(0.0, 3.0, WRONG))
    assert (one.warm, one.asked, one.wrong) == ([3.0], 500, 0)
    assert max(one.samples) < 1


def test_kinds_of_wrong_answers_are_bounded():
    one = Meter(PAIRS)
    for number in range(1000):
        spoilt(one, Fault(Symptom.REDIRECT, f"307 to /{number}", "200"), 1)
    assert len(one.faults) <= KINDS_MAX + 1
    assert one.faults.total() == 1000
