"""The two calls of the Logging API over REST that gcloud and the gate make: write and list."""

from collections.abc import Awaitable, Callable
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.admin.errors import ApiError as RestError
from gate.local.admin.errors import Code
from gate.local.admin.json_wire import error_response, json_response, parse, read_body
from gate.local.logging import wire
from gate.local.logging.errors import ApiError
from gate.local.logging.service import LoggingApi
from gate.local.logging.store import LogStore

_Call = Callable[[Any], Awaitable[Message]]


def logging_routes(store: LogStore) -> list[Route]:
    """Gives the routes to mount beside the Admin API's, each called as over gRPC."""
    api = LoggingApi(store)
    return [
        _route("WriteLogEntries", "write", api.write_log_entries, wire.WriteLogEntriesRequest),
        _route("ListLogEntries", "list", api.list_log_entries, wire.ListLogEntriesRequest),
    ]


def _route(name: str, verb: str, call: _Call, request_type: Any) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await call(parse(await read_body(request), request_type()))
        except RestError as error:
            return error_response(error)
        except ApiError as error:
            return error_response(RestError(Code[error.code.name], error.message))
        return json_response(json_format.MessageToDict(answer))

    return Route(f"/v2/entries:{verb}", endpoint, methods=["POST"], name=name)
