"""Who answers at an address: the front end, IAP, the application, or nobody; from real sockets."""

import asyncio

import pytest

from gate.core.access import Reached
from gate.probes.reach import who_answers
from tests.contract.probe_servers import tcp
from tests.unit.probes.test_answer import DENIED, says

NOT_FOUND = b"<title>Error 404 (Not Found)!!1</title>"
IAP = b"X-Goog-IAP-Generated-Response: true\r\n"


async def reached(handler, headers=(), within_s=15.0):
    async with tcp(handler) as place:
        return await who_answers(f"http://{place}", headers, lambda: None, within_s)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (b"200 OK", b"hello", Reached(200)),
        (b"403 Forbidden", b"not yours", Reached(403)),
        (b"404 Not Found", b"no such page", Reached(404)),
        (b"403 Forbidden", b"", Reached(403, empty=True)),
    ],
)
async def test_the_applications_own_answers(status, body, expected):
    handler, heard = says(status, body)
    assert await reached(handler, (("X-Serverless-Authorization", "Bearer t"),)) == expected
    assert len(heard) == 1
    assert b"X-Serverless-Authorization: Bearer t" in heard[0]


@pytest.mark.parametrize(
    ("status", "body", "head", "said"),
    [
        (b"403 Forbidden", DENIED, b"", ("refused the caller", True, False, False)),
        (b"404 Not Found", NOT_FOUND, b"", ("no such address", False, True, False)),
        (b"302 Found", b"", IAP, ("Identity-Aware Proxy", True, False, True)),
        (b"401 Unauthorized", b"Invalid IAP", IAP, ("Identity-Aware Proxy", True, False, True)),
        (
            b"503 Service Unavailable",
            b"Service Unavailable",
            b"",
            ("no container answered", False, False, False),
        ),
    ],
)
async def test_what_is_said_in_its_place(status, body, head, said):
    seen = await reached(says(status, body, head)[0])
    words, refused, nowhere, iap = said
    assert words in seen.instead
    assert seen.hint
    assert (seen.refused, seen.nowhere, seen.iap) == (refused, nowhere, iap)


async def test_nobody_at_all():
    async def mute(reader, writer):
        await asyncio.sleep(60)

    assert (await reached(mute, within_s=0.05)).unreached == "nothing came in 0.05 s"
    nobody = await who_answers("http://127.0.0.1:9", (), lambda: None)
    assert "9" in nobody.unreached
    assert nobody.status == 0
