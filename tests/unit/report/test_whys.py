"""The chain from a refusal to its cause and its price: read from the record, never invented."""

from dataclasses import replace

from gate.core.attribution import Attribution
from gate.core.evidence import STABLE as CONTROL
from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.core.policy import Json
from gate.core.service import Revision
from gate.core.traffic import Split
from gate.report.audit import show_blocks
from gate.report.lines import plain
from gate.report.whys import why_lines
from tests.unit.report.scenes import (
    HOSTILE,
    READY,
    STABLE,
    START,
    V2_EVIDENCE,
    Scene,
    assert_safe,
    entries_of,
    plan,
)

STAKES = (("chat", "P1, $120K MRR"),)


def told(entry: dict[str, Json]) -> list[str]:
    return [line.text for line in why_lines(entry)]


def entry_of(*evidence: Evidence) -> dict[str, Json]:
    scene = Scene(evidence=(*V2_EVIDENCE, *evidence), traffic=Split.of(()))
    scene.revisions[STABLE] = Revision(STABLE, READY, "backend:v1")
    return entries_of(scene, plan(stakes=STAKES))[0]


def redirected() -> Evidence:
    return next(item for item in V2_EVIDENCE if item.probe == "api-health")


def test_a_rejection_is_followed_from_the_decision_to_what_is_at_stake() -> None:
    lines = told(entry_of())
    assert lines[0] == "why, link by link (from the record):"
    assert lines[1] == "1. why reject?"
    assert lines[2].startswith("api-health is required and did not pass: redirect: got 307")
    assert lines[4].startswith("GET /api/health: got ")
    assert "chat (P1, $120K MRR)" in lines


def test_what_is_not_on_record_is_said_and_not_invented() -> None:
    text = "\n".join(told(entry_of()))
    assert "unknown: stable was not asked the same (`baseline: stable` asks it)" in text
    assert "nothing on record: no line of its log belongs to these requests" in text
    assert "configuration and routes were not compared (probes `diff` and `routes` do)" in text


def test_of_a_logs_probe_the_candidate_says_the_lines_that_it_is_about() -> None:
    reasons: Json = [{"subject": "logs", "text": "2 such entries"}]
    item: Json = {
        "probe": "logs", "kind": "logs", "outcome": "failed", "excerpts": ["! ERROR: no such table"]
    }  # fmt: skip
    lines = told({"verdict": {"decision": "reject", "reasons": reasons}, "evidence": [item]})
    assert (
        lines[lines.index("4. what does the candidate say of it?") + 1] == "! ERROR: no such table"
    )


def test_what_is_on_record_is_said() -> None:
    scene = Scene(
        evidence=(
            replace(
                redirected(),
                attribution=Attribution.REGRESSION,
                log_lines=("12:00:01 ERROR (by trace): KeyError: 'name'",),
            ),
            replace(
                redirected(), address=CONTROL, outcome=Outcome.PASSED, findings=(), seen="200 OK"
            ),
            Evidence(
                "config",
                "diff",
                Outcome.FAILED,
                "its configuration",
                "as stable",
                "1 differs",
                START,
                0.1,
                (Finding(Symptom.CONFIGURATION, "as stable", "env DATABASE_URL is missing"),),
            ),
        ),
        traffic=Split.of(()),
    )
    text = "\n".join(told(entries_of(scene, plan())[0]))
    assert ": stable passed: 200 OK" in text
    assert "12:00:01 ERROR (by trace): KeyError: 'name'" in text
    assert "config: env DATABASE_URL is missing" in text
    assert "were not compared" not in text


def test_a_promotion_needs_no_chain() -> None:
    entry = entry_of()
    assert told({**entry, "verdict": {"decision": "promote", "reasons": []}}) == []
    assert told({**entry, "verdict": None}) == []
    assert told({}) == []


def test_a_reason_that_is_no_probes_has_none() -> None:
    verdict: Json = {"decision": "hold", "reasons": [{"subject": "traffic", "text": "moved"}]}
    assert told({**entry_of(), "verdict": verdict}) == []


def test_the_record_of_one_rollout_ends_with_it() -> None:
    lines = plain(show_blocks((entry_of(),), verbose=True), 100)
    assert "why, link by link (from the record):" in lines


def test_whatever_the_record_holds_nothing_raw_is_shown() -> None:
    entry = entry_of(replace(redirected(), log_lines=(HOSTILE,), seen=HOSTILE))
    hostile = {**entry, "stakes": {"chat": HOSTILE}, "candidate": {"image": HOSTILE}}
    assert_safe(plain(show_blocks((hostile,), verbose=True), 100))
