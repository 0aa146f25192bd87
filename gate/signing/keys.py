"""Whose signature it is: keys in PEM as openssl writes them, of kinds that cosign reads."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from securesystemslib.signer import CryptoSigner, SSlibKey

from gate.errors import UsageError

KINDS = "an ECDSA P-256 or an Ed25519 key"
MAKE = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out gate.key makes one"
PUBLIC = "openssl pkey -in gate.key -pubout writes the public key"
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----\s.*?-----END \1-----", re.DOTALL)
_MAX = 20
_EVER = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signatures are verified with.

    Attributes:
        key: the key.
        since, until: when it may have signed, where a certificate says so.
    """

    key: SSlibKey
    since: datetime = _EVER[0]
    until: datetime = _EVER[1]

    def valid_at(self, at: datetime) -> bool:
        """Whether it may be used then."""
        return self.since <= at <= self.until


def private_key(pem: bytes, where: str) -> CryptoSigner:
    """What signs with a private key.

    Args:
        pem: PKCS #8, unencrypted.
        where: where it was read, for messages, which never have a part of it.

    Raises:
        UsageError: it is none that can be used.
    """
    problem = f"{where}: is no private key (expected {KINDS} in PEM, PKCS #8, unencrypted)"
    if b"ENCRYPTED" in pem:
        told = f"{where}: the private key is encrypted (expected it without a passphrase)"
        raise UsageError(told, f"keys of cosign are; {MAKE}, and cosign import-key-pair reads it")
    try:
        found = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UsageError(problem, MAKE) from None
    p256 = isinstance(found, EllipticCurvePrivateKey) and isinstance(found.curve, SECP256R1)
    if not p256 and not isinstance(found, Ed25519PrivateKey):
        raise UsageError(problem, MAKE)
    return CryptoSigner(found)


def public_keys(pem: bytes, where: str) -> tuple[PublicKey, ...]:
    """The keys of a PEM text: public keys and certificates, of which any may have signed.

    Args:
        pem: one block or several, while keys are changed.
        where: where it was read, for messages.

    Raises:
        UsageError: one of them is none that can be used, or there is none.
    """
    blocks = [(found[1], found[0]) for found in _BLOCK.finditer(pem)]
    if not 1 <= len(blocks) <= _MAX:
        told = (
            f"{where}: holds no public key (got {len(blocks)} blocks of PEM, expected 1 to {_MAX})"
        )
        raise UsageError(told, PUBLIC)
    return tuple(_public(label, block, where) for label, block in blocks)


def _public(label: bytes, block: bytes, where: str) -> PublicKey:
    if label.endswith(b"PRIVATE KEY"):
        told = f"{where}: is a private key (expected the public one)"
        raise UsageError(told, PUBLIC)
    try:
        if label == b"CERTIFICATE":
            found = x509.load_pem_x509_certificate(block)
            key = _known(found.public_key(), where)
            return PublicKey(key, found.not_valid_before_utc, found.not_valid_after_utc)
        return PublicKey(_known(load_pem_public_key(block), where))
    except (ValueError, UnsupportedAlgorithm):
        told = f"{where}: is no public key (expected {KINDS} in PEM, or a certificate of one)"
        raise UsageError(told, PUBLIC) from None


def _known(key: object, where: str) -> SSlibKey:
    p256 = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    if not p256 and not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"{where}: is a key of another kind (expected {KINDS})", MAKE)
    return SSlibKey.from_crypto(key)  # type: ignore[arg-type]


def names_of(keys: Sequence[PublicKey]) -> str:
    """Their ids, shortened, for messages."""
    return ", ".join(one.key.keyid[:12] for one in keys)
