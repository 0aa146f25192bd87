"""Session affinity: who comes back, goes where they were, as long as it is there."""

import re

import pytest

from gate.local.ports import Lease, Share
from tests.contract.local_front_end import A, B, polite
from tests.contract.local_http2 import http2
from tests.contract.local_wire import get, ok, scripted

STICKY = (Share(A, 50, affinity=True), Share(B, 50, affinity=True))


def saying(word):
    async def script(wire, n):
        while True:
            await wire.head()
            await wire.send(ok(word))

    return script


async def session(stand, *fields):
    """One request: the instance's word, and the cookie that was set, if any."""
    _, found, body = await stand.ask(get("/", *fields))
    (said,) = found.all("set-cookie") or [""]
    return body, said


async def test_a_client_gets_a_cookie_of_thirty_days_and_one_without_affinity_none(stand):
    await stand.up(polite, shares=(Share(A, 100, affinity=True),))
    _, said = await session(stand)
    assert re.fullmatch(
        r"GAESA=[\w=-]+; expires=\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT; path=/", said
    )
    stand.front.route(stand.service, None, (Share(A, 100),))
    assert (await session(stand))[1] == ""


async def test_who_comes_back_stays_with_the_revision_whatever_the_split(stand):
    await stand.up(saying(b"a"), saying(b"b"), shares=STICKY)
    first, said = await session(stand)
    cookie = "Cookie: other=1; " + said.split(";")[0]
    answers = [await session(stand, cookie) for _ in range(20)]
    assert answers == [(first, "")] * 20


async def test_who_comes_back_over_http2_stays_too(stand):
    await stand.up(saying(b"a"), saying(b"b"), shares=STICKY)
    async with http2(stand.url) as wire:
        first = await wire.whole(await wire.ask("/"))
        (said,) = first.all("set-cookie")
        fields = ("cookie", said.split(";")[0])
        for _ in range(10):
            assert (await wire.whole(await wire.ask("/", fields))).body == first.body


async def test_a_revision_without_traffic_keeps_nobody(stand):
    await stand.up(saying(b"a"), saying(b"b"), shares=(Share(A, 100, affinity=True),))
    _, said = await session(stand)
    stand.front.route(stand.service, None, (Share(B, 100, affinity=True),))
    body, again = await session(stand, "Cookie: " + said.split(";")[0])
    assert body == b"b"
    assert again.startswith("GAESA=")


async def test_who_comes_back_gets_the_same_instance(stand):
    await stand.up(saying(b"first"), shares=(Share(A, 100, affinity=True),))
    async with scripted(saying(b"second")) as other:
        stand.places.more["i2"] = Lease(A, "i2", "127.0.0.1", other.port)
        stand.places.first = "i2"
        body, said = await session(stand)
        stand.places.first = ""
        cookie = "Cookie: " + said.split(";")[0]
        assert body == b"second"
        assert await session(stand, cookie) == (b"second", "")
        del stand.places.more["i2"]
        body, again = await session(stand, cookie)
    assert body == b"first"
    assert again not in ("", said)


@pytest.mark.parametrize("value", ["GAESA=!", "GAESA=////", "GAESA=AA", "GAESA=", "XGAESA=YSBi"])
async def test_a_cookie_that_says_nothing_is_replaced(stand, value):
    await stand.up(polite, shares=(Share(A, 100, affinity=True),))
    assert (await session(stand, f"Cookie: {value}"))[1].startswith("GAESA=")
