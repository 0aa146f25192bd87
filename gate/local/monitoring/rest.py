"""The calls of the Monitoring API over REST: series and descriptors of metrics listed."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gate.local.api.errors import ApiError as RestError
from gate.local.api.errors import Code
from gate.local.api.json_wire import error_response, json_response, parse
from gate.local.logging import LogStore
from gate.local.logging.errors import ApiError
from gate.local.monitoring import wire
from gate.local.monitoring.service import MonitoringApi
from gate.local.ports import JsonValue

_REPEATED: Final = frozenset({"groupByFields"})
_NUMBERS: Final = frozenset({"pageSize"})
_NOT_FIELDS: Final = frozenset({"alt", "key", "prettyPrint", "fields", "$alt", "quotaUser"})

_Call = Callable[[Any], Awaitable[Message]]


def monitoring_routes(store: LogStore, lag_s: float = 0.0) -> list[Route]:
    """Gives the routes to mount beside the Admin API's, each called as over gRPC.

    Args:
        store: whose request log is counted.
        lag_s: so long after its end a period is shown.
    """
    api = MonitoringApi(store, lag_s)
    return [
        _route("timeSeries", api.list_time_series, wire.ListTimeSeriesRequest),
        _route("metricDescriptors", api.list_metric_descriptors, wire.ListMetricDescriptorsRequest),
    ]


def _route(collection: str, call: _Call, request_type: Any) -> Route:
    async def endpoint(request: Request) -> Response:
        try:
            fields = _fields(request)
            asked = parse(
                {**fields, "name": f"projects/{request.path_params['project']}"}, request_type()
            )
            answer = await call(asked)
        except RestError as error:
            return error_response(error)
        except ApiError as error:
            return error_response(RestError(Code[error.code.name], error.message))
        return json_response(json_format.MessageToDict(answer))

    name = f"List{collection[0].upper()}{collection[1:]}"
    return Route(f"/v3/projects/{{project}}/{collection}", endpoint, methods=["GET"], name=name)


def _fields(request: Request) -> dict[str, JsonValue]:
    """The query as the message has it: dots lead into messages."""
    fields: dict[str, JsonValue] = {}
    for name in request.query_params:
        if name in _NOT_FIELDS:
            continue
        *path, leaf = name.split(".")
        values = request.query_params.getlist(name)
        inner = fields
        for part in path:
            below = inner.setdefault(part, {})
            if not isinstance(below, dict):
                raise RestError(Code.INVALID_ARGUMENT, f"Invalid query parameter: {name[:100]!r}")
            inner = below
        inner[leaf] = [*values] if leaf in _REPEATED else _value(leaf, values[-1])
    return fields


def _value(leaf: str, text: str) -> JsonValue:
    return int(text) if leaf in _NUMBERS and text.isdecimal() else text
