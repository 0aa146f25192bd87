"""Reads log entries: filters that cannot be broken out of, and pages that may be empty."""

from datetime import UTC, datetime

from google.cloud.logging_v2.types import log_entry, logging
from google.protobuf.struct_pb2 import Struct, Value

from gate.cloud.wire import Method, Wire
from gate.core.policy import Json
from gate.errors import UnavailableError

PAGES_MAX = 20
"""Most pages of one question: entries.list has a quota of 60 requests a minute and project."""

_PAGE_SIZE_MAX = 1_000  # ListLogEntriesRequest.page_size
_EXACT_MAX = 2**53  # beyond, a float does not tell one integer from the next
_LIST = Method(
    "/google.logging.v2.LoggingServiceV2/ListLogEntries",
    logging.ListLogEntriesRequest.serialize,
    logging.ListLogEntriesResponse.deserialize,
    timeout_s=20.0,
)


def quoted(value: str) -> str:
    """A value as a string literal of the Logging query language."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped) + '"'


def since(at: datetime) -> str:
    """A clause: entries of this time or later."""
    return f"timestamp>={quoted(at.astimezone(UTC).isoformat())}"


async def newest_entries(
    wire: Wire, project: str, clauses: list[str], limit: int, subject: str
) -> list[log_entry.LogEntry]:
    """Entries for which every clause holds, newest first, at most `limit`.

    An empty page may still have a next one (ListLogEntriesResponse.next_page_token).

    Raises:
        AccessError, UnavailableError: as in gate.errors; also when there are more pages than
            anybody should read, since entries may be missing then.
    """
    found: list[log_entry.LogEntry] = []
    request = logging.ListLogEntriesRequest(
        resource_names=[f"projects/{project}"],
        filter=" AND ".join(clauses),
        order_by="timestamp desc",
        page_size=min(limit, _PAGE_SIZE_MAX),
    )
    for _ in range(PAGES_MAX):
        page = await wire.call(_LIST, request, subject=subject)
        found += page.entries
        if len(found) >= limit or not page.next_page_token:
            return found[:limit]
        request.page_token = page.next_page_token
    raise UnavailableError(
        f"{subject}: not read to the end (got {PAGES_MAX} pages with {len(found)} entries)",
        "ask for a shorter time",
    )


def json_object(struct: Struct) -> dict[str, Json]:
    """A payload as JSON, its keys sorted since a Struct keeps them in no order.

    Whole numbers are integers again: a Struct holds only floats.
    """
    return {key: _json(struct.fields[key]) for key in sorted(struct.fields)}


def _json(value: Value) -> Json:
    match value.WhichOneof("kind"):
        case "struct_value":
            return json_object(value.struct_value)
        case "list_value":
            return [_json(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            whole = number.is_integer() and abs(number) <= _EXACT_MAX
            return int(number) if whole else number
        case "bool_value":
            return value.bool_value
        case "string_value":
            return value.string_value
        case _:
            return None
