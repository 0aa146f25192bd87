from dataclasses import replace

import pytest

from gate.core.annotation import KEY, Denied, RolloutAnnotation
from gate.core.service import Revision
from gate.core.stable import before_rollout, way_back
from gate.core.state import Past, PastMove
from gate.core.traffic import Split, Target
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    MOVED,
    OLD,
    OURS,
    READY,
    STABLE,
    done,
    later,
    marked,
    ours,
    service,
)


def move(before, after):
    return PastMove(tuple(before.items()), tuple(after.items()))


def chosen(history, seen, revisions=()):
    return way_back(seen, revisions, Past(tuple(history))).revision


FORTH = move({STABLE: 100}, {CANDIDATE: 100})
REJECTED = move({CANDIDATE: 100}, {CANDIDATE: 100})
ELSEWHERE = move({STABLE: 100}, {OLD: 100})
SPLIT = move({STABLE: 50, OLD: 50}, {CANDIDATE: 100})


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([FORTH], STABLE),
        ([REJECTED, FORTH], STABLE),
        ([ELSEWHERE, FORTH], STABLE),
        ([move({OLD: 100}, {CANDIDATE: 100}), FORTH], OLD),
        ([], None),
        ([ELSEWHERE], None),
        ([REJECTED], None),
        ([SPLIT], None),
        ([SPLIT, FORTH], STABLE),
    ],
)
def test_the_newest_move_that_led_here_says_where_traffic_was(history, expected):
    assert chosen(history, service(MOVED, annotations=())) == (expected or "")


CANARY = Split.of([Target(STABLE, 80), Target(CANDIDATE, 20, "candidate")])


def test_a_rollout_under_way_is_what_a_rollback_undoes():
    assert before_rollout(ours(CANARY)) == STABLE
    assert chosen([move({OLD: 100}, {STABLE: 100})], ours(CANARY)) == STABLE


@pytest.mark.parametrize(
    "seen",
    [
        ours(BEFORE),  # its candidate has no users
        done(CANARY),  # it has ended
        ours(CANARY, wrote=BEFORE),  # somebody has moved users since
        marked(replace(OURS, safe=((STABLE, 50), (OLD, 50)), wrote=((CANDIDATE, 100),)), MOVED),
        marked(replace(OURS, safe=()), MOVED),
        service(CANARY, annotations=((KEY, "{"),)),
    ],
)
def test_what_no_rollout_under_way_explains_is_not_undone(seen):
    assert before_rollout(seen) == ""


def test_what_is_in_effect_counts_and_not_what_was_asked_for():
    half_way = service(Split.all_to(OLD), effective=MOVED)
    assert chosen([FORTH], half_way) == STABLE


def test_a_service_without_effective_traffic_is_read_by_what_was_asked_for():
    assert chosen([FORTH], replace(service(MOVED), effective=())) == STABLE
    latest = service(Split.of([]), latest_ready=CANDIDATE)
    assert chosen([FORTH], replace(latest, effective=())) == STABLE


# Without the ledger


def listed(*names, broken=()):
    """Revisions from the oldest to the newest, a minute apart."""
    return tuple(
        Revision(name, BROKEN if name in broken else READY, created_at=later(60 * age))
        for age, name in enumerate(names)
    )


THREE = listed(OLD, STABLE, CANDIDATE)


def wrote(shares, before=(), traffic=MOVED, denylist=()):
    """A service on which the gate wrote these shares last; traffic may be another's."""
    given = tuple(shares.items())
    return marked(
        RolloutAnnotation(4, wrote=given, before=tuple(before), denylist=tuple(denylist)), traffic
    )


def test_the_annotation_answers_before_the_ledger():
    seen = wrote({CANDIDATE: 100}, before=[(OLD, 100)])
    assert way_back(seen, THREE).revision == OLD
    assert chosen([FORTH], seen, THREE) == OLD


@pytest.mark.parametrize(
    ("seen", "revisions"),
    [
        (wrote({CANDIDATE: 100}, [(OLD, 100)]), listed(STABLE, CANDIDATE)),
        (wrote({CANDIDATE: 100}, [(OLD, 100)]), listed(OLD, STABLE, CANDIDATE, broken=[OLD])),
        (wrote({CANDIDATE: 100}, [(OLD, 100)], denylist=[Denied(OLD)]), THREE),
        (wrote({CANDIDATE: 100}, [(OLD, 50), (STABLE, 50)]), THREE),
        (wrote({CANDIDATE: 100}, [(CANDIDATE, 100)]), THREE),
    ],
    ids=["gone", "not ready", "barred", "split", "as it is"],
)
def test_what_cannot_be_gone_back_to_is_not_chosen(seen, revisions):
    assert way_back(seen, revisions).revision == ""
    assert chosen([FORTH], seen, revisions) == STABLE


def test_whoever_moved_users_on_is_undone():
    assert way_back(wrote({STABLE: 100}), THREE).revision == STABLE


def test_whoever_moved_users_back_is_not_undone_but_told_what_the_gate_set_last():
    way = way_back(wrote({CANDIDATE: 100}, traffic=BEFORE), listed(STABLE, CANDIDATE))
    assert way.revision == ""
    assert way.likely[0][0] == CANDIDATE
    older = way_back(wrote({CANDIDATE: 100}, [(OLD, 100)], BEFORE), THREE)
    assert older.revision == OLD


def test_the_ledger_knows_who_has_served():
    seen = service(MOVED, annotations=())
    assert way_back(seen, THREE, Past(served=(OLD,))).revision == OLD
    turned_down = Past(served=(OLD,), against=((OLD, "was rejected"),))
    assert way_back(seen, THREE, turned_down).revision == ""
    newer = way_back(service(BEFORE, annotations=()), THREE, Past(served=(CANDIDATE,)))
    assert newer.revision == ""


def test_age_alone_is_proposed_and_never_taken():
    way = way_back(service(MOVED, annotations=()), listed(OLD, STABLE, CANDIDATE, "new"))
    assert way.revision == ""
    assert [name for name, _ in way.likely] == [STABLE, OLD]  # "new" is no way back


def test_an_annotation_that_nobody_can_read_is_none():
    assert way_back(service(MOVED, annotations=((KEY, "{"),)), THREE).likely[0][0] == STABLE


# People's own canaries, and what was turned down


def test_a_person_who_tries_a_newer_one_beside_what_the_gate_gave_is_undone():
    trying = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10)])
    assert way_back(wrote({STABLE: 100}, traffic=trying), THREE).revision == STABLE
    going_back = wrote({CANDIDATE: 100}, traffic=trying)
    assert way_back(going_back, THREE).revision == ""


def test_of_several_with_users_the_oldest_is_the_likeliest_and_nothing_false_is_said():
    seen = service(Split.of([Target(STABLE, 90), Target(CANDIDATE, 10)]), annotations=())
    likely = way_back(seen, THREE).likely
    assert likely[0] == (STABLE, "it has 90 % of the traffic now, and the others are newer")
    assert likely[1][0] == OLD
    assert likely[2] == (CANDIDATE, "it has 10 % of the traffic now")


def test_what_people_left_is_proposed_after_what_is_older_and_what_is_barred_is_only_named():
    seen = wrote({CANDIDATE: 100}, traffic=BEFORE)
    assert [name for name, _ in way_back(seen, THREE).likely] == [OLD, CANDIDATE]
    barred = wrote({STABLE: 100}, traffic=BEFORE, denylist=[Denied(CANDIDATE, "", "ann", "slow")])
    way = way_back(barred, listed(STABLE, CANDIDATE))
    assert (way.revision, way.likely) == ("", ())
    assert way.denied == ((CANDIDATE, "ann moved users away from backend-00002-xyz (slow)"),)


def test_what_is_barred_by_its_image_is_named_by_its_own_name():
    image = f"app@sha256:{'a' * 64}"
    gone = Denied("backend-00009-abc", image, "ann", "slow")
    seen = wrote({STABLE: 100}, traffic=BEFORE, denylist=[gone])
    there = [replace(one, image=image) if one.name == CANDIDATE else one for one in THREE]
    told = f"{CANDIDATE} has the same image: ann moved users away from backend-00009-abc (slow)"
    assert (CANDIDATE, told) in way_back(seen, there).denied


def test_what_the_gate_rejected_last_is_named_and_never_proposed():
    seen = service(BEFORE, annotations=())
    past = Past(against=((CANDIDATE, "was rejected: home: 500"),))
    way = way_back(seen, listed(STABLE, CANDIDATE), past)
    assert (way.revision, way.likely) == ("", ())
    assert way.denied == ((CANDIDATE, f"{CANDIDATE} was rejected: home: 500"),)
