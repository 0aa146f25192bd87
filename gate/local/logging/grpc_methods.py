"""How a method of a Google API is served over gRPC, and how it refuses."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message

from gate.local.logging.errors import ApiError
from gate.local.logging.wire import serialize

if TYPE_CHECKING:  # generic in their stubs only
    Context = grpc.aio.ServicerContext[Any, Any]
    Method = grpc.RpcMethodHandler[Any, Any]

Unary = Callable[[Any], Awaitable[Message]]


def unary(method: Unary, request_type: Any) -> "Method":
    """A method of one request and one answer."""

    async def call(request: Any, context: "Context") -> Message | None:
        try:
            return await method(request)
        except ApiError as error:
            await abort(context, error)
            return None

    return grpc.unary_unary_rpc_method_handler(call, request_type.FromString, serialize)


async def abort(context: "Context", error: ApiError) -> None:
    """Ends a call with the error, and with its details where it has some."""
    details = error.status.SerializeToString() if error.status else None
    metadata = (("grpc-status-details-bin", details),) if details else ()
    await context.abort(error.code, error.message, metadata)
