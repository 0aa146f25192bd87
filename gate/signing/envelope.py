"""Statements in DSSE envelopes: signed, and opened once their signature was found to be good.

The record holds an envelope as base64 of its JSON. It has one signature, and one spelling alone: a
text that decodes to the same envelope and is not the one that the gate writes was altered.
"""

import base64
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as LibraryError
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey

from gate.core.policy import Json
from gate.errors import InfrastructureError
from gate.signing.keys import PublicKey, names_of

PAYLOAD_TYPE = "application/vnd.in-toto+json"
SIZE_MAX = 16 * 1024
"""Of an envelope in the record; one has a fifth of it."""


class Fault(Enum):
    """What is wrong with an envelope."""

    UNREADABLE = "no envelope"
    OTHER_KEY = "another key"
    SIGNATURE = "bad signature"
    EXPIRED = "expired key"


class BadEnvelope(ValueError):  # noqa: N818 - found, not raised to a user
    """An envelope that proves nothing.

    Attributes:
        fault: in which way.
    """

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Key:
    """What signs.

    Attributes:
        public: the public key.
        sign: signs bytes (those of DSSE's pre-authentication encoding).
    """

    public: SSlibKey
    sign: Callable[[bytes], Awaitable[bytes]]


def local(signer: CryptoSigner) -> Key:
    """A key that is here."""

    async def sign(data: bytes) -> bytes:
        return bytes.fromhex(signer.sign(data).signature)

    return Key(signer.public_key, sign)


async def sealed(payload: bytes, key: Key) -> str:
    """A payload in a signed envelope, as the record has it.

    Raises:
        InfrastructureError: as the key's `sign`, or the envelope is too large for an entry.
    """
    envelope = Envelope(payload, PAYLOAD_TYPE, {})
    signature = Signature(key.public.keyid, (await key.sign(envelope.pae())).hex())
    envelope.signatures[signature.keyid] = signature
    if not _fits(envelope, key.public):
        raise InfrastructureError("what came is no signature of this key")
    text = _text(envelope)
    if len(text) > SIZE_MAX:
        told = f"the envelope is too large (got {len(text)} bytes, expected {SIZE_MAX})"
        raise InfrastructureError(told)
    return text


def opened(text: Json, keys: Sequence[PublicKey], at: datetime) -> bytes:
    """The payload of an envelope of the record, which one of these keys has signed.

    Args:
        text: as the record has it.
        keys: those that are trusted.
        at: a time at which the key must be valid.

    Raises:
        BadEnvelope: nobody who is trusted has signed it, as it is.
    """
    envelope = read(text)
    (signature,) = envelope.signatures.values()
    ours = [one for one in keys if one.key.keyid == signature.keyid]
    if not ours:
        told = f"signed with another key (got {signature.keyid[:12]}, expected {names_of(keys)})"
        raise BadEnvelope(Fault.OTHER_KEY, told)
    if not _fits(envelope, ours[0].key):
        told = "its signature does not fit: it was altered, or was never signed"
        raise BadEnvelope(Fault.SIGNATURE, told)
    if not any(one.valid_at(at) for one in ours):
        since, until = ours[-1].since, ours[-1].until
        told = f"its key was not valid (from {since:%Y-%m-%d} until {until:%Y-%m-%d %H:%M} UTC)"
        raise BadEnvelope(Fault.EXPIRED, told)
    return envelope.payload


def read(text: Json) -> Envelope:
    """An envelope as it is, without a look at its signature.

    Raises:
        BadEnvelope: it is none that the gate writes.
    """
    if not isinstance(text, str) or not text or len(text) > SIZE_MAX:
        raise BadEnvelope(Fault.UNREADABLE, "what stands for its signature is none")
    try:
        envelope = Envelope.from_dict(json.loads(base64.b64decode(text, validate=True)))
        same = _text(envelope) == text
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, LibraryError):
        raise BadEnvelope(Fault.UNREADABLE, "what stands for its signature is none") from None
    alone = [not one.unrecognized_fields for one in envelope.signatures.values()] == [True]
    if not same or envelope.payload_type != PAYLOAD_TYPE or not alone:
        raise BadEnvelope(Fault.UNREADABLE, "its signature is in an envelope that no gate writes")
    return envelope


def as_json(text: Json) -> str:
    """The envelope as one line of JSON, to be handed on.

    Raises:
        BadEnvelope: as `read`.
    """
    return _json(read(text))


def _fits(envelope: Envelope, key: SSlibKey) -> bool:
    """Whether this key has signed it."""
    try:
        envelope.verify([key], 1)
    except (VerificationError, UnverifiedSignatureError, ValueError):
        return False
    return True


def _text(envelope: Envelope) -> str:
    return base64.b64encode(_json(envelope).encode()).decode()


def _json(envelope: Envelope) -> str:
    return json.dumps(envelope.to_dict(), sort_keys=True, separators=(",", ":"))
