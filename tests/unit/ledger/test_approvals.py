"""Approvals as entries of the ledger: written, read back, and held against what rests on them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.core.annotation import RolloutAnnotation
from gate.core.approvals import Approval
from gate.core.origin import Origin
from gate.core.permits import Who
from gate.core.service import ServiceRef
from gate.ledger.approvals import Subject, approval_entry, approvals_of, subject_of
from gate.ledger.canonical import canonical, digest
from gate.ledger.findings import What
from gate.ledger.verify import verify

AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
REF = ServiceRef("demo", "us-central1", "backend")
ANA = Who("ana@example.com", authenticated=True)
CI = Who("ci@demo.iam.gserviceaccount.com", authenticated=True)
OUTCOME = {
    "format": 2,
    "entry": "outcome",
    "rollout": "r1",
    "kind": "rollout",
    "ending": "held",
    "actor": "cloud build 7",
    "principal": {"name": CI.name, "authenticated": "cloud run"},
    "policy_digest": "d1",
    "evidence_digest": "e1",
    "candidate": {"revision": "backend-00002-abc", "digest": "b@sha256:2"},
    "verdict": {"reasons": [{"subject": "approve"}]},
}
SUBJECT = Subject(
    "r1",
    "backend-00002-abc",
    "b@sha256:2",
    "d1",
    "e1",
    digest(OUTCOME),
    (CI, Who("cloud build 7")),
)
GIVEN = Approval(
    "r1",
    SUBJECT.revision,
    SUBJECT.image,
    SUBJECT.policy_digest,
    ANA,
    AT,
    "looks right",
    authors=SUBJECT.authors,
)
IDLE = RolloutAnnotation(entry="a" * 64, sequence=7)


def entry_of(approval=GIVEN):
    return approval_entry(REF, SUBJECT, approval, Origin(), IDLE)


def test_a_held_rollouts_candidate_is_what_is_approved():
    assert subject_of("r1", (OUTCOME,), IDLE) == SUBJECT


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ending": "rejected"}, "ended as rejected"),
        ({"ending": "promoted"}, "ended as promoted"),
        ({"kind": "promote"}, "promote that ended as held"),
        ({"verdict": {"reasons": [{"subject": "probes"}]}}, "another reason (probes)"),
        ({"verdict": {"reasons": [{"subject": "approve"}, {"subject": "chat"}]}}, "chat"),
        ({"verdict": {"reasons": [{"subject": "approve", "source": "probe"}]}}, "another reason"),
        ({"evidence": [{"probe": "approve", "outcome": "inconclusive"}]}, "another reason"),
        ({"verdict": {"reasons": []}}, "unknown"),
        ({"verdict": None}, "unknown"),
        ({"candidate": {}}, "not held for approval"),
    ],
)
def test_what_was_not_held_for_approval_is_not_approved(changes, text):
    assert text in subject_of("r1", ({**OUTCOME, **changes},), IDLE).unfit


def test_a_rollout_that_waits_is_approved_by_what_the_service_says_of_it():
    begun = {**OUTCOME, "entry": "intention", "rollout": "r2"}
    mark = RolloutAnnotation(holder="r2", candidate="backend-00003-abc")
    at_work = subject_of("r2", (begun,), mark)
    assert (at_work.revision, at_work.image, at_work.unfit) == ("backend-00003-abc", "", "")
    assert at_work.authors == SUBJECT.authors
    assert "not at work" in subject_of("r2", (begun,), IDLE).unfit
    assert "does not have it" in subject_of("r9", (), mark).unfit


def test_an_approval_is_read_as_it_was_written():
    entry = entry_of()
    assert approvals_of((OUTCOME, entry)) == (replace(GIVEN, digest=digest(entry)),)
    withdrawn = entry_of(replace(GIVEN, withdraws=True))
    assert approvals_of((withdrawn,))[0].withdraws
    assert entry["outcome"] == SUBJECT.outcome
    assert (entry["sequence"], entry["previous"]) == (7, "a" * 64)


@pytest.mark.parametrize(
    "changes", [{"at": "soon"}, {"at": "2026-11-30T12:00:00"}, {"kind": "bless"}, {"at": 5}]
)
def test_what_somebody_else_wrote_is_no_approval(changes):
    assert approvals_of(({**entry_of(), **changes},)) == ()


@pytest.mark.parametrize("changes", [{"principal": "ana"}, {"principal": {}}, {"actor": 5}])
def test_nobody_vouches_for_whom_an_entry_does_not_name(changes):
    (read,) = approvals_of(({**entry_of(), **changes, "authors": 7},))
    assert read.who in {Who(), ANA}
    assert read.authors == ()


def ledger(*entries):
    return [canonical(one) for one in entries]


def intention(at, approvals=(), sequence=1, previous="", given=""):
    return {
        **{key: OUTCOME[key] for key in ("format", "actor", "principal", "policy_digest")},
        "entry": "intention",
        "rollout": f"r{sequence}",
        "kind": "rollout",
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "project": REF.project,
        "region": REF.region,
        "service": REF.name,
        "sequence": sequence,
        "previous": previous,
        "approvals": [{"digest": one, "name": "ana", "at": given} for one in approvals],
    }


@pytest.mark.parametrize(
    ("begins", "given"),
    [
        (AT - timedelta(days=2), ""),
        (AT - timedelta(minutes=5), entry_of()["at"]),
        (AT, entry_of()["at"]),
    ],
    ids=["by age", "by its own time", "at once"],
)
@pytest.mark.parametrize(
    ("kept", "found"),
    [
        (entry_of(), []),
        ({**entry_of(), "reason": "I was never asked"}, [What.ALTERED, What.MISSING]),
        (None, [What.MISSING]),
    ],
)
def test_a_verification_misses_an_approval_that_a_move_rested_on(begins, given, kept, found):
    first = intention(begins)
    second = intention(AT + timedelta(hours=1), [digest(entry_of())], 2, digest(first), given)
    report = verify(ledger(first, *([kept] if kept else []), second))
    assert [one.what for one in report.findings] == found
    assert all("rested on an approval" in one.text for one in report.findings[-1:])


@pytest.mark.parametrize("given", ["", entry_of()["at"]])
def test_what_was_approved_before_the_ledger_begins_is_not_missed(given):
    only = intention(AT + timedelta(seconds=1), [digest(entry_of())], given=given)
    assert verify(ledger(only)).findings == []
    assert json.dumps(only)


def test_who_asked_is_said_by_the_rollout_and_not_by_who_approves_it():
    forged = approval_entry(REF, SUBJECT, GIVEN, Origin(), RolloutAnnotation())
    forged["authors"] = [{"name": "nobody@example.com", "authenticated": "credentials"}]
    (alone,), (beside,) = approvals_of((forged,)), approvals_of((forged, OUTCOME))
    assert alone.authors == (Who("nobody@example.com", authenticated=True),)
    assert beside.authors == (CI, Who("cloud build 7"))


@pytest.mark.parametrize("junk", [["x"], {"a": 1}, 3, None])
@pytest.mark.parametrize("field", ["principal", "authors", "candidate", "at", "entry", "kind"])
def test_an_entry_that_no_gate_wrote_approves_nothing_and_breaks_nothing(field, junk):
    entry = approval_entry(REF, SUBJECT, GIVEN, Origin(), RolloutAnnotation())
    for value in (junk, {"name": junk, "authenticated": junk}, [{"authenticated": junk}]):
        found = approvals_of(({**entry, field: value}, {**OUTCOME, field: value}))
        if field in {"principal", "candidate"}:
            assert not [one for one in found if one.who.authenticated and one.image]
