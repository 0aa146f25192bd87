"""Secret Manager's one call that reads a secret (v1, REST), over the secrets of the images file.

The images file has one value for each secret, whatever the project and the version: a number or an
alias is taken as it comes, and `latest` is version 1. Source: google/cloud/secretmanager/v1
(service.proto, resources.proto).
"""

import base64
from collections.abc import Mapping
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.admin.defaults import project_number
from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response, json_response

_PATH: Final = "/v1/projects/{project}/secrets/{secret}/versions/{version}:access"


class Secrets(Protocol):
    """Where secrets are."""

    @property
    def secrets(self) -> Mapping[str, str]:
        """Value of each secret by name."""
        ...


def secret_route(source: Secrets) -> Route:
    """Gives the route to mount."""

    async def access(request: Request) -> Response:
        project, secret, version = (
            str(request.path_params[name]) for name in ("project", "secret", "version")
        )
        number = project if project.isdecimal() else project_number(project)
        name = f"projects/{number}/secrets/{secret}"
        value = source.secrets.get(secret)
        if value is None:
            text = f"Secret [{name}] not found or has no versions."
            return error_response(ApiError(Code.NOT_FOUND, text))
        data = value.encode()
        return json_response(
            {
                "name": f"{name}/versions/{'1' if version == 'latest' else version}",
                "payload": {
                    "data": base64.b64encode(data).decode(),
                    "dataCrc32c": str(crc32c(data)),
                },
            }
        )

    return Route(_PATH, access, methods=["GET"], name="AccessSecretVersion")


def crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), a byte at a time by a table."""
    rest = 0xFFFFFFFF
    for byte in data:
        rest = _TABLE[(rest ^ byte) & 0xFF] ^ (rest >> 8)
    return rest ^ 0xFFFFFFFF


def _of_byte(value: int) -> int:
    for _ in range(8):
        value = (value >> 1) ^ (0x82F63B78 * (value & 1))
    return value


_TABLE: Final = tuple(map(_of_byte, range(256)))
