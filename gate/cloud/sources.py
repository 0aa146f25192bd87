"""Whose ID tokens can be had with the credentials that there are, and who makes them.

Imported only where a token is needed: google-auth takes 150 ms. Everything here blocks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import google.auth.credentials
from google.auth import compute_engine, external_account, impersonated_credentials, jwt
from google.auth.exceptions import RefreshError
from google.oauth2 import service_account

from gate.cloud.credentials import SCOPES, chain, transport
from gate.errors import AccessError

Credentials = google.auth.credentials.Credentials
_TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_PERSON = (
    "a person's credentials cannot make ID tokens for a service: give "
    "--impersonate-service-account ACCOUNT (you need "
    "roles/iam.serviceAccountOpenIdTokenCreator on it, and it roles/run.invoker), or export "
    'GATE_ID_TOKEN="$(gcloud auth print-identity-token)"'
)
_FEDERATED = (
    "federated credentials make none for themselves: give --impersonate-service-account ACCOUNT, "
    "or name the account in the credentials' configuration"
)


@dataclass(frozen=True, slots=True)
class Source:
    """A service account whose ID tokens can be had.

    Attributes:
        email: the account.
        delegates: those that stand between the caller and the account.
        bearer: with whose access token IAM Credentials is asked.
        direct: makes a token for an audience without IAM Credentials, None where nobody does; ""
            where IAM Credentials is to be asked after all.
        sign: signs claims as the account, None where IAM Credentials must.
    """

    email: str
    delegates: tuple[str, ...] = ()
    bearer: Callable[[], Credentials] | None = None
    direct: Callable[[str], str] | None = None
    sign: Callable[[dict[str, object]], str] | None = None


def source_of(found: Callable[[], Credentials], account: str = "") -> Source:
    """Where ID tokens come from.

    Args:
        found: gives the caller's own credentials.
        account: the service account to impersonate, as credentials.acting_as has it.

    Raises:
        AccessError: these credentials can make none; the hint says what can.
        GoogleAuthError: there are no credentials.
    """
    mine: Any = found()
    if account:
        delegates, email = chain(account)
        return Source(email, delegates, lambda: mine)
    match mine:
        case service_account.Credentials():
            return _by_key(mine)
        case impersonated_credentials.Credentials():
            between = tuple(getattr(mine, "_delegates", None) or ())
            behind = mine._source_credentials  # noqa: SLF001 - no public name; its own class does so
            return Source(mine.service_account_email, between, lambda: behind)
        case compute_engine.Credentials():
            return _by_metadata(mine)
        case external_account.Credentials():
            return _federated(mine)
        case _:
            kind = type(mine).__module__
            raise AccessError(
                f"ID token: not to be had with these credentials (got {kind})", _PERSON
            )


def _by_key(mine: Any) -> Source:
    def direct(audience: str) -> str:
        uri = getattr(mine, "_token_uri", _TOKEN_URI)
        made = service_account.IDTokenCredentials(  # type: ignore[no-untyped-call]
            mine.signer, mine.service_account_email, uri, audience
        )
        made.refresh(transport())
        return str(made.token)

    def sign(claims: dict[str, object]) -> str:
        return str(jwt.encode(mine.signer, claims).decode())  # type: ignore[no-untyped-call]

    return Source(mine.service_account_email, direct=direct, sign=sign)


def _by_metadata(mine: Any) -> Source:
    """The metadata server makes them, but in Cloud Build, where it answers 404."""
    mine.refresh(transport())  # only then it is known whose they are

    def direct(audience: str) -> str:
        made = compute_engine.IDTokenCredentials(  # type: ignore[no-untyped-call]
            transport(), audience, use_metadata_identity_endpoint=True
        )
        try:
            made.refresh(transport())  # type: ignore[no-untyped-call]
        except RefreshError as error:
            if "Status: 404" in str(error):
                return ""
            raise
        return str(made.token)

    return Source(mine.service_account_email, bearer=lambda: mine, direct=direct)


def _federated(mine: Any) -> Source:
    """By the caller's own token: who may impersonate an account may also ask for its ID tokens."""
    email = mine.service_account_email
    if not email:
        raise AccessError("ID token: not to be had with federated credentials alone", _FEDERATED)
    named = {
        k: v for k, v in mine.info.items() if not k.startswith("service_account_impersonation")
    }
    outside: Credentials = type(mine).from_info(named, scopes=list(SCOPES))
    return Source(email, bearer=lambda: outside)
