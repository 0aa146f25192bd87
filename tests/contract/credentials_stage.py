"""What the tests of credentials share: a metadata server, a proxy, certificates, a process a case.

google-auth reads the environment as it is imported, so each case is a process of its own.
"""

import asyncio
import datetime as dt
import ipaddress
import json
import os
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
    *("cloudresourcemanager", "iamcredentials", "oauth2", "run", "secretmanager", "sts"),
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
