"""The v1 calls that gcloud makes to read services and revisions and to move traffic.

The region is the prefix that gcloud puts before the host (us-central1-127.0.0.1); without one a
service is looked for in every region. What gcloud needs for deploys is not here.
"""

import re
from collections.abc import Awaitable, Callable
from urllib.parse import unquote_plus

from google.longrunning import operations_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.admin.admission import check_version
from gate.local.admin.control import ControlPlane
from gate.local.admin.defaults import project_number
from gate.local.admin.errors import ApiError, Code
from gate.local.admin.grpc_face import CALLER_HEADER, MAX_WAIT_S
from gate.local.admin.json_wire import error_response, json_response, parse, read_body
from gate.local.admin.knative import (
    API,
    Json,
    dig,
    read_traffic,
    revision_v1,
    same_pod,
    service_v1,
    template_v1,
)
from gate.local.admin.messages import Service, UpdateServiceRequest
from gate.local.admin.names import parse_service, service_path, short
from gate.local.admin.tables import ServiceRecord
from gate.local.ports import JsonValue

_NAMESPACE = f"/apis/{API}/namespaces/{{namespace}}"
_REGION = re.compile(r"([a-z]+-[a-z]+[0-9]+)-")
_SELECTOR = re.compile(r"serving\.knative\.dev/service\s*==?\s*([a-z0-9-]+)")

Call = Callable[[Request], Awaitable[Json]]


class V1Face:
    """The calls of /apis/serving.knative.dev/v1 and /v1.

    Args:
        control: the shared state and its calls.
        caller: who calls when the headers name nobody.
    """

    def __init__(self, control: ControlPlane, caller: str) -> None:
        self._control = control
        self._caller = caller

    def routes(self) -> list[Route]:
        """Gives the routes to mount."""
        wait = "/v1/projects/{project}/locations/{location}/operations/{operation}:wait"
        return [
            _route("GET", f"{_NAMESPACE}/services", self.list_services),
            _route("GET", f"{_NAMESPACE}/services/{{service}}", self.get_service),
            _route("PUT", f"{_NAMESPACE}/services/{{service}}", self.replace_service),
            _route("GET", f"{_NAMESPACE}/revisions", self.list_revisions),
            _route("GET", f"{_NAMESPACE}/revisions/{{revision}}", self.get_revision),
            _route("POST", wait, self.wait_operation),
        ]

    async def list_services(self, request: Request) -> Json:
        """GET services."""
        items: list[JsonValue] = [self._render(record) for record in self._records(request)]
        return {"apiVersion": API, "kind": "ServiceList", "metadata": {}, "items": items}

    async def get_service(self, request: Request) -> Json:
        """GET services/S."""
        return self._render(self._record(request))

    async def replace_service(self, request: Request) -> Json:
        """PUT services/S: the whole object as read, with another spec.traffic."""
        record = self._record(request)
        body = await read_body(request)
        check_version(record.resource, str(dig(body, "metadata", "resourceVersion") or ""))
        if not same_pod(dig(body, "spec", "template"), template_v1(record.resource.template)):
            raise ApiError(
                Code.UNIMPLEMENTED,
                "spec.template: the local Cloud Run takes new revisions over v2 only (got a v1 "
                "write that changes the template, expected one that changes spec.traffic)",
            )
        wanted = Service(name=service_path(record.key))
        wanted.traffic = read_traffic(dig(body, "spec", "traffic"))
        asked = UpdateServiceRequest(service=wanted, update_mask=FieldMask(paths=["traffic"]))
        self._control.update_service(asked, request.headers.get(CALLER_HEADER, self._caller))
        return self._render(record)

    async def list_revisions(self, request: Request) -> Json:
        """GET revisions?labelSelector=serving.knative.dev/service = S."""
        selector = unquote_plus(request.query_params.get("labelSelector", ""))
        match = _SELECTOR.fullmatch(selector.strip())
        if selector and match is None:
            text = f"labelSelector: not supported (got {selector[:100]!r})"
            raise ApiError(Code.INVALID_ARGUMENT, text)
        items: list[JsonValue] = [
            revision_v1(held.resource, record.key)
            for record in self._records(request)
            if match is None or record.key.service == match[1]
            for held in sorted(record.revisions.values(), key=lambda held: -held.number)
        ]
        return {"apiVersion": API, "kind": "RevisionList", "metadata": {}, "items": items}

    async def get_revision(self, request: Request) -> Json:
        """GET revisions/R."""
        name = request.path_params["revision"]
        for record in self._records(request):
            held = record.revisions.get(name)
            if held is not None:
                return revision_v1(held.resource, record.key)
        raise _missing("Revision", name)

    async def wait_operation(self, request: Request) -> Json:
        """POST operations/O:wait with {"timeout": "30s"}; answers with the v1 service."""
        asked = operations_pb2.WaitOperationRequest()
        parse(await read_body(request), asked)
        timeout_s = asked.timeout.ToTimedelta().total_seconds() or MAX_WAIT_S
        name = request.url.path.removeprefix("/v1/").removesuffix(":wait")
        record = await self._control.operations.wait(name, min(timeout_s, MAX_WAIT_S))
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

    def _render(self, record: ServiceRecord) -> Json:
        operation = self._control.operations.last(service_path(record.key))
        return service_v1(record.resource, record.key, short(operation))

    def _records(self, request: Request) -> list[ServiceRecord]:
        namespace = request.path_params["namespace"]
        region = _REGION.match(request.headers.get("host", ""))
        return [
            record
            for record in self._control.tables.services()
            if namespace in (record.key.project, project_number(record.key.project))
            and (region is None or region[1] == record.key.location)
        ]

    def _record(self, request: Request) -> ServiceRecord:
        name = request.path_params["service"]
        for record in self._records(request):
            if record.key.service == name:
                return record
        raise _missing("Service", name)


def _route(method: str, path: str, call: Call) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            return json_response(await call(request))
        except ApiError as error:
            return error_response(error)

    return Route(path, endpoint, methods=[method])


def _missing(kind: str, name: str) -> ApiError:
    return ApiError(
        Code.NOT_FOUND, f"Resource '{name[:80]}' of kind '{kind.upper()}' does not exist."
    )
