"""Waiting for another rollout, and taking back what a dead one left."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core import recovery
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.lease import LEEWAY, half_done
from gate.core.messages import CallFailed, Failure
from gate.core.state import Ending, Kind, Phase
from gate.core.transitions import CONFLICTS_MAX, PATIENT_LOOKS, READ_WITHIN_S
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    MOVED,
    NOW,
    PLACED,
    STABLE,
    TAG,
    later,
    plan,
    revisions,
    rollout,
)
from tests.unit.core.rollouts import service as unmarked

HELD = RolloutAnnotation(
    fence=3,
    writer="r7",
    holder="r7",
    actor="bob",
    since=NOW,
    until=later(60),
    phase="probing",
    candidate=CANDIDATE,
    tag=TAG,
    safe=((STABLE, 100),),
)


def service(mark: RolloutAnnotation | str = HELD):
    text = mark if isinstance(mark, str) else mark.text()
    return unmarked(PLACED, annotations=((KEY, text),))


def reading(**more):
    return rollout(Phase.READING, plan(**more), placed=None, before=None)


def test_waiting_for_another_rollout_costs_neither_patience_nor_deadline():
    r = recovery.admitted(reading(wait_s=600, deadline_s=700), service(), later(30))
    assert r.phase is Phase.READING
    assert r.limit_at == later(30 + READ_WITHIN_S)
    assert r.deadline_at == later(730)


def test_who_has_waited_long_enough_is_told_who_is_at_work():
    for wait_s, at in ((0, NOW), (20, later(20))):
        r = recovery.admitted(reading(wait_s=wait_s), service(), at)
        assert r.ending is Ending.BUSY
        assert "rollout r7 (bob) since 2026-01-01 12:00:00 UTC is at work" in r.notes[-1]


def test_a_lapsed_lease_is_taken_back_and_a_running_one_only_by_force():
    lapsed = recovery.admitted(reading(), service(), later(60) + LEEWAY)
    assert lapsed.phase is Phase.RECOVERING
    assert lapsed.notes[-1].startswith("recovered from rollout r7 (bob)")
    assert lapsed.notes[-1].endswith("which died while probing")
    asked = rollout(Phase.READING, plan(Kind.RECOVER, force=True))
    forced = recovery.admitted(asked, service(), NOW)
    assert forced.phase is Phase.RECOVERING
    assert forced.notes[-1].startswith("took the lease away from rollout r7 (bob)")
    calm = recovery.admitted(rollout(Phase.READING, plan(Kind.RECOVER)), service(), NOW)
    assert (calm.phase, calm.ending) == (Phase.RECORDING, Ending.UNCHANGED)


@pytest.mark.parametrize(
    ("found", "at", "broke"),
    [
        (service(), NOW, ("unlock",)),
        (service("?"), NOW, ("unlock",)),
        (service(), later(60) + LEEWAY, ()),  # it had died: nobody was kept from anything
        (unmarked(PLACED, annotations=()), NOW, ()),
    ],
)
def test_an_unlock_sets_a_rule_aside_only_where_there_is_a_lease_to_break(found, at, broke):
    asked = rollout(Phase.READING, plan(Kind.RECOVER, force=True))
    r = recovery.admitted(asked, found, at)
    assert r.overrode == broke
    if broke:  # another was faster: what is seen next counts
        assert recovery.not_recovered(r, CallFailed(at, Failure.CONFLICT, "")).overrode == ()


def test_a_note_that_nobody_can_read_stops_all_but_a_way_back():
    unreadable = service("?")
    assert recovery.admitted(reading(), unreadable, NOW).ending is Ending.BUSY
    assert recovery.admitted(reading(kind=Kind.PROMOTE), unreadable, NOW).ending is Ending.BUSY
    back = rollout(Phase.READING, plan(Kind.ROLLBACK, revision=STABLE))
    assert recovery.admitted(back, unreadable, NOW) is None


def test_leeway_is_for_clocks_that_disagree():
    almost = later(60) + LEEWAY - timedelta(seconds=0.1)
    assert recovery.admitted(reading(), service(), almost).ending is Ending.BUSY


BACK = RolloutAnnotation(fence=4, writer="r7", actor="bob", phase="rollout", wrote=((STABLE, 100),))


def left_undone(mark=BACK, **more):
    """Asked to be back, and still where it was moved to: Cloud Run has given up."""
    note = ((KEY, mark.text()),)
    return unmarked(BEFORE, effective=MOVED, ready=BROKEN, annotations=note, **more)


@pytest.mark.parametrize("kind", [Kind.RECOVER, Kind.ROLLOUT])
def test_what_a_gate_wrote_last_and_was_left_half_done_is_written_once_more(kind):
    seen = left_undone()
    fresh = rollout(Phase.READING, plan(kind), revisions={})
    r = recovery.admitted(fresh, seen, NOW)
    assert (r.phase, r.candidate) == (Phase.READING, STABLE)  # is it still there?
    r = recovery.admitted(replace(r, revisions=revisions(name=STABLE)), seen, NOW)
    assert (r.phase, r.goal, r.fence) == (Phase.RECOVERING, seen.traffic, 5)
    assert r.notes[-1] == (
        "what a rollout (bob) wrote last was left half done, and is written once more"
    )


@pytest.mark.parametrize(
    "seen",
    [
        left_undone(replace(BACK, wrote=((CANDIDATE, 100),))),
        left_undone(reconciling=True),
        unmarked(BEFORE, effective=MOVED, ready=BROKEN),
        unmarked(BEFORE, ready=BROKEN, annotations=((KEY, BACK.text()),)),
        unmarked(BEFORE, effective=MOVED, annotations=((KEY, BACK.text()),)),
        unmarked(BEFORE, effective=MOVED, ready=BROKEN, annotations=((KEY, "?"),)),
    ],
    ids=["somebody else's", "under way", "no gate's", "as asked", "not given up", "unreadable"],
)
def test_nothing_else_that_is_half_done_is_touched(seen):
    assert not half_done(seen)


def recovered(seen, **changes):
    changes = {"revisions": revisions(name=STABLE), **changes}
    asked = rollout(Phase.RECOVERED, plan(Kind.RECOVER), fence=4, goal=BEFORE, **changes)
    return recovery.recovered(replace(asked, id="r7"), seen, NOW)


def test_a_recovery_that_is_left_half_done_is_written_once_more_a_few_times():
    assert recovered(left_undone(), looks=PATIENT_LOOKS - 1).phase is Phase.RECOVERED
    r = recovered(left_undone(), looks=PATIENT_LOOKS)
    assert (r.phase, r.goal, r.conflicts) == (Phase.RECOVERING, BEFORE, 1)
    patient = recovered(left_undone(), looks=PATIENT_LOOKS, conflicts=1)
    assert patient.phase is Phase.RECOVERED
    assert recovered(left_undone(), looks=99, conflicts=CONFLICTS_MAX).phase is Phase.RECOVERED


@pytest.mark.parametrize(
    ("kind", "ending"), [(Kind.RECOVER, Ending.STUCK), (Kind.ROLLOUT, Ending.FAILED)]
)
def test_what_is_gone_is_not_written_once_more(kind, ending):
    asked = rollout(Phase.READING, plan(kind), revisions={}, candidate=STABLE)
    r = recovery.admitted(asked, left_undone(), NOW)
    assert (r.phase, r.ending) == (Phase.RECORDING, ending)
    assert f"{STABLE} does not exist any more, so it is not asked for again" in r.notes[-1]
    assert r.way_out[0].startswith(f"gate rollback --to {CANDIDATE} ")


def test_what_is_deleted_during_a_recovery_ends_it():
    r = recovered(left_undone(), looks=PATIENT_LOOKS, revisions={})
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.STUCK)
    assert "does not exist any more" in r.notes[-1]


def test_a_rollout_goes_on_from_a_service_that_never_served():
    never = left_undone(
        latest_ready="",
    )
    asked = rollout(Phase.RECOVERED, plan(), fence=4, goal=BEFORE, looks=PATIENT_LOOKS)
    assert recovery.recovered(replace(asked, id="r7"), never, NOW).phase is Phase.READING
