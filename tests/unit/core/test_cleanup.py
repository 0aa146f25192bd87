"""Taking back our tag, and nothing else."""

from dataclasses import replace

import pytest

from gate.core import cleanup
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.messages import Failure
from gate.core.policy import OnHold
from gate.core.state import Ending, Phase
from gate.core.transitions import CONFLICTS_MAX, PATIENT_LOOKS, STILL_CHANGING
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    MOVED,
    NOW,
    OLD,
    PLACED,
    TAG,
    failed,
    later,
    ours,
    plan,
    released,
    rollout,
    service,
)


def cleaning(seen, ending=Ending.REJECTED, on_hold=OnHold.KEEP):
    r = rollout(Phase.CLEANING, plan(on_hold=on_hold), ending=ending)
    return cleanup.cleaning(r, seen, NOW).phase


@pytest.mark.parametrize(
    ("ending", "on_hold", "goes"),
    [
        (Ending.HELD, OnHold.KEEP, False),
        (Ending.HELD, OnHold.DROP, True),
        (Ending.REJECTED, OnHold.KEEP, True),
        (Ending.FAILED, OnHold.KEEP, True),
        (Ending.INTERRUPTED, OnHold.KEEP, True),
    ],
)
def test_only_a_hold_may_keep_the_tag(ending, on_hold, goes):
    expected = Phase.UNTAGGING if goes else Phase.SETTLING
    assert cleaning(released(service(PLACED)), ending, on_hold) is expected


def test_the_lease_is_given_back_also_where_the_tag_stays():
    assert cleaning(service(PLACED), Ending.HELD, OnHold.KEEP) is Phase.UNTAGGING


@pytest.mark.parametrize("traffic", [BEFORE, BEFORE.with_tag(TAG, OLD)])
def test_a_tag_that_is_ours_no_more_is_left_alone(traffic):
    assert cleaning(released(service(traffic))) is Phase.SETTLING


def test_a_rejection_says_nothing_where_the_address_was_taken_away_meanwhile():
    r = rollout(Phase.CLEANING, ending=Ending.REJECTED, reached=PLACED)
    r = cleanup.cleaning(r, service(BEFORE), NOW)
    assert r.ending is Ending.HELD
    assert "our tag was taken away by eve@example.com while we probed" in str(r.verdict.reasons[0])
    taken_over = RolloutAnnotation(9, actor="bob", phase="rollback").text()
    r = rollout(Phase.CLEANING, ending=Ending.REJECTED, reached=PLACED, fence=3)
    r = cleanup.cleaning(r, service(BEFORE, annotations=((KEY, taken_over),)), NOW)
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.HELD)
    assert "a rollback (bob) has taken over" in str(r.verdict.reasons[0])


def test_a_tag_that_we_took_away_ourselves_changes_no_verdict():
    r = rollout(Phase.CLEANING, ending=Ending.REJECTED, reached=PLACED)
    r = cleanup.cleaning(r, service(PLACED), NOW)
    assert r.phase is Phase.UNTAGGING
    again = cleanup.not_untagged(r, failed(Failure.CONFLICT))
    assert cleanup.cleaning(again, service(BEFORE), NOW).ending is Ending.REJECTED


def settled(seen, at=NOW, **changes):
    return cleanup.settled(rollout(Phase.SETTLING, ending=Ending.REJECTED, **changes), seen, at)


def test_done_when_traffic_is_as_desired():
    r = settled(service(BEFORE))
    assert (r.phase, r.ending, r.notes) == (Phase.RECORDING, Ending.REJECTED, ())


def test_a_tag_that_is_kept_is_not_taken():
    r = rollout(Phase.SETTLING, ending=Ending.HELD)
    r = cleanup.settled(r, released(service(PLACED)), NOW)
    assert (r.phase, r.notes) == (Phase.RECORDING, ())


def test_a_service_that_goes_on_changing_is_left_with_a_note_if_users_are_where_they_should_be():
    busy = service(BEFORE, reconciling=True)
    assert settled(busy).phase is Phase.SETTLING
    r = settled(busy, later(60))
    assert (r.ending, r.notes) == (Ending.REJECTED, (STILL_CHANGING,))


def test_users_who_are_elsewhere_need_a_person():
    assert settled(service(BEFORE, effective=MOVED), later(60)).ending is Ending.STUCK


def test_a_last_write_that_cloud_run_gives_up_is_made_once_more():
    ours = ((KEY, RolloutAnnotation(fence=1, writer="r1").text()),)
    stuck = service(BEFORE, effective=MOVED, ready=BROKEN, annotations=ours)
    assert settled(stuck, fence=1, looks=PATIENT_LOOKS - 1).phase is Phase.SETTLING
    r = settled(stuck, fence=1, looks=PATIENT_LOOKS)
    assert (r.phase, r.conflicts) == (Phase.UNTAGGING, 1)
    theirs = replace(stuck, annotations=())
    assert settled(theirs, fence=1, looks=PATIENT_LOOKS).phase is Phase.SETTLING


def test_a_tag_that_is_there_again_is_taken_again_a_few_times():
    r = settled(service(PLACED))
    assert (r.phase, r.conflicts) == (Phase.CLEANING, 1)
    r = settled(service(PLACED), conflicts=CONFLICTS_MAX)
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.REJECTED)
    assert f"the tag {TAG} or the lease was left on {CANDIDATE}" in r.notes[-1]


def test_a_tag_that_cannot_be_taken_is_said_and_changes_nothing_else():
    r = rollout(Phase.UNTAGGING, ending=Ending.REJECTED, conflicts=CONFLICTS_MAX)
    r = cleanup.not_untagged(r, failed(Failure.REFUSED))
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.REJECTED)
    left = f"the tag {TAG} or the lease was left on {CANDIDATE}"
    assert r.notes[-1] == f"{left}: the server's words"


def test_looks_that_fail_are_repeated_for_a_while():
    r = rollout(Phase.CLEANING, ending=Ending.REJECTED)
    assert cleanup.cannot_look(r, failed(Failure.LOST)).looks == 1
    assert cleanup.cannot_look(r, failed(Failure.LOST, later(60))).phase is Phase.RECORDING
    assert cleanup.cannot_look(r, failed(Failure.NOT_FOUND)).phase is Phase.RECORDING


def test_users_whom_somebody_moved_to_what_was_rejected_are_not_called_safe():
    r = rollout(Phase.CLEANING, ending=Ending.REJECTED)
    r = cleanup.cleaning(r, ours(MOVED.with_tag(TAG, CANDIDATE), wrote=PLACED), NOW)
    assert (r.phase, r.ending) == (Phase.UNTAGGING, Ending.STUCK)
    said = (
        f"eve@example.com has moved users to {CANDIDATE}, which was rejected (100 % of the traffic)"
    )
    assert r.notes[-1].startswith(said)
    r = cleanup.cleaning(rollout(Phase.CLEANING, ending=Ending.REJECTED), ours(PLACED), NOW)
    assert r.ending is Ending.REJECTED


def test_a_service_that_never_had_a_ready_revision_is_not_waited_for():
    gave_up = replace(service(MOVED, effective=BEFORE, annotations=()), ready=BROKEN)
    r = rollout(Phase.SETTLING, ending=Ending.REJECTED, looks=PATIENT_LOOKS)
    assert cleanup.settled(r, gave_up, NOW).phase is Phase.SETTLING
    never = replace(gave_up, latest_ready="")
    assert cleanup.settled(r, never, NOW).phase is Phase.RECORDING
