"""Who Identity-Aware Proxy lets through: its signed header, held against its public keys."""

import asyncio
import json
from collections.abc import Callable
from enum import Enum
from typing import Any

from google.auth import exceptions, jwt
from google.auth.transport import requests

KEYS_URL = "https://www.gstatic.com/iap/verify/public_key"
ISSUER = "https://cloud.google.com/iap"
KEYS_KEPT_S = 3600.0
"""How long keys stay good; IAP changes them every few days and shows new ones before."""
ASK_AGAIN_S = 60.0
"""How soon keys are asked for again for a key that is not known: anybody can name one."""
WITHIN_S = 10.0
SKEW_S = 30
ASSERTION_MAX = 16_384
_header: Callable[[str], Any] = jwt.decode_header
_claims: Callable[..., Any] = jwt.decode  # holds signature, iat and exp


class Standing(Enum):
    """What an assertion is worth."""

    GOOD = "good"
    INVALID = "invalid"  # none, not signed by these keys, or over
    FOREIGN = "foreign"  # signed, and meant for another audience or by another issuer


class Iap:
    """Judges assertions.

    Args:
        audience: whom they must be for: /projects/NUMBER/locations/REGION/services/SERVICE, or
            /projects/NUMBER/global/backendServices/ID behind a load balancer.
        keys_url: where IAP's public keys are.
    """

    def __init__(self, audience: str, keys_url: str = KEYS_URL) -> None:
        self._audience, self._keys_url = audience, keys_url
        self._keys: dict[str, str] = {}
        self._asked_at: float | None = None
        self._lock = asyncio.Lock()

    async def standing(self, assertion: str) -> Standing:
        """What it is worth; INVALID, too, where nobody knows since the keys cannot be had."""
        if not assertion or len(assertion) > ASSERTION_MAX:
            return Standing.INVALID
        try:
            header = _header(assertion)
            if not isinstance(header, dict) or header.get("alg") != "ES256":
                return Standing.INVALID
            keys = await self._keys_for(str(header.get("kid")))
            claims = _claims(assertion, certs=keys, clock_skew_in_seconds=SKEW_S)
        except (exceptions.GoogleAuthError, ValueError, TypeError, KeyError):
            return Standing.INVALID
        meant = claims.get("aud") == self._audience and claims.get("iss") == ISSUER
        return Standing.GOOD if meant and claims.get("email") else Standing.FOREIGN

    async def _keys_for(self, kid: str) -> dict[str, str]:
        async with self._lock:
            now = asyncio.get_running_loop().time()
            age_s = None if self._asked_at is None else now - self._asked_at
            kept_s = KEYS_KEPT_S if kid in self._keys else ASK_AGAIN_S
            if age_s is None or age_s >= kept_s:
                self._asked_at = now
                self._keys = await asyncio.to_thread(_fetched, self._keys_url)
        if kid not in self._keys:
            raise ValueError("no such key")
        return {kid: self._keys[kid]}


def _fetched(url: str) -> dict[str, str]:
    ask: Callable[..., Any] = requests.Request()
    reply = ask(url, method="GET", timeout=WITHIN_S)
    found = json.loads(reply.data)
    if reply.status != 200 or not isinstance(found, dict):
        raise ValueError("no keys")
    return {kid: key for kid, key in found.items() if isinstance(key, str)}
