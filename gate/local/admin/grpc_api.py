"""The Admin API over gRPC: Services and Revisions of google.cloud.run.v2, Operations.

The client library ships no servicers, so that generic handlers carry its messages.
"""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import grpc
from google.iam.v1 import iam_policy_pb2
from google.longrunning import operations_pb2
from google.longrunning.operations_pb2 import Operation
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from gate.local.admin.control import ControlPlane
from gate.local.admin.messages import (
    CreateServiceRequest,
    DeleteRevisionRequest,
    DeleteServiceRequest,
    GetRevisionRequest,
    GetServiceRequest,
    ListRevisionsRequest,
    ListRevisionsResponse,
    ListServicesRequest,
    ListServicesResponse,
    Revision,
    Service,
    UpdateServiceRequest,
)
from gate.local.admin.names import parse_operation, parse_place
from gate.local.api.errors import ApiError, Code, invalid

CALLER_HEADER = "x-gate-local-caller"
MAX_WAIT_S = 600.0
_DETAILS = "grpc-status-details-bin"
_STATUS = {code.value[0]: code for code in grpc.StatusCode}

Req = TypeVar("Req")
Res = TypeVar("Res")
if TYPE_CHECKING:  # generic in their stubs only
    Context = grpc.aio.ServicerContext[Any, Any]
    Handler = grpc.RpcMethodHandler[Any, Any]
    Handlers = tuple[grpc.GenericRpcHandler[Any, Any], ...]


def admin_handlers(control: ControlPlane, caller: str) -> "Handlers":
    """Gives the handlers to add to a grpc.aio server.

    Args:
        control: the shared state and its calls.
        caller: who calls when the metadata names nobody (x-gate-local-caller).
    """
    services = _services(control, caller) | _iam(control)
    revisions = _revisions(control)
    operations = _operations(control)
    return (
        grpc.method_handlers_generic_handler("google.cloud.run.v2.Services", services),
        grpc.method_handlers_generic_handler("google.cloud.run.v2.Revisions", revisions),
        grpc.method_handlers_generic_handler("google.longrunning.Operations", operations),
    )


def _services(control: ControlPlane, caller: str) -> "dict[str, Handler]":
    async def create(request: CreateServiceRequest, context: "Context") -> Operation:
        return control.create_service(request, _caller(context, caller))

    async def update(request: UpdateServiceRequest, context: "Context") -> Operation:
        return control.update_service(request, _caller(context, caller))

    async def get(request: GetServiceRequest, _: "Context") -> Service:
        return control.get_service(request.name)

    async def listed(request: ListServicesRequest, _: "Context") -> ListServicesResponse:
        return control.list_services(request)

    async def delete(request: DeleteServiceRequest, _: "Context") -> Operation:
        return control.delete_service(request)

    return {
        "CreateService": _unary(create, CreateServiceRequest.deserialize, _bytes),
        "UpdateService": _unary(update, UpdateServiceRequest.deserialize, _bytes),
        "GetService": _unary(get, GetServiceRequest.deserialize, Service.serialize),
        "ListServices": _unary(
            listed, ListServicesRequest.deserialize, ListServicesResponse.serialize
        ),
        "DeleteService": _unary(delete, DeleteServiceRequest.deserialize, _bytes),
    }


def _iam(control: ControlPlane) -> "dict[str, Handler]":
    pb = iam_policy_pb2

    async def get(request: Any, _: "Context") -> Any:
        return control.iam.get_policy(request.resource)

    async def put(request: Any, _: "Context") -> Any:
        mask = request.update_mask.paths
        return control.iam.set_policy(request.resource, request.policy, mask)

    async def test(request: Any, _: "Context") -> Any:
        held = control.iam.test_permissions(request.resource, request.permissions)
        return pb.TestIamPermissionsResponse(permissions=held)

    return {
        "GetIamPolicy": _unary(get, pb.GetIamPolicyRequest.FromString, _bytes),
        "SetIamPolicy": _unary(put, pb.SetIamPolicyRequest.FromString, _bytes),
        "TestIamPermissions": _unary(test, pb.TestIamPermissionsRequest.FromString, _bytes),
    }


def _revisions(control: ControlPlane) -> "dict[str, Handler]":
    async def get(request: GetRevisionRequest, _: "Context") -> Revision:
        return control.get_revision(request.name)

    async def listed(request: ListRevisionsRequest, _: "Context") -> ListRevisionsResponse:
        return control.list_revisions(request)

    async def delete(request: DeleteRevisionRequest, _: "Context") -> Operation:
        return control.delete_revision(request)

    return {
        "GetRevision": _unary(get, GetRevisionRequest.deserialize, Revision.serialize),
        "ListRevisions": _unary(
            listed, ListRevisionsRequest.deserialize, ListRevisionsResponse.serialize
        ),
        "DeleteRevision": _unary(delete, DeleteRevisionRequest.deserialize, _bytes),
    }


def _operations(control: ControlPlane) -> "dict[str, Handler]":
    async def get(request: operations_pb2.GetOperationRequest, _: "Context") -> Operation:
        parse_operation(request.name)
        return control.operations.get(request.name).operation

    async def listed(
        request: operations_pb2.ListOperationsRequest, _: "Context"
    ) -> operations_pb2.ListOperationsResponse:
        if request.filter:
            raise invalid("filter", f"not supported (got {request.filter[:80]!r})")
        place = parse_place(request.name)
        cut = control.operations.listed(place, request.page_size, request.page_token)
        return operations_pb2.ListOperationsResponse(
            operations=cut.items, next_page_token=cut.next_token
        )

    async def wait(request: operations_pb2.WaitOperationRequest, context: "Context") -> Operation:
        parse_operation(request.name)
        asked_s = request.timeout.ToTimedelta().total_seconds()
        left_s = context.time_remaining()
        limits = [asked_s or MAX_WAIT_S, MAX_WAIT_S if left_s is None else left_s * 0.9]
        record = await control.operations.wait(request.name, min(limits))
        return record.operation

    async def delete(request: operations_pb2.DeleteOperationRequest, _: "Context") -> Message:
        parse_operation(request.name)
        control.operations.delete(request.name)
        return Empty()

    pb = operations_pb2
    return {
        "GetOperation": _unary(get, pb.GetOperationRequest.FromString, _bytes),
        "ListOperations": _unary(listed, pb.ListOperationsRequest.FromString, _bytes),
        "WaitOperation": _unary(wait, pb.WaitOperationRequest.FromString, _bytes),
        "DeleteOperation": _unary(delete, pb.DeleteOperationRequest.FromString, _bytes),
    }


def _unary(
    call: Callable[[Req, "Context"], Awaitable[Res]],
    read: Callable[[bytes], Req],
    write: Callable[[Res], bytes],
) -> "Handler":
    async def guarded(request: Req, context: "Context") -> Res:
        try:
            return await call(request, context)
        except ApiError as error:
            await _abort(context, error)

    return grpc.unary_unary_rpc_method_handler(
        guarded, request_deserializer=read, response_serializer=write
    )


async def _abort(context: "Context", error: ApiError) -> NoReturn:
    details = ((_DETAILS, error.status().SerializeToString()),)
    code = _STATUS[error.code.number]
    await context.abort(code, error.message, details)
    raise AssertionError(Code.INTERNAL)


def _caller(context: "Context", default: str) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == CALLER_HEADER:
            return value.decode() if isinstance(value, bytes) else str(value)
    return default


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()
