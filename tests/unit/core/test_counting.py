"""Users' requests on a rollout: on, back, round again, and what is said of what is missing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.canary import judge_requests
from gate.core.commands import BEFORE_S, BETWEEN_COUNTED_ROUNDS_S, command_of
from gate.core.counting import counted, missing
from gate.core.dwelling import dwelt
from gate.core.evidence import SERVICE, Outcome
from gate.core.messages import Counted, CountRequests, Probed, RunProbes
from gate.core.policy import MetricsRule
from gate.core.state import Ending, Phase
from gate.core.user_requests import Counts, Distribution, RequestCounts, Source
from tests.unit.core.rollouts import CANDIDATE, NOW, STABLE, evidence, later, plan, rollout

STABLE_COUNTS = Counts((0, 3800, 0, 0, 0), 0, Distribution.of([0.02] * 3800))
MONITORED = MetricsRule(source=Source.MONITORING)


def counts(good, bad=0, front_end=0, *, until=600.0):
    took = Distribution.of([0.02] * (good + bad))
    own = Counts((0, good, 0, 0, bad), front_end, took)
    return RequestCounts(own, ((STABLE, STABLE_COUNTS),), NOW, later(until))


def asked(**more):
    return plan(steps=(5, 100), requests=(200, 100), watch_s=60.0, **more)


def stepping(phase=Phase.DWELLING, **more):
    """At the first step, a minute before the end of the dwell; or in the watch."""
    changes = {
        "stepped": 1 if phase is Phase.DWELLING else 2,
        "arrived_at": NOW,
        "count_from": NOW,
        "counting": True,
        "url": "https://candidate---x",
    }
    return rollout(phase, more.pop("plan", asked()), **{**changes, **more})


def passed():
    return (evidence(), replace(evidence(), address=SERVICE))


def event(given, at=None, **more):
    return Counted(at or later(10), given, **more)


# --- what follows


def test_as_many_good_ones_as_are_asked_for_lead_on_once_the_dwell_is_over():
    early = counted(stepping(), event(counts(200)))
    assert (early.phase, early.counting) == (Phase.DWELLING, False)
    assert counted(stepping(), event(counts(200), later(60))).phase is Phase.CONFIRMING


def test_they_end_a_watch():
    done = counted(stepping(Phase.WATCHING), event(counts(100), later(60)))
    assert (done.phase, done.ending) == (Phase.CLEANING, Ending.PROMOTED)


@pytest.mark.parametrize("phase", [Phase.DWELLING, Phase.WATCHING])
@pytest.mark.parametrize(
    ("seen", "ending", "said"),
    [
        (event(counts(30, 10)), Ending.REGRESSED, "more 5xx than from stable: 10 of 40"),
        (event(counts(10, 0, 40)), Ending.HELD, "front end answered 40 of 50 requests"),
        (event(None, problem="denied", forbidden=True), Ending.HELD, "not be counted: denied"),
        (event(counts(12), later(1200)), Ending.HELD, "12 of "),
        (event(counts(0), later(1200)), Ending.HELD, "none is no pass"),
        (event(None, later(1200), problem="no answer"), Ending.HELD, "counted: no answer"),
    ],
    ids=["worse", "unserved", "forbidden", "thin", "no data", "unknown"],
)
def test_users_go_back(phase, seen, ending, said):
    r = counted(stepping(phase), seen)
    assert (r.phase, r.ending) == (Phase.BACKING_OUT, ending)
    assert said in str(r.verdict.reasons[0])


@pytest.mark.parametrize("phase", [Phase.DWELLING, Phase.WATCHING])
@pytest.mark.parametrize("seen", [counts(12), counts(0), counts(99), None])
def test_too_few_are_waited_for_after_the_dwell(phase, seen):
    r = counted(stepping(phase), event(seen, later(600)))
    assert (r.phase, r.ending) == (phase, None)
    (command,) = command_of(r)
    assert isinstance(command, RunProbes)
    assert command.after_s == BETWEEN_COUNTED_ROUNDS_S


def test_the_last_count_of_each_step_is_kept():
    r = counted(stepping(), event(counts(12)))
    r = counted(replace(r, counting=True), event(counts(200), later(60)))
    r = counted(stepping(Phase.WATCHING, counted=r.counted), event(counts(3)))
    assert [(one.percent, one.counts.candidate.total) for one in r.counted] == [(5, 200), (100, 3)]


# --- when they are counted


def test_after_each_round_by_the_log_since_the_step_began():
    r = stepping(counting=False, count_from=None)
    r = dwelt(r, Probed(later(20), passed()))
    assert r.counting
    (command,) = command_of(r)
    wanted = CountRequests(CANDIDATE, (STABLE,), Source.LOGS, NOW, NOW)
    assert replace(command, not_users=()) == wanted
    assert "https://candidate---x" in command.not_users


def test_by_monitoring_once_the_dwell_is_over_and_nothing_is_asked_any_more():
    r = stepping(counting=False, count_from=None, plan=asked(metrics=MONITORED))
    assert not dwelt(r, Probed(later(20), passed())).counting
    r = dwelt(r, Probed(later(61), passed()))
    for _ in range(3):
        (command,) = command_of(r)
        assert (command.since, command.source) == (later(61), Source.MONITORING)
        r = counted(r, event(counts(12), later(70)))
    assert command_of(r)[0].after_s > 0


def test_a_watch_is_held_beside_what_stable_had_before():
    (command,) = command_of(stepping(Phase.WATCHING))
    assert command.stable_since == NOW - timedelta(seconds=BEFORE_S)
    assert (command.since, command.stable_until) == (NOW, NOW)


def test_a_failed_probe_does_not_wait_for_them():
    failed = (evidence(Outcome.FAILED), replace(evidence(), address=SERVICE))
    r = dwelt(stepping(counting=False), Probed(later(20), failed))
    assert r.ending is Ending.REGRESSED


def test_a_step_that_asks_for_none_counts_none():
    r = stepping(counting=False, plan=replace(asked(), requests=(0, 100)))
    assert not dwelt(r, Probed(later(61), passed())).counting


def test_the_first_revision_of_all_has_nothing_to_be_held_beside():
    assert stepping(Phase.WATCHING, before=None).least_requests == 0


def test_a_round_that_comes_too_late_says_what_is_missing():
    r = counted(stepping(), event(counts(12), later(600)))
    r = dwelt(r, Probed(later(1300), passed()))
    assert r.ending is Ending.HELD
    assert "1200 s were over at 5 %: traffic is too thin to tell: 12 of 200" in str(r.verdict)


# --- what is missing


@pytest.mark.parametrize(
    ("seen", "least", "text"),
    [
        (
            counts(37),
            200,
            (
                "traffic is too thin to tell: 37 of 200 requests in 10 min; at this rate 45 min "
                "more are needed, or send traffic, or ask for fewer (`requests` in the policy)"
            ),
        ),
        (
            counts(0),
            200,
            (
                "traffic is too thin to tell: 0 of 200 requests in 10 min; none is no pass: wait "
                "for users, or send traffic, or ask for fewer (`requests` in the policy)"
            ),
        ),
        (
            counts(38, 2, until=60),
            40,
            (
                "requests do not tell yet: 2 of 40 with 5xx (stable 0 of 3800) in 60 s; about 113 "
                "more good ones would; at this rate 3 min more are needed"
            ),
        ),
        (replace(counts(5), partial="half of it"), 9, "in 10 min (half of it)"),
        (counts(200), 200, ""),
        (
            replace(counts(0), stable=((STABLE, Counts()),)),
            200,
            (
                "traffic is too thin to tell: 0 of 200 requests in 10 min; none is no pass, and "
                "stable has none either: wait for users, see that they are counted, or send "
                "traffic, or ask for fewer (`requests` in the policy)"
            ),
        ),
        (counts(0, until=0), 200, "none of users' requests can be counted yet"),
    ],
)
def test_what_is_missing_is_told_with_how_long_it_takes(seen, least, text):
    told = missing(seen, least, judge_requests(seen, MetricsRule(), least))
    assert told == text or (text and text in told and seen.partial)
