"""Where ID tokens come from: google-auth's credentials of every kind, against APIs behind TLS.

The APIs are one server of ours, which every CONNECT leads to; it keeps what it is asked.
"""

import base64
import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.credentials_stage import ACCESS_TOKEN, ID_TOKEN

AUDIENCE = "https://backend-abc-uc.a.run.app"
ROBOT = "robot@demo.iam.gserviceaccount.com"
BUILD = "build@demo"
READ = """
import asyncio
from gate.api import wiring
from gate.core.service import ServiceRef

async def main():
    async with wiring.platform_of(ServiceRef("demo", "us-central1", "backend")) as platform:
        print((await platform.read_service()).generation)

asyncio.run(main())
"""


def credentials_file(tmp_path, content):
    path = tmp_path / "credentials.json"
    path.write_text(json.dumps(content))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}


def key_file(tmp_path):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    content = {
        "type": "service_account",
        "client_email": ROBOT,
        "private_key": pem.decode(),
        "private_key_id": "key-1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    return credentials_file(tmp_path, content)


def federated(tmp_path, account=ROBOT):
    (tmp_path / "subject").write_text("somebody")
    content = {
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": str(tmp_path / "subject")},
    }
    if account:
        base = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
        content["service_account_impersonation_url"] = f"{base}{account}:generateAccessToken"
    return credentials_file(tmp_path, content)


async def test_the_metadata_server_makes_it(google_apis, metadata):
    apis, ask = google_apis
    assert await ask("token", AUDIENCE) == ID_TOKEN
    assert apis.asked == []
    assert sum("/identity" in path for path in metadata.asked) == 1


async def test_where_it_has_no_such_endpoint_iam_credentials_does_as_in_cloud_build(
    google_apis, metadata
):
    metadata.identities = False
    apis, ask = google_apis
    assert await ask("token", AUDIENCE) == ID_TOKEN
    bearer, body = apis.only("/v1/projects/-/serviceAccounts/build%40demo:generateIdToken")
    assert bearer == ACCESS_TOKEN
    assert body == {"audience": AUDIENCE, "includeEmail": True, "delegates": []}


async def test_whoever_may_not_is_told_the_role(google_apis, metadata):
    metadata.identities = False
    apis, ask = google_apis
    apis.denies = True
    out = await ask("token", AUDIENCE)
    assert out.startswith(f"AccessError ID token for {AUDIENCE} of {BUILD}: access denied (got ")
    assert "roles/iam.serviceAccountOpenIdTokenCreator" in out


async def test_a_key_makes_it_by_itself(google_apis, tmp_path):
    apis, ask = google_apis
    assert await ask("token", AUDIENCE, **key_file(tmp_path)) == ID_TOKEN
    assert [path for path, _, _ in apis.asked] == ["/token"]


async def test_a_key_signs_for_iap_by_itself(google_apis, tmp_path):
    apis, ask = google_apis
    head, claims, _ = (await ask("signed", f"{AUDIENCE}/*", **key_file(tmp_path))).split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (said["iss"], said["sub"], said["aud"]) == (ROBOT, ROBOT, f"{AUDIENCE}/*")
    assert said["exp"] - said["iat"] == 3600
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["kid"] == "key-1"
    assert apis.asked == []


async def test_iam_credentials_signs_for_iap_where_there_is_no_key(google_apis):
    apis, ask = google_apis
    assert await ask("signed", f"{AUDIENCE}/*") == "a.b.c"
    bearer, body = apis.only(":signJwt")
    assert bearer == ACCESS_TOKEN
    assert json.loads(body["payload"])["aud"] == f"{AUDIENCE}/*"


async def test_an_impersonated_account_s_token_is_asked_for_with_the_callers_own(google_apis):
    apis, ask = google_apis
    name = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": f"between@demo, {ROBOT}"}
    assert await ask("token", AUDIENCE, **name) == ID_TOKEN
    bearer, body = apis.only(":generateIdToken")
    assert bearer == ACCESS_TOKEN
    assert body["delegates"] == ["projects/-/serviceAccounts/between@demo"]


async def test_all_other_calls_are_the_impersonated_account_s_too(google_apis):
    apis, ask = google_apis
    name = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": ROBOT}
    assert await ask(code=READ, **name) == "7"
    assert apis.only(":generateAccessToken")[0] == ACCESS_TOKEN
    (bearer,) = [bearer for path, bearer, _ in apis.asked if path.endswith("/backend")]
    assert bearer == "Bearer ya29.robot"


async def test_credentials_that_impersonate_by_their_file(google_apis, tmp_path):
    """As `gcloud auth application-default login --impersonate-service-account` leaves them."""
    apis, ask = google_apis
    source = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
    }
    base = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/"
    content = {
        "type": "impersonated_service_account",
        "service_account_impersonation_url": f"{base}{ROBOT}:generateAccessToken",
        "source_credentials": source,
    }
    assert await ask("token", AUDIENCE, **credentials_file(tmp_path, content)) == ID_TOKEN
    assert apis.only(":generateIdToken")[0] == "ya29.person"


async def test_federated_credentials_ask_with_their_own_token(google_apis, tmp_path):
    apis, ask = google_apis
    assert await ask("token", AUDIENCE, **federated(tmp_path)) == ID_TOKEN
    assert apis.only(":generateIdToken")[0] == "ya29.federated"


@pytest.mark.parametrize("account", ["", ROBOT])
async def test_federated_credentials_without_an_account_need_one(google_apis, tmp_path, account):
    apis, ask = google_apis
    name = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": account} if account else {}
    out = await ask("token", AUDIENCE, **federated(tmp_path, account=""), **name)
    if account:
        assert out == ID_TOKEN
        assert apis.only(":generateIdToken")[0] == "ya29.federated"
    else:
        assert out.startswith("AccessError ID token: not to be had with federated credentials")
        assert "--impersonate-service-account" in out


async def test_a_person_is_told_what_to_do(google_apis, tmp_path):
    content = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
    }
    _, ask = google_apis
    out = await ask("token", AUDIENCE, **credentials_file(tmp_path, content))
    assert out.startswith("AccessError ID token: not to be had with these credentials")
    assert "gcloud auth print-identity-token" in out


@pytest.mark.parametrize("method", ["token", "signed"])
@pytest.mark.parametrize(
    ("given", "comes"),
    [
        (ID_TOKEN, ID_TOKEN),
        ("hunter2", "AccessError GATE_ID_TOKEN: is no ID token"),
        ("a.eyJleHAiOjF9.c", "AccessError ID token: the one that was given has expired"),
    ],
)
async def test_a_token_that_was_brought_is_taken(google_apis, method, given, comes):
    apis, ask = google_apis
    out = await ask(method, AUDIENCE, GATE_ID_TOKEN=given)
    assert out.startswith(comes)
    assert "hunter2" not in out
    assert apis.asked == []
