"""The real APIs' way in: TLS and application default credentials, against servers on loopback.

google-auth reads the environment as it is imported, so each case is a process of its own.
"""

import asyncio
import datetime as dt
import ipaddress
import json
import os
import sys
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.cloud.run_v2.types import service as services

ACCESS_TOKEN = "ya29.not-a-real-token"
ID_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiZXhwIjo0MTAyNDQ0ODAwfQ.c2ln"
AUDIENCE = "https://backend-abc-uc.a.run.app"
READ = """
import asyncio, sys, grpc.aio
from gate.cloud.channel import Api, Endpoint, Place, open_channel
from gate.cloud.credentials import channel_credentials
from gate.cloud.run import CloudRun
from gate.cloud.wire import Wire
from gate.core.service import ServiceRef
from gate.errors import GateError

async def connect(place):
    credentials = await asyncio.to_thread(channel_credentials, place.api)
    return grpc.aio.secure_channel(sys.argv[1], credentials)

async def main():
    async with CloudRun(ServiceRef("demo", "us-central1", "backend"), Endpoint()) as platform:
        platform._wire = Wire(Place(Api.RUN, Endpoint()), connect=connect)
        print((await platform.read_service()).generation)

try:
    asyncio.run(main())
except GateError as error:
    print(type(error).__name__, error.message, error.hint)
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
OPEN = """
import asyncio
from gate.cloud.channel import Api, Endpoint, Place, open_channel

async def main():
    for api in Api:
        channel = await open_channel(Place(api, Endpoint()))
        await channel.close()
        print(type(channel).__name__)

asyncio.run(main())
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


@asynccontextmanager
async def cloud_run(certificate, answer):
    """A Cloud Run behind TLS; yields its address and what calls carried."""
    seen = []

    async def get_service(_, context):
        seen.append(dict(context.invocation_metadata()))
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, f"no; Bearer {ACCESS_TOKEN}")
        return answer

    handler = grpc.unary_unary_rpc_method_handler(
        get_service, services.GetServiceRequest.deserialize, services.Service.serialize
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(
                "google.cloud.run.v2.Services", {"GetService": handler}
            ),
        )
    )
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([certificate]))
    await server.start()
    try:
        yield f"localhost:{port}", seen
    finally:
        await server.stop(grace=0)


async def run(code, *arguments, metadata, roots=None, tmp_path):
    """Runs code in a process that finds its credentials at the metadata server; its output."""
    address = f"127.0.0.1:{metadata.server_port}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "GCE_METADATA_HOST": address,
        "GCE_METADATA_IP": address,
        "GRPC_VERBOSITY": "NONE",
    }
    if roots is not None:
        path = tmp_path / "roots.pem"
        path.write_bytes(roots)
        environment["GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"] = str(path)
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
    answer = services.Service(generation=7)
    async with cloud_run(certificate, answer) as (address, seen):
        roots = certificate[1]
        out = await run(READ, address, metadata=metadata, roots=roots, tmp_path=tmp_path)
    assert out == "7"
    (carried,) = seen
    assert carried["authorization"] == f"Bearer {ACCESS_TOKEN}"
    assert carried["x-goog-request-params"] == "location=us-central1"


async def test_a_refusal_shows_no_token_and_hints_at_the_login(metadata, certificate, tmp_path):
    async with cloud_run(certificate, grpc.StatusCode.UNAUTHENTICATED) as (address, _):
        roots = certificate[1]
        out = await run(READ, address, metadata=metadata, roots=roots, tmp_path=tmp_path)
    assert out.startswith("AccessError service demo/us-central1/backend: ")
    assert "[token]" in out
    assert "gcloud auth application-default login" in out


async def test_a_channel_to_each_real_api_opens_without_a_connection(metadata, tmp_path):
    out = await run(OPEN, metadata=metadata, tmp_path=tmp_path)
    assert out.split() == ["Channel", "Channel"]


async def test_without_credentials_the_login_is_the_hint(metadata, tmp_path):
    broken = tmp_path / "gcloud"
    broken.mkdir()
    (broken / "application_default_credentials.json").write_text('{"type": "nonsense"}')
    out = await run(READ, "localhost:1", metadata=metadata, tmp_path=tmp_path)
    assert out.startswith("AccessError Cloud Run: no credentials (got ")
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
