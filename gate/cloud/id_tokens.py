"""Makes ID tokens, and the JWTs that let a service account through IAP.

Whoever can makes the token: a key, the metadata server, or IAM Credentials for an account that the
caller impersonates, or for the caller's own where the metadata server has no such endpoint, as in
Cloud Build (GoogleCloudPlatform/cloud-builders#80).
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, text
from gate.cloud.fresh_headers import expiry_of
from gate.cloud.http import Headers
from gate.cloud.status import LOGIN_HINT, scrub
from gate.cloud.wire import Patience, Query, Ways, Wire, path_of
from gate.core.policy import Json
from gate.errors import AccessError, InfrastructureError

if TYPE_CHECKING:
    from gate.cloud.sources import Source

A = TypeVar("A")
T = TypeVar("T")
PATIENCE = Patience(budget_s=10.0)
LIFETIME_S = 3600
"""The longest that IAP, and Google's own issuer, let a token live."""
_PATH = "/v1/projects/-/serviceAccounts/{email}:{method}"
_GRANT = (
    "the caller needs roles/iam.serviceAccountOpenIdTokenCreator on the service account (a build's "
    "account: on itself)"
)
_LOCAL = "export IAM_CREDENTIALS_EMULATOR_HOST as `gate local up --require-auth` prints it"


@dataclass(frozen=True, slots=True)
class Makers:
    """Who makes tokens.

    Attributes:
        account: the service account to impersonate, as credentials.acting_as has it; "" for none.
        given: an ID token that the user brought; "" for none.
        local: whether the metadata server is one of a local Cloud Run, which alone is asked.
        endpoint: where IAM Credentials is.
        ways: how its wire reaches the world; `identify` is replaced.
    """

    account: str = ""
    given: str = field(default="", repr=False)
    local: bool = False
    endpoint: Endpoint = field(default_factory=Endpoint)
    ways: Ways = field(default_factory=Ways)


class IdTokens:
    """Makes tokens of one caller.

    Args:
        makers: who makes them.
        now: the time.
    """

    def __init__(self, makers: Makers, now: Callable[[], datetime]) -> None:
        self._makers = makers
        self._now = now
        self._found: Source | None = None

    async def token(self, audience: str) -> str:
        """A new ID token with the caller's email, made out to an audience.

        Raises:
            AccessError: none can be had.
            UnavailableError: IAM Credentials gives no answer.
        """
        if self._makers.given:
            return self._given()
        what = f"ID token for {audience}"
        source = await self._source(what)
        if source.direct:
            made = await asyncio.to_thread(_called, source.direct, audience, what)
            if made:
                return made
        body: Document = {"audience": audience, "includeEmail": True}
        return await self._by_iam(source, "generateIdToken", body, "token", what)

    async def signed(self, audience: str) -> str:
        """A JWT that the service account itself has signed, which IAP takes for an URL.

        Args:
            audience: the URL, or its beginning and `/*`.

        Raises:
            AccessError: none can be had.
            UnavailableError: IAM Credentials gives no answer.
        """
        if self._makers.given:
            return self._given()
        what = f"JWT for {audience}"
        source = await self._source(what)
        began = int(self._now().timestamp())
        claims: dict[str, object] = {
            "iss": source.email,
            "sub": source.email,
            "aud": audience,
            "iat": began,
            "exp": began + LIFETIME_S,
        }
        if source.sign:
            return await asyncio.to_thread(_called, source.sign, claims, what)
        body: Document = {"payload": json.dumps(claims)}
        return await self._by_iam(source, "signJwt", body, "signedJwt", what)

    def _given(self) -> str:
        expires = expiry_of(self._makers.given)
        if expires is not None and expires <= self._now():
            raise AccessError(
                f"ID token: the one that was given has expired (at {expires:%H:%M:%S} UTC)",
                "bring a new one: nobody renews it",
            )
        return self._makers.given

    async def _source(self, what: str) -> "Source":
        if self._found is None:
            self._found = await asyncio.to_thread(_called, _find, self._makers, what)
        return self._found

    async def _by_iam(
        self, source: "Source", method: str, body: Document, answer: str, what: str
    ) -> str:
        """Asks IAM Credentials with the caller's own access token."""
        makers = self._makers
        if makers.local and not makers.endpoint.emulated:
            raise AccessError(f"{what}: the local metadata server makes none", _LOCAL)
        place = Place(Api.IAM_CREDENTIALS, makers.endpoint)
        path = path_of(_PATH, email=source.email, method=method)
        delegates: list[Json] = [f"projects/-/serviceAccounts/{one}" for one in source.delegates]
        query = Query("POST", path, f"{what} of {source.email}", {**body, "delegates": delegates})
        ways = replace(makers.ways, identify=_as_bearer(source))
        async with Wire(place, PATIENCE, ways) as wire:
            made = text(await wire.call(query), answer)
        if not made:
            raise InfrastructureError(f"{what}: IAM Credentials gave none (got no {answer!r})")
        return made


def _find(makers: Makers) -> "Source":
    from google.auth import compute_engine  # noqa: PLC0415 - 150 ms that only a token costs

    from gate.cloud import credentials, sources  # noqa: PLC0415

    found = compute_engine.Credentials if makers.local else credentials.default
    return sources.source_of(found, makers.account)


def _as_bearer(source: "Source") -> Callable[[Place, str], Awaitable[Headers]]:
    async def headers(place: Place, url: str) -> Headers:
        from gate.cloud.credentials import headers_of  # noqa: PLC0415 - loaded by now

        if place.emulated or source.bearer is None:
            return []
        return await asyncio.to_thread(headers_of, source.bearer, url)

    return headers


def _called(call: Callable[[A], T], given: A, what: str) -> T:
    """What google-auth gives; its errors become ours."""
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415 - as in `_find`

    try:
        return call(given)
    except (GoogleAuthError, ValueError) as error:
        said = scrub(str(error))
        denied = any(sign in said for sign in ("getOpenIdToken", "PERMISSION_DENIED", "403"))
        raise AccessError(
            f"{what}: not to be had (got {said})", _GRANT if denied else LOGIN_HINT
        ) from None
