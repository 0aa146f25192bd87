"""Envelopes are opened with the right key alone, as they were signed alone."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from gate.errors import UsageError
from gate.signing.envelope import BadEnvelope, Fault, as_json, opened
from gate.signing.keys import private_key, public_keys
from tests.unit.signing.decisions import (
    AT,
    certificate,
    ed25519,
    envelope_of,
    later,
    outcome,
    p256,
    pem,
    public_pem,
    signed,
    trusted,
    with_envelope,
)


def fault(entry, keys, at=AT):
    with pytest.raises(BadEnvelope) as info:
        opened(entry["attestation"], keys, at)
    return info.value.fault


@pytest.mark.parametrize("make", [p256, ed25519])
async def test_one_of_the_keys_opens_it_and_no_other(make):
    key, other = make(), make()
    entry = await signed(outcome(), key)
    assert json.loads(opened(entry["attestation"], trusted(other, key), AT))["predicate"]
    assert fault(entry, trusted(other)) is Fault.OTHER_KEY


@pytest.mark.parametrize("make", [p256, ed25519])
async def test_every_byte_of_it_counts(make):
    key = make()
    entry = await signed(outcome(), key)
    text, keys = entry["attestation"], trusted(key)
    for place in range(0, len(text), 7):
        other = "A" if text[place] != "A" else "B"
        with pytest.raises(BadEnvelope):
            opened(text[:place] + other + text[place + 1 :], keys, AT)


async def test_each_part_that_is_changed_is_found():
    key, other = p256(), p256()
    entry = await signed(outcome("held"), key)
    good, keys = envelope_of(entry), trusted(key)
    payload = json.loads(base64.b64decode(good["payload"]))
    payload["predicate"]["verificationResult"] = "PASSED"
    passed = base64.b64encode(json.dumps(payload).encode()).decode()
    theirs = envelope_of(await signed(outcome("held"), other))["signatures"][0]
    (own,) = good["signatures"]
    for changed, expected in [
        ({"payload": passed}, Fault.SIGNATURE),
        ({"payloadType": "application/json"}, Fault.UNREADABLE),
        ({"signatures": []}, Fault.UNREADABLE),
        ({"signatures": [own, theirs]}, Fault.UNREADABLE),
        ({"signatures": [theirs]}, Fault.OTHER_KEY),
        ({"signatures": [{**own, "sig": theirs["sig"]}]}, Fault.SIGNATURE),
        ({"signatures": [{**own, "keyid": theirs["keyid"]}]}, Fault.OTHER_KEY),
        ({"signatures": [{**own, "more": 1}]}, Fault.UNREADABLE),
        ({"more": 1}, Fault.UNREADABLE),
        ({"signatures": 5}, Fault.UNREADABLE),
    ]:
        assert fault(with_envelope(entry, {**good, **changed}), keys) is expected, changed
    for text in (None, 5, "", "e30=", "W10=", "!", "A" * 20_000, "bnVsbA=="):
        assert fault({"attestation": text}, keys) is Fault.UNREADABLE
    assert json.loads(as_json(entry["attestation"])) == good


@pytest.mark.parametrize("make", [p256, ed25519])
async def test_a_certificate_says_until_when_its_key_counts(make):
    key = make()
    entry = await signed(outcome(), key)
    old = certificate(key, later(-10), later(-1))
    renewed = certificate(key, later(-2), later(10))
    keys = public_keys(old, "test")
    assert fault(entry, keys) is Fault.EXPIRED
    assert opened(entry["attestation"], keys, later(-2))
    assert opened(entry["attestation"], public_keys(old + renewed, "test"), AT)
    assert fault(entry, public_keys(old + renewed, "test"), later(11)) is Fault.EXPIRED


def test_a_key_that_cannot_be_used_is_told_without_a_word_of_it():
    key = p256()
    passphrase = BestAvailableEncryption(b"hush")
    encrypted = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, passphrase)
    others = (rsa(65537, 2048), generate_private_key(SECP384R1()))
    for text in (b"", b"hello", public_pem(key), pem(key)[:90], encrypted, *map(pem, others)):
        with pytest.raises(UsageError, match=r"^sign\.key: .*expected") as info:
            private_key(text, "sign.key")
        assert info.value.hint
        assert "PRIVATE" not in info.value.message
        assert info.value.__suppress_context__ or info.value.__context__ is None
    many = public_pem(key) * 21
    for text in (
        b"",
        b"hello",
        pem(key),
        public_pem(key) + pem(key),
        many,
        *map(public_pem, others),
    ):
        with pytest.raises(UsageError, match=r"^--key: .*expected"):
            public_keys(text, "--key")
