"""IAM Credentials over REST: ID tokens and signatures of service accounts for those who may ask.

Source: googleapis google/iam/credentials/v1/common.proto (fields, the form of names). Every caller
may ask for every account, as with the metadata server here.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.access.issuer import KEY_ID, Issuer
from gate.local.api.errors import ApiError, invalid
from gate.local.api.json_wire import error_response, json_response, read_body
from gate.local.ports import JsonValue

_ACCOUNT: Final = "/v1/projects/-/serviceAccounts/{account}"

Call = Callable[[Request], Awaitable[dict[str, JsonValue]]]


class IamCredentialsApi:
    """The calls that ask for tokens of an account.

    Args:
        issuer: makes and signs them.
    """

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer

    def routes(self) -> list[Route]:
        """Gives the routes to mount."""
        return [
            _route("GenerateIdToken", f"{_ACCOUNT}:generateIdToken", self.generate_id_token),
            _route("SignJwt", f"{_ACCOUNT}:signJwt", self.sign_jwt),
        ]

    async def generate_id_token(self, request: Request) -> dict[str, JsonValue]:
        """POST .../serviceAccounts/A:generateIdToken with {"audience": URL}."""
        audience = _text(await read_body(request), "audience")
        return {"token": await self._issuer.token(request.path_params["account"], audience)}

    async def sign_jwt(self, request: Request) -> dict[str, JsonValue]:
        """POST .../serviceAccounts/A:signJwt with {"payload": CLAIMS}, which are JSON as a text."""
        payload = _text(await read_body(request), "payload")
        return {"keyId": KEY_ID, "signedJwt": await self._issuer.signed(payload)}


def _text(body: dict[str, JsonValue], name: str) -> str:
    found = body.get(name)
    if not isinstance(found, str) or not found:
        raise invalid(name, "(got none, expected a text)")
    return found


def _route(name: str, path: str, call: Call) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response(dict(await call(request)))
        except ApiError as error:
            return error_response(error)

    return Route(path, endpoint, methods=["POST"], name=name)
