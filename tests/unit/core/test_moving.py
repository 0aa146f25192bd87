"""Moving traffic: what counts as arrived, what is left alone, and the way back."""

from dataclasses import replace

import pytest

from gate.core import moving
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.commands import command_of
from gate.core.messages import Failure
from gate.core.moving import PATIENT_LOOKS
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split, Target
from gate.core.transitions import CONFLICTS_MAX, STILL_CHANGING
from gate.errors import ExitCode
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    GUARD,
    MOVED,
    NOW,
    OLD,
    PLACED,
    PROBES,
    STABLE,
    TAG,
    done,
    failed,
    later,
    marked,
    ours,
    plan,
    revisions,
    rollout,
    service,
)

PROMOTE, ROLL_BACK = plan(Kind.PROMOTE), plan(Kind.ROLLBACK)
HALF_WAY = ours(MOVED, effective=BEFORE, reconciling=True)
GAVE_UP = replace(ours(MOVED, effective=BEFORE), ready=BROKEN)


def verified(seen, asked=None, at=NOW, **changes):
    return moving.verified(rollout(Phase.VERIFYING, asked or plan(), **changes), seen, at)


def test_a_refused_move_leaves_traffic_and_takes_our_tag():
    r = moving.not_moved(rollout(Phase.MOVING), failed(Failure.REFUSED))
    assert (r.phase, r.ending, r.goal) == (Phase.CLEANING, Ending.FAILED, None)
    assert "traffic was not moved: the server's words" in r.notes[-1]
    r = moving.not_moved(rollout(Phase.MOVING, ROLL_BACK), failed(Failure.REFUSED))
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.FAILED)


@pytest.mark.parametrize("failure", [Failure.REFUSED, Failure.NOT_FOUND, Failure.UNRECORDED])
def test_a_refusal_after_a_try_that_nobody_answered_proves_nothing(failure):
    r = moving.not_moved(rollout(Phase.MOVING, ROLL_BACK, unseen=True), failed(failure))
    assert (r.phase, r.ending) == (Phase.VERIFYING, None)


def test_a_tag_more_or_less_does_not_matter_for_having_arrived():
    assert verified(service(MOVED.with_tag("new", OLD))).ending is Ending.PROMOTED
    assert verified(service(Split.all_to(CANDIDATE))).ending is Ending.PROMOTED


def test_an_operation_that_does_not_end_has_arrived_if_users_see_it():
    busy = service(MOVED, reconciling=True)
    assert verified(busy).phase is Phase.VERIFYING
    r = verified(busy, at=later(60))
    assert (r.ending, r.notes) == (Ending.PROMOTED, (STILL_CHANGING,))
    assert verified(busy, ROLL_BACK, later(60)).ending is Ending.ROLLED_BACK


def test_a_reconcile_that_failed_is_not_waited_for_to_the_end():
    assert verified(GAVE_UP, looks=PATIENT_LOOKS - 1).phase is Phase.VERIFYING
    r = verified(GAVE_UP, looks=PATIENT_LOOKS)
    assert r.phase is Phase.BACKING_OUT
    assert "did not come into effect" in r.notes[-1]


@pytest.mark.parametrize(
    "seen", [replace(GAVE_UP, reconciling=True), service(MOVED, effective=BEFORE)]
)
def test_a_reconcile_that_goes_on_or_has_not_failed_is_waited_for(seen):
    assert verified(seen, looks=9).phase is Phase.VERIFYING


def test_a_rollback_is_not_undone():
    assert verified(GAVE_UP, ROLL_BACK, looks=PATIENT_LOOKS).ending is Ending.STUCK


@pytest.mark.parametrize(("asked", "back"), [(plan(), Phase.CONFIRMING), (PROMOTE, Phase.READING)])
def test_a_move_that_did_not_happen_is_decided_anew(asked, back):
    unwritten = service(PLACED, generation=GUARD)
    assert verified(unwritten, asked).looks == 1
    r = verified(unwritten, asked, looks=PATIENT_LOOKS)
    assert (r.phase, r.conflicts) == (back, 1)


def test_a_move_that_never_happened_says_that_it_still_may():
    unwritten = service(PLACED, generation=GUARD)
    r = verified(unwritten, PROMOTE, looks=PATIENT_LOOKS, conflicts=CONFLICTS_MAX)
    assert (r.ending, r.goal) == (Ending.FAILED, None)
    assert "has not happened so far" in " ".join(r.notes)


def test_a_move_that_did_not_happen_is_not_made_after_an_interruption():
    r = verified(service(PLACED, generation=GUARD), looks=PATIENT_LOOKS, interrupted=True)
    assert (r.phase, r.ending, r.goal) == (Phase.CLEANING, Ending.INTERRUPTED, None)


@pytest.mark.parametrize(
    "theirs", [PLACED, BEFORE, Split.of([Target(None, 100)]), Split.all_to(OLD)]
)
def test_whatever_somebody_wrote_after_us_is_left_alone(theirs):
    r = verified(ours(theirs, MOVED))
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.HELD)
    assert "changed again by eve@example.com" in r.verdict.reasons[0].text
    r = verified(
        marked(RolloutAnnotation(fence=1, writer="r1", wrote=((CANDIDATE, 100),)), theirs), PROMOTE
    )
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.HELD)


def test_the_way_back_has_the_old_percents_and_todays_tags():
    seen = ours(MOVED.with_tag("new", OLD), effective=BEFORE)
    r = moving.back_out(rollout(Phase.BACKING_OUT), seen, NOW)
    assert r.phase is Phase.REVERTING
    assert r.goal == Split.all_to(STABLE, {"blue": OLD, "new": OLD})


def test_the_way_back_from_latest_is_to_what_it_was():
    r = rollout(Phase.BACKING_OUT, PROMOTE, before=Split.of([]), placed=Split.all_to(STABLE))
    r = moving.back_out(r, done(MOVED, effective=BEFORE, latest_ready=OLD), NOW)
    assert r.goal.shares == {STABLE: 100}


def test_there_is_no_way_back_over_somebody_elses_change():
    r = moving.back_out(rollout(Phase.BACKING_OUT), service(Split.all_to(OLD)), NOW)
    assert r.ending is Ending.HELD


def test_after_a_conflict_the_way_back_is_decided_anew():
    r = moving.not_reverted(rollout(Phase.REVERTING), failed(Failure.CONFLICT))
    assert (r.phase, r.conflicts) == (Phase.BACKING_OUT, 1)
    r = moving.not_reverted(rollout(Phase.REVERTING, conflicts=5), failed(Failure.CONFLICT))
    assert r.ending is Ending.STUCK


def proved(seen, at=NOW, **changes):
    return moving.proved(rollout(Phase.PROVING, **changes), seen, at)


def test_back_is_back_whatever_the_tags():
    assert proved(service(BEFORE.with_tag(TAG, OLD))).ending is Ending.REVERTED


def test_a_way_back_that_does_not_show_is_tried_again():
    unwritten = replace(HALF_WAY, generation=GUARD)
    assert proved(unwritten, looks=PATIENT_LOOKS - 1).phase is Phase.PROVING
    assert proved(unwritten, looks=PATIENT_LOOKS).phase is Phase.BACKING_OUT
    assert proved(unwritten, later(60), looks=9, conflicts=5).ending is Ending.STUCK


def test_a_way_back_that_does_not_come_into_effect_needs_a_person():
    r = proved(service(BEFORE, effective=MOVED), later(60))
    assert r.ending is Ending.STUCK
    assert "left half done" in r.notes[-1]


def test_a_way_back_that_cloud_run_gives_up_is_written_once_more_a_few_times():
    ours = ((KEY, RolloutAnnotation(fence=1, writer="r1", wrote=((STABLE, 100),)).text()),)
    stuck = service(BEFORE.with_tag("new", OLD), effective=MOVED, ready=BROKEN, annotations=ours)
    assert proved(stuck, fence=1, looks=PATIENT_LOOKS - 1).phase is Phase.PROVING
    r = proved(stuck, fence=1, looks=PATIENT_LOOKS)
    assert (r.phase, r.goal, r.conflicts) == (Phase.REVERTING, stuck.traffic, 1)
    assert proved(stuck, fence=1, looks=PATIENT_LOOKS, conflicts=1).phase is Phase.PROVING
    assert proved(stuck, later(60), fence=1, looks=99, conflicts=5).ending is Ending.STUCK
    theirs = replace(stuck, annotations=())
    assert proved(theirs, fence=1, looks=PATIENT_LOOKS).phase is Phase.PROVING
    under_way = replace(stuck, reconciling=True)
    assert proved(under_way, fence=1, looks=PATIENT_LOOKS).phase is Phase.PROVING


def test_a_way_back_whose_operation_does_not_end_is_back_if_users_see_it():
    r = proved(service(BEFORE, reconciling=True), later(60))
    assert (r.ending, r.notes) == (Ending.REVERTED, (STILL_CHANGING,))


def test_users_who_are_still_with_the_candidate_need_a_person():
    still = ours(MOVED, reconciling=True, generation=GUARD)
    r = proved(still, later(60), looks=9, conflicts=5)
    assert r.ending is Ending.STUCK


def test_somebody_who_takes_over_on_the_way_back_is_left_alone():
    assert proved(service(Split.all_to(OLD))).ending is Ending.HELD


@pytest.mark.parametrize("phase", [Phase.VERIFYING, Phase.BACKING_OUT, Phase.PROVING])
def test_what_cannot_be_seen_is_looked_for_until_the_time_is_over(phase):
    assert moving.cannot_see(rollout(phase), failed(Failure.LOST)).looks == 1
    r = moving.cannot_see(rollout(phase), failed(Failure.LOST, later(60)))
    assert r.ending is Ending.STUCK
    assert moving.cannot_see(rollout(phase), failed(Failure.NOT_FOUND)).ending is Ending.STUCK


def test_what_failed_where_our_tag_was_taken_away_is_no_regression_and_goes_back_all_the_same():
    r = rollout(Phase.BACKING_OUT, ending=Ending.REGRESSED, reached=MOVED.with_tag(TAG, CANDIDATE))
    taken = ours(MOVED.with_tag(TAG, OLD), wrote=MOVED)
    back = moving.back_out(r, taken, NOW)
    assert (back.phase, back.ending) == (Phase.REVERTING, Ending.HELD)
    assert "our tag was taken away by eve@example.com" in back.verdict.reasons[0].text
    kept = ours(MOVED.with_tag(TAG, CANDIDATE), wrote=MOVED)
    assert moving.back_out(r, kept, NOW).ending is Ending.REGRESSED


def test_after_a_rollback_the_target_is_asked_once_as_users_do():
    r = verified(done(MOVED), ROLL_BACK)
    assert (r.phase, r.listening) == (Phase.VERIFYING, True)
    (look,) = command_of(r)
    assert (look.ask, look.after_s) == ("https://x", 0.0)
    asked = plan(Kind.ROLLBACK, revision=CANDIDATE, probes=PROBES)
    assert verified(done(MOVED), asked).ending is Ending.ROLLED_BACK  # it has been asked before


def test_a_target_that_does_not_answer_is_said_loudly_and_never_proposed_again():
    listed = tuple(revisions(name=name)[name] for name in (CANDIDATE, STABLE))
    asked = replace(ROLL_BACK, revisions=listed)
    what = {"listening": True, "unanswered": "HTTP 503, no instance"}
    r = verified(done(MOVED), asked, **what)
    assert (r.ending, r.exit_code) == (Ending.STUCK, ExitCode.STUCK)
    assert f"ALL USERS ARE ON {CANDIDATE}, AND IT DOES NOT ANSWER: HTTP 503" in r.notes[-1]
    (way,) = r.way_out
    assert f"--to {STABLE} " in way


def test_a_target_that_nobody_could_ask_is_rolled_back_to_and_said():
    r = verified(done(MOVED), ROLL_BACK, listening=True, unheard="it is private")
    assert r.ending is Ending.ROLLED_BACK
    assert r.notes[-1] == f"whether {CANDIDATE} answers its users was not seen: it is private"


def test_an_arrival_that_was_seen_does_not_become_unsure_afterwards():
    r = rollout(Phase.VERIFYING, ROLL_BACK, listening=True, goal=MOVED, service=service(MOVED))
    assert moving.cannot_see(r, failed(Failure.LOST)).ending is Ending.ROLLED_BACK
    moved_on = replace(r, service=service(BEFORE))
    assert moving.cannot_see(moved_on, failed(Failure.LOST)).ending is None


def test_a_target_that_is_gone_is_not_what_leads_out():
    gave_up = service(MOVED, effective=BEFORE, ready=BROKEN)
    r = verified(gave_up, ROLL_BACK, looks=99, revisions={})
    assert r.ending is Ending.STUCK
    assert r.notes[-2] == f"{CANDIDATE} does not exist any more"
    assert f"--to {STABLE} " in r.way_out[0]
