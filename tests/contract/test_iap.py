"""A service behind Identity-Aware Proxy: what gets through, and what its refusals mean.

A site of ours refuses as IAP does, and takes what IAP's documentation says that it takes.
"""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager

import pytest

from tests.contract.credentials_stage import ID_TOKEN

SIGNED = "a.b.c"
CLIENT = "123-abc.apps.googleusercontent.com"
GATE = """
import sys
from gate.cli.main import run
print("exit code", run(sys.argv[1:]))
"""


class Site:
    """Lets in who brings one of these tokens; an application that wants its own Authorization."""

    def __init__(self):
        self.takes = set()
        self.brought = []

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {key.lower(): value for key, _, value in (line.partition(": ") for line in head)}
        token = fields.get("proxy-authorization", "").removeprefix("Bearer ")
        self.brought.append(token)
        if token not in self.takes:
            status, body = 401, "Invalid IAP credentials: empty token"
            more = "X-Goog-IAP-Generated-Response: true\r\n"
        elif "authorization" in fields:
            status, body, more = 200, "hello", ""
        else:
            status, body, more = 401, "who are you?", ""
        writer.write(f"HTTP/1.1 {status} X\r\n{more}Content-Length: {len(body)}\r\n".encode())
        writer.write(f"Connection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()


@asynccontextmanager
async def behind_iap(certificate, tmp_path):
    pair = tmp_path / "site.pem"
    pair.write_bytes(certificate[0] + certificate[1])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    site = Site()
    server = await asyncio.start_server(site.serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield site, f"https://localhost:{server.sockets[0].getsockname()[1]}"


def policy(tmp_path, audience=""):
    head = f"candidate: {{audience: {audience}}}\n" if audience else ""
    path = tmp_path / "policy.yaml"
    path.write_text(
        f"version: 1\n{head}probes:\n"
        "  page: {http: {path: /, headers: {Authorization: own}}}\n"
        "  stranger: {http: {path: /}, expect: {status: 401}}\n"
    )
    return str(path)


@pytest.mark.parametrize(("audience", "token"), [("", SIGNED), (CLIENT, ID_TOKEN)])
async def test_who_brings_what_it_takes_speaks_with_the_application(
    google_apis, certificate, tmp_path, audience, token
):
    apis, ask = google_apis
    async with behind_iap(certificate, tmp_path) as (site, url):
        site.takes = {token}
        command = ("probe", "--policy", policy(tmp_path, audience), "--url", url)
        out = await ask(*command, code=GATE)
    assert out.endswith("exit code 0"), out
    assert token not in out
    if not audience:
        payload = json.loads(apis.only(":signJwt")[1]["payload"])
        assert payload["aud"] == f"{url}/*"


async def test_its_refusal_is_not_the_applications_answer(google_apis, certificate, tmp_path):
    _, ask = google_apis
    async with behind_iap(certificate, tmp_path) as (site, url):
        out = await ask("probe", "--policy", policy(tmp_path), "--url", url, code=GATE)
    assert site.brought[-1] == SIGNED
    assert out.endswith("exit code 5"), out
    assert out.count("Identity-Aware Proxy refused the caller") >= 2
    assert "roles/iap.httpsResourceAccessor" in out
