"""Reading a version of a secret, over a scripted client."""

import base64

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.secrets import SecretManager, crc32c
from gate.errors import AccessError, InfrastructureError, NotFoundError
from tests.unit.cloud.answers import Scripted, error, ok, ways_over

NAME = "projects/demo/secrets/token/versions/latest"
FULL = "projects/123/secrets/token/versions/7"
VALUE = b"swordfish"


def payload(**more):
    return {"name": FULL, "payload": {"data": base64.b64encode(VALUE).decode(), **more}}


async def access(*answers):
    client = Scripted(*answers)
    async with SecretManager(Endpoint(), ways_over(client)) as manager:
        return await manager.access(NAME), client


def test_the_checksum_is_castagnolis():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize("more", [{}, {"dataCrc32c": str(crc32c(VALUE))}])
async def test_a_version_has_its_number_and_its_value(more):
    version, client = await access(ok(payload(**more)))
    assert (version.name, version.value) == (FULL, VALUE)
    assert client.asked == [("GET", f"/v1/{NAME}:access", 10.0)]
    assert "swordfish" not in repr(version)


@pytest.mark.parametrize(
    "answer",
    [
        ok(payload(dataCrc32c="1")),
        ok({"name": FULL, "payload": {"data": "swordfish!"}}),
        error(400, "FAILED_PRECONDITION", f"Secret Version [{FULL}] is in DESTROYED state."),
    ],
)
async def test_what_is_damaged_or_gone_is_none(answer):
    with pytest.raises(InfrastructureError, match=f"^secret {NAME}: ") as caught:
        await access(answer)
    assert "swordfish" not in caught.value.message


async def test_the_role_is_the_hint_where_it_is_missing():
    with pytest.raises(AccessError) as caught:
        await access(error(403, "PERMISSION_DENIED", "no"))
    assert "roles/secretmanager.secretAccessor" in caught.value.hint
    with pytest.raises(NotFoundError):
        await access(error(404, "NOT_FOUND", f"Secret [{NAME}] not found or has no versions."))
