"""The metadata server that Google's libraries ask who they are, and the issuer's public key.

GCE_METADATA_HOST points them here. Source: compute/docs/metadata and google-auth's
compute_engine/_metadata.py for what is asked.
"""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from gate.local.access.claims import LIFETIME
from gate.local.access.issuer import Issuer
from gate.local.ports import JsonValue

_FLAVOR: Final = {"Metadata-Flavor": "Google"}
_ROOT: Final = "/computeMetadata/v1"
_ACCOUNT: Final = f"{_ROOT}/instance/service-accounts/{{account}}"
_SCOPES: Final = ("https://www.googleapis.com/auth/cloud-platform",)

Call = Callable[[Request], Awaitable[Response]]


class MetadataServer:
    """Answers as the metadata server of a machine that runs as one account.

    Args:
        issuer: makes the ID tokens.
        email: the account. Tokens of others can be had by naming them in its place.
        project: gives the one project that there is, or "".
        identities: whether it gives ID tokens: the one of Cloud Build answers 404.
    """

    def __init__(
        self, issuer: Issuer, email: str, project: Callable[[], str], *, identities: bool = True
    ) -> None:
        self._identities = identities
        self._issuer = issuer
        self._email = email
        self._project = project

    def routes(self) -> list[Route]:
        """Gives the routes to mount."""
        calls: dict[str, Call] = {
            "/": self.alive,
            f"{_ROOT}/": self.alive,
            f"{_ROOT}/project/project-id": self.project_id,
            f"{_ROOT}/universe/universe-domain": self.universe,
            f"{_ROOT}/instance/service-accounts/": self.accounts,
            f"{_ACCOUNT}/": self.account,
            f"{_ACCOUNT}/email": self.email,
            f"{_ACCOUNT}/scopes": self.scopes,
            f"{_ACCOUNT}/token": self.access_token,
            f"{_ACCOUNT}/identity": self.identity,
        }
        made = [Route(path, _flavored(call), methods=["GET"]) for path, call in calls.items()]
        return [*made, Route("/oauth2/v3/certs", self.certificates, methods=["GET"])]

    async def alive(self, _: Request) -> Response:
        """GET /: a library looks whether there is a metadata server."""
        return PlainTextResponse("computeMetadata/\n")

    async def project_id(self, _: Request) -> Response:
        """GET project/project-id: where services are of one project, that one."""
        found = self._project()
        return PlainTextResponse(found, 200 if found else 404)

    async def universe(self, _: Request) -> Response:
        """GET universe/universe-domain."""
        return PlainTextResponse("googleapis.com")

    async def accounts(self, _: Request) -> Response:
        """GET instance/service-accounts/."""
        return PlainTextResponse(f"default/\n{self._email}/\n")

    async def account(self, request: Request) -> Response:
        """GET instance/service-accounts/A/?recursive=true."""
        info: dict[str, JsonValue] = {
            "aliases": ["default"],
            "email": self._who(request),
            "scopes": list(_SCOPES),
        }
        return JSONResponse(info)

    async def email(self, request: Request) -> Response:
        """GET instance/service-accounts/A/email."""
        return PlainTextResponse(self._who(request))

    async def scopes(self, _: Request) -> Response:
        """GET instance/service-accounts/A/scopes."""
        return PlainTextResponse("\n".join(_SCOPES))

    async def access_token(self, _: Request) -> Response:
        """GET instance/service-accounts/A/token: good for nothing, since no call asks for one."""
        return JSONResponse(
            {
                "access_token": f"gate-local.{secrets.token_urlsafe(24)}",
                "expires_in": int(LIFETIME.total_seconds()) - 1,
                "token_type": "Bearer",
            }
        )

    async def identity(self, request: Request) -> Response:
        """GET instance/service-accounts/A/identity?audience=URL."""
        if not self._identities:
            return PlainTextResponse("Not Found\n", 404)
        audience = request.query_params.get("audience", "")
        if not audience:
            return PlainTextResponse("non-empty audience parameter required\n", 400)
        return PlainTextResponse(await self._issuer.token(self._who(request), audience))

    async def certificates(self, _: Request) -> Response:
        """GET /oauth2/v3/certs: the key that checks signatures."""
        return JSONResponse(await self._issuer.certificates())

    def _who(self, request: Request) -> str:
        account = str(request.path_params["account"])
        return self._email if account == "default" else account


def _flavored(call: Call) -> Call:
    """Answers only those who say that they mean a metadata server, and says that it is one."""

    async def endpoint(request: Request) -> Response:
        meant = request.headers.get("metadata-flavor", "").lower() == "google"
        if not meant and request.url.path == "/":
            raise HTTPException(404)  # what else is at this port answers nothing there
        if meant:
            response = await call(request)
        else:
            response = PlainTextResponse("Missing Metadata-Flavor:Google header.\n", 403)
        response.headers.update(_FLAVOR)
        return response

    return endpoint
