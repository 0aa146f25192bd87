import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.identity import Identify, identity_for, identity_headers, mint_id_token
from gate.errors import AccessError, InfrastructureError

REAL, LOCAL = Endpoint(), Endpoint("127.0.0.1:1")
URL = "https://backend-abc-uc.a.run.app"
TOKEN = (("X-Serverless-Authorization", "Bearer t"),)


class Asked:
    """Who was asked what."""

    def __init__(self, public):
        self.public = public
        self.times = 0
        self.audiences = []

    async def is_public(self):
        self.times += 1
        return self.public

    async def mint(self, audience):
        self.audiences.append(audience)
        return TOKEN


@pytest.mark.parametrize(
    ("when", "endpoint", "issuer", "public", "headers", "times"),
    [
        (Identify.AUTO, REAL, False, False, TOKEN, 1),
        (Identify.AUTO, REAL, False, True, (), 1),
        (Identify.ALWAYS, REAL, False, True, TOKEN, 0),
        (Identify.NEVER, REAL, False, False, (), 0),
        (Identify.AUTO, LOCAL, False, False, (), 0),
        (Identify.ALWAYS, LOCAL, False, False, (), 0),
        (Identify.AUTO, LOCAL, True, False, TOKEN, 1),
        (Identify.AUTO, LOCAL, True, True, (), 1),
        (Identify.NEVER, LOCAL, True, False, (), 0),
    ],
)
async def test_who_gets_a_token(when, endpoint, issuer, public, headers, times):
    asked = Asked(public)
    identity = identity_for(when, endpoint, asked.is_public, asked.mint, issuer=issuer)
    assert await identity(URL) == headers
    assert asked.times == times
    assert asked.audiences == ([URL] if headers else [])


async def test_a_service_without_a_url_gets_no_token():
    with pytest.raises(InfrastructureError, match="no URL"):
        await identity_headers("")


async def test_an_audience_that_cannot_be_had_says_why(monkeypatch, tmp_path):
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "missing.json"))
    with pytest.raises(AccessError, match=f"^ID token for {URL}: not to be had") as caught:
        mint_id_token(URL)
    assert "gcloud auth application-default login" in caught.value.hint
