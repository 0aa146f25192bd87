"""ID tokens that let probes into a private service.

The token goes into X-Serverless-Authorization, which Cloud Run checks in place of Authorization, so
that the probed application keeps its own. Its audience is the service's URL, also for requests to a
tag's URL (https://cloud.google.com/run/docs/authenticating/service-to-service).
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import Enum

from gate.cloud.channel import Endpoint
from gate.cloud.status import scrub
from gate.errors import AccessError, InfrastructureError
from gate.ports import Identity

Headers = tuple[tuple[str, str], ...]

_PERSON = (
    "a person's credentials cannot make ID tokens for a service: run `gcloud auth "
    "application-default login --impersonate-service-account=ACCOUNT` with an account that has "
    "roles/run.invoker"
)
_BUILD = "a build's service account needs roles/iam.serviceAccountOpenIdTokenCreator on itself"
_GRANT = "grant the caller roles/iam.serviceAccountOpenIdTokenCreator on the service account"
_HINTS = (
    (("Neither metadata server",), _PERSON),
    (("404", "Not Found"), _BUILD),
    (("getOpenIdToken", "PERMISSION_DENIED", "403"), _GRANT),
)
_OTHERWISE = "run `gcloud auth application-default login`, or give the build a service account"


class Identify(Enum):
    """When probes prove who they are."""

    AUTO = "auto"  # unless everybody may call the service
    ALWAYS = "always"
    NEVER = "never"


def identity_for(
    when: Identify,
    endpoint: Endpoint,
    is_public: Callable[[], Awaitable[bool]],
    mint: Callable[[str], Awaitable[Headers]] | None = None,
    *,
    issuer: bool = False,
) -> Identity:
    """The identity that fits a service.

    Args:
        when: whether to make a token at all.
        endpoint: where Cloud Run is asked; an emulator gets no token unless it has an issuer.
        is_public: tells whether everybody may call the service; asked with AUTO only.
        mint: makes the headers; the default is `identity_headers`, or `emulator_headers`.
        issuer: whether the environment names who makes an emulator's tokens.
    """
    ours = mint or (emulator_headers if endpoint.emulated else identity_headers)
    open_to_all = endpoint.emulated and not issuer

    async def headers(audience: str) -> Headers:
        if when is Identify.NEVER or open_to_all:
            return ()
        if when is Identify.AUTO and await is_public():
            return ()
        return await ours(audience)

    return headers


async def identity_headers(audience: str) -> Headers:
    """Headers with a new ID token for an audience: the service's own URL.

    Raises:
        AccessError: no token can be made.
        InfrastructureError: the service has no URL.
    """
    return await _headers(audience, mint_id_token)


async def emulator_headers(audience: str) -> Headers:
    """As `identity_headers`, of the issuer that GCE_METADATA_HOST names: nobody else is asked.

    Raises:
        AccessError: no token can be made.
        InfrastructureError: the service has no URL.
    """
    return await _headers(audience, _mint_of_emulator)


async def _headers(audience: str, mint: Callable[[str], str]) -> Headers:
    if not audience:
        raise InfrastructureError("ID token: the service has no URL to make it out to")
    token = await asyncio.to_thread(mint, audience)
    return (("X-Serverless-Authorization", f"Bearer {token}"),)


def _mint_of_emulator(audience: str) -> str:
    from google.auth import compute_engine  # noqa: PLC0415 - as in `mint_id_token`
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    from gate.cloud.credentials import Transport  # noqa: PLC0415

    request = Transport()
    try:
        credentials = compute_engine.IDTokenCredentials(  # type: ignore[no-untyped-call]
            request, audience, use_metadata_identity_endpoint=True
        )
        credentials.refresh(request)  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise AccessError(
            f"ID token for {audience}: the local issuer gives none (got {scrub(str(error))})",
            "export GCE_METADATA_HOST as `gate local up --require-auth` prints it, or unset it",
        ) from None
    return str(credentials.token)


def mint_id_token(audience: str) -> str:
    """Makes an ID token with application default credentials. Blocks: it may ask Google.

    Raises:
        AccessError: there are no credentials, or they cannot make ID tokens.
    """
    # google-auth takes 150 ms to import, and only private services need it here.
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    try:
        return _mint(audience)
    except (GoogleAuthError, ValueError) as error:
        text = scrub(str(error))
        raise AccessError(
            f"ID token for {audience}: not to be had (got {text})", _hint(text)
        ) from None


def _mint(audience: str) -> str:
    import google.auth  # noqa: PLC0415 - as above
    from google.auth import impersonated_credentials  # noqa: PLC0415
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415
    from google.oauth2 import id_token  # noqa: PLC0415

    from gate.cloud.credentials import Transport  # noqa: PLC0415

    request = Transport()
    try:
        mine, _ = google.auth.default()
    except DefaultCredentialsError:
        mine = None
    if isinstance(mine, impersonated_credentials.Credentials):
        # fetch_id_token looks for these in GOOGLE_APPLICATION_CREDENTIALS only, not where
        # `gcloud auth application-default login` puts them.
        impersonated = impersonated_credentials.IDTokenCredentials(  # type: ignore[no-untyped-call]
            target_credentials=mine, target_audience=audience, include_email=True
        )
        impersonated.refresh(request)
        return str(impersonated.token)
    return str(id_token.fetch_id_token(request, audience))  # type: ignore[no-untyped-call]


def _hint(text: str) -> str:
    return next((hint for signs, hint in _HINTS if any(sign in text for sign in signs)), _OTHERWISE)
