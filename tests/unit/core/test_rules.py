"""Rules for people: what holds a rollout whatever its probes say, and whom they never hold."""

from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from gate.core.annotation import KEY, RolloutAnnotation, Stopped, UnreadableAnnotation
from gate.core.annotation import parse_annotation as parse
from gate.core.commands import command_of
from gate.core.confirming import confirmed
from gate.core.first_write import plan_first_write
from gate.core.freeze import Freeze
from gate.core.lease import annotation_of
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    NOW,
    OURS,
    PLACED,
    STABLE,
    later,
    marked,
    plan,
    revisions,
    rollout,
    service,
)

STOPPED = Stopped("ana", "users cannot log in", NOW)
WALL = NOW.replace(tzinfo=None)
NEW_YEAR = Freeze(WALL, WALL + timedelta(hours=12), UTC, reason="nobody is here")
BEGINS_LATER = Freeze(WALL + timedelta(minutes=1), WALL + timedelta(hours=12), UTC)


def on(seen, **said):
    """The same service, with this in the gate's annotation."""
    mark = replace(seen.rollout_annotation, **said)
    return replace(seen, annotations=((KEY, mark.text()),))


def begun(asked, seen, **more):
    known = {**revisions(), **revisions(name=STABLE)}
    r = rollout(Phase.READING, asked, before=None, placed=None, service=seen, **more)
    return plan_first_write(replace(r, revisions=known, candidate=asked.revision), seen, NOW)


def at_the_move(asked, seen, **more):
    r = rollout(Phase.CONFIRMING, asked, service=seen, revisions=revisions(), **more)
    return confirmed(r, seen, r.at or NOW)


HOLDS = [
    ("stop", {}, {"stopped": STOPPED}, "stopped by ana at 2026-01-01 12:00 UTC: users cannot"),
    ("freeze", {"freeze": (NEW_YEAR,)}, {}, "frozen until 2026-01-02 00:00 UTC"),
]


@pytest.mark.parametrize(("rule", "asks", "says", "text"), HOLDS)
@pytest.mark.parametrize(
    "asked",
    [plan(), plan(revision=CANDIDATE), plan(Kind.PROMOTE, revision=CANDIDATE)],
    ids=["image", "revision", "promotion"],
)
def test_it_is_held_before_anything_is_written(asked, rule, asks, says, text):
    r = begun(replace(asked, **asks), on(service(), **says))
    (reason,) = r.verdict.reasons
    assert (r.phase, r.ending, reason.subject) == (Phase.RECORDING, Ending.HELD, rule)
    assert text in reason.text
    assert r.exit_code == 5


@pytest.mark.parametrize(("rule", "asks", "says", "text"), HOLDS)
def test_it_is_held_again_before_users_are_moved(rule, asks, says, text):
    seen = on(marked(OURS), **says)
    r = at_the_move(plan(**asks), seen)
    (reason,) = r.verdict.reasons
    assert (r.phase, r.ending, reason.subject) == (Phase.CLEANING, Ending.HELD, rule)
    assert text in reason.text
    assert at_the_move(plan(), marked(OURS)).phase is Phase.MOVING


def test_a_window_that_begins_meanwhile_holds():
    assert begun(plan(freeze=(BEGINS_LATER,)), service()).phase is Phase.DEPLOYING
    r = at_the_move(plan(freeze=(BEGINS_LATER,)), marked(OURS), at=later(61))
    assert (r.ending, r.verdict.reasons[0].subject) == (Ending.HELD, "freeze")


def test_with_users_on_it_a_stopped_rollout_goes_back():
    steps = Split.all_to(STABLE).with_canary(PLACED, CANDIDATE, 10)
    wrote = tuple(steps.shares.items())
    seen = on(marked(replace(OURS, wrote=wrote), steps), stopped=STOPPED)
    r = at_the_move(plan(steps=(10, 100)), seen, stepped=1, reached=steps)
    assert (r.phase, r.ending) == (Phase.BACKING_OUT, Ending.HELD)


@pytest.mark.parametrize(("rule", "asks", "says", "text"), HOLDS)
def test_a_rollback_is_held_by_none_of_them(rule, asks, says, text):
    del rule, text
    seen = on(service(MOVED), **says)
    r = begun(plan(Kind.ROLLBACK, revision=STABLE, **asks), seen)
    assert r.phase is Phase.MOVING


@pytest.mark.parametrize(("rule", "asks", "says", "text"), HOLDS)
def test_a_recovery_is_held_by_none_of_them(rule, asks, says, text):
    del rule, text
    dead = on(marked(replace(OURS, until=later(-60))), **says)
    assert begun(plan(Kind.RECOVER, **asks), dead).phase is Phase.RECOVERING
    assert begun(plan(**asks), dead).phase is Phase.RECOVERING


@pytest.mark.parametrize("working", [True, False])
def test_every_write_leaves_the_line_stopped(working):
    seen = on(marked(OURS), stopped=STOPPED)
    r = rollout(Phase.UNTAGGING, service=seen)
    assert annotation_of(r, BEFORE, working=working).stopped == STOPPED
    assert command_of(r)[0].annotation.stopped == STOPPED


def test_the_annotation_says_who_stopped_the_line():
    mark = RolloutAnnotation(stopped=STOPPED)
    assert parse(mark.text()) == mark
    assert "stopped" not in RolloutAnnotation(fence=1).text()
    assert parse('{"format":1,"stopped":{}}').stopped == Stopped()


@pytest.mark.parametrize("odd", ['"yes"', "true", '{"since":"soon"}', '{"actor":5}'])
def test_a_stop_that_cannot_be_read_is_not_taken_for_a_running_line(odd):
    with pytest.raises(UnreadableAnnotation):
        parse(f'{{"format":1,"stopped":{odd}}}')
