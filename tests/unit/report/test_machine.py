"""The same for machines: fields that stay, and JSON that acts on nothing."""

import json

from gate.core.policy import Json
from gate.core.service import Condition, ConditionState, Revision
from gate.core.traffic import Split
from gate.report import machine
from tests.unit.report.scenes import (
    CANDIDATE,
    HOSTILE,
    READY,
    STABLE,
    START,
    service,
)


def keys(value: Json) -> list[str]:
    """The keys of an object, in their order."""
    assert isinstance(value, dict)
    return list(value)


def test_status() -> None:
    stands = service(Split.all_to(STABLE, {"candidate": CANDIDATE}), latest_created=CANDIDATE)
    failure = Condition(ConditionState.FAILED, "REASON", "text")
    revisions = (Revision(CANDIDATE, failure, "backend:v2"), Revision(STABLE, READY, "v1", START))
    entry: dict[str, Json] = {"entry": "outcome", "rollout": "r1", "ending": "promoted"}
    assert machine.status_value(stands, revisions, (entry,), START) == {
        "project": "demo",
        "region": "us-central1",
        "service": "backend",
        "url": "http://127.0.0.1:41000",
        "ready": {"state": "succeeded", "reason": "", "message": ""},
        "reconciling": False,
        "in_effect": True,
        "follows_latest": False,
        "desired": [
            {"revision": STABLE, "percent": 100, "tag": ""},
            {"revision": CANDIDATE, "percent": 0, "tag": "candidate"},
        ],
        "effective": [
            {"revision": STABLE, "percent": 100, "tag": "", "url": ""},
            {
                "revision": CANDIDATE,
                "percent": 0,
                "tag": "candidate",
                "url": "http://127.0.0.1:41009",
            },
        ],
        "latest_ready": STABLE,
        "latest_created": CANDIDATE,
        "last_modifier": "alice@example.com",
        "updated_at": "2026-01-01T12:00:00.000Z",
        "next": "",
        "lease": {
            "state": "free",
            "rollout": "",
            "actor": "",
            "since": "",
            "until": "",
            "phase": "",
            "candidate": "",
            "fence": 0,
        },
        "stopped": None,
        "barred": [],
        "order": {},
        "revisions": [
            {
                "name": CANDIDATE,
                "ready": {"state": "failed", "reason": "REASON", "message": "text"},
                "image": "backend:v2",
                "created_at": "",
            },
            {
                "name": STABLE,
                "ready": {"state": "succeeded", "reason": "", "message": ""},
                "image": "v1",
                "created_at": "2026-01-01T12:00:00.000Z",
            },
        ],
        "ledger": {"state": "read", "problem": "", "doubt": ""},
        "decisions": [
            {
                **entry,
                "record": {
                    "complete": True,
                    "intentions": 0,
                    "taken_back_by": "",
                    "conflict": "",
                },
            }
        ],
    }


def test_decisions_are_told_apart_from_what_was_set_out_to_do_and_from_a_silent_ledger() -> None:
    stands = service(Split.all_to(STABLE))
    first: dict[str, Json] = {"entry": "intention", "rollout": "r1", "kind": "rollout"}
    second: dict[str, Json] = {"entry": "intention", "rollout": "r2", "kind": "rollback"}
    ended: dict[str, Json] = {"entry": "outcome", "rollout": "r1", "ending": "held"}
    told = machine.status_value(stands, (), (second, ended, first, first), START, doubt="why")
    assert isinstance(told, dict)
    assert told["ledger"] == {"state": "read", "problem": "", "doubt": "why"}
    decisions = told["decisions"]
    assert isinstance(decisions, list)
    assert [
        (one["rollout"], one["ending"], one["record"]["complete"])  # type: ignore[call-overload,index]
        for one in decisions
    ] == [("r2", "unfinished", False), ("r1", "held", True)]
    silent = machine.status_value(stands, (), (), START, problem="no answer in 2 s")
    assert isinstance(silent, dict)
    assert silent["ledger"] == {"state": "unreadable", "problem": "no answer in 2 s", "doubt": ""}
    assert silent["decisions"] == []


def test_latest_is_an_empty_name() -> None:
    value = machine.status_value(service(Split.of(())), (), (), START)
    assert isinstance(value, dict)
    assert value["follows_latest"] is True
    assert value["desired"] == [{"revision": "", "percent": 100, "tag": ""}]


def test_every_field_is_documented() -> None:
    documented = str(machine.__doc__)
    for field in keys(machine.status_value(service(Split.all_to(STABLE)), (), (), START)):
        assert field in documented, field


def test_numbers_that_json_does_not_have_become_null() -> None:
    assert json.loads(machine.to_json({"a": [float("nan"), 1.5], "b": float("inf")})) == {
        "a": [None, 1.5],
        "b": None,
    }


def test_json_is_lossless_and_acts_on_nothing() -> None:
    value: Json = {"seen": HOSTILE}
    text = machine.to_json(value)
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.isascii()
    assert json.loads(text) == value


def test_no_text_in_a_document_is_a_command_to_a_build_and_it_reads_back_as_it_was():
    value = {"##[a": ["##[error]x", "###[[", "a ##\\#["]}
    text = machine.to_json(value)
    assert "##[" not in text
    assert json.loads(text) == value
