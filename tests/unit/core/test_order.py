"""Which build is the newer one, and what is remembered of that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.annotation import RolloutAnnotation, UnreadableAnnotation, parse_annotation
from gate.core.confirming import confirmed
from gate.core.first_write import plan_first_write
from gate.core.lease import annotation_of
from gate.core.order import ORDERS_MAX, orders_after, was_promoted, why_stale
from gate.core.service import Revision
from gate.core.state import Ending, Kind, Phase
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    NOW,
    OLD,
    OURS,
    READY,
    STABLE,
    later,
    marked,
    ours,
    plan,
    rollout,
)

SEVENTH = RolloutAnnotation(3, wrote=((STABLE, 100),), order=((OLD, 5), (STABLE, 7)))


def aged(**ages_s):
    """Revisions by name, created so many seconds after another time."""
    names = {"old": OLD, "stable": STABLE, "candidate": CANDIDATE}
    return {
        names[one]: Revision(names[one], READY, "i", NOW + timedelta(seconds=at))
        for one, at in ages_s.items()
    }


def begun(asked, mark=SEVENTH, **changes):
    """A rollout that is about to decide on its first write."""
    fresh = {"before": None, "placed": None, "candidate": asked.revision, **changes}
    return plan_first_write(rollout(Phase.READING, asked, **fresh), marked(mark, BEFORE), NOW)


@pytest.mark.parametrize(
    ("asked", "stale"),
    [
        ({"order": 6}, "its order is 6, and backend-00001-aaa, which has users, has 7"),
        ({"order": 7}, ""),
        ({"order": 8}, ""),
        ({}, ""),  # nobody knows which build it is
        ({"order": 0}, "its order is 0"),
        ({"revision": CANDIDATE, "order": 6}, "its order is 6"),
        ({"revision": CANDIDATE, "order": 8}, ""),  # the number decides, not the age
        ({"revision": CANDIDATE}, f"{CANDIDATE} was created at 2026-01-01 12:00:05 UTC, before"),
    ],
)
def test_an_older_build_is_held_before_anything_is_deployed(asked, stale):
    r = begun(plan(**asked), revisions=aged(candidate=5, stable=10))
    if stale:
        assert (r.phase, r.ending, r.sent) == (Phase.RECORDING, Ending.HELD, None)
        (reason,) = r.verdict.reasons
        assert reason.subject == "stale"
        assert reason.text.startswith(stale)
        assert "--again --reason" in reason.hint
    else:
        assert r.phase in {Phase.DEPLOYING, Phase.TAGGING}


@pytest.mark.parametrize("stable", [5, 4])
def test_a_revision_that_is_as_old_or_newer_is_taken(stable):
    asked = plan(revision=CANDIDATE)
    assert begun(asked, revisions=aged(candidate=5, stable=stable)).phase is Phase.TAGGING


def test_a_number_that_nobody_knows_leaves_it_to_age():
    asked, mark = plan(revision=CANDIDATE, order=9), replace(SEVENTH, order=((OLD, 5),))
    assert begun(asked, mark, revisions=aged(candidate=5, stable=9)).ending is Ending.HELD
    assert begun(plan(order=1), mark, revisions=aged(stable=9)).phase is Phase.DEPLOYING


def test_a_person_overrides_it_and_that_is_noted():
    r = begun(plan(order=6, again=True), revisions=aged(stable=0))
    assert r.phase is Phase.DEPLOYING
    assert any(note.startswith("overridden by --again: a newer build") for note in r.notes)


def test_it_is_looked_at_again_before_the_move():
    asked = plan(order=6)
    r = rollout(Phase.CONFIRMING, asked)
    newer = replace(OURS, order=((STABLE, 7),))
    held = confirmed(r, marked(newer), NOW)
    assert (held.phase, held.ending) == (Phase.CLEANING, Ending.HELD)
    assert confirmed(r, marked(replace(newer, order=((STABLE, 6),))), NOW).phase is Phase.MOVING


def test_by_hand_nothing_is_stale():
    for kind in (Kind.PROMOTE, Kind.ROLLBACK):
        r = rollout(Phase.READING, plan(kind, revision=OLD), candidate=OLD)
        assert why_stale(r, marked(SEVENTH, BEFORE), [STABLE]) == ""


# --- what is remembered


def remembered(r, wrote=CANDIDATE):
    return dict(orders_after(r, ((wrote, 100),), working=True))


def moving(asked, mark=SEVENTH, **changes):
    return rollout(Phase.MOVING, asked, service=marked(mark, BEFORE), **changes)


def test_the_move_says_the_number_of_what_it_gives_users():
    r = moving(plan(order=8))
    mark = annotation_of(r, MOVED, working=True)
    assert dict(mark.order) == {OLD: 5, STABLE: 7, CANDIDATE: 8}
    assert parse_annotation(mark.text()) == mark


def test_a_rollback_goes_back_to_the_number_of_its_target():
    mark = replace(SEVENTH, wrote=((CANDIDATE, 100),), order=((STABLE, 7), (CANDIDATE, 8)))
    back = rollout(Phase.MOVING, plan(Kind.ROLLBACK), candidate=STABLE, service=marked(mark, MOVED))
    after = replace(
        mark, wrote=((STABLE, 100),), order=orders_after(back, ((STABLE, 100),), working=False)
    )
    for order, ending in ((6, Ending.HELD), (7, None), (8, None)):
        assert begun(plan(order=order), after, revisions=aged(stable=0)).ending is ending


@pytest.mark.parametrize(
    ("asked", "ages", "expected"),
    [
        (plan(), {"stable": 9}, 7),  # a new revision is no older than what it replaces
        (plan(revision=CANDIDATE), {"stable": 0, "candidate": 5}, 7),
        (plan(revision=CANDIDATE), {"stable": 9, "candidate": 5}, None),
        (plan(Kind.PROMOTE, revision=CANDIDATE), {"stable": 0, "candidate": 5}, 7),
        (plan(Kind.PROMOTE, revision=CANDIDATE), {"stable": 9, "candidate": 5}, None),
        (plan(Kind.ROLLBACK, revision=CANDIDATE), {"stable": 0, "candidate": 5}, None),
    ],
)
def test_without_a_number_it_counts_as_no_older_than_what_it_replaces(asked, ages, expected):
    assert remembered(moving(asked, revisions=aged(**ages))).get(CANDIDATE) == expected


def test_what_has_no_users_yet_inherits_nothing():
    assert CANDIDATE not in remembered(moving(plan()), wrote=STABLE)


def test_only_so_many_are_remembered_and_those_with_users_stay():
    many = tuple((f"backend-{i:05d}", 100 + i) for i in range(ORDERS_MAX))
    kept = remembered(moving(plan(order=8), replace(SEVENTH, order=(*many, (STABLE, 7)))))
    assert len(kept) == ORDERS_MAX
    assert (kept[CANDIDATE], kept[STABLE], "backend-00001" in kept) == (8, 7, False)


@pytest.mark.parametrize(
    ("ending", "kept"),
    [(Ending.REJECTED, False), (Ending.HELD, True), (Ending.INTERRUPTED, False)],
)
def test_what_was_turned_down_is_not_remembered_and_what_may_be_promoted_by_hand_is(ending, kept):
    r = rollout(Phase.UNTAGGING, plan(order=8), ending=ending, service=ours())
    mark = annotation_of(r, BEFORE, working=False)
    assert dict(mark.order) == ({CANDIDATE: 8} if kept else {})


@pytest.mark.parametrize("order", ["7", '{"a":"7"}', '{"a":-1}', '{"a":true}', "[1]", '{"a":1.5}'])
def test_numbers_that_nobody_can_read_make_it_unreadable(order):
    with pytest.raises(UnreadableAnnotation):
        parse_annotation(f'{{"format":1,"order":{order}}}')


# --- the same build once more


def test_only_the_end_of_a_promotion_says_that_it_was_promoted():
    lost = {"service": ours(MOVED), "goal": MOVED}
    moves = annotation_of(rollout(Phase.MOVING), MOVED, working=True)
    ends = rollout(Phase.UNTAGGING, ending=Ending.PROMOTED, **lost)
    by_hand = rollout(Phase.MOVING, plan(Kind.PROMOTE))
    held = rollout(Phase.UNTAGGING, ending=Ending.HELD, **lost)
    said = [annotation_of(r, MOVED, working=False).promoted for r in (ends, by_hand, held)]
    assert (moves.promoted, said) == ("", [CANDIDATE, CANDIDATE, ""])


def test_what_was_promoted_and_has_all_users_is_not_rolled_out_again():
    mark = RolloutAnnotation(3, wrote=((CANDIDATE, 100),), promoted=CANDIDATE)
    asked = plan(revision=CANDIDATE, quarantine=True)
    r = rollout(Phase.READING, asked)
    assert plan_first_write(r, marked(mark, MOVED), later(1)).ending is Ending.UNCHANGED
    assert not was_promoted(CANDIDATE, marked(mark, BEFORE))
    other = replace(mark, promoted=STABLE)
    assert plan_first_write(r, marked(other, MOVED), later(1)).ending is not Ending.UNCHANGED
