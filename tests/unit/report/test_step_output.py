"""The short JSON that Cloud Build keeps of a step."""

import json

import pytest

from gate.report.step_output import MAX_BYTES, step_output

REASON = {"subject": "api-health", "text": "asked 200, got 307", "attribution": "candidate"}
ENTRY = {
    "rollout": "20260101-120000-abc",
    "kind": "rollout",
    "ending": "rejected",
    "exit_code": 1,
    "at": "2026-01-01T12:00:09.000Z",
    "project": "demo",
    "region": "us-central1",
    "service": "backend",
    "candidate": {"revision": "backend-00002-abc", "image": "backend:v2", "url": "https://c"},
    "verdict": {"decision": "reject", "reasons": [{**REASON, "hint": "not told here"}]},
    "effective_after": {"backend-00001-aaa": 100},
    "next": {"commands": ["gate status --service backend"]},
}


def test_it_says_how_it_ended_why_and_where_traffic_is():
    assert json.loads(step_output(ENTRY)) == {
        "format": 1,
        **{key: ENTRY[key] for key in ("rollout", "kind", "ending", "exit_code", "at")},
        **{key: ENTRY[key] for key in ("project", "region", "service")},
        "revision": "backend-00002-abc",
        "image": "backend:v2",
        "why": "api-health: asked 200, got 307",
        "decision": "reject",
        "reasons": [REASON],
        "reasons_in_all": 1,
        "traffic": {"backend-00001-aaa": 100},
        "next": "gate status --service backend",
    }


LONG = "\N{COLLISION SYMBOL}" * 5_000


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"verdict": None, "candidate": None, "exit_code": "1", "next": [1]},
        {**ENTRY, "verdict": {"reasons": [{**REASON, "text": LONG}] * 50}},
        {**ENTRY, "effective_after": {f"{LONG}{number}": 1 for number in range(50)}},
        {**dict.fromkeys(ENTRY, LONG), "candidate": {"revision": LONG, "image": LONG}},
    ],
    ids=["empty", "of other types", "many reasons", "many shares", "long everywhere"],
)
def test_whatever_an_entry_holds_it_is_one_short_line(entry):
    said = step_output(entry)
    assert len(said.encode()) <= MAX_BYTES
    assert "\n" not in said
    assert said.isascii()
    match entry:
        case {"verdict": {"reasons": reasons}}:
            assert json.loads(said)["reasons_in_all"] == len(reasons)
        case _:
            assert json.loads(said)["reasons"] == []


def test_half_a_command_is_none():
    entry = {**ENTRY, "next": {"commands": ["gate rollback " + "x" * 5_000]}}
    assert json.loads(step_output(entry))["next"] == ""
