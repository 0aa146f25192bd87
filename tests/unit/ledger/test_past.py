from dataclasses import replace

import pytest

from gate.core.annotation import RolloutAnnotation
from gate.core.commands import command_of
from gate.core.state import Ending, Kind, Past, PastMove, Phase
from gate.core.traffic import Split, Target
from gate.ledger.canonical import digest
from gate.ledger.entry import intention, outcome
from gate.ledger.past import past_moves, past_of, unexplained
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    OLD,
    PLACED,
    STABLE,
    later,
    plan,
    rollout,
    service,
)

LATEST = Split.of([Target(None, 100)])


def told(r):
    (command,) = command_of(r)
    return intention(r, command, later(1.5))


def moved(before=BEFORE, placed=PLACED, after=MOVED, kind=Kind.ROLLOUT):
    r = rollout(Phase.RECORDING, plan(kind), before=before, placed=placed, service=service(after))
    return outcome(replace(r, ending=Ending.PROMOTED), later(1))


PROMOTIONS = (Kind.ROLLOUT, Kind.PROMOTE)


@pytest.mark.parametrize("kind", PROMOTIONS)
def test_a_move_is_read_back(kind):
    expected = PastMove(((STABLE, 100),), ((CANDIDATE, 100),))
    assert past_moves((moved(kind=kind),)) == (expected,)


@pytest.mark.parametrize("kind", PROMOTIONS)
def test_latest_is_read_back_as_what_it_meant(kind):
    entry = moved(before=LATEST, placed=Split.all_to(STABLE), kind=kind)
    assert past_moves((entry,)) == (PastMove(((STABLE, 100),), ((CANDIDATE, 100),)),)


def test_what_a_rollback_moved_away_from_is_no_way_back():
    entry = moved(kind=Kind.ROLLBACK) | {"ending": Ending.ROLLED_BACK.value}
    assert past_moves((entry,)) == ()


def test_what_was_not_promoted_is_no_way_back():
    assert past_moves((moved() | {"ending": Ending.STUCK.value},)) == ()


def test_latest_within_a_split_is_not_guessed():
    split = Split.of([Target(None, 50), Target(OLD, 50)])
    entry = moved(before=split, placed=split.pinned(STABLE))
    assert past_moves((entry,)) == ()


def test_a_split_is_read_back():
    split = Split.of([Target(STABLE, 60), Target(OLD, 40)])
    (move,) = past_moves((moved(before=split, placed=split),))
    assert dict(move.before) == {STABLE: 60, OLD: 40}


def test_the_order_is_kept_and_intentions_are_no_moves():
    one, two = moved(), moved(before=MOVED, after=BEFORE)
    moves = past_moves((one, told(rollout(Phase.MOVING)), two))
    assert [dict(move.after) for move in moves] == [{CANDIDATE: 100}, {STABLE: 100}]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"entry": "outcome"},
        {"entry": "outcome", "ending": "promoted", "traffic_before": "x", "effective_after": {}},
        {
            "entry": "outcome",
            "ending": "promoted",
            "traffic_before": [1, None, {}],
            "effective_after": [],
        },
        {
            "entry": "outcome",
            "ending": "promoted",
            "traffic_before": [{"percent": "x"}],
            "effective_after": {"a": 1},
        },
        {
            "entry": "outcome",
            "ending": "promoted",
            "traffic_before": [{"percent": 100}],
            "effective_after": {"a": 1},
        },
        {
            "entry": "outcome",
            "ending": "promoted",
            "stable": [{}],
            "traffic_before": [{"percent": 100}],
            "effective_after": {"a": 100},
        },
    ],
)
def test_what_others_wrote_into_the_log_is_no_move(broken):
    assert past_moves((broken,)) == ()


def test_the_past_knows_who_served_and_what_was_decided_last():
    rejected = moved() | {"ending": Ending.REJECTED.value, "effective_after": {STABLE: 100}}
    past = past_of((rejected,))
    ((name, verdict),) = past.against
    assert name == CANDIDATE
    assert verdict.startswith("was rejected by the gate at 2026-01-01 12:00 UTC")
    assert past.served == (STABLE,)
    again = past_of((moved(), rejected))
    assert again.against == ()
    assert set(again.served) == {STABLE, CANDIDATE}


@pytest.mark.parametrize("odd", [{}, {"entry": "outcome"}, {"entry": "outcome", "candidate": 5}])
def test_a_past_that_somebody_else_wrote_is_read_as_far_as_it_goes(odd):
    assert past_of((odd,)) == Past(outcomes=())


@pytest.mark.parametrize("before", [LATEST, MOVED])
def test_after_a_quarantine_the_way_back_is_where_users_were_taken(before):
    r = rollout(Phase.RECORDING, before=before, found=MOVED, back_to=STABLE, service=service(MOVED))
    entry = outcome(replace(r, ending=Ending.PROMOTED), later(1))
    assert entry["quarantine"] == {"stable": STABLE, "users_were_on": {CANDIDATE: 100}}
    assert past_moves((entry,)) == (PastMove(((STABLE, 100),), ((CANDIDATE, 100),)),)


def test_the_number_of_a_build_is_recorded_where_there_is_one():
    r = rollout(Phase.MOVING, plan(order=7))
    assert (told(r)["order"], outcome(r, later(1))["order"]) == (7, 7)
    assert "order" not in told(rollout(Phase.MOVING)).keys() | outcome(
        rollout(Phase.MOVING), later(1)
    )


def written(sequence, rollout="r1"):
    return {"format": 2, "entry": "intention", "rollout": rollout, "sequence": sequence}


@pytest.mark.parametrize(
    ("mark", "entries", "told"),
    [
        (RolloutAnnotation(), (written(7),), ""),
        (RolloutAnnotation(entry=digest(written(7)), sequence=7), (written(7), written(6)), ""),
        (RolloutAnnotation(entry=digest(written(7)), sequence=7), (written(8), written(7)), ""),
        (RolloutAnnotation(entry="0" * 64, sequence=7), (written(9), written(8)), ""),
        (RolloutAnnotation(entry="0" * 64, sequence=7), (), ""),
        (RolloutAnnotation(entry="0" * 64, sequence=7), (written(6),), "the ledger ends at 6"),
        (RolloutAnnotation(entry="0" * 64, sequence=7), (written(7),), "does not have"),
        (RolloutAnnotation(entry="0" * 64, sequence=7), ({**written(7), "x": 0.5},), "not have"),
    ],
)
def test_the_last_write_is_explained_by_an_entry_or_it_is_said(mark, entries, told):
    said = unexplained(mark, entries)
    assert told in said
    assert bool(said) is bool(told)
