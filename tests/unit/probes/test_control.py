"""How long a failure is asked again: by number, by time, and by the test; on a fake clock."""

import itertools
from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.attribution import Attribution, attribute
from gate.core.control import Repeats
from gate.core.evidence import STABLE, Finding, Outcome, Repeat, Symptom
from gate.core.policy import Probe
from gate.kinds.http import HttpProbe
from gate.kinds.journey import JourneyProbe
from gate.kinds.steps import Step
from gate.probes.control import (
    AGAIN_WITHIN_S,
    ALONE_WITHIN_S,
    Limits,
    Sides,
    alone_pause_s,
    ask_alone,
    ask_both,
    settled,
    stands,
)
from tests.fakes.clock import FakeClock
from tests.fakes.probes import evidence

PROBE = Probe("a", HttpProbe("/a"))
FAIL, PASS = evidence("a", Outcome.FAILED, "500"), evidence("a")
OPEN = Repeats(alpha_percent=0.01, beta_percent=0.01, at_most=1000)
"""A test that takes long to know."""


async def tries(took_s, rule=OPEN, until=None):
    """How often both are asked where the candidate fails and each question takes this long."""
    clock = FakeClock()
    asked = []

    async def answer(item):
        asked.append(item)
        await clock.sleep(took_s)
        return item

    sides = Sides(lambda: answer(FAIL), lambda: answer(PASS), lambda _: None)
    deadline = None if until is None else clock.now() + timedelta(seconds=until)
    own, control = await ask_both(PROBE, sides, Limits(rule, clock, deadline))
    assert asked == [FAIL, PASS] * (len(asked) // 2)
    assert (control.address, len(control.repeats)) == (STABLE, len(own.repeats))
    return max(len(own.repeats), 1)


async def test_a_slow_probe_is_not_asked_again_for_ever():
    assert await tries(10) == AGAIN_WITHIN_S / 20
    assert await tries(AGAIN_WITHIN_S) == 1


async def test_it_stops_before_the_deadline():
    assert await tries(1, until=10) == 4
    assert await tries(1, until=2) == 1


async def test_the_test_knows_sooner_or_the_number_ends_it():
    assert await tries(0, Repeats()) == 3
    assert await tries(0, replace(OPEN, at_most=4)) == 5
    assert await tries(0, replace(OPEN, at_most=0)) == 1
    assert await tries(0, None) == 1


def test_only_a_required_probe_that_never_passed_settles_the_verdict():
    again = replace(FAIL, repeats=(Repeat.WRONG,) * 3)
    assert settled(again, PASS, PROBE)
    for own, control, probe in (
        (FAIL, PASS, PROBE),
        (replace(again, repeats=(Repeat.WRONG, Repeat.RIGHT)), PASS, PROBE),
        (again, FAIL, PROBE),
        (again, PASS, replace(PROBE, required=False)),
        (replace(again, outcome=Outcome.INCONCLUSIVE), PASS, PROBE),
    ):
        assert not settled(own, control, probe)


async def timed(own_s, stable_s, percent=None, rule=OPEN):
    """What comes of passes that took so long, one after the other, the last one for ever."""
    took = {True: list(own_s), False: list(stable_s)}
    asked = []

    async def answer(own):
        asked.append(own)
        took_s = took[own].pop(0) if len(took[own]) > 1 else took[own][0]
        return replace(PASS, took=(("", took_s),))

    sides = Sides(lambda: answer(own=True), lambda: answer(own=False), lambda _: None)
    probe = Probe("a", HttpProbe("/a", slower_percent=percent))
    return await ask_both(probe, sides, Limits(rule, FakeClock())), len(asked) // 2


async def test_a_slowness_that_stays_fails_where_the_probe_asks_for_it():
    (own, control), asked = await timed([1.3, 1.2], [0.011], percent=300)
    assert (own.outcome, own.findings[0].symptom, asked) == (Outcome.FAILED, Symptom.SLOW, 4)
    assert "1200 ms where stable takes 11 ms" in own.seen
    assert (set(own.repeats), set(control.repeats)) == ({Repeat.WRONG}, {Repeat.RIGHT})
    assert settled(own, control, PROBE)


@pytest.mark.parametrize(
    ("percent", "rule", "asked"), [(None, OPEN, 4), (300, None, 1), (None, None, 1)]
)
async def test_a_slowness_that_nobody_asks_for_or_that_was_seen_once_is_told(percent, rule, asked):
    (own, _), times = await timed([1.2], [0.011], percent, rule)
    assert own.passed
    assert own.seen.startswith("unlike stable's: 1200 ms where stable takes 11 ms")
    assert times == asked


@pytest.mark.parametrize(
    ("own_s", "stable_s", "asked"),
    [
        ([0.3], [0.01], 1),  # within the floor
        ([1.2, 0.05], [0.01], 2),  # a pause, or a start
        ([1.2, 1.2, 0.02], [0.01], 3),
        ([1.2], [0.9], 1),
        ([1.2], [0.01, 1.0, 1.0], 2),  # both are slow
        ([0.0], [0.01], 1),  # nothing was measured
    ],
)
async def test_a_slowness_that_does_not_stay_or_that_stable_shares_is_none(own_s, stable_s, asked):
    (own, _), times = await timed(own_s, stable_s, percent=300)
    assert (own.passed, own.seen, times) == (True, PASS.seen, asked)


async def test_of_several_answers_the_slow_one_is_named_and_the_others_hide_nothing():
    def answer(**took):
        async def ask():
            return replace(PASS, took=tuple(took.items()))

        return ask

    sides = Sides(answer(start=2.0, then=1.2), answer(start=2.0, then=0.01), lambda _: None)
    probe = Probe("a", JourneyProbe((Step("GET", "/a"),), slower_percent=300))
    own, _ = await ask_both(probe, sides, Limits(OPEN, FakeClock()))
    assert own.findings[0].seen == "then: 1200 ms where stable takes 10 ms"


UNHEARD = replace(
    evidence("a", Outcome.INCONCLUSIVE, "503"), findings=(Finding(Symptom.PLATFORM, "200", "503"),)
)


async def alone(*answers, took_s=0.0, rule=None, until=None):
    """What is seen with users on it, the last answer for ever; and how long it took."""
    clock, left = FakeClock(), list(answers)
    began = clock.now()

    async def ask():
        await clock.sleep(took_s)
        return left.pop(0) if len(left) > 1 else left[0]

    ends = began + timedelta(seconds=ALONE_WITHIN_S)
    deadline = None if until is None else began + timedelta(seconds=until)
    limits = Limits(rule or Repeats(), clock, deadline)
    seen = await ask_alone(ask, limits, lambda _: None, lambda: ends)
    return seen, (clock.now() - began).total_seconds()


async def test_with_users_on_it_a_broken_one_is_known_after_two_more_tries():
    seen, took_s = await alone(FAIL)
    assert seen.repeats == (Repeat.WRONG,) * 3
    assert stands(seen)
    assert took_s <= 5


async def test_with_users_on_it_one_failure_among_passes_is_none_that_stands():
    seen, took_s = await alone(FAIL, PASS)
    assert seen.repeats[:2] == (Repeat.WRONG, Repeat.RIGHT)
    assert not stands(seen)
    assert took_s <= ALONE_WITHIN_S


async def test_what_the_front_end_says_in_its_place_is_asked_again_and_forgotten():
    assert (await alone(UNHEARD, UNHEARD, PASS))[0] == PASS
    seen, _ = await alone(UNHEARD, FAIL)
    assert (seen.outcome, seen.repeats) == (Outcome.FAILED, (Repeat.WRONG,) * 3)


async def test_users_do_not_wait_for_long():
    seen, took_s = await alone(UNHEARD)
    assert (seen, took_s <= ALONE_WITHIN_S) == (UNHEARD, True)
    seen, took_s = await alone(FAIL, took_s=ALONE_WITHIN_S)
    assert (seen, took_s) == (FAIL, ALONE_WITHIN_S)
    _, took_s = await alone(UNHEARD, until=4)
    assert took_s < 4


async def test_a_pass_is_asked_once():
    assert await alone(PASS) == (PASS, 0)


@pytest.mark.parametrize("share", [100, 50, 10, 1])
async def test_where_stable_answers_too_more_is_asked_in_the_same_time(share):
    """A broken one is known whenever it is met twice more; one that was met once is not excused
    before it would have been met again."""
    clock, met = FakeClock(), itertools.count()
    every = 100 // share

    async def broken():
        clock.advance(0.005)
        return PASS if next(met) % every else FAIL

    async def once():
        clock.advance(0.005)
        return PASS if next(met) else FAIL

    rule = Repeats().shared(share)
    limits = Limits(rule, clock, pause_s=alone_pause_s(share))
    for ask, words in ((broken, {Attribution.REGRESSION}), (once, set(Attribution))):
        met = itertools.count()
        ends = clock.now() + timedelta(seconds=ALONE_WITHIN_S)
        seen = await ask_alone(ask, limits, lambda _: None, lambda at=ends: at)
        assert clock.now() <= ends
        assert attribute(seen, None, rule, live=True) in words
    excused = attribute(seen, None, rule, live=True) is Attribution.FLAKY
    assert excused is (share >= 10)
