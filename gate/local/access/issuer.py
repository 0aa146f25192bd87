"""The issuer of ID tokens: one key, made when it is first needed, and gone with the process."""

import asyncio
import threading
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gate.local.access.claims import Claims, decoded, encoded, framed, read, written
from gate.local.ports import JsonValue

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_BITS: Final = 2048
_EXPONENT: Final = 65537
_KEPT: Final = 256
_MAX_TOKEN: Final = 8_192
KEY_ID: Final = "gate-local"


class Issuer:
    """Signs ID tokens with RS256, and reads its own again.

    Args:
        now: the current time, aware.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._making = threading.Lock()
        self._made: RSAPrivateKey | None = None
        self._remembered = lru_cache(maxsize=_KEPT)(self._verified)

    async def token(self, email: str, audience: str) -> str:
        """Makes an ID token; the first one takes a moment, in a thread."""
        return await asyncio.to_thread(self.mint, email, audience)

    def mint(self, email: str, audience: str) -> str:
        """As `token`. Blocks."""
        return self._sign(written(email, audience, KEY_ID, self._now()))

    async def signed(self, payload: str) -> str:
        """Makes a JSON Web Token of claims that somebody else wrote, as JSON."""
        return await asyncio.to_thread(self._sign, framed(payload.encode(), KEY_ID))

    def _sign(self, text: bytes) -> str:
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        signature = self._key().sign(text, PKCS1v15(), SHA256())
        return (text + b"." + encoded(signature)).decode()

    async def certificates(self) -> JsonValue:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        key = await asyncio.to_thread(self._key)
        numbers = key.public_key().public_numbers()
        public: dict[str, JsonValue] = {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID}
        for name, number in (("n", numbers.n), ("e", numbers.e)):
            raw = number.to_bytes((number.bit_length() + 7) // 8)
            public[name] = encoded(raw).decode()
        return {"keys": [public]}

    def read(self, token: bytes) -> Claims | None:
        """What a token says; None where it is not of this issuer, or not good any more."""
        if self._made is None or len(token) > _MAX_TOKEN:
            return None
        claims = self._remembered(token)
        return claims if claims and self._now().timestamp() < claims.expires else None

    def _verified(self, token: bytes) -> Claims | None:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        text, _, signature = token.rpartition(b".")
        try:
            public = self._key().public_key()
            public.verify(decoded(signature), text, PKCS1v15(), SHA256())
            return read(text.partition(b".")[2])
        except (InvalidSignature, ValueError, RecursionError):
            return None

    def _key(self) -> "RSAPrivateKey":
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

        with self._making:
            if self._made is None:
                self._made = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
            return self._made
