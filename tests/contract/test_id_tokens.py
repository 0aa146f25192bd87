"""Where ID tokens come from: google-auth's credentials of every kind, against APIs behind TLS.

The APIs are one server of ours, which every CONNECT leads to; it keeps what it is asked.
"""

import asyncio
import base64
import json
import ssl
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.credentials_stage import ACCESS_TOKEN, ID_TOKEN, proxy, run

AUDIENCE = "https://backend-abc-uc.a.run.app"
ROBOT = "robot@demo.iam.gserviceaccount.com"
BUILD = "build@demo"
ASK = """
import asyncio, os, sys
from gate.cli import wiring
from gate.errors import GateError

async def main():
    return await getattr(wiring._mint(), sys.argv[1])(sys.argv[2])

try:
    print(asyncio.run(main()))
except GateError as error:
    print(type(error).__name__, error.message, error.hint)
"""
READ = """
import asyncio
from gate.cli import wiring
from gate.core.service import ServiceRef

async def main():
    async with wiring.platform_of(ServiceRef("demo", "us-central1", "backend")) as platform:
        print((await platform.read_service()).generation)

asyncio.run(main())
"""
DENIED = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "getOpenIdToken denied"}}
ANSWERS = {
    "generateIdToken": {"token": ID_TOKEN},
    "signJwt": {"keyId": "k", "signedJwt": "a.b.c"},
    "generateAccessToken": {"accessToken": "ya29.robot", "expireTime": "2099-01-01T00:00:00Z"},
    "backend": {"metadata": {"resourceVersion": "v1", "generation": 7}, "spec": {"traffic": []}},
    "/v1/token": {
        "access_token": "ya29.federated",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 3600,
    },
    "/token": {"id_token": ID_TOKEN, "access_token": "ya29.person"},
    "/v1/projects/1": {"projectId": "demo"},  # google-auth asks for the pool's project
}


class Google:
    """What Google's APIs were asked: path, bearer token, body."""

    def __init__(self):
        self.asked = []
        self.denies = False

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {key.lower(): value for key, _, value in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        path = head[0].split()[1]
        self.asked.append((path, fields.get("authorization", ""), body.decode()))
        answer = DENIED if self.denies else next(ANSWERS[k] for k in ANSWERS if path.endswith(k))
        raw = json.dumps(answer).encode()
        status = 403 if self.denies else 200
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n" % (status, len(raw)))
        writer.write(b"Content-Type: application/json\r\nConnection: close\r\n\r\n" + raw)
        await writer.drain()
        writer.close()

    def only(self, ending):
        """The one question whose path ends so: bearer token and body."""
        ((_, bearer, body),) = [one for one in self.asked if one[0].endswith(ending)]
        return bearer.removeprefix("Bearer "), json.loads(body)


@asynccontextmanager
async def google(certificate, tmp_path):
    """Yields the APIs, and the environment that leads to them."""
    pair = tmp_path / "server.pem"
    pair.write_bytes(certificate[0] + certificate[1])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    apis = Google()
    server = await asyncio.start_server(apis.serve, "127.0.0.1", 0, ssl=context)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, proxy(to=address) as (way, _):
        yield apis, {"HTTPS_PROXY": f"http://{way}"}


@pytest.fixture
async def stage(certificate, metadata, tmp_path):
    """Asks for a token in a process of its own: `await ask("token", AUDIENCE, VARIABLE=...)`."""
    async with google(certificate, tmp_path) as (apis, environment):

        async def ask(*arguments, code=ASK, **more):
            return await run(
                code,
                *arguments,
                metadata=metadata,
                roots=certificate[1],
                tmp_path=tmp_path,
                **environment,
                **more,
            )

        yield apis, ask


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


async def test_the_metadata_server_makes_it(stage, metadata):
    apis, ask = stage
    assert await ask("token", AUDIENCE) == ID_TOKEN
    assert apis.asked == []
    assert sum("/identity" in path for path in metadata.asked) == 1


async def test_where_it_has_no_such_endpoint_iam_credentials_does_as_in_cloud_build(
    stage, metadata
):
    metadata.identities = False
    apis, ask = stage
    assert await ask("token", AUDIENCE) == ID_TOKEN
    bearer, body = apis.only("/v1/projects/-/serviceAccounts/build%40demo:generateIdToken")
    assert bearer == ACCESS_TOKEN
    assert body == {"audience": AUDIENCE, "includeEmail": True, "delegates": []}


async def test_whoever_may_not_is_told_the_role(stage, metadata):
    metadata.identities = False
    apis, ask = stage
    apis.denies = True
    out = await ask("token", AUDIENCE)
    assert out.startswith(f"AccessError ID token for {AUDIENCE} of {BUILD}: access denied (got ")
    assert "roles/iam.serviceAccountOpenIdTokenCreator" in out


async def test_a_key_makes_it_by_itself(stage, tmp_path):
    apis, ask = stage
    assert await ask("token", AUDIENCE, **key_file(tmp_path)) == ID_TOKEN
    assert [path for path, _, _ in apis.asked] == ["/token"]


async def test_a_key_signs_for_iap_by_itself(stage, tmp_path):
    apis, ask = stage
    head, claims, _ = (await ask("signed", f"{AUDIENCE}/*", **key_file(tmp_path))).split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert (said["iss"], said["sub"], said["aud"]) == (ROBOT, ROBOT, f"{AUDIENCE}/*")
    assert said["exp"] - said["iat"] == 3600
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["kid"] == "key-1"
    assert apis.asked == []


async def test_iam_credentials_signs_for_iap_where_there_is_no_key(stage):
    apis, ask = stage
    assert await ask("signed", f"{AUDIENCE}/*") == "a.b.c"
    bearer, body = apis.only(":signJwt")
    assert bearer == ACCESS_TOKEN
    assert json.loads(body["payload"])["aud"] == f"{AUDIENCE}/*"


async def test_an_impersonated_account_s_token_is_asked_for_with_the_callers_own(stage):
    apis, ask = stage
    name = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": f"between@demo, {ROBOT}"}
    assert await ask("token", AUDIENCE, **name) == ID_TOKEN
    bearer, body = apis.only(":generateIdToken")
    assert bearer == ACCESS_TOKEN
    assert body["delegates"] == ["projects/-/serviceAccounts/between@demo"]


async def test_all_other_calls_are_the_impersonated_account_s_too(stage):
    apis, ask = stage
    name = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": ROBOT}
    assert await ask(code=READ, **name) == "7"
    assert apis.only(":generateAccessToken")[0] == ACCESS_TOKEN
    (bearer,) = [bearer for path, bearer, _ in apis.asked if path.endswith("/backend")]
    assert bearer == "Bearer ya29.robot"


async def test_credentials_that_impersonate_by_their_file(stage, tmp_path):
    """As `gcloud auth application-default login --impersonate-service-account` leaves them."""
    apis, ask = stage
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


async def test_federated_credentials_ask_with_their_own_token(stage, tmp_path):
    apis, ask = stage
    assert await ask("token", AUDIENCE, **federated(tmp_path)) == ID_TOKEN
    assert apis.only(":generateIdToken")[0] == "ya29.federated"


@pytest.mark.parametrize("account", ["", ROBOT])
async def test_federated_credentials_without_an_account_need_one(stage, tmp_path, account):
    apis, ask = stage
    name = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": account} if account else {}
    out = await ask("token", AUDIENCE, **federated(tmp_path, account=""), **name)
    if account:
        assert out == ID_TOKEN
        assert apis.only(":generateIdToken")[0] == "ya29.federated"
    else:
        assert out.startswith("AccessError ID token: not to be had with federated credentials")
        assert "--impersonate-service-account" in out


async def test_a_person_is_told_what_to_do(stage, tmp_path):
    content = {
        "type": "authorized_user",
        "client_id": "c",
        "client_secret": "s",
        "refresh_token": "r",
    }
    _, ask = stage
    out = await ask("token", AUDIENCE, **credentials_file(tmp_path, content))
    assert out.startswith("AccessError ID token: not to be had with these credentials")
    assert "gcloud auth print-identity-token" in out


@pytest.mark.parametrize(("given", "comes"), [(ID_TOKEN, ID_TOKEN), ("hunter2", "AccessError")])
async def test_a_token_that_was_brought_is_taken(stage, given, comes):
    apis, ask = stage
    out = await ask("token", AUDIENCE, GATE_ID_TOKEN=given)
    assert out.startswith(comes)
    assert "hunter2" not in out
    assert apis.asked == []
