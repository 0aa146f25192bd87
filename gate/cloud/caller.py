"""Whose credentials the gate calls with: importing google-auth takes its time."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime

import google.auth.credentials
from google.auth.exceptions import GoogleAuthError

from gate.cloud.credentials import acting_as, transport
from gate.cloud.status import LOGIN_HINT, scrub
from gate.core.access import Caller, CallerKind
from gate.errors import AccessError


async def read_caller(account: str = "") -> Caller:
    """Who calls, once an access token has been made.

    Args:
        account: of a service account that is impersonated, "" for none.

    Raises:
        AccessError: there are no credentials, or they make no token.
    """
    return await asyncio.to_thread(_read, account)


def _read(account: str) -> Caller:
    try:
        credentials = acting_as(account)
        if not credentials.valid:
            credentials.refresh(transport())  # type: ignore[no-untyped-call]
    except GoogleAuthError as error:
        raise AccessError(f"no access token can be made: {scrub(str(error))}", LOGIN_HINT) from None
    return caller_of(credentials)


def caller_of(credentials: google.auth.credentials.Credentials) -> Caller:
    """Whose these are, as far as Google's library tells."""
    found = (kind for type_, kind in _kinds().items() if isinstance(credentials, type_))
    email = getattr(credentials, "service_account_email", "") or getattr(credentials, "account", "")
    expiry = credentials.expiry
    expires = expiry.replace(tzinfo=UTC) if isinstance(expiry, datetime) else None
    return Caller(next(found, CallerKind.OTHER), "" if email == "default" else str(email), expires)


def _kinds() -> Mapping[type, CallerKind]:
    """Imported late: compute_engine reads the environment as it is imported."""
    from google.auth import (  # noqa: PLC0415
        compute_engine,
        external_account,
        impersonated_credentials,
    )
    from google.oauth2 import credentials as person  # noqa: PLC0415
    from google.oauth2 import service_account  # noqa: PLC0415

    return {
        service_account.Credentials: CallerKind.KEY,
        impersonated_credentials.Credentials: CallerKind.IMPERSONATED,
        compute_engine.Credentials: CallerKind.MACHINE,
        external_account.Credentials: CallerKind.FEDERATED,
        person.Credentials: CallerKind.PERSON,
    }
