import json
import time
from dataclasses import replace

import pytest

from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.commands import command_of
from gate.core.evidence import Finding, Outcome, Symptom
from gate.core.origin import Origin
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split, Target
from gate.core.verdict import Verdict
from gate.ledger.canonical import digest
from gate.ledger.entry import (
    EXCERPTS_MAX,
    FINDINGS_MAX,
    NOTES_MAX,
    REASONS_MAX,
    SIZE_MAX_BYTES,
    TEXT_MAX,
    Link,
    intention,
    outcome,
)
from tests.unit.core.rollouts import (
    BROKEN,
    CANDIDATE,
    MOVED,
    OLD,
    PLACED,
    STABLE,
    TAG,
    evidence,
    later,
    plan,
    revisions,
    rollout,
    service,
)
from tests.unit.core.test_proof import FRESH

LATEST = Split.of([Target(None, 100)])
HEAD = {
    "format": 2,
    "rollout": "r1",
    "at": "2026-01-01T12:00:01.500Z",
    "kind": "rollout",
    "project": "demo",
    "region": "us-central1",
    "service": "backend",
    "actor": "alice",
    "principal": {"name": "alice", "authenticated": "claimed"},
    "build": {"system": "", "id": "", "trigger": "", "commit": ""},
    "gate_version": "",
    "reason": "because",
    "overrides": [],
    "policy": "",
    "policy_digest": "",
    "proof_digest": "",
}


PROMOTE = {"decision": "promote", "reasons": []}


def size_bytes(entry):
    return len(json.dumps(entry, ensure_ascii=False).encode())


def told(r):
    (command,) = command_of(r)
    return intention(r, command, later(1.5))


def ended(**changes):
    ready = {"service": service(MOVED), "ending": Ending.PROMOTED, "evidence": (evidence(),)}
    return rollout(Phase.RECORDING, **{**ready, **changes})


def test_an_intention_says_what_is_about_to_be_done_to_which_traffic():
    entry = told(rollout(Phase.MOVING, service=service(PLACED)))
    assert entry == {
        **HEAD,
        "entry": "intention",
        "message": f"backend: about to promote to {CANDIDATE}",
        "why": f"promote to {CANDIDATE}",
        "traffic_now": [
            {"revision": STABLE, "percent": 100, "tag": ""},
            {"revision": OLD, "percent": 0, "tag": "blue"},
            {"revision": CANDIDATE, "percent": 0, "tag": TAG},
        ],
        "traffic_wanted": [
            {"revision": CANDIDATE, "percent": 100, "tag": ""},
            {"revision": OLD, "percent": 0, "tag": "blue"},
        ],
        "fence": 1,
        "phase": "moving",
        "sequence": 1,
        "previous": "",
        "outcomes": None,
        "decided": "",
        "evidence_digest": digest({"verdict": PROMOTE, "evidence": []}),
    }


def test_an_outcome_says_everything():
    r = ended(
        notes=("a note",), url="https://c", verdict=Verdict.hold("a", "b", "c").quoting(["d | e"])
    )
    entry = outcome(r, later(1.5))
    assert {key: entry[key] for key in HEAD} == HEAD
    assert entry["message"] == "backend: rollout promoted"
    assert (entry["ending"], entry["exit_code"]) == ("promoted", 0)
    assert (entry["started_at"], entry["duration_ms"]) == ("2026-01-01T12:00:00.000Z", 1500)
    assert entry["candidate"] == {
        "revision": CANDIDATE,
        "image": "app:2",
        "digest": "",
        "url": "https://c",
        "condition": "ready",
        "tag": "",
        "tag_url": "",
    }
    assert entry["stable"] == [{"revision": STABLE, "percent": 100, "image": ""}]
    assert entry["verdict"] == {
        "decision": "hold",
        "reasons": [
            {
                "subject": "a",
                "text": "b",
                "hint": "c",
                "capability": "",
                "attribution": "",
                "lines": ["d | e"],
            }
        ],
    }
    assert entry["effective_after"] == {CANDIDATE: 100}
    assert entry["last_modifier"] == "eve@example.com"
    assert entry["notes"] == ["a note"]
    assert "left_out" not in entry


def test_evidence_is_kept_whole():
    item = replace(
        evidence(Outcome.FAILED),
        excerpts=("GET / -> 500",),
        asked_times=7,
        right_times=6,
        trace="ab" * 16,
    )
    (kept,) = outcome(ended(evidence=(item,)), later(1))["evidence"]
    assert kept == {
        "probe": "health",
        "kind": "http",
        "outcome": "failed",
        "required": True,
        "capability": "",
        "asked": "GET /",
        "expected": "200",
        "seen": "500",
        "started_at": "2026-01-01T12:00:00.000Z",
        "duration_ms": 100,
        "asked_times": 7,
        "right_times": 6,
        "trace": "ab" * 16,
        "address": "",
        "answered_by": "",
        "attribution": "",
        "advice": "",
        "repeats": [],
        "findings": [
            {"symptom": "status", "expected": "200", "seen": "500", "count": 1, "hint": ""}
        ],
        "findings_left_out": 0,
        "tests": [],
        "tests_left_out": 0,
        "excerpts": ["GET / -> 500"],
        "log_lines": [],
    }


def test_a_rollout_that_never_came_far_is_recorded_too():
    bare = replace(
        rollout(Phase.RECORDING, plan(Kind.ROLLBACK)),
        service=None,
        before=None,
        placed=None,
        candidate="",
        revisions={},
        verdict=None,
        ending=Ending.REFUSED,
    )
    entry = outcome(bare, later(1))
    assert (entry["traffic_before"], entry["traffic_after"], entry["stable"]) == ([], [], [])
    assert (entry["verdict"], entry["effective_after"]) == (None, {})
    abandoned = outcome(rollout(Phase.PROBING), later(1))
    assert (abandoned["ending"], abandoned["exit_code"]) == ("unknown", 130)
    half_way = outcome(rollout(Phase.CLEANING, ending=Ending.REJECTED), later(1))
    assert half_way["ending"] == "unknown"


def test_a_candidate_that_did_not_start_is_recorded_with_its_condition():
    entry = outcome(ended(revisions=revisions(BROKEN)), later(1))
    assert entry["candidate"]["condition"] == str(BROKEN)


def test_long_texts_are_cut():
    r = ended(notes=("n" * 1000,), evidence=(replace(evidence(), seen="s" * 1000),))
    entry = outcome(r, later(1))
    assert entry["notes"] == ["n" * (TEXT_MAX - 1) + "…"]
    assert len(entry["evidence"][0]["seen"]) == TEXT_MAX


@pytest.mark.parametrize("offset", [TEXT_MAX - 4, TEXT_MAX - 1, TEXT_MAX])
def test_secrets_are_taken_out_before_texts_are_cut(offset):
    def redact(value):
        return json.loads(json.dumps(value).replace("hunter22", "[secret]"))

    note = "x" * offset + "hunter22"
    entry = outcome(ended(notes=(note,)), later(1), redact)
    assert "hunt" not in json.dumps(entry)
    asked = plan(reason=note)
    r = rollout(Phase.MOVING, asked)
    (command,) = command_of(r)
    assert "hunt" not in json.dumps(intention(r, command, later(1), redact))


def test_lists_are_bounded_and_what_is_left_out_of_the_reasons_is_counted():
    findings = (Finding(Symptom.STATUS, "200", "500"),) * 100
    item = replace(evidence(Outcome.FAILED), findings=findings, excerpts=("x",) * 100)
    reasons = Verdict.hold("a", "b").reasons * (REASONS_MAX + 7)
    r = ended(evidence=(item,), notes=("n",) * 100)
    entry = outcome(replace(r, verdict=Verdict(r.verdict.decision, reasons)), later(1))
    assert len(entry["evidence"][0]["findings"]) == FINDINGS_MAX
    assert entry["evidence"][0]["findings_left_out"] == 100 - FINDINGS_MAX
    assert len(entry["evidence"][0]["excerpts"]) == EXCERPTS_MAX
    assert len(entry["notes"]) == NOTES_MAX
    assert len(entry["verdict"]["reasons"]) == REASONS_MAX + 1
    assert entry["verdict"]["reasons"][-1]["text"] == "and 7 more reasons"


def test_the_largest_outcome_fits_and_is_made_quickly():
    findings = tuple(Finding(Symptom.STATUS, "é" * 900, "ü" * 900) for _ in range(20))
    item = replace(evidence(Outcome.FAILED), findings=findings, excerpts=("ö" * 900,) * 50)
    tags = {f"tag-{number}": STABLE for number in range(2000)}
    r = ended(
        evidence=(item,) * 500,
        before=Split.all_to(STABLE, tags),
        service=service(Split.all_to(CANDIDATE, tags)),
    )
    started = time.process_time()
    entry = outcome(r, later(1))
    assert time.process_time() - started < 5
    assert size_bytes(entry) <= SIZE_MAX_BYTES
    assert entry["left_out"] > 500
    assert entry["evidence"]
    assert entry["traffic_before"] == [{"revision": STABLE, "percent": 100, "tag": ""}]


def test_the_largest_intention_fits():
    tags = {f"tag-{number}": STABLE for number in range(2000)}
    crowded = service(Split.all_to(STABLE, tags))
    r = rollout(Phase.MOVING, service=crowded, goal=Split.all_to(CANDIDATE, tags))
    entry = told(r)
    assert size_bytes(entry) <= SIZE_MAX_BYTES
    assert {"revision": CANDIDATE, "percent": 100, "tag": ""} in entry["traffic_wanted"]


def test_an_entry_names_the_one_that_explains_the_last_write_and_counts_on():
    last = RolloutAnnotation(fence=1, entry="e" * 64, sequence=41)
    found = service(PLACED, annotations=((KEY, last.text()),))
    write = told(rollout(Phase.MOVING, service=found))
    end = outcome(ended(service=found), later(1.5))
    assert (write["sequence"], write["previous"]) == (42, "e" * 64)
    assert (end["sequence"], end["previous"]) == (41, "e" * 64)


def test_an_annotation_that_cannot_be_read_begins_the_chain_anew():
    found = service(PLACED, annotations=((KEY, "?"),))
    write = told(rollout(Phase.MOVING, service=found))
    assert (write["sequence"], write["previous"]) == (1, "")


def test_a_write_and_the_outcome_say_which_evidence_they_rest_on():
    r = ended(verdict=Verdict.hold("a", "x" * 600, "c"), service=service(PLACED))
    write, end = told(replace(r, phase=Phase.MOVING)), outcome(r, later(1.5))
    judged = {"verdict": end["verdict"], "evidence": end["evidence"]}
    assert write["evidence_digest"] == end["evidence_digest"] == digest(judged)
    other = replace(r, evidence=(evidence(outcome=Outcome.FAILED),))
    assert outcome(other, later(1.5))["evidence_digest"] != end["evidence_digest"]


def test_evidence_that_is_left_out_is_in_the_digest():
    many = tuple(replace(evidence(), seen="x" * 500) for _ in range(1000))
    r = ended(evidence=many)
    end = outcome(r, later(1.5))
    assert end["left_out"]
    assert end["evidence_digest"] != digest(
        {"verdict": end["verdict"], "evidence": end["evidence"]}
    )


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        (Link(), {"name": "alice", "authenticated": "claimed"}),
        (Link(principal="gate@x"), {"name": "gate@x", "authenticated": "cloud run"}),
    ],
    ids=["a claim", "Cloud Run's word"],
)
def test_who_acted_is_told_with_whose_word_it_is(link, expected):
    entry = outcome(ended(), later(1.5), link=link)
    assert (entry["principal"], entry["actor"]) == (expected, "alice")


def test_the_build_the_proof_and_what_was_set_aside_are_in_every_entry():
    proving = replace(FRESH, proof=replace(FRESH.proof, digest="f" * 64))
    origin = Origin("cloud build", "b1", "deploy", "c0ffee", "1.2.3")
    asked = plan(origin=origin, proof=proving, again=True, cross=True, overruled=("no-probe",))
    r = ended(plan=asked, service=service(PLACED))
    for entry in (told(replace(r, phase=Phase.MOVING)), outcome(r, later(1.5))):
        assert entry["build"] == {
            "system": "cloud build",
            "id": "b1",
            "trigger": "deploy",
            "commit": "c0ffee",
        }
        assert entry["gate_version"] == "1.2.3"
        assert entry["proof_digest"] == "f" * 64
        assert entry["overrides"] == ["again", "cross", "no-probe"]


@pytest.mark.parametrize("overrode", [(), ("unlock",)])
def test_an_unlock_is_an_override_where_it_broke_a_lease(overrode):
    asked = plan(Kind.RECOVER, force=True)
    told = outcome(ended(plan=asked, overrode=overrode), later(1.5))
    assert (told["kind"], told["overrides"]) == ("unlock", [*overrode])


@pytest.mark.parametrize("odd", ["\udcff", "a\ud800b", 0.5, 3.0])
def test_what_has_no_canonical_form_is_made_fit(odd):
    r = ended(plan=plan(reason=odd))
    assert len(digest(outcome(r, later(1.5)))) == 64
