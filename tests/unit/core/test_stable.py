from dataclasses import replace

import pytest

from gate.core.mark import KEY
from gate.core.stable import before_rollout, way_back
from gate.core.state import Past, PastMove
from gate.core.traffic import Split, Target
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    OLD,
    OURS,
    STABLE,
    done,
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
