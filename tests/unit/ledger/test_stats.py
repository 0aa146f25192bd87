"""The numbers of a ledger, on cases that were counted by hand."""

from datetime import timedelta

import pytest

from gate.core.recorded import put_together
from gate.ledger.stats import stats
from tests.unit.ledger.recorded import NEW, OLD, at, intention, outcome, reasons, saw

THIRD = "shop-00003-ccc"
ALL = (at(-1), at(24 * 7 - 1))


def numbers(*entries, within=ALL, commits=None):
    newest = sorted(entries, key=lambda entry: entry["at"], reverse=True)
    return stats(put_together(newest), *within, commits)


def promoted(rollout, hours, revision=NEW, moved=1, **fields):
    """Promoted to all users so many minutes after it began; recorded a minute later."""
    when = at(hours)
    moment = when + timedelta(minutes=moved)
    candidate = {"revision": revision, "image": f"shop@sha256:{revision[-3:]}"}
    return (
        intention(rollout, when + timedelta(seconds=5)),
        intention(rollout, moment, wanted=revision),
        outcome(rollout, when=when, candidate=candidate, effective_after={revision: 100}, **fields),
    )


def rolled_back(rollout, hours, left=NEW, to=OLD):
    return outcome(
        rollout,
        "rolled back",
        at(hours),
        kind="rollback",
        candidate={"revision": to},
        stable=[{"revision": left, "percent": 100}],
        effective_after={to: 100},
    )


def test_how_often_is_counted_over_the_whole_time():
    value = numbers(*promoted("r1", 0), *promoted("r2", 2, THIRD), *promoted("r3", 30))
    assert value["deployments"] == {"count": 3, "per_week": 3.0, "days_with_one": 2}
    assert value["decisions"] == 3
    assert numbers()["deployments"] == {"count": 0, "per_week": 0.0, "days_with_one": 0}


@pytest.mark.parametrize("ending", ["rejected", "held", "reverted", "unchanged", "interrupted"])
def test_what_gave_users_nothing_new_is_no_deployment(ending):
    assert numbers(outcome("r1", ending))["deployments"]["count"] == 0


def test_a_rollback_fails_the_deployment_that_users_were_taken_from():
    value = numbers(
        *promoted("r1", 0, THIRD), *promoted("r2", 10), rolled_back("r3", 12), *promoted("r4", 20)
    )
    assert value["change_failures"] == {"count": 1, "of": 3, "percent": 33.3}
    restored_s = 2 * 3600 + 60  # from 10:01, when users were sent there, to 12:02
    assert value["time_to_restore"] == {
        "count": 1,
        "median_s": restored_s,
        "p90_s": restored_s,
    }


def test_what_the_gate_took_back_itself_is_a_failed_deployment():
    candidate = {"revision": NEW, "image": "shop@sha256:2"}
    value = numbers(
        intention("r1", at(0, minutes=1), wanted=NEW),
        outcome("r1", "regressed", candidate=candidate, effective_after={OLD: 100}),
        *promoted("r2", 5),
    )
    assert value["change_failures"] == {"count": 1, "of": 2, "percent": 50.0}
    assert value["time_to_restore"]["median_s"] == 60


@pytest.mark.parametrize("left", ["shop-00009-zzz", OLD])
def test_a_rollback_from_what_the_gate_never_gave_users_fails_none(left):
    value = numbers(*promoted("r1", 0), rolled_back("r2", 1, left))
    assert value["change_failures"]["count"] == 0


def test_a_second_rollback_counts_once_and_the_first_time():
    value = numbers(*promoted("r1", 0), rolled_back("r2", 1), rolled_back("r3", 5))
    assert value["change_failures"]["count"] == 1
    assert value["time_to_restore"]["median_s"] == 3600 + 60


def test_only_what_began_within_the_time_counts_and_what_came_later_undoes_it():
    entries = (*promoted("r0", -50), *promoted("r1", 0), rolled_back("r2", 200))
    value = numbers(*entries)
    assert value["decisions"] == 1
    assert value["change_failures"] == {"count": 1, "of": 1, "percent": 100.0}


def test_lead_time_is_from_the_commit_until_users_have_it_for_good():
    entries = [
        *promoted("r1", 1, build={"commit": "c1"}),
        *promoted("r2", 2, build={"commit": "c2"}),
        *promoted("r3", 3, build={"commit": "c3"}),
        *promoted("r4", 4, build={"commit": ""}),
    ]
    value = numbers(*entries, commits={"c1": at(0), "c2": at(-2), "c4": at(0)})
    minutes_s = 120
    assert value["lead_time"] == {
        "count": 2,
        "median_s": 2.5 * 3600 + minutes_s,
        "p90_s": 4 * 3600 + minutes_s,
        "unknown": 2,
    }
    assert numbers(*entries)["lead_time"] == {
        "count": 0,
        "median_s": None,
        "p90_s": None,
        "unknown": 4,
    }


def rejected(rollout, hours, revision, *evidence, blamed=("a",), ending="rejected"):
    return outcome(
        rollout,
        ending,
        at(hours),
        candidate={"revision": revision, "image": f"shop@sha256:{revision[-3:]}"},
        evidence=list(evidence),
        verdict=reasons(*blamed),
    )


def row(probe, asked, found, unclear, no, undone):
    counts = {"asked": asked, "found": found, "unclear": unclear, "rejected": no, "undone": undone}
    return {"probe": probe, "kind": "http", "capability": "chat", **counts}


@pytest.mark.parametrize(
    ("later", "undone"),
    [
        ((), 0),
        (promoted("r9", 9, NEW, kind="promote"), 1),
        (promoted("r9", 9, NEW, overrides=["again"]), 1),
        (promoted("r9", 9, NEW), 0),
        (promoted("r9", 9, THIRD, kind="promote"), 0),
        (promoted("r9", -0.5, NEW, kind="promote"), 0),
    ],
)
def test_each_probes_word_is_followed(later, undone):
    value = numbers(
        rejected("r1", 0, NEW, saw("a", "failed"), saw("b"), saw("c", "failed")),
        rejected("r2", 1, OLD, saw("a"), saw("b", "inconclusive"), ending="held", blamed=("b",)),
        rejected("r3", 2, OLD, saw("b"), saw("b", "failed", "service"), blamed=("b",)),
        rejected("r4", 3, OLD, saw("a"), saw("a", "failed", "stable"), ending="promoted"),
        *later,
    )
    assert value["probes"] == [
        row("a", 3, 1, 0, 1, undone),
        row("b", 3, 1, 1, 1, 0),
        row("c", 1, 1, 0, 0, 0),
    ]


BEN = {"digest": "ab" * 32, "name": "ben", "at": "2026-01-01T13:00:00.000Z"}


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"approvals": [BEN]}, 1),
        ({"overrides": ["freeze"]}, 1),
        ({"kind": "promote"}, 1),
        ({"approvals": []}, 0),
        ({}, 0),
    ],
)
def test_what_people_let_go_after_a_hold_is_promoted_by_them(fields, count):
    held = {"revision": NEW, "image": "shop@sha256:2"}
    entries = (outcome("r1", "held", candidate=held), *promoted("r2", 2, NEW, **fields))
    assert numbers(*entries)["holds"] == {"count": 1, "promoted_later": count}
    other = (outcome("r1", "held", candidate=held), *promoted("r2", 2, THIRD, **fields))
    assert numbers(*other)["holds"] == {"count": 1, "promoted_later": 0}


IDLE = {"rules": ["freeze", "stop"], "overrode": []}
BROKE = {"rules": ["freeze", "stop"], "overrode": ["freeze"]}


def test_holds_and_overrides_of_which_those_count_that_set_something_aside():
    held = {"revision": NEW, "image": "shop@sha256:2"}
    value = numbers(
        outcome("r1", "held", candidate=held, overrides=["no-probe"], actor="bob"),
        outcome("r2", "held", at(1), candidate={"revision": OLD}),
        *promoted("r3", 2, NEW, kind="promote", overrides=["again", "no-probe"]),
        outcome("r4", "held", at(3), overrides=["freeze", "stop"], actor="eve", override=IDLE),
        outcome("r5", "held", at(4), overrides=["freeze", "stop"], actor="bob", override=BROKE),
    )
    assert value["holds"] == {"count": 4, "promoted_later": 1}
    assert value["overrides"] == {
        "what": {"again": 1, "freeze": 1, "no-probe": 2},
        "who": {"alice": 1, "bob": 2},
    }


def test_what_was_invented_does_not_count_and_the_first_of_two_outcomes_does():
    value = numbers(
        outcome("r1", "promoted", intentions=[]),
        rejected("r2", 1, NEW),
        {**rejected("r2", 2, NEW), "ending": "promoted"},
    )
    assert value["endings"] == {"rejected": 1}
    assert value["conflicting"] == 2
    assert value["deployments"]["count"] == 0
