"""What the tests of credentials share: a metadata server, a proxy, certificates, a process a case.

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
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ACCESS_TOKEN = "ya29.not-a-real-token"
ID_TOKEN = "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIiwiZXhwIjo0MTAyNDQ0ODAwfQ.c2ln"
GOOGLE = (
    *("cloudresourcemanager", "iam", "iamcredentials", "logging", "oauth2", "run"),
    *("cloudkms", "secretmanager", "storage", "sts"),
    "us-central1-run",
)


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
    names = ["localhost", *(f"{one}.googleapis.com" for one in GOOGLE)]
    addresses = [*map(x509.DNSName, names), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
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
async def proxy(status=200, to=None):
    """An HTTP proxy that opens tunnels, or refuses to; yields its address and what it was asked.

    All of them lead `to` one host:port, if there is one.
    """
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
        host, port = (to or heads[-1].split()[1]).split(":")
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


ASK = """
import asyncio, os, sys
from gate.api import caller
from gate.errors import GateError

async def main():
    return await getattr(caller.mint(), sys.argv[1])(sys.argv[2])

try:
    print(asyncio.run(main()))
except GateError as error:
    print(type(error).__name__, error.message, error.hint)
"""
DENIED = {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "getOpenIdToken denied"}}
ANSWERS = {
    "generateIdToken": {"token": ID_TOKEN},
    "signJwt": {"keyId": "k", "signedJwt": "a.b.c"},
    "generateAccessToken": {"accessToken": "ya29.robot", "expireTime": "2099-01-01T00:00:00Z"},
    "backend": {"metadata": {"resourceVersion": "v1", "generation": 7}, "spec": {"traffic": []}},
    "/v1/token": {
        "access_token": "ya29.federated",
        "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "token_type": "Bearer",
        "expires_in": 3600,
    },
    "/token": {"id_token": ID_TOKEN, "access_token": "ya29.person"},
    "/v1/projects/1": {"projectId": "demo"},  # google-auth asks for the pool's project
}


class Google:
    """What Google's APIs were asked: path, bearer token, body."""

    def __init__(self):
        self.asked = []
        self.denies = False

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {key.lower(): value for key, _, value in (line.partition(": ") for line in head)}
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        path = head[0].split()[1]
        self.asked.append((path, fields.get("authorization", ""), body.decode()))
        answer = DENIED if self.denies else next(ANSWERS[k] for k in ANSWERS if path.endswith(k))
        raw = json.dumps(answer).encode()
        status = 403 if self.denies else 200
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n" % (status, len(raw)))
        writer.write(b"Content-Type: application/json\r\nConnection: close\r\n\r\n" + raw)
        await writer.drain()
        writer.close()

    def only(self, ending):
        """The one question whose path ends so: bearer token and body."""
        ((_, bearer, body),) = [one for one in self.asked if one[0].endswith(ending)]
        return bearer.removeprefix("Bearer "), json.loads(body)


@asynccontextmanager
async def google(certificate, tmp_path):
    """Yields the APIs, and the environment that leads to them."""
    pair = tmp_path / "server.pem"
    pair.write_bytes(certificate[0] + certificate[1])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair)
    apis = Google()
    server = await asyncio.start_server(apis.serve, "127.0.0.1", 0, ssl=context)
    address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, proxy(to=address) as (way, _):
        yield apis, {"HTTPS_PROXY": f"http://{way}"}


@pytest.fixture
async def google_apis(certificate, metadata, tmp_path):
    """The APIs, and what runs code in a process that finds them: `await ask("token", URL)`."""
    async with google(certificate, tmp_path) as (apis, environment):

        async def ask(*arguments, code=ASK, **more):
            return await run(
                code,
                *arguments,
                metadata=metadata,
                roots=certificate[1],
                tmp_path=tmp_path,
                **environment,
                **more,
            )

        yield apis, ask
