from datetime import UTC, datetime, timedelta

import pytest

from gate.local.access.claims import LIFETIME, decoded, encoded
from gate.local.access.issuer import Issuer

AUDIENCE, ME = "http://127.0.0.1:1", "me@example.com"


class Clock:
    def __init__(self):
        self.at = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)

    def now(self):
        return self.at


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def issuer(clock):
    return Issuer(clock.now)


@pytest.fixture(scope="module")
def token(issuer):
    return issuer.mint(ME, AUDIENCE).encode()


def test_it_reads_its_own(issuer, token):
    claims = issuer.read(token)
    assert (claims.email, claims.audience) == (ME, AUDIENCE)


def test_a_token_of_another_issuer_is_nobodys(clock, token):
    other = Issuer(clock.now)
    assert other.read(token) is None
    assert other._made is None  # nobody waits for a key because of a token that is not ours
    other.mint(ME, AUDIENCE)
    assert other.read(token) is None


def test_a_changed_token_is_nobodys(issuer, token):
    head, payload, signature = token.split(b".")
    changed = encoded(decoded(payload).replace(b"me@", b"no@"))
    for forged in (
        b".".join((head, changed, signature)),
        b".".join((head, payload, b"")),
        b".".join((head, payload)),
        token[:-8],
        b"",
        b"..",
        b"\xff.\xff.\xff",
    ):
        assert issuer.read(forged) is None, forged


def test_a_token_is_good_until_it_expires(clock, issuer, token):
    began = clock.at
    clock.at = began + LIFETIME - timedelta(seconds=1)
    assert issuer.read(token) is not None
    clock.at = began + LIFETIME
    assert issuer.read(token) is None
    clock.at = began


async def test_its_public_key_is_a_key_set(issuer):
    (key,) = (await issuer.certificates())["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert decoded(key["e"].encode()) == b"\x01\x00\x01"
    assert len(decoded(key["n"].encode())) == 256
