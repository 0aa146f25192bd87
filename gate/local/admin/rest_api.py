"""The Admin API over REST/JSON: /v2/projects/P/locations/L/..., as google-cloud-run speaks it.

Enums come as names or numbers and go out as names unless the caller says
`$alt=json;enum-encoding=int`, as the Python client does. A PATCH has its name in the path and none
in the body. Polls of operations carry no `$alt`.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from google.longrunning import operations_pb2
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.admin.control import ControlPlane
from gate.local.admin.grpc_api import CALLER_HEADER, MAX_WAIT_S
from gate.local.admin.masks import parse_mask
from gate.local.admin.messages import (
    CreateServiceRequest,
    DeleteRevisionRequest,
    DeleteServiceRequest,
    ListRevisionsRequest,
    ListRevisionsResponse,
    ListServicesRequest,
    ListServicesResponse,
    Revision,
    Service,
    UpdateServiceRequest,
)
from gate.local.admin.names import Place
from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response, json_response, parse, read_body, render
from gate.local.ports import JsonValue

_PLACE = "/v2/projects/{project}/locations/{location}"
_SERVICE = f"{_PLACE}/services/{{service}}"
_REVISION = f"{_SERVICE}/revisions/{{revision}}"
_OPERATION = f"{_PLACE}/operations/{{operation}}"
# Parameters that every Google API takes and that change nothing here.
_COMMON = frozenset({"$alt", "alt", "prettyPrint", "$prettyPrint", "key", "quotaUser", "$.xgafv"})
_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}

Answer = Any  # a protobuf message; proto-plus and googleapis-common-protos have no types
Call = Callable[[Request], Awaitable[Answer]]


class RestApi:
    """The calls of /v2.

    Args:
        control: the shared state and its calls.
        caller: who calls when the headers name nobody.
    """

    def __init__(self, control: ControlPlane, caller: str) -> None:
        self._control = control
        self._caller = caller

    def routes(self) -> list[Route]:
        """Gives the routes to mount, each called as over gRPC."""
        return [
            _route("ListServices", "GET", f"{_PLACE}/services", self.list_services),
            _route("CreateService", "POST", f"{_PLACE}/services", self.create_service),
            _route("GetService", "GET", _SERVICE, self.get_service),
            _route("UpdateService", "PATCH", _SERVICE, self.update_service),
            _route("DeleteService", "DELETE", _SERVICE, self.delete_service),
            _route("ListRevisions", "GET", f"{_SERVICE}/revisions", self.list_revisions),
            _route("GetRevision", "GET", _REVISION, self.get_revision),
            _route("DeleteRevision", "DELETE", _REVISION, self.delete_revision),
            _route("ListOperations", "GET", f"{_PLACE}/operations", self.list_operations),
            _route("WaitOperation", "POST", f"{_OPERATION}:wait", self.wait_operation),
            _route("GetOperation", "GET", _OPERATION, self.get_operation),
            _route("DeleteOperation", "DELETE", _OPERATION, self.delete_operation),
        ]

    async def list_services(self, request: Request) -> Answer:
        """GET .../services."""
        asked = ListServicesRequest(parent=_name(request, -1))
        parse(_query(request), ListServicesRequest.pb(asked))
        return ListServicesResponse.pb(self._control.list_services(asked))

    async def create_service(self, request: Request) -> Answer:
        """POST .../services?serviceId=S."""
        asked = CreateServiceRequest(parent=_name(request, -1), service=Service())
        parse(_query(request), CreateServiceRequest.pb(asked))
        parse(await read_body(request), Service.pb(asked.service))
        return self._control.create_service(asked, self._who(request))

    async def get_service(self, request: Request) -> Answer:
        """GET .../services/S."""
        _query(request, allowed=False)
        return Service.pb(self._control.get_service(_name(request)))

    async def update_service(self, request: Request) -> Answer:
        """PATCH .../services/S?updateMask=traffic."""
        asked = UpdateServiceRequest(service=Service())
        fields = _query(request)
        mask = fields.pop("updateMask", fields.pop("update_mask", ""))
        parse(fields, UpdateServiceRequest.pb(asked))
        asked.update_mask = parse_mask(str(mask))
        parse(await read_body(request), Service.pb(asked.service))
        asked.service.name = _name(request)
        return self._control.update_service(asked, self._who(request))

    async def delete_service(self, request: Request) -> Answer:
        """DELETE .../services/S."""
        asked = DeleteServiceRequest(name=_name(request))
        parse(_query(request), DeleteServiceRequest.pb(asked))
        return self._control.delete_service(asked)

    async def list_revisions(self, request: Request) -> Answer:
        """GET .../services/S/revisions; S may be `-`."""
        asked = ListRevisionsRequest(parent=_name(request, -1))
        parse(_query(request), ListRevisionsRequest.pb(asked))
        return ListRevisionsResponse.pb(self._control.list_revisions(asked))

    async def get_revision(self, request: Request) -> Answer:
        """GET .../services/S/revisions/R."""
        _query(request, allowed=False)
        return Revision.pb(self._control.get_revision(_name(request)))

    async def delete_revision(self, request: Request) -> Answer:
        """DELETE .../services/S/revisions/R."""
        asked = DeleteRevisionRequest(name=_name(request))
        parse(_query(request), DeleteRevisionRequest.pb(asked))
        return self._control.delete_revision(asked)

    async def list_operations(self, request: Request) -> Answer:
        """GET .../operations."""
        asked = operations_pb2.ListOperationsRequest()
        parse(_query(request), asked)
        if asked.filter:
            raise ApiError(Code.INVALID_ARGUMENT, "filter: not supported")
        place = Place(request.path_params["project"], request.path_params["location"])
        cut = self._control.operations.listed(place, asked.page_size, asked.page_token)
        return operations_pb2.ListOperationsResponse(
            operations=cut.items, next_page_token=cut.next_token
        )

    async def get_operation(self, request: Request) -> Answer:
        """GET .../operations/O."""
        _query(request, allowed=False)
        return self._control.operations.get(_name(request)).operation

    async def wait_operation(self, request: Request) -> Answer:
        """POST .../operations/O:wait with {"timeout": "30s"}."""
        asked = operations_pb2.WaitOperationRequest()
        parse(await read_body(request), asked)
        timeout_s = asked.timeout.ToTimedelta().total_seconds() or MAX_WAIT_S
        name = _name(request).removesuffix(":wait")
        record = await self._control.operations.wait(name, min(timeout_s, MAX_WAIT_S))
        return record.operation

    async def delete_operation(self, request: Request) -> Answer:
        """DELETE .../operations/O."""
        self._control.operations.delete(_name(request))
        return operations_pb2.ListOperationsResponse()

    def _who(self, request: Request) -> str:
        return request.headers.get(CALLER_HEADER, self._caller)


def _route(name: str, method: str, path: str, call: Call) -> Route:
    async def endpoint(request: Request) -> Response:
        int_enums = "enum-encoding=int" in request.query_params.get("$alt", "")
        try:
            answer = await call(request)
        except ApiError as error:
            return error_response(error)
        return json_response(render(answer, int_enums=int_enums))

    return Route(path, endpoint, methods=[method], name=name)


def _name(request: Request, end: int | None = None) -> str:
    """Gives the resource name in the path; `end` -1 leaves the collection's name out."""
    return "/".join(request.url.path.removeprefix("/v2/").split("/")[:end])


def _query(request: Request, *, allowed: bool = True) -> dict[str, JsonValue]:
    """Gives the call's own query parameters.

    Raises:
        ApiError: INVALID_ARGUMENT: parameters where none are taken.
    """
    fields: dict[str, JsonValue] = {}
    for name, value in request.query_params.items():
        if name in _COMMON:
            continue
        if not allowed:
            text = f'Invalid JSON payload received. Unknown name "{name[:80]}".'
            raise ApiError(Code.INVALID_ARGUMENT, text)
        fields[name] = _BOOLEANS.get(value, value) if _is_boolean(name) else value
    return fields


def _is_boolean(name: str) -> bool:
    known = ("validateOnly", "allowMissing", "showDeleted")
    return name in known or name in ("validate_only", "allow_missing", "show_deleted")
