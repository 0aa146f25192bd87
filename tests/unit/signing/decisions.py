"""Outcomes, keys and signed outcomes that tests of signing share."""

import base64
import json
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from cryptography.x509.oid import NameOID

from gate.ledger.canonical import digest
from gate.signing.envelope import local
from gate.signing.keys import private_key, public_keys
from gate.signing.signer import DecisionSigner

IMAGE = "a" * 64
AT = datetime(2026, 11, 30, 10, 0, tzinfo=UTC)
DSSE = "application/vnd.in-toto+json"


def p256():
    return generate_private_key(SECP256R1())


def ed25519():
    return Ed25519PrivateKey.generate()


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_pem(key):
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def certificate(key, since, until):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gate")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, since, until)
    how = None if isinstance(key, Ed25519PrivateKey) else hashes.SHA256()
    return made.sign(key, how).public_bytes(Encoding.PEM)


def trusted(*keys):
    return public_keys(b"".join(map(public_pem, keys)), "test")


def outcome(ending="promoted", image=IMAGE, at=AT, **more):
    """A rollout's outcome as the ledger has it, with what matters here."""
    good = ending == "promoted"
    return {
        "format": 2,
        "entry": "outcome",
        "rollout": f"r-{ending}",
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "kind": "rollout",
        "project": "demo",
        "region": "us-central1",
        "service": "staging",
        "gate_version": "0.1.0",
        "policy": "staging.yaml",
        "policy_digest": "b" * 64,
        "ending": ending,
        "exit_code": 0 if good else 5,
        "candidate": {
            "revision": "staging-2",
            "image": "pkg.dev:5000/demo/app:2",
            "digest": f"pkg.dev:5000/demo/app@sha256:{image}" if image else "",
        },
        "verdict": {"decision": "promote" if good else "hold", "reasons": []},
        "traffic_after": [{"revision": "staging-2", "percent": 100, "tag": ""}],
        "bars_added": [],
        **more,
    }


async def signed(entry, key):
    """The outcome with its signature."""

    async def opened():
        return local(private_key(pem(key), "test"))

    return {**entry, "attestation": await DecisionSigner(opened).sign(entry, digest(entry))}


def envelope_of(entry):
    return json.loads(base64.b64decode(entry["attestation"]))


def with_envelope(entry, envelope):
    text = json.dumps(envelope, sort_keys=True, separators=(",", ":"))
    return {**entry, "attestation": base64.b64encode(text.encode()).decode()}


def later(days):
    return AT + timedelta(days=days)
