import json
from datetime import UTC, datetime

import pytest

from gate.local.access import claims

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)


def test_a_token_says_what_googles_do():
    head, payload = claims.written("me@example.com", "http://x", "k", NOW).split(b".")
    assert json.loads(claims.decoded(head)) == {"alg": "RS256", "kid": "k", "typ": "JWT"}
    body = json.loads(claims.decoded(payload))
    assert body["iss"] == "https://accounts.google.com"
    assert (body["aud"], body["email"], body["email_verified"]) == (
        "http://x",
        "me@example.com",
        True,
    )
    assert body["exp"] - body["iat"] == 3600
    assert body["sub"] == body["azp"]
    assert body["sub"].isdigit()


def test_what_was_written_is_read():
    payload = claims.written("me@example.com", "http://x", "k", NOW).split(b".")[1]
    expires = int(NOW.timestamp()) + 3600
    assert claims.read(payload) == claims.Claims("me@example.com", "http://x", expires)


@pytest.mark.parametrize("body", [b"[]", b"{}", b"{", b'{"email":1,"aud":"a","exp":2}', b"\xff"])
def test_what_is_no_payload_is_refused(body):
    with pytest.raises(ValueError):  # noqa: PT011 - of any kind: the caller treats all alike
        claims.read(claims.encoded(body))
