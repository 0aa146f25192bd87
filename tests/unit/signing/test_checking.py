"""`gate audit verify --key`: whatever is changed in a signed outcome, or beside it, is found."""

import copy

from gate.cli.audit_signatures import Watching
from gate.ledger.canonical import canonical
from gate.ledger.findings import Report, Verified, What
from gate.report.verified import verified_lines
from gate.signing.keys import public_keys
from tests.unit.signing.decisions import (
    AT,
    certificate,
    ed25519,
    later,
    outcome,
    p256,
    signed,
    trusted,
)

PLACE = "demo/us-central1/staging"


def report(entries, keys, only=""):
    made = Report(services=[Verified(PLACE)])
    watching = Watching(keys, only)
    assert len([*watching.watch(map(canonical, entries))]) == len(entries)
    watching.tell(made)
    return made


def found(entries, keys):
    return [(one.what, one.rollout) for one in report(entries, keys).findings]


def changed(value):
    """Every value that differs from this one in one leaf, or lacks one part."""
    match value:
        case dict():
            for name, inner in value.items():
                yield {key: one for key, one in value.items() if key != name}
                yield from ({**value, name: other} for other in changed(inner))
            yield {**value, "more": 1}
        case list():
            yield [*value, "more"]
            yield from ([other] for inner in value for other in changed(inner))
        case bool() | None:
            yield "other"
        case int():
            yield value + 1
        case str():
            yield value + "x"


async def test_a_signed_ledger_is_whole_and_what_came_before_signing_is_told():
    key = p256()
    entries = [
        outcome("rejected", rollout="r1"),
        await signed(outcome("held", rollout="r2"), key),
        outcome("refused", rollout="r3"),
        outcome("rolled back", rollout="r4", kind="rollback"),
        await signed(outcome(rollout="r5"), key),
    ]
    told = report(entries, trusted(key))
    assert told.findings == []
    lines = verified_lines(told.value(), 100)
    assert "  2 outcomes are signed as they should be" in lines
    assert "  1 before the first of them is not signed" in lines


async def test_each_part_of_a_signed_outcome_is_held_to_its_signature():
    key = ed25519()
    entry, keys = await signed(outcome(), key), trusted(key)
    first = await signed(outcome(rollout="r0"), key)
    assert report([first, entry], keys).findings == []
    count = 0
    for other in changed(copy.deepcopy(entry)):
        if other.get("entry") == "outcome" and other.get("kind") == "rollout":
            count += 1
            told = report([first, other], keys).findings
            assert told, other
    assert count > 40


async def test_what_cannot_be_trusted_is_named():
    key, other = p256(), p256()
    one = await signed(outcome(rollout="r1"), key)
    theirs = await signed(outcome(rollout="r2"), other)
    plain = outcome(rollout="r2")
    swapped = {**plain, "attestation": one["attestation"]}
    keys = trusted(key)
    assert found([one, theirs], keys) == [(What.SIGNATURE, "r2")]
    assert found([one, theirs], trusted(key, other)) == []
    assert found([one, plain], keys) == [(What.UNSIGNED, "r2")]
    assert found([one, swapped], keys) == [(What.SIGNATURE, "r2")]
    assert found([plain, plain], keys) == [(What.UNSIGNED, "")]
    assert found([one, {**one, "fraction": "1"}], keys) == [(What.SIGNATURE, "r1")]
    assert found([theirs], ()) == []
    expired = public_keys(certificate(key, later(-10), later(-1)), "test")
    (told,) = report([one], expired).findings
    assert "its key was not valid (from 2026-11-20 until 2026-11-29 10:00 UTC)" in told.text


async def test_a_key_counts_for_what_it_signed_while_it_was_valid():
    key = p256()
    old = await signed(outcome(rollout="r1", at=later(-3)), key)
    new = await signed(outcome(rollout="r2", at=AT), key)
    keys = public_keys(certificate(key, later(-10), later(-1)), "test")
    assert found([old, new], keys) == [(What.SIGNATURE, "r2")]


async def test_other_services_outcomes_are_left_to_their_own_verification():
    key = p256()
    one = await signed(outcome(), key)
    foreign = outcome(rollout="r9", service="other")
    assert report([one, foreign], trusted(key), PLACE).findings == []
