"""Which header lets the gate into which service, and when it is renewed."""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import pytest

from gate.cloud.fresh_headers import expiry_of
from gate.cloud.identity import ServiceIdentity, own_url
from gate.cloud.way_in import WayIn
from gate.errors import AccessError, InfrastructureError, UnavailableError

URL = "https://backend-abc-uc.a.run.app"
TAG = "https://candidate---backend-abc-uc.a.run.app"
CLIENT = "123-abc.apps.googleusercontent.com"
START = datetime(2026, 11, 30, tzinfo=UTC)


class Issuer:
    """Makes tokens that live as long as they are told to, at a time that moves when it is told."""

    def __init__(self, way=WayIn.TOKEN, lives=timedelta(hours=1)):
        self.at = START
        self.way = way
        self.lives = lives
        self.made = []
        self.asked = 0
        self.fails = False
        self.silent = False

    def now(self):
        return self.at

    async def way_in(self):
        self.asked += 1
        if self.silent:
            raise UnavailableError("no answer")
        return self.way

    async def token(self, audience):
        return self._made("token", audience)

    async def signed(self, audience):
        return self._made("signed", audience)

    def _made(self, how, audience):
        if self.fails:
            raise AccessError("none to be had")
        self.made.append((how, audience))
        claims = json.dumps({"exp": (self.at + self.lives).timestamp(), "n": len(self.made)})
        return f"h.{base64.urlsafe_b64encode(claims.encode()).decode().rstrip('=')}.s"

    def identity(self, audience=""):
        return ServiceIdentity(self.way_in, self, self.now, audience)


@pytest.mark.parametrize(
    ("way", "audience", "name", "made"),
    [
        (WayIn.TOKEN, "", "X-Serverless-Authorization", ("token", URL)),
        (WayIn.TOKEN, "https://api", "X-Serverless-Authorization", ("token", "https://api")),
        (WayIn.TOKEN, CLIENT, "X-Serverless-Authorization", ("token", URL)),
        (WayIn.IAP, "", "Proxy-Authorization", ("signed", f"{TAG}/*")),
        (WayIn.IAP, "https://api", "Proxy-Authorization", ("signed", f"{TAG}/*")),
        (WayIn.IAP, CLIENT, "Proxy-Authorization", ("token", CLIENT)),
    ],
)
async def test_what_is_sent_to_whom(way, audience, name, made):
    issuer = Issuer(way)
    ((header, value),) = await issuer.identity(audience)(URL, TAG)
    assert (header, value.startswith("Bearer h."), issuer.made) == (name, True, [made])


async def test_an_open_service_gets_nothing():
    issuer = Issuer(WayIn.OPEN)
    assert await issuer.identity()(URL) == ()
    assert await issuer.identity()("") == ()
    assert issuer.made == []


async def test_a_service_without_a_url_gets_no_token():
    with pytest.raises(InfrastructureError, match="no URL"):
        await Issuer().identity()("")


async def test_one_token_does_for_many_rounds_and_the_service_is_looked_at_each_minute():
    issuer = Issuer()
    identity = issuer.identity()
    for minutes in range(40):
        issuer.at = START + timedelta(minutes=minutes / 2)
        await identity(URL)
    assert (len(issuer.made), issuer.asked) == (1, 20)
    issuer.way = WayIn.OPEN
    issuer.at += timedelta(minutes=1)
    assert await identity(URL) == ()


@pytest.mark.parametrize("lives", [timedelta(hours=1), timedelta(minutes=4)])
async def test_a_token_is_renewed_while_it_is_used_before_it_expires(lives):
    issuer = Issuer(lives=lives)
    headers = await issuer.identity()(URL)
    first = headers[0]
    issuer.at += lives * 0.74
    assert headers[0] == first
    issuer.at += lives * 0.02
    assert tuple(headers) == (first,)  # nobody waits
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert headers[0] != first
    assert len(issuer.made) == 2


async def test_a_renewal_that_fails_leaves_the_old_token_and_is_tried_again_later():
    issuer = Issuer()
    identity = issuer.identity()
    headers = await identity(URL)
    first = headers[0]
    issuer.fails = True
    issuer.at += timedelta(minutes=50)
    for _ in range(3):
        assert headers[0] == first
        await asyncio.sleep(0)
    issuer.fails = False
    assert headers[0] == first  # not at once
    await asyncio.sleep(0)
    assert len(issuer.made) == 1
    issuer.at += timedelta(seconds=31)
    assert headers[0] == first
    await asyncio.sleep(0)
    assert headers[0] != first


async def test_a_round_does_not_begin_with_a_token_that_is_about_to_expire():
    issuer = Issuer()
    identity = issuer.identity()
    await identity(URL)
    issuer.at += timedelta(minutes=50)
    await identity(URL)
    assert len(issuer.made) == 2


async def test_a_good_token_does_where_none_can_be_had_for_a_while():
    issuer = Issuer()
    identity = issuer.identity()
    first = (await identity(URL))[0]
    issuer.fails = True
    issuer.at += timedelta(minutes=59)
    assert (await identity(URL))[0] == first
    issuer.at += timedelta(minutes=2)
    with pytest.raises(AccessError):
        await identity(URL)


async def test_what_stood_before_the_service_holds_where_nobody_can_tell_for_a_while():
    issuer = Issuer()
    identity = issuer.identity()
    issuer.silent = True
    with pytest.raises(UnavailableError):
        await identity(URL)
    issuer.silent = False
    first = (await identity(URL))[0]
    issuer.silent = True
    issuer.at += timedelta(minutes=5)
    assert (await identity(URL))[0] == first


async def test_headers_do_not_show_their_token():
    headers = await Issuer().identity()(URL)
    assert "Bearer" not in f"{headers!r} {headers}"


@pytest.mark.parametrize(
    "token", ["", "opaque", "a.b.c", "a.e30.c", "a.W10.c", "a.eyJleHAiOiJ4In0.c"]
)
def test_a_token_may_say_nothing_of_its_end(token):
    assert expiry_of(token) is None


@pytest.mark.parametrize(
    ("url", "own"),
    [
        (TAG, URL),
        (URL, URL),
        ("https://a---b---svc-1.us-central1.run.app/x", "https://svc-1.us-central1.run.app"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_the_service_that_a_url_belongs_to(url, own):
    assert own_url(url) == own
