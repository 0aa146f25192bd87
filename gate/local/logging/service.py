"""google.logging.v2.LoggingServiceV2 over gRPC.

google-cloud-logging holds no servicers, so the methods are mounted by name. Not offered, and
answered UNIMPLEMENTED: ListMonitoredResourceDescriptors.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message

from gate.local.logging import wire
from gate.local.logging.errors import ApiError, invalid
from gate.local.logging.filter import Filter, FilterError, compile_filter
from gate.local.logging.grpc_methods import abort, unary
from gate.local.logging.names import parse_log_name, parse_parent
from gate.local.logging.query import (
    DEFAULT_PAGE_SIZE,
    MAX_PAGE_SIZE,
    Query,
    decode_token,
    encode_token,
    page,
)
from gate.local.logging.store import LogStore
from gate.local.logging.tail import DEFAULT_WINDOW, MAX_SESSIONS, MAX_WINDOW, TailQuery, TailSession
from gate.local.logging.write import write

SERVICE = "google.logging.v2.LoggingServiceV2"
MAX_RESOURCES = 100
_ORDERS = {"": False, "timestamp": False, "timestamp asc": False, "timestamp desc": True}

if TYPE_CHECKING:  # generic in their stubs only
    _Context = grpc.aio.ServicerContext[Any, Any]
    _Handlers = tuple[grpc.GenericRpcHandler[Any, Any], ...]


def logging_handlers(store: LogStore) -> "_Handlers":
    """Gives the handlers of the Logging API, for `server.add_generic_rpc_handlers`.

    The server is a grpc.aio one; it must take messages of 10 MB (grpc.max_receive_message_length)
    for the API's own limit to be the one that speaks.
    """
    api = LoggingApi(store)
    methods = {
        "WriteLogEntries": unary(api.write_log_entries, wire.WriteLogEntriesRequest),
        "ListLogEntries": unary(api.list_log_entries, wire.ListLogEntriesRequest),
        "ListLogs": unary(api.list_logs, wire.ListLogsRequest),
        "DeleteLog": unary(api.delete_log, wire.DeleteLogRequest),
        "TailLogEntries": grpc.stream_stream_rpc_method_handler(
            api.tail_log_entries, wire.TailLogEntriesRequest.FromString, wire.serialize
        ),
    }
    return (grpc.method_handlers_generic_handler(SERVICE, methods),)


class LoggingApi:
    """The methods, over one store. Requests and answers are the messages of google.logging.v2."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._sessions = 0

    async def write_log_entries(self, request: Any) -> Message:
        """WriteLogEntries."""
        return write(self._store, request)

    async def list_log_entries(self, request: Any) -> Message:
        """ListLogEntries: a page of the entries that match, by timestamp."""
        if request.order_by.strip() not in _ORDERS:
            raise invalid(
                f"order_by: unknown (got {request.order_by!r}, "
                "expected 'timestamp asc' or 'timestamp desc')"
            )
        query = Query(
            parents=_parents(request.resource_names),
            filter_text=request.filter,
            filter=_filter(request.filter),
            newest_first=_ORDERS[request.order_by.strip()],
        )
        size = _page_size(request.page_size)
        now = self._store.clock()
        try:
            token = request.page_token
            after = decode_token(query, token, now) if token else None
        except ValueError as error:
            raise invalid(str(error)) from None
        found = await page(self._store, query, after, size)
        more = encode_token(query, found.last, now) if found.last else ""
        response: Message = wire.ListLogEntriesResponse(entries=found.entries, next_page_token=more)
        return response

    async def list_logs(self, request: Any) -> Message:
        """ListLogs: the names of the logs that hold entries; the page token is the last name."""
        parents = _parents([*request.resource_names, request.parent])
        size = _page_size(request.page_size)
        names = [str(name) for name in self._store.logs(parents)]
        rest = [name for name in names if name > request.page_token]
        more = rest[size - 1] if len(rest) > size else ""
        response: Message = wire.ListLogsResponse(log_names=rest[:size], next_page_token=more)
        return response

    async def delete_log(self, request: Any) -> Message:
        """DeleteLog: forgets every entry of a log; it comes back with its next entry."""
        try:
            name = parse_log_name(request.log_name)
        except ValueError as error:
            raise invalid(str(error)) from None
        if not self._store.delete(name):
            raise ApiError(grpc.StatusCode.NOT_FOUND, f"Log {request.log_name} does not exist")
        return Empty()

    async def tail_log_entries(
        self, requests: AsyncIterator[Any], context: "_Context"
    ) -> AsyncIterator[Message]:
        """TailLogEntries: follows what the stream's first request asks for, until cancelled."""
        try:
            session = await self._open(requests)
        except ApiError as error:
            await abort(context, error)
            return
        try:
            async for response in session.responses():
                yield response
        finally:
            self._sessions -= 1
            session.close()

    async def _open(self, requests: AsyncIterator[Any]) -> TailSession:
        request = await anext(requests, None)
        if request is None:
            raise invalid("the stream ended without a request")
        query = TailQuery(
            _parents(request.resource_names), _filter(request.filter), _window(request)
        )
        if self._sessions >= MAX_SESSIONS:
            raise ApiError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"too many tail sessions (got {self._sessions + 1}, expected <= {MAX_SESSIONS})",
            )
        self._sessions += 1
        return TailSession(self._store, query)


def _parents(names: Any) -> frozenset[str]:
    given = [name for name in names if name]
    if not given:
        raise invalid("resource_names: none given (got 0, expected 1 to 100, as projects/PROJECT)")
    if len(given) > MAX_RESOURCES:
        raise invalid(f"resource_names: too many (got {len(given)}, expected <= {MAX_RESOURCES})")
    try:
        return frozenset(parse_parent(name) for name in given)
    except ValueError as error:
        raise invalid(str(error)) from None


def _filter(text: str) -> Filter:
    try:
        return compile_filter(text)
    except FilterError as error:
        raise invalid(str(error)) from None


def _page_size(given: int) -> int:
    if not 0 <= given <= MAX_PAGE_SIZE:
        raise invalid(f"page_size: out of range (got {given}, expected 0 to {MAX_PAGE_SIZE})")
    return given or DEFAULT_PAGE_SIZE


def _window(request: Any) -> timedelta:
    if not request.HasField("buffer_window"):
        return DEFAULT_WINDOW
    window: timedelta = request.buffer_window.ToTimedelta()
    if not timedelta() <= window <= MAX_WINDOW:
        raise invalid(f"buffer_window: out of range (got {window}, expected 0 s to 60 s)")
    return window
