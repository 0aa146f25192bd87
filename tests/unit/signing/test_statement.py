"""What is signed: the bytes, and what they say, beside what the specifications publish."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from google.protobuf.json_format import Parse, ParseDict
from in_toto_attestation.predicates.vsa.v1.vsa_pb2 import VerificationSummary
from in_toto_attestation.v1.statement import Statement
from in_toto_attestation.v1.statement_pb2 import Statement as Message
from securesystemslib.dsse import Envelope
from securesystemslib.signer import Signature, SSlibKey

from gate.ledger.canonical import digest
from gate.signing.statement import PREDICATE_TYPE, said, statement
from tests.unit.signing.decisions import DSSE, IMAGE, ed25519, envelope_of, outcome, p256, signed


def predicate_of(entry):
    return json.loads(statement(entry, digest(entry)))["predicate"]


def test_a_statement_is_one_that_the_specifications_know():
    entry = outcome()
    made = statement(entry, digest(entry))
    message = Parse(made, Message())
    Statement.copy_from_pb(message).validate()
    (subject,) = message.subject
    assert (subject.name, dict(subject.digest)) == ("pkg.dev:5000/demo/app", {"sha256": IMAGE})
    found = json.loads(made)
    assert found["_type"] == "https://in-toto.io/Statement/v1"
    assert found["predicateType"] == PREDICATE_TYPE == "https://slsa.dev/verification_summary/v1"
    predicate = found["predicate"]
    own = {name for name in predicate if ":" in name}  # added fields have URIs for names
    known = {name: one for name, one in predicate.items() if name not in own}
    known["verifier"] = {"id": known["verifier"]["id"]}  # v1.1 added verifier.version
    levels = known.pop("verifiedLevels")  # a list there; the library has it as one text
    summary = ParseDict(known, VerificationSummary())
    assert summary.resource_uri == f"https://pkg.dev:5000/demo/app@sha256:{IMAGE}"
    assert summary.time_verified.ToJsonString() == "2026-11-30T10:00:00Z"
    assert summary.verifier.id.endswith("/v2/projects/demo/locations/us-central1/services/staging")
    assert (summary.policy.uri, dict(summary.policy.digest)) == (
        "file:staging.yaml",
        {"sha256": "b" * 64},
    )
    assert summary.verification_result == "PASSED"
    assert levels
    assert not [one for one in levels if one.startswith("SLSA_")]  # those are SLSA's own


@pytest.mark.parametrize(
    "other",
    [
        outcome("held"),
        outcome("rejected"),
        outcome("regressed"),
        outcome("stuck"),
        outcome("failed"),
        outcome("reverted"),
        outcome(verdict=None),
        outcome(verdict={"decision": "hold", "reasons": []}),
        outcome(exit_code=4),
    ],
)
def test_nothing_but_a_promotion_on_evidence_is_a_pass(other):
    assert predicate_of(outcome())["verificationResult"] == "PASSED"
    predicate = predicate_of(other)
    assert (predicate["verificationResult"], predicate["verifiedLevels"]) == ("FAILED", ["FAILED"])


def test_what_is_said_is_read_back():
    entry = outcome("held")
    read = said(statement(entry, digest(entry)))
    assert (read.digest, read.result, read.rollout) == (IMAGE, "FAILED", "r-held")
    assert read.entry == digest(entry)


def test_what_is_signed_is_what_dsse_says_byte_for_byte():
    vector = Envelope(b"hello world", "http://example.com/HelloWorld", {})
    assert vector.pae() == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    numbers = EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        SECP256R1(),
    )
    raw = base64.b64decode(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    parts = (int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key = SSlibKey.from_crypto(numbers.public_key())
    vector.signatures["k"] = Signature(key.keyid, encode_dss_signature(*parts).hex())
    assert vector.verify([key], 1)


@pytest.mark.parametrize("make", [p256, ed25519])
async def test_an_envelope_can_be_verified_without_the_gate(make):
    key = make()
    entry = await signed(outcome(), key)
    envelope = envelope_of(entry)
    assert set(envelope) == {"payload", "payloadType", "signatures"}
    assert envelope["payloadType"] == DSSE
    payload = base64.b64decode(envelope["payload"], validate=True)
    (signature,) = (base64.b64decode(one["sig"], validate=True) for one in envelope["signatures"])
    signed_bytes = b"DSSEv1 %d %s %d %s" % (len(DSSE), DSSE.encode(), len(payload), payload)
    more = () if make is ed25519 else (ECDSA(hashes.SHA256()),)
    key.public_key().verify(signature, signed_bytes, *more)
    assert json.loads(payload)["subject"][0]["digest"] == {"sha256": IMAGE}
    assert len(entry["attestation"]) < 4096
