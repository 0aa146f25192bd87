"""Reads versions of secrets in Secret Manager (secretmanager.googleapis.com/v1, `:access`)."""

import base64
import binascii
from dataclasses import dataclass, field

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import number, text
from gate.cloud.wire import OverWire, Query, Ways, Wire
from gate.errors import InfrastructureError

_POLYNOMIAL = 0x82F63B78


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """A version of a secret.

    Attributes:
        name: its full name, with the number of the version also where an alias was asked for.
        value: its bytes.
    """

    name: str
    value: bytes = field(repr=False)


class SecretManager(OverWire):
    """Reads secrets.

    Args:
        endpoint: where the Secret Manager API is.
        ways: how the wire reaches the world.
    """

    def __init__(self, endpoint: Endpoint, ways: Ways | None = None) -> None:
        self._wire = Wire(Place(Api.SECRETS, endpoint), ways=ways)

    async def access(self, name: str) -> SecretVersion:
        """Reads one version.

        Args:
            name: projects/P/secrets/S/versions/V; V is a number, an alias or `latest`.

        Raises:
            NotFoundError: there is no such secret, or no such version.
            AccessError: the caller may not read it.
            UnavailableError: no answer.
            InfrastructureError: it is disabled or destroyed, or what came is damaged.
        """
        subject = f"secret {name}"
        answer = await self._wire.call(Query("GET", f"/v1/{name}:access", subject))
        try:
            value = base64.b64decode(text(answer, "payload", "data"), validate=True)
        except (binascii.Error, ValueError):
            raise InfrastructureError(f"{subject}: what came is no payload") from None
        told = text(answer, "payload", "dataCrc32c")
        if told and number(answer, "payload", "dataCrc32c") != crc32c(value):
            raise InfrastructureError(
                f"{subject}: what came is damaged (its checksum is another one)", "run it again"
            )
        return SecretVersion(text(answer, "name") or name, value)


def crc32c(data: bytes) -> int:
    """The checksum with which Secret Manager sends its payloads (RFC 3720, appendix B.4)."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest ^= byte
        for _ in range(8):
            rest = (rest >> 1) ^ (_POLYNOMIAL if rest & 1 else 0)
    return rest ^ 0xFFFFFFFF
