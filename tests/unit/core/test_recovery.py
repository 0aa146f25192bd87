"""Waiting for another rollout, and taking back what a dead one left."""

from datetime import timedelta

from gate.core import recovery
from gate.core.lease import LEEWAY
from gate.core.mark import KEY, Mark
from gate.core.state import Ending, Kind, Phase
from gate.core.transitions import READ_WITHIN_S
from tests.unit.core.rollouts import CANDIDATE, NOW, PLACED, STABLE, TAG, later, plan, rollout
from tests.unit.core.rollouts import service as unmarked

HELD = Mark(
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


def service(mark: Mark | str = HELD):
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


def test_a_note_that_nobody_can_read_stops_all_but_a_way_back():
    unreadable = service("?")
    assert recovery.admitted(reading(), unreadable, NOW).ending is Ending.BUSY
    assert recovery.admitted(reading(kind=Kind.PROMOTE), unreadable, NOW).ending is Ending.BUSY
    back = rollout(Phase.READING, plan(Kind.ROLLBACK, revision=STABLE))
    assert recovery.admitted(back, unreadable, NOW) is None


def test_leeway_is_for_clocks_that_disagree():
    almost = later(60) + LEEWAY - timedelta(seconds=0.1)
    assert recovery.admitted(reading(), service(), almost).ending is Ending.BUSY
