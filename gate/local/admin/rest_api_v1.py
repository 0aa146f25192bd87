"""The calls of v1: services and revisions, read, created, replaced and deleted.

A service's region is in the path (/v1/projects/P/locations/L), or the prefix that clients put
before the host (us-central1-127.0.0.1); without either it is looked for in every region, and a new
one says it in the label cloud.googleapis.com/location.
"""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from google.longrunning import operations_pb2
from google.longrunning.operations_pb2 import Operation
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.admin.control import ControlPlane
from gate.local.admin.grpc_api import CALLER_HEADER, MAX_WAIT_S
from gate.local.admin.messages import (
    CreateServiceRequest,
    DeleteRevisionRequest,
    DeleteServiceRequest,
    Service,
)
from gate.local.admin.names import parse_service, revision_path, service_path, short
from gate.local.admin.operations import OperationRecord
from gate.local.admin.pages import page
from gate.local.admin.tables import RevisionRecord, ServiceRecord
from gate.local.admin.v1.fields import Json, dig
from gate.local.admin.v1.places import Places
from gate.local.admin.v1.revision import revision_labels, revision_v1
from gate.local.admin.v1.selectors import Selector, parse_selector
from gate.local.admin.v1.service import API, read_service, service_labels, service_v1
from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response, json_response, parse, read_body
from gate.local.ports import JsonValue

_COLLECTIONS: Final = (
    f"/apis/{API}/namespaces/{{namespace}}",
    "/v1/projects/{namespace}/locations/{location}",
)
_OPERATION: Final = "/v1/projects/{project}/locations/{location}/operations/{operation}"

T = TypeVar("T")
Call = Callable[[Request], Awaitable[Json]]


class V1RestApi:
    """The calls of /apis/serving.knative.dev/v1 and /v1.

    Args:
        control: the shared state and its calls.
        caller: who calls when the headers name nobody.
    """

    def __init__(self, control: ControlPlane, caller: str) -> None:
        self._control = control
        self._caller = caller
        self.places = Places(control.tables)

    def routes(self) -> list[Route]:
        """Gives the routes to mount, each called as v2 calls the same thing."""
        made = [
            _route("WaitOperation", "POST", f"{_OPERATION}:wait", self.wait_operation),
            _route("GetOperation", "GET", _OPERATION, self.get_operation),
        ]
        for base in _COLLECTIONS:
            services, revisions = f"{base}/services", f"{base}/revisions"
            one, revision = f"{services}/{{service}}", f"{revisions}/{{revision}}"
            made += [
                _route("ListServices", "GET", services, self.list_services),
                _route("CreateService", "POST", services, self.create_service),
                _route("GetService", "GET", one, self.get_service),
                _route("UpdateService", "PUT", one, self.replace_service),
                _route("DeleteService", "DELETE", one, self.delete_service),
                _route("ListRevisions", "GET", revisions, self.list_revisions),
                _route("GetRevision", "GET", revision, self.get_revision),
                _route("DeleteRevision", "DELETE", revision, self.delete_revision),
            ]
        return made

    async def list_services(self, request: Request) -> Json:
        """GET services."""
        selector = _selector(request)
        records = [
            (each.key.service, each)
            for each in self.places.records(request)
            if selector.matches(service_labels(each))
        ]
        return _listed(request, "Service", records, self._render)

    async def get_service(self, request: Request) -> Json:
        """GET services/S."""
        return self._render(self.places.service(request))

    async def create_service(self, request: Request) -> Json:
        """POST services."""
        body = await read_body(request)
        place = self.places.new(request, body)
        read = read_service(body, "", self.places.namespaces(place.project), Service())
        name = str(dig(body, "metadata", "name") or "")
        asked = CreateServiceRequest(
            parent=str(place), service_id=name, service=read.service, validate_only=_dry(request)
        )
        made = self._control.create_service(asked, self._who(request), read.client)
        return self._answer(made, f"{place}/services/{name}", dry=asked.validate_only)

    async def replace_service(self, request: Request) -> Json:
        """PUT services/S: the whole object as read, changed, under the version that was read."""
        record = self.places.service(request)
        body = await read_body(request)
        namespaces = self.places.namespaces(record.key.project)
        read = read_service(body, record.key.service, namespaces, record.resource)
        dry = _dry(request)
        made = self._control.replace_service(
            read.service, read.version, read.client, self._who(request), dry=dry
        )
        return self._answer(made, service_path(record.key), dry=dry)

    async def delete_service(self, request: Request) -> Json:
        """DELETE services/S."""
        record = self.places.service(request)
        asked = DeleteServiceRequest(name=service_path(record.key), validate_only=_dry(request))
        self._control.delete_service(asked)
        return _done()

    async def list_revisions(self, request: Request) -> Json:
        """GET revisions?labelSelector=serving.knative.dev/service = S."""
        selector = _selector(request)
        found = [
            (f"{10**9 - held.number:09d}/{record.key.service}", (held, record))
            for record in self.places.records(request)
            for held in record.revisions.values()
            if selector.matches(revision_labels(held, record))
        ]
        return _listed(request, "Revision", found, lambda pair: revision_v1(*pair))

    async def get_revision(self, request: Request) -> Json:
        """GET revisions/R."""
        return revision_v1(*self.places.revision(request))

    async def delete_revision(self, request: Request) -> Json:
        """DELETE revisions/R."""
        held: RevisionRecord = self.places.revision(request)[0]
        asked = DeleteRevisionRequest(name=revision_path(held.key), validate_only=_dry(request))
        self._control.delete_revision(asked)
        return _done()

    async def wait_operation(self, request: Request) -> Json:
        """POST operations/O:wait with {"timeout": "30s"}; answers with the v1 service."""
        asked = operations_pb2.WaitOperationRequest()
        parse(await read_body(request), asked)
        timeout_s = asked.timeout.ToTimedelta().total_seconds() or MAX_WAIT_S
        name = request.url.path.removeprefix("/v1/").removesuffix(":wait")
        return self._show(await self._control.operations.wait(name, min(timeout_s, MAX_WAIT_S)))

    async def get_operation(self, request: Request) -> Json:
        """GET operations/O."""
        name = request.url.path.removeprefix("/v1/")
        return self._show(self._control.operations.get(name))

    def _show(self, record: OperationRecord) -> Json:
        operation = record.operation
        answer: Json = {"name": operation.name}
        if not operation.done:
            return answer
        answer["done"] = True
        service = self._control.tables.find(parse_service(record.target))
        if operation.HasField("error"):
            answer["error"] = {"code": operation.error.code, "message": operation.error.message}
        elif service is not None:
            rendered = self._render(service)
            kind = "type.googleapis.com/google.cloud.run.v1.Service"
            answer["response"] = {"@type": kind, **rendered}
        return answer

    def _answer(self, operation: Operation, name: str, *, dry: bool) -> Json:
        """Gives the service that a write left, or would have left."""
        if not dry:
            return self._render(self._control.tables.service(parse_service(name)))
        service = Service()
        operation.metadata.Unpack(Service.pb(service))
        return service_v1(ServiceRecord(parse_service(name), service), "")

    def _render(self, record: ServiceRecord) -> Json:
        operation = self._control.operations.last(service_path(record.key))
        return service_v1(record, short(operation))

    def _who(self, request: Request) -> str:
        return request.headers.get(CALLER_HEADER, self._caller)


def _route(name: str, method: str, path: str, call: Call) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response(await call(request))
        except ApiError as error:
            return error_response(error)

    return Route(path, endpoint, methods=[method], name=name)


def _listed(
    request: Request, kind: str, found: list[tuple[str, T]], show: Callable[[T], Json]
) -> Json:
    """Gives a list, or the page of it that `limit` and `continue` ask for."""
    limit, token = request.query_params.get("limit", "0"), request.query_params.get("continue", "")
    if not limit.isdecimal():
        raise ApiError(Code.INVALID_ARGUMENT, f"limit: not a number (got {limit[:40]!r})")
    found.sort(key=lambda entry: entry[0])
    size = min(int(limit), 1_000) or max(len(found), 1)
    cut = page(found, size, token, f"{kind} {request.url.path}")
    items: list[JsonValue] = [show(item) for item in cut.items]
    metadata: Json = {"continue": cut.next_token} if cut.next_token else {}
    return {"apiVersion": API, "kind": f"{kind}List", "metadata": metadata, "items": items}


def _selector(request: Request) -> Selector:
    return parse_selector(request.query_params.get("labelSelector", ""))


def _dry(request: Request) -> bool:
    value = request.query_params.get("dryRun", "")
    if value not in ("", "all"):
        raise ApiError(Code.INVALID_ARGUMENT, f"dryRun: (got {value[:40]!r}, expected all)")
    return bool(value)


def _done() -> Json:
    return {"apiVersion": "v1", "kind": "Status", "status": "Success"}
