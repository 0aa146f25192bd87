import base64
import json
from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette

from gate.local.access.iam_credentials import IamCredentialsApi
from gate.local.access.issuer import Issuer

ROBOT = "/v1/projects/-/serviceAccounts/robot@demo.example.com"
URL = "http://127.0.0.1:1"


@pytest.fixture(scope="module")
def issuer():
    return Issuer(lambda: datetime(2026, 11, 30, tzinfo=UTC))


@pytest.fixture
def client(issuer):
    transport = httpx.ASGITransport(Starlette(routes=IamCredentialsApi(issuer).routes()))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def test_an_account_gets_the_issuers_token(client, issuer):
    answer = await client.post(f"{ROBOT}:generateIdToken", json={"audience": URL})
    claims = issuer.read(answer.json()["token"].encode())
    assert (claims.email, claims.audience) == ("robot@demo.example.com", URL)


async def test_claims_of_ones_own_are_signed_as_they_are(client):
    payload = json.dumps({"iss": "robot@demo.example.com", "aud": f"{URL}/*"})
    answer = (await client.post(f"{ROBOT}:signJwt", json={"payload": payload})).json()
    head, claims, _ = (part + "==" for part in answer["signedJwt"].split("."))
    assert base64.urlsafe_b64decode(claims).decode() == payload
    assert json.loads(base64.urlsafe_b64decode(head))["kid"] == answer["keyId"]


@pytest.mark.parametrize("call", ["generateIdToken", "signJwt"])
@pytest.mark.parametrize("body", [{}, {"audience": 1, "payload": ""}])
async def test_what_is_missing_is_named(client, call, body):
    answer = await client.post(f"{ROBOT}:{call}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
