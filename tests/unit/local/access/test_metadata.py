from datetime import UTC, datetime

import httpx
import pytest
from starlette.applications import Starlette

from gate.local.access.issuer import Issuer
from gate.local.access.metadata import MetadataServer

ME = "me@example.com"
FLAVOR = {"Metadata-Flavor": "Google"}
ACCOUNTS = "/computeMetadata/v1/instance/service-accounts"


class Projects:
    found = "demo"


@pytest.fixture(scope="module")
def issuer():
    return Issuer(lambda: datetime(2026, 11, 30, tzinfo=UTC))


@pytest.fixture
def client(issuer):
    server = MetadataServer(issuer, ME, lambda: Projects.found)
    transport = httpx.ASGITransport(Starlette(routes=server.routes()))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def get(client, path, **parameters):
    answer = await client.get(path, params=parameters, headers=FLAVOR)
    assert answer.headers["Metadata-Flavor"] == "Google"
    return answer


async def test_who_does_not_mean_it_gets_nothing(client):
    assert (await client.get(f"{ACCOUNTS}/default/email")).status_code == 403
    assert (await client.get("/")).status_code == 404
    assert (await get(client, "/")).status_code == 200


async def test_the_account_is_the_caller(client):
    assert (await get(client, f"{ACCOUNTS}/default/email")).text == ME
    assert (await get(client, f"{ACCOUNTS}/")).text == f"default/\n{ME}/\n"
    info = (await get(client, f"{ACCOUNTS}/default/", recursive="true")).json()
    assert (info["email"], info["aliases"]) == (ME, ["default"])
    assert "cloud-platform" in (await get(client, f"{ACCOUNTS}/default/scopes")).text


@pytest.mark.parametrize(("account", "email"), [("default", ME), ("you@example.com",) * 2])
async def test_tokens_are_of_the_account_that_is_named(client, issuer, account, email):
    answer = await get(client, f"{ACCOUNTS}/{account}/identity", audience="http://a", format="full")
    claims = issuer.read(answer.text.encode())
    assert (claims.email, claims.audience) == (email, "http://a")


async def test_that_of_cloud_build_has_access_tokens_alone(issuer):
    server = MetadataServer(issuer, ME, lambda: "demo", identities=False)
    transport = httpx.ASGITransport(Starlette(routes=server.routes()))
    client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")
    answer = await get(client, f"{ACCOUNTS}/default/identity", audience="http://a")
    assert answer.status_code == 404
    assert (await get(client, f"{ACCOUNTS}/default/token")).status_code == 200


async def test_a_token_needs_an_audience(client):
    answer = await get(client, f"{ACCOUNTS}/default/identity")
    assert (answer.status_code, answer.text) == (400, "non-empty audience parameter required\n")


async def test_access_tokens_are_no_id_tokens(client, issuer):
    body = (await get(client, f"{ACCOUNTS}/default/token")).json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == 3599
    assert issuer.read(body["access_token"].encode()) is None


async def test_the_project_is_said_where_there_is_one(client):
    path = "/computeMetadata/v1/project/project-id"
    assert (await get(client, path)).text == "demo"
    Projects.found = ""
    assert (await get(client, path)).status_code == 404
