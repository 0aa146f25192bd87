"""Signs with a key of Cloud KMS (cloudkms.googleapis.com/v1), which never leaves it.

Over REST, as everything here: Google's own client of it would bring gRPC and the messages of the
whole API for two calls.
"""

import base64
import binascii
import hashlib

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, number, text, value
from gate.cloud.secrets import crc32c
from gate.cloud.wire import OverWire, Query, Ways, Wire
from gate.errors import InfrastructureError

P256, ED25519 = "EC_SIGN_P256_SHA256", "EC_SIGN_ED25519"
AGAIN = "run it again"


class KmsKey(OverWire):
    """A version of a key.

    Args:
        name: projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V.
        endpoint: where the Cloud KMS API is.
        ways: how the wire reaches the world.
    """

    def __init__(self, name: str, endpoint: Endpoint, ways: Ways | None = None) -> None:
        self._name = name
        self._subject = f"key {name}"
        self._algorithm = ""
        self._wire = Wire(Place(Api.KMS, endpoint), ways=ways)

    async def public_key(self) -> bytes:
        """The public key, in PEM.

        Raises:
            NotFoundError: there is no such key, or no such version.
            AccessError: the caller may not read it.
            UnavailableError: no answer.
            InfrastructureError: it is disabled or destroyed, or signs in another way.
        """
        path = f"/v1/{self._name}/publicKey"
        answer = await self._wire.call(Query("GET", path, self._subject))
        self._algorithm = text(answer, "algorithm")
        if self._algorithm not in {P256, ED25519}:
            told = f"{self._subject}: signs in another way (got {self._algorithm or 'nothing'}, "
            raise InfrastructureError(f"{told}expected {P256} or {ED25519})", "name another key")
        pem = text(answer, "pem").encode()
        self._whole(answer, "pemCrc32c", pem)
        return pem

    async def sign(self, data: bytes) -> bytes:
        """The signature of some bytes, as ASN.1 DER for an elliptic curve over P-256.

        Raises:
            InfrastructureError: as in `public_key`.
        """
        if not self._algorithm:
            await self.public_key()
        path = f"/v1/{self._name}:asymmetricSign"
        body, checked = _asked(data, self._algorithm)
        answer = await self._wire.call(Query("POST", path, self._subject, body))
        try:
            signature = base64.b64decode(text(answer, "signature"), validate=True)
        except (binascii.Error, ValueError):
            signature = b""
        if not signature or text(answer, "name") not in {"", self._name}:
            raise InfrastructureError(f"{self._subject}: what came is no signature", AGAIN)
        if value(answer, checked) is False:
            raise InfrastructureError(f"{self._subject}: what was sent came damaged", AGAIN)
        self._whole(answer, "signatureCrc32c", signature)
        return signature

    def _whole(self, answer: Document, name: str, data: bytes) -> None:
        """Refuses what came damaged."""
        if text(answer, name) and number(answer, name) != crc32c(data):
            told = f"{self._subject}: what came is damaged (its checksum is another one)"
            raise InfrastructureError(told, AGAIN)


def _asked(data: bytes, algorithm: str) -> tuple[Document, str]:
    """What is sent, and the field that says whether it came as it was sent."""
    if algorithm == ED25519:
        body: Document = {"data": _base64(data), "dataCrc32c": str(crc32c(data))}
        return body, "verifiedDataCrc32c"
    digest = hashlib.sha256(data).digest()
    body = {"digest": {"sha256": _base64(digest)}, "digestCrc32c": str(crc32c(digest))}
    return body, "verifiedDigestCrc32c"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
