"""What is handed on, and to whom: only what was signed, as it was signed."""

import json

import pytest

from gate.api.signing import unsigned_digest
from gate.signing.handing import NotHanded, checked, handed
from tests.unit.signing.decisions import (
    IMAGE,
    certificate,
    envelope_of,
    later,
    outcome,
    p256,
    public_keys,
    signed,
    trusted,
)


async def test_each_form_is_what_its_reader_expects():
    entry = await signed(outcome(), p256())
    assert json.loads(handed(entry, "dsse")) == envelope_of(entry)
    assert "\n" not in handed(entry, "dsse")
    statement = json.loads(handed(entry, "statement"))
    assert statement["subject"] == [{"name": "pkg.dev:5000/demo/app", "digest": {"sha256": IMAGE}}]
    assert json.loads(handed(entry, "binauthz")) == {
        "critical": {
            "identity": {"docker-reference": "pkg.dev:5000/demo/app"},
            "image": {"docker-manifest-digest": f"sha256:{IMAGE}"},
            "type": "Google cloud binauthz container signature",
        }
    }


async def test_nothing_is_handed_to_binary_authorization_that_did_not_pass():
    entry = await signed(outcome("held"), p256())
    assert handed(entry, "dsse")
    with pytest.raises(NotHanded, match=r"did not pass \(got held, expected promoted\)"):
        handed(entry, "binauthz")
    with pytest.raises(NotHanded, match="did not pass"):
        handed({**entry, "ending": "promoted", "exit_code": 0}, "binauthz")
    with pytest.raises(NotHanded, match="is none"):
        handed({**entry, "attestation": "e30="}, "dsse")


async def test_what_must_be_signed_with_a_key_is_held_to_it():
    key = p256()
    entry = await signed(outcome(), key)
    checked(entry, unsigned_digest(entry), trusted(key))
    other = {**entry, "traffic_after": []}
    expired = public_keys(certificate(key, later(-9), later(-1)), "test")
    for one, keys, told in [
        (entry, trusted(p256()), "signed with another key"),
        (entry, expired, "its key was not valid"),
        (other, trusted(key), "it was altered"),
        ({**entry, "at": "yesterday"}, trusted(key), "has no time"),
    ]:
        with pytest.raises(NotHanded, match=told):
            checked(one, unsigned_digest(one), keys)
