"""What an ID token says, and how it is written: as a JSON Web Token (RFC 7519)."""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gate.local.ports import JsonValue

ISSUER: Final = "https://accounts.google.com"
LIFETIME: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Claims:
    """What an ID token says.

    Attributes:
        email: who asks.
        audience: whom it is made out to.
        expires: until when it is good, in seconds since 1970.
    """

    email: str
    audience: str
    expires: int


def written(email: str, audience: str, key_id: str, now: datetime) -> bytes:
    """The two parts of a token that are signed.

    Args:
        email: who asks.
        audience: whom it is made out to.
        key_id: names the key that will sign.
        now: when it begins to be good.
    """
    subject = str(10**20 + int.from_bytes(hashlib.sha256(email.encode()).digest()[:8]))
    began = int(now.timestamp())
    claims: dict[str, JsonValue] = {
        "aud": audience,
        "azp": subject,
        "email": email,
        "email_verified": True,
        "exp": began + int(LIFETIME.total_seconds()),
        "iat": began,
        "iss": ISSUER,
        "sub": subject,
    }
    return framed(_compact(claims), key_id)


def framed(claims: bytes, key_id: str) -> bytes:
    """The two parts of a token that are signed, of claims as JSON."""
    head: dict[str, JsonValue] = {"alg": "RS256", "kid": key_id, "typ": "JWT"}
    return b".".join((encoded(_compact(head)), encoded(claims)))


def read(payload: bytes) -> Claims:
    """Reads the middle part of a token.

    Raises:
        ValueError: it is none.
    """
    match json.loads(decoded(payload)):
        case {"email": str(email), "aud": str(audience), "exp": int(expires)}:
            return Claims(email, audience, expires)
        case _:
            raise ValueError("claims are missing")


def _compact(part: dict[str, JsonValue]) -> bytes:
    return json.dumps(part, separators=(",", ":")).encode()


def encoded(raw: bytes) -> bytes:
    """Base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decoded(text: bytes) -> bytes:
    """Reads base64 for URLs.

    Raises:
        ValueError: it is none.
    """
    return base64.b64decode(text + b"=" * (-len(text) % 4), b"-_", validate=True)
