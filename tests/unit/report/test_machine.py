"""The same for machines: fields that stay, and JSON that acts on nothing."""

import json

from gate.core.policy import Json
from gate.core.service import Condition, ConditionState, Revision
from gate.core.traffic import Split
from gate.core.verdict import judge
from gate.report import machine
from tests.unit.report.scenes import (
    CANDIDATE,
    HOSTILE,
    PROBES,
    READY,
    STABLE,
    START,
    V2_EVIDENCE,
    failed,
    hostile_evidence,
    passed,
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
    entry: dict[str, Json] = {"rollout": "r1"}
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
        "barred": [],
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
        "decisions": [{"rollout": "r1"}],
    }


def test_latest_is_an_empty_name() -> None:
    value = machine.status_value(service(Split.of(())), (), (), START)
    assert isinstance(value, dict)
    assert value["follows_latest"] is True
    assert value["desired"] == [{"revision": "", "percent": 100, "tag": ""}]


def test_evidence() -> None:
    seen = (passed(), failed())
    value = machine.evidence_value(seen, probes=PROBES, verdict=judge(PROBES, seen))
    assert isinstance(value, dict)
    assert value["passed"] == 1
    assert value["asked"] == 5
    assert value["did_not_run"] == ["discovery", "same-user-concurrency", "strangers"]
    assert value["verdict"] == {
        "decision": "reject",
        "reasons": [
            {
                "subject": "api-health",
                "text": "redirect: got 307 to /api/health/, expected status 200",
                "hint": "a slash is added: the route is registered as /api/health/",
                "capability": "",
                "attribution": "unknown",
                "lines": [],
            },
            {
                "subject": "discovery",
                "text": "did not run",
                "hint": "",
                "capability": "discovery",
                "attribution": "",
                "lines": [],
            },
            {
                "subject": "same-user-concurrency",
                "text": "did not run",
                "hint": "",
                "capability": "chat",
                "attribution": "",
                "lines": [],
            },
        ],
    }
    assert isinstance(value["evidence"], list)
    assert value["evidence"][1] == {
        "probe": "api-health",
        "kind": "http",
        "outcome": "failed",
        "required": True,
        "capability": "",
        "asked": "GET /api/health",
        "expected": "status 200",
        "seen": "307 to /api/health/",
        "started_at": "2026-01-01T12:00:00.000Z",
        "duration_ms": 100,
        "asked_times": 1,
        "right_times": 0,
        "trace": "ab" * 16,
        "address": "",
        "answered_by": "",
        "attribution": "",
        "repeats": [],
        "findings": [
            {
                "symptom": "redirect",
                "expected": "status 200",
                "seen": "307 to /api/health/",
                "count": 1,
                "hint": "a slash is added: the route is registered as /api/health/",
            }
        ],
        "excerpts": [
            "> GET /api/health",
            "< 307 Temporary Redirect",
            "< location: /api/health/",
        ],
    }


def test_a_pass_with_findings_is_inconclusive_for_machines_too() -> None:
    value = machine.evidence_value((passed(findings=failed().findings),))
    assert isinstance(value, dict)
    assert isinstance(value["evidence"], list)
    assert value["passed"] == 0
    assert value["verdict"] is None
    item = value["evidence"][0]
    assert isinstance(item, dict)
    assert item["outcome"] == "inconclusive"


def test_every_field_is_documented() -> None:
    documented = str(machine.__doc__)
    stands = machine.status_value(service(Split.all_to(STABLE)), (), (), START)
    seen = machine.evidence_value(V2_EVIDENCE)
    assert isinstance(seen, dict)
    assert isinstance(seen["evidence"], list)
    for field in [*keys(stands), *keys(seen), *keys(seen["evidence"][0])]:
        assert field in documented, field


def test_numbers_that_json_does_not_have_become_null() -> None:
    assert json.loads(machine.to_json({"a": [float("nan"), 1.5], "b": float("inf")})) == {
        "a": [None, 1.5],
        "b": None,
    }


def test_json_is_lossless_and_acts_on_nothing() -> None:
    value = machine.evidence_value((hostile_evidence(HOSTILE),))
    text = machine.to_json(value)
    assert all(line.isprintable() for line in text.split("\n"))
    assert text.isascii()
    assert json.loads(text) == value
