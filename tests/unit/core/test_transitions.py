import pytest

from gate.core.annotation import RolloutAnnotation
from gate.core.policy import OnHold
from gate.core.state import Ending, Phase
from gate.core.transitions import (
    READ_WITHIN_S,
    SAFE_WITHIN_S,
    again,
    changed_again,
    clean,
    conflict,
    ending_of,
    enter,
    finish,
    hold,
    unwritten,
    written,
)
from gate.core.verdict import Decision, Verdict
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    NOW,
    later,
    marked,
    plan,
    rollout,
    service,
)

NO = Verdict.reject("probe", "failed")


def test_entering_a_phase_starts_its_wait_anew():
    r = enter(rollout(Phase.READING, looks=7), Phase.WAITING, later(10), 240)
    assert (r.phase, r.looks, r.limit_at) == (Phase.WAITING, 0, later(250))


def test_who_was_interrupted_waits_for_seconds_only():
    hurried = rollout(Phase.READING, interrupted=True)
    assert enter(hurried, Phase.SETTLING, NOW, 240).limit_at == later(SAFE_WITHIN_S)
    assert enter(hurried, Phase.SETTLING, NOW, 1).limit_at == later(1)


def test_looking_again_changes_nothing_but_the_count():
    r = again(rollout(Phase.VERIFYING))
    assert (r.looks, r.limit_at, r.phase) == (1, later(60), Phase.VERIFYING)


def test_finishing_keeps_the_verdict_unless_there_is_another():
    r = rollout(Phase.VERIFYING)
    assert finish(r, Ending.PROMOTED).verdict == r.verdict
    ended = finish(r, Ending.HELD, "a note", NO)
    assert (ended.phase, ended.ending, ended.notes) == (Phase.RECORDING, Ending.HELD, ("a note",))
    assert ended.verdict == NO


def test_cleaning_remembers_how_it_will_end():
    r = clean(rollout(Phase.PROBING), Ending.REJECTED, NOW, NO)
    assert (r.phase, r.ending, r.limit_at) == (Phase.CLEANING, Ending.REJECTED, later(120))


@pytest.mark.parametrize("on_hold", OnHold)
def test_holding_is_a_verdict(on_hold):
    r = hold(rollout(Phase.PROBING, plan(on_hold=on_hold)), NOW, "deadline", "too late", "hurry")
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.HELD)
    assert r.verdict == Verdict.hold("deadline", "too late", "hurry")


def test_a_conflict_is_counted():
    r = conflict(rollout(Phase.MOVING, conflicts=2), Phase.CONFIRMING, NOW)
    assert (r.phase, r.conflicts, r.limit_at) == (Phase.CONFIRMING, 3, later(READ_WITHIN_S))


def test_after_a_write_the_generation_it_was_decided_on_tells_whether_anybody_has_written():
    r = rollout(Phase.MOVING, service=service(etag="7", generation=7), guard=0)
    after = written(r, Phase.VERIFYING, NOW, 120)
    assert (after.phase, after.guard) == (Phase.VERIFYING, 7)
    assert unwritten(after, service(etag="8", generation=7)), "only the status has changed"
    assert not unwritten(after, service(etag="7", generation=8))


def test_endings_of_verdicts():
    assert ending_of(NO) is Ending.REJECTED
    assert ending_of(Verdict.hold("a", "b")) is Ending.HELD
    assert ending_of(Verdict(Decision.PROMOTE)) is Ending.HELD


def test_whoever_moved_users_by_the_gate_is_named_and_not_its_account():
    theirs = RolloutAnnotation(fence=9, writer="r9", actor="bob", wrote=((CANDIDATE, 100),))
    moved = marked(theirs, MOVED, last_modifier="local-user@example.com")
    assert "by bob" in changed_again(moved).reasons[0].text
    since = marked(theirs, BEFORE, last_modifier="eve@example.com")
    assert "by eve@example.com" in changed_again(since).reasons[0].text
