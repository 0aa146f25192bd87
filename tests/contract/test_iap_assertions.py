"""Assertions as Identity-Aware Proxy signs them, held against keys that a real server gives."""

import asyncio
import base64
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from google.auth import jwt
from google.auth.crypt import ES256Signer, RSASigner

from gate.cloud.iap import ISSUER, Iap, Standing

AUDIENCE = "/projects/1/locations/us-central1/services/console"
KEY, OTHER, RSA = (
    ec.generate_private_key(ec.SECP256R1()),
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(65537, 2048),
)


def private(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public(key):
    form = PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(Encoding.PEM, form).decode()


def assertion(key=KEY, kid="one", **changes):
    now = int(time.time())
    claims = {
        "aud": AUDIENCE,
        "iss": ISSUER,
        "iat": now,
        "exp": now + 600,
        "sub": "accounts.google.com:1",
        "email": "alice@example.com",
    }
    claims = {name: one for name, one in (claims | changes).items() if one is not None}
    signer = RSASigner if key is RSA else ES256Signer
    return jwt.encode(signer.from_string(private(key), kid), claims).decode()


def unsigned(alg):
    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = assertion().split(".")[1]
    return f"{part({'alg': alg, 'typ': 'JWT', 'kid': 'one'})}.{claims}."


@contextlib.contextmanager
def keys(published):
    """Gives what is published now; yields its address and how often it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps(published).encode()
            self.send_response(200 if published else 503)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/keys", asked
    server.shutdown()
    server.server_close()


HOUR = 3600
CASES = {
    "as it must be": (assertion(), Standing.GOOD),
    "none": ("", Standing.INVALID),
    "garbage": ("a.b.c", Standing.INVALID),
    "not text of a token": ("\u202e" * 50, Standing.INVALID),
    "too long": ("a" * 20_000, Standing.INVALID),
    "another key under the same name": (assertion(OTHER), Standing.INVALID),
    "a key that nobody knows": (assertion(OTHER, "two"), Standing.INVALID),
    "over": (assertion(iat=int(time.time()) - HOUR, exp=int(time.time()) - 60), Standing.INVALID),
    "of the future": (assertion(iat=int(time.time()) + HOUR), Standing.INVALID),
    "without an end": (assertion(exp=None), Standing.INVALID),
    "not signed": (unsigned("none"), Standing.INVALID),
    "signed with a key that is published, as a password": (unsigned("HS256"), Standing.INVALID),
    "another way of signing": (assertion(RSA, "rsa"), Standing.INVALID),
    "one bit of the claims changed": (
        assertion().replace(".", ".x", 1),
        Standing.INVALID,
    ),
    "another audience": (assertion(aud=AUDIENCE + "2"), Standing.FOREIGN),
    "a list of audiences": (assertion(aud=[AUDIENCE]), Standing.FOREIGN),
    "another issuer": (assertion(iss="https://accounts.google.com"), Standing.FOREIGN),
    "of nobody": (assertion(email=None), Standing.FOREIGN),
}


@pytest.mark.parametrize("case", CASES)
async def test_only_what_iap_has_signed_for_this_audience_is_good(case):
    sent, standing = CASES[case]
    with keys({"one": public(KEY), "rsa": public(RSA)}) as (url, _):
        assert await Iap(AUDIENCE, url).standing(sent) is standing


async def test_keys_are_asked_for_once_and_not_for_every_name_that_somebody_makes_up():
    with keys({"one": public(KEY)}) as (url, asked):
        iap = Iap(AUDIENCE, url)
        found = await asyncio.gather(*(iap.standing(assertion()) for _ in range(5)))
        assert {*found} == {Standing.GOOD}
        for number in range(5):
            assert await iap.standing(assertion(OTHER, f"new-{number}")) is Standing.INVALID
        assert len(asked) == 1


@pytest.mark.parametrize("published", [{}, [], {"one": 3}, {"one": "no key"}])
async def test_without_keys_nobody_is_let_in(published):
    with keys(published) as (url, _):
        assert await Iap(AUDIENCE, url).standing(assertion()) is Standing.INVALID
