"""A Cloud KMS that has one key and two calls (v1, REST), on a real socket."""

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gate.local.secret_manager import crc32c  # not the gate's own

NAME = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
DISABLED = {
    "error": {
        "code": 400,
        "message": f"{NAME} is not enabled, current state is: DISABLED.",
        "status": "FAILED_PRECONDITION",
    }
}

MISSING = {"error": {"code": 404, "message": "CryptoKey not found.", "status": "NOT_FOUND"}}


class _Kms(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        public = self.server.key.public_key()
        pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        said = {"pem": pem.decode(), "algorithm": self._algorithm(), "pemCrc32c": str(crc32c(pem))}
        if self.path == f"/v1/{NAME}/publicKey":
            return self._answer(200, {"name": NAME, **said})
        return self._answer(404, MISSING)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.signed.append(body)
        if self.server.broken == "disabled":
            return self._answer(400, DISABLED)
        if self._algorithm() == "EC_SIGN_ED25519":
            data = base64.b64decode(body["data"])
            signature, checked, crc = self.server.key.sign(data), "verifiedDataCrc32c", "dataCrc32c"
        else:
            data = base64.b64decode(body["digest"]["sha256"])
            signature = self.server.key.sign(data, ECDSA(Prehashed(hashes.SHA256())))
            checked, crc = "verifiedDigestCrc32c", "digestCrc32c"
        assert body[crc] == str(crc32c(data))
        said = {
            "name": NAME,
            "signature": base64.b64encode(signature).decode(),
            "signatureCrc32c": str(crc32c(signature)),
            checked: True,
        }
        said |= {
            "damaged": {"signatureCrc32c": "1"},
            "lost": {checked: False},
            "empty": {"signature": ""},
            "foreign": {"name": NAME.replace("/1", "/2")},
            "wrong": {
                "signature": base64.b64encode(signature[::-1]).decode(),
                "signatureCrc32c": str(crc32c(signature[::-1])),
            },
        }.get(self.server.broken, {})
        return self._answer(200, said)

    def _algorithm(self):
        if self.server.broken == "rsa":
            return "RSA_SIGN_PSS_2048_SHA256"
        known = isinstance(self.server.key, EllipticCurvePrivateKey)
        return "EC_SIGN_P256_SHA256" if known else "EC_SIGN_ED25519"

    def _answer(self, code, said):
        body = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def kms_server(key, broken=""):
    """Serves a key; `broken` names what is wrong with it. The server has what it signed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Kms) as server:
        server.key, server.broken, server.signed = key, broken, []
        server.where = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
