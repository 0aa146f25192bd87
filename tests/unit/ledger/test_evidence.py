"""What the probes saw, as JSON."""

from gate.core.verdict import judge
from gate.ledger import evidence
from gate.ledger.evidence import probes_value
from tests.unit.report.scenes import PROBES, STAKES, V2_EVIDENCE, failed, passed


def test_evidence() -> None:
    seen = (passed(), failed())
    value = probes_value(seen, PROBES, judge(PROBES, seen), STAKES)
    assert value["passed"] == 1
    assert value["asked"] == 5
    assert value["did_not_run"] == ["discovery", "same-user-concurrency", "strangers"]
    assert value["stakes"] == dict(STAKES)
    assert value["verdict"] == {
        "decision": "reject",
        "reasons": [
            {
                "subject": "api-health",
                "source": "probe",
                "text": "redirect: got 307 to /api/health/, expected status 200",
                "hint": "a slash is added: the route is registered as /api/health/",
                "capability": "",
                "attribution": "unknown",
                "lines": [],
            },
            {
                "subject": "discovery",
                "source": "probe",
                "text": "did not run",
                "hint": "",
                "capability": "discovery",
                "attribution": "",
                "lines": [],
            },
            {
                "subject": "same-user-concurrency",
                "source": "probe",
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
        "advice": "",
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
        "findings_left_out": 0,
        "tests": [],
        "tests_left_out": 0,
        "log_lines": [],
        "excerpts": [
            "> GET /api/health",
            "< 307 Temporary Redirect",
            "< location: /api/health/",
        ],
    }


def test_a_pass_with_findings_is_inconclusive_for_machines_too() -> None:
    value = probes_value((passed(findings=failed().findings),), (), None)
    assert isinstance(value["evidence"], list)
    assert value["passed"] == 0
    assert value["verdict"] is None
    item = value["evidence"][0]
    assert isinstance(item, dict)
    assert item["outcome"] == "inconclusive"


def test_every_field_is_documented() -> None:
    documented = str(evidence.__doc__)
    value = probes_value(V2_EVIDENCE, PROBES, None)
    assert isinstance(value["evidence"], list)
    assert isinstance(value["evidence"][0], dict)
    for field in [*value, *value["evidence"][0]]:
        assert field in documented, field
