"""The real APIs' way in: TLS and application default credentials, against servers on loopback.

google-auth reads the environment as it is imported, so each case is a process of its own.
"""

import asyncio
import json
import ssl
from contextlib import asynccontextmanager

import pytest

from tests.contract.credentials_stage import ACCESS_TOKEN, proxy, run

READ = """
import asyncio, sys
from gate.cloud.channel import Endpoint
from gate.cloud.http import Client
from gate.cloud.run import CloudRun
from gate.cloud.tls import connect_securely
from gate.cloud.wire import Ways
from gate.core.service import ServiceRef
from gate.errors import GateError

host, port = sys.argv[1].split(":")
ways = Ways(client=lambda place: Client(lambda: connect_securely((host, int(port)))))

async def main():
    ref = ServiceRef("demo", "us-central1", "backend")
    async with CloudRun(ref, Endpoint(), ways=ways) as platform:
        print((await platform.read_service()).generation)

try:
    asyncio.run(main())
except GateError as error:
    print(type(error).__name__, error.message, error.hint)
print({"grpc", "httpx", "google.cloud.run_v2"} & set(sys.modules) or "")
"""


SERVICE = {
    "metadata": {"resourceVersion": "v1", "generation": 7},
    "spec": {"traffic": [{"latestRevision": True, "percent": 100}]},
}


@asynccontextmanager
async def cloud_run(certificate, tmp_path, status=200, body=SERVICE):
    """A Cloud Run behind TLS; yields its address and the heads of what it was asked."""
    private, public = certificate
    pair = tmp_path / "server.pem"
    pair.write_bytes(private + public)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    heads = []

    async def serve(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        raw = json.dumps(body).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n" % (status, len(raw)))
        writer.write(b"Connection: close\r\n\r\n" + raw)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"localhost:{server.sockets[0].getsockname()[1]}", heads


async def test_calls_carry_an_access_token_over_tls(metadata, certificate, tmp_path):
    async with cloud_run(certificate, tmp_path) as (address, heads):
        out = await run(READ, address, metadata=metadata, roots=certificate[1], tmp_path=tmp_path)
    assert out == "7"
    (head,) = heads
    assert head.startswith("GET /apis/serving.knative.dev/v1/namespaces/demo/services/backend ")
    lines = {line.lower() for line in head.splitlines()}
    assert "host: us-central1-run.googleapis.com" in lines
    assert f"authorization: bearer {ACCESS_TOKEN}" in lines


async def test_a_refusal_shows_no_token_and_hints_at_the_login(metadata, certificate, tmp_path):
    body = {"error": {"code": 401, "status": "UNAUTHENTICATED", "message": f"no; {ACCESS_TOKEN}"}}
    async with cloud_run(certificate, tmp_path, 401, body) as (address, _):
        out = await run(READ, address, metadata=metadata, roots=certificate[1], tmp_path=tmp_path)
    assert out.startswith("AccessError service demo/us-central1/backend: ")
    assert "[token]" in out
    assert "gcloud auth application-default login" in out


HASTY = READ.replace("ways=ways", "ways=ways, patience=Patience(0.2, 0.01, 0.05)").replace(
    "import Ways", "import Patience, Ways"
)


async def test_whoever_cannot_prove_to_be_google_hears_no_token(metadata, certificate, tmp_path):
    async with cloud_run(certificate, tmp_path) as (address, heads):
        out = await run(HASTY, address, metadata=metadata, tmp_path=tmp_path)
    assert "certificate verify failed" in out
    assert heads == []


@pytest.mark.parametrize("scheme", ["http://me:pass%20word@", ""])
async def test_a_proxy_of_the_environment_is_gone_through(metadata, certificate, tmp_path, scheme):
    async with cloud_run(certificate, tmp_path) as (address, _), proxy() as (way, tunnels):
        roots = certificate[1]
        out = await run(
            READ,
            address,
            metadata=metadata,
            roots=roots,
            tmp_path=tmp_path,
            HTTPS_PROXY=scheme + way,
        )
    assert out == "7"
    (tunnel,) = tunnels
    assert tunnel.startswith(f"CONNECT {address} HTTP/1.1\r\n")
    assert ("Proxy-Authorization: Basic bWU6cGFzcyB3b3Jk" in tunnel) is bool(scheme)
    assert ACCESS_TOKEN not in tunnel


async def test_no_proxy_is_heeded(metadata, certificate, tmp_path):
    async with cloud_run(certificate, tmp_path) as (address, _):
        proxies = {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "localhost"}
        out = await run(
            READ, address, metadata=metadata, roots=certificate[1], tmp_path=tmp_path, **proxies
        )
    assert out == "7"


async def test_a_proxy_that_refuses_is_named(metadata, certificate, tmp_path):
    async with cloud_run(certificate, tmp_path) as (address, heads), proxy(403) as (way, _):
        out = await run(HASTY, address, metadata=metadata, tmp_path=tmp_path, HTTPS_PROXY=way)
    assert "proxy 127.0.0.1: refused to connect (got status 403)" in out
    assert heads == []


async def test_without_credentials_the_login_is_the_hint(metadata, tmp_path):
    broken = tmp_path / "gcloud"
    broken.mkdir()
    (broken / "application_default_credentials.json").write_text('{"type": "nonsense"}')
    out = await run(READ, "localhost:1", metadata=metadata, tmp_path=tmp_path)
    assert out.startswith("AccessError Cloud Run: cannot be asked without an access token (got ")
    assert "gcloud auth application-default login" in out
