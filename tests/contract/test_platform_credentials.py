"""The real APIs' way in: TLS and application default credentials, against servers on loopback.

google-auth reads the environment as it is imported, so each case is a process of its own.
"""

import asyncio
import datetime as dt
import ipaddress
import json
import os
import ssl
import sys
from contextlib import asynccontextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ACCESS_TOKEN = "ya29.not-a-real-token"
ID_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiZXhwIjo0MTAyNDQ0ODAwfQ.c2ln"
AUDIENCE = "https://backend-abc-uc.a.run.app"
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
IDENTIFY = """
import asyncio, sys
from gate.cloud.identity import identity_headers
from gate.errors import GateError
try:
    print(asyncio.run(identity_headers(sys.argv[1])))
except GateError as error:
    print(type(error).__name__, error.message, error.hint)
"""


class Metadata(BaseHTTPRequestHandler):
    """A metadata server as on Compute Engine, Cloud Run and Cloud Build."""

    def do_GET(self):
        url = urlsplit(self.path)
        self.server.asked.append(self.path)
        base = "/computeMetadata/v1/instance/service-accounts/default"
        account = json.dumps({"email": "build@demo", "scopes": ["cloud-platform"], "aliases": []})
        token = {"access_token": ACCESS_TOKEN, "expires_in": 3600, "token_type": "Bearer"}
        answers = {
            "/": "",
            "/computeMetadata/v1/project/project-id": "demo",
            "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
            f"{base}/": account,
            f"{base}/email": "build@demo",
            f"{base}/token": json.dumps(token),
            "/computeMetadata/v1/instance/service-accounts/build@demo/token": json.dumps(token),
        }
        if self.server.identities:
            answers[f"{base}/identity"] = ID_TOKEN
        body = answers.get(url.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Metadata-Flavor", "Google")
        kind = "application/json" if (body or "").startswith("{") else "text/plain"
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write((body or "Not Found").encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def metadata():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    server.asked = []
    server.identities = True
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private, signed.public_bytes(serialization.Encoding.PEM)


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


@asynccontextmanager
async def proxy(status=200):
    """An HTTP proxy that opens tunnels, or refuses to; yields its address and what it was asked."""
    heads = []

    async def pump(reader, writer):
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
        writer.close()

    async def serve(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 %d X\r\n\r\n" % status)
        if status != 200:
            writer.close()
            return
        host, port = heads[-1].split()[1].split(":")
        up_reader, up_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(pump(reader, up_writer), pump(up_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", heads


async def run(code, *arguments, metadata, roots=None, tmp_path, **more):
    """Runs code in a process that finds its credentials at the metadata server; its output."""
    address = f"127.0.0.1:{metadata.server_port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "GCE_METADATA_HOST": address,
        "GCE_METADATA_IP": address,
        **more,
    }
    if roots is not None:
        path = tmp_path / "roots.pem"
        path.write_bytes(roots)
        environment["SSL_CERT_FILE"] = str(path)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        code,
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    assert ACCESS_TOKEN not in out.decode() + err.decode()
    return out.decode().strip()


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


async def test_an_id_token_is_made_out_to_the_service(metadata, tmp_path):
    out = await run(IDENTIFY, AUDIENCE, metadata=metadata, tmp_path=tmp_path)
    assert out == str((("X-Serverless-Authorization", f"Bearer {ID_TOKEN}"),))
    (asked,) = [urlsplit(path) for path in metadata.asked if "/identity" in path]
    assert parse_qs(asked.query)["audience"] == [AUDIENCE]


async def test_a_build_that_may_not_make_tokens_is_told_what_it_lacks(metadata, tmp_path):
    metadata.identities = False
    out = await run(IDENTIFY, AUDIENCE, metadata=metadata, tmp_path=tmp_path)
    assert out.startswith(f"AccessError ID token for {AUDIENCE}: not to be had (got ")
    assert "roles/iam.serviceAccountOpenIdTokenCreator on itself" in out
