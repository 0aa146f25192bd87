"""Whose credentials these are, of the ones that Google's library makes."""

from datetime import UTC, datetime

import pytest
from google.auth import compute_engine, identity_pool, impersonated_credentials
from google.auth.credentials import AnonymousCredentials
from google.oauth2 import credentials as person
from google.oauth2 import service_account

from gate.cloud.caller import caller_of
from gate.core.access import Caller, CallerKind

ACCOUNT = "builder@demo.iam.gserviceaccount.com"
EXPIRES = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def key():
    made = service_account.Credentials(None, ACCOUNT, "https://oauth2.googleapis.com/token")
    made.expiry = EXPIRES.replace(tzinfo=None)
    return made


def pool(account=""):
    url = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{account}"
    return identity_pool.Credentials(
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        "urn:ietf:params:oauth:token-type:jwt",
        credential_source={"file": "/nowhere"},
        service_account_impersonation_url=f"{url}:generateAccessToken" if account else None,
    )


def machine(email):
    made = compute_engine.Credentials()
    made._service_account_email = email
    return made


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        (key(), Caller(CallerKind.KEY, ACCOUNT, EXPIRES)),
        (
            impersonated_credentials.Credentials(AnonymousCredentials(), ACCOUNT, ["s"]),
            Caller(CallerKind.IMPERSONATED, ACCOUNT),
        ),
        (machine("default"), Caller(CallerKind.MACHINE)),
        (machine(ACCOUNT), Caller(CallerKind.MACHINE, ACCOUNT)),
        (pool(), Caller(CallerKind.FEDERATED)),
        (pool(ACCOUNT), Caller(CallerKind.FEDERATED, ACCOUNT)),
        (person.Credentials("t"), Caller(CallerKind.PERSON)),
        (
            person.Credentials("t", account="alice@example.com"),
            Caller(CallerKind.PERSON, "alice@example.com"),
        ),
        (AnonymousCredentials(), Caller(CallerKind.OTHER)),
    ],
)
def test_who_calls(credentials, expected):
    found = caller_of(credentials)
    assert (found.kind, found.email) == (expected.kind, expected.email)
    assert expected.expires is None or found.expires == expected.expires


@pytest.mark.parametrize(
    ("caller", "member"),
    [
        (Caller(CallerKind.KEY, ACCOUNT), f"serviceAccount:{ACCOUNT}"),
        (Caller(CallerKind.PERSON, "alice@example.com"), "user:alice@example.com"),
        (Caller(CallerKind.PERSON), ""),
    ],
)
def test_as_iam_names_them(caller, member):
    assert caller.member == member
