import base64

import httpx
import pytest
from starlette.applications import Starlette

from gate.local.images import Images
from gate.local.secret_manager import crc32c, secret_route

IMAGES = Images(secrets={"token": "swördfish"})


@pytest.fixture
def client():
    transport = httpx.ASGITransport(Starlette(routes=[secret_route(IMAGES)]))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


def test_the_checksum_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283


@pytest.mark.parametrize(("version", "number"), [("latest", "1"), ("3", "3"), ("blue", "blue")])
async def test_a_secret_of_the_images_file_is_read(client, version, number):
    answer = await client.get(f"/v1/projects/demo/secrets/token/versions/{version}:access")
    body = answer.json()
    assert body["name"].endswith(f"/secrets/token/versions/{number}")
    assert body["name"].split("/")[1].isdecimal()
    value = base64.b64decode(body["payload"]["data"])
    assert value.decode() == "swördfish"
    assert body["payload"]["dataCrc32c"] == str(crc32c(value))


async def test_any_other_is_not_there(client):
    answer = await client.get("/v1/projects/12/secrets/nothing/versions/1:access")
    assert answer.status_code == 404
    assert "[projects/12/secrets/nothing]" in answer.json()["error"]["message"]
