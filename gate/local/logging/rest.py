"""The calls of the Logging API over REST: entries written and listed, logs listed and deleted.

What gcloud, Node's client and google-api-python-client send; following entries (tail) is gRPC's.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import quote

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.api.errors import ApiError as RestError
from gate.local.api.errors import Code
from gate.local.api.json_wire import error_response, json_response, parse, read_body
from gate.local.logging import wire
from gate.local.logging.errors import ApiError
from gate.local.logging.service import LoggingApi
from gate.local.logging.store import LogStore
from gate.local.ports import JsonValue

_PARENTS: Final = ("projects", "organizations", "folders", "billingAccounts")
_VIEW: Final = "/locations/{location}/buckets/{bucket}/views/{view}"
_FIELDS: Final = ("pageSize", "pageToken")

_Call = Callable[[Any], Awaitable[Message]]
_Read = Callable[[Request], Awaitable[Message]]


def logging_routes(store: LogStore) -> list[Route]:
    """Gives the routes to mount beside the Admin API's, each called as over gRPC."""
    api = LoggingApi(store)
    write, listed = _body(wire.WriteLogEntriesRequest), _body(wire.ListLogEntriesRequest)
    made = [
        _route("WriteLogEntries", "POST", "/v2/entries:write", api.write_log_entries, write),
        _route("ListLogEntries", "POST", "/v2/entries:list", api.list_log_entries, listed),
    ]
    for kind in _PARENTS:
        owner = f"/v2/{kind}/{{owner}}"
        made += [
            _route("ListLogs", "GET", f"{owner}/logs", api.list_logs, _asked_logs),
            _route("ListLogs", "GET", f"{owner}{_VIEW}/logs", api.list_logs, _asked_logs),
            _route("DeleteLog", "DELETE", f"{owner}/logs/{{log:path}}", api.delete_log, _asked_log),
        ]
    return made


def _body(request_type: Any) -> _Read:
    async def read(request: Request) -> Message:
        made: Message = parse(await read_body(request), request_type())
        return made

    return read


async def _asked_logs(request: Request) -> Message:
    asked = request.query_params
    fields: dict[str, JsonValue] = {name: asked[name] for name in _FIELDS if name in asked}
    if "resourceNames" in asked:
        fields["resourceNames"] = [*asked.getlist("resourceNames")]
    parent = request.url.path.removeprefix("/v2/").removesuffix("/logs")
    made: Message = parse({**fields, "parent": parent}, wire.ListLogsRequest())
    return made


async def _asked_log(request: Request) -> Message:
    """Gives the log in a path; its id is percent-encoded, and the server has decoded it."""
    owner, log = request.url.path.removeprefix("/v2/").split("/logs/", 1)[0], request.path_params
    made: Message = wire.DeleteLogRequest(log_name=f"{owner}/logs/{quote(log['log'], safe='')}")
    return made


def _route(name: str, method: str, path: str, call: _Call, read: _Read) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            answer = await call(await read(request))
        except RestError as error:
            return error_response(error)
        except ApiError as error:
            return error_response(RestError(Code[error.code.name], error.message))
        return json_response(json_format.MessageToDict(answer))

    return Route(path, endpoint, methods=[method], name=name)
