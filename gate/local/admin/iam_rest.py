"""The IAM calls over REST/JSON; v1, as gcloud speaks it, and v2 have the same ones."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.iam.v1 import iam_policy_pb2 as pb
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.admin.iam import Iam
from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response, json_response, parse, read_body, render

_SERVICE = "projects/{project}/locations/{location}/services/{service}"
_ELSEWHERE = (
    "v1/projects/{project}",
    "v3/projects/{project}",
    "v1/projects/{project}/serviceAccounts/{account}",
    "v1/projects/{project}/secrets/{secret}",
)
"""Resources of other APIs, of which all exist: Resource Manager, IAM, Secret Manager."""
_VERSION = ("options.requestedPolicyVersion", "options.requested_policy_version")

Answer = Any  # a protobuf message; googleapis-common-protos has no types
Call = Callable[[Request], Awaitable[Answer]]


class IamRestApi:
    """The calls of /v1 and /v2.

    Args:
        iam: what carries them out.
    """

    def __init__(self, iam: Iam) -> None:
        self._iam = iam

    def routes(self) -> list[Route]:
        """Gives the routes to mount, before those whose last segment is any name."""
        elsewhere = [
            _route("TestIamPermissions", "POST", f"/{path}:testIamPermissions", self.test_elsewhere)
            for path in _ELSEWHERE
        ]
        return elsewhere + [
            _route(name, method, f"/{version}/{_SERVICE}:{name[0].lower()}{name[1:]}", call)
            for version in ("v1", "v2")
            for name, method, call in (
                ("GetIamPolicy", "GET", self.get_policy),
                ("SetIamPolicy", "POST", self.set_policy),
                ("TestIamPermissions", "POST", self.test_permissions),
            )
        ]

    async def get_policy(self, request: Request) -> Answer:
        """GET .../services/S:getIamPolicy."""
        for name in _VERSION:
            version = request.query_params.get(name, "1")
            if version not in ("0", "1", "3"):
                text = f"{name}: (got {version[:40]!r}, expected 1 or 3)"
                raise ApiError(Code.INVALID_ARGUMENT, text)
        return self._iam.get_policy(_resource(request))

    async def set_policy(self, request: Request) -> Answer:
        """POST .../services/S:setIamPolicy with {"policy": ...}."""
        asked = parse(await read_body(request), pb.SetIamPolicyRequest())
        return self._iam.set_policy(_resource(request), asked.policy, asked.update_mask.paths)

    async def test_permissions(self, request: Request) -> Answer:
        """POST .../services/S:testIamPermissions with {"permissions": [...]}."""
        asked = parse(await read_body(request), pb.TestIamPermissionsRequest())
        held = self._iam.test_permissions(_resource(request), asked.permissions)
        return pb.TestIamPermissionsResponse(permissions=held)

    async def test_elsewhere(self, request: Request) -> Answer:
        """POST ...:testIamPermissions on a project, a service account or a secret."""
        asked = parse(await read_body(request), pb.TestIamPermissionsRequest())
        return pb.TestIamPermissionsResponse(permissions=self._iam.held(asked.permissions))


def _resource(request: Request) -> str:
    return _SERVICE.format(**request.path_params)


def _route(name: str, method: str, path: str, call: Call) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response(render(await call(request), int_enums=False))
        except ApiError as error:
            return error_response(error)

    return Route(path, endpoint, methods=[method], name=name)
