"""Whose turn it is, by the service's own annotation."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core import lease
from gate.core.annotation import KEY, Denied, RolloutAnnotation
from gate.core.lease import LEEWAY, LeaseState, lease_state, taker
from gate.core.state import Kind, Phase
from tests.unit.core.rollouts import BEFORE, CANDIDATE, MOVED, NOW, STABLE, later, plan, rollout
from tests.unit.core.rollouts import service as unmarked

HELD = RolloutAnnotation(
    fence=3,
    writer="r7",
    holder="r7",
    actor="alice",
    since=NOW,
    until=later(60),
    phase="probing",
    candidate=CANDIDATE,
    tag="candidate",
)


def service(mark: RolloutAnnotation | str, **more):
    text = mark if isinstance(mark, str) else mark.text()
    return unmarked(annotations=(("team", "chat"), (KEY, text)), **more)


@pytest.mark.parametrize(
    ("mark", "at", "expected"),
    [
        ("", NOW, LeaseState.FREE),
        (RolloutAnnotation(9, wrote=((STABLE, 100),)), NOW, LeaseState.FREE),
        (HELD, NOW, LeaseState.HELD),
        (HELD, later(60), LeaseState.HELD),
        (HELD, later(60) + LEEWAY - timedelta(milliseconds=1), LeaseState.HELD),
        (HELD, later(60) + LEEWAY, LeaseState.LAPSED),
        (replace(HELD, until=None), NOW, LeaseState.LAPSED),
        ("no mark", NOW, LeaseState.UNREADABLE),
        ('{"format":99}', NOW, LeaseState.UNREADABLE),
    ],
)
def test_how_a_lease_stands(mark, at, expected):
    assert lease_state(service(mark), at) is expected


def test_who_has_taken_over_is_named_with_and_without_a_lease():
    assert taker(service(HELD)) == "rollout r7 (alice) since 2026-01-01 12:00:00 UTC"
    r = rollout(Phase.MOVING, plan(Kind.ROLLBACK, revision=CANDIDATE), fence=4)
    assert taker(service(lease.annotation_of(r, MOVED, working=False))) == "a rollback (alice)"
    assert taker(service(RolloutAnnotation(4))) == "another rollout"


def test_a_mark_remembers_only_so_many_bars_the_oldest_go_first():
    old = tuple(Denied(f"backend-{i:05d}") for i in range(lease.DENYLIST_MAX))
    stands = service(RolloutAnnotation(4, denylist=old))
    r = rollout(Phase.MOVING, plan(Kind.ROLLBACK, revision=CANDIDATE), service=stands, fence=5)
    denylist = lease.annotation_of(r, MOVED, working=False).denylist
    assert len(denylist) == lease.DENYLIST_MAX
    assert denylist[-1] == Denied(STABLE, "", "alice", "because")
    assert denylist[:-1] == old[1:]
    assert BEFORE.share_of(STABLE) == 100


# Shares before the gate's last move


def written(stands, after, *, working=False, kind=Kind.ROLLOUT, **changes):
    asked = plan(kind, **({} if kind is Kind.ROLLOUT else {"revision": CANDIDATE}))
    r = rollout(Phase.UNTAGGING, asked, fence=4, service=stands, **changes)
    return lease.annotation_of(r, after, working=working).before


KEPT = RolloutAnnotation(
    4, writer="r0", wrote=((STABLE, 100),), before=(("backend-00000-old", 100),)
)


def test_whoever_moved_users_says_what_they_had_before():
    assert written(service(KEPT), MOVED, kind=Kind.ROLLBACK) == ((STABLE, 100),)
    assert written(service(KEPT), MOVED) == ((STABLE, 100),)


@pytest.mark.parametrize("working", [True, False])
def test_a_write_that_moves_nobody_hands_on_what_was_known(working):
    assert written(service(KEPT), BEFORE, working=working) == KEPT.before


def test_where_somebody_else_moved_users_what_the_gate_set_last_is_kept():
    elsewhere = replace(KEPT, wrote=((CANDIDATE, 100),))
    assert written(service(elsewhere), BEFORE, working=True) == ((CANDIDATE, 100),)


def test_only_who_had_users_is_barred():
    r = rollout(Phase.MOVING, plan(Kind.ROLLBACK, revision=CANDIDATE), fence=4)
    apart = unmarked(MOVED, effective=BEFORE, annotations=())
    r = replace(r, service=apart, placed=MOVED, candidate=STABLE)
    assert lease.annotation_of(r, BEFORE, working=False).denylist == ()
