"""Reads log entries: filters that cannot be broken out of, and pages that may be empty."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from gate.cloud.documents import Document, parts, text
from gate.cloud.wire import Query, Wire
from gate.core.policy import Json
from gate.errors import UnavailableError

PAGES_MAX = 20
"""Most pages of one question: entries.list has a quota of 60 requests a minute and project."""

_PAGE_SIZE_MAX = 1_000  # pageSize of entries.list
_EXACT_MAX = 2**53  # beyond, a float does not tell one integer from the next
_LIST_S = 20.0


def quoted(value: str) -> str:
    """A value as a string literal of the Logging query language."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped) + '"'


def since(at: datetime) -> str:
    """A clause: entries of this time or later."""
    return f"timestamp>={quoted(at.astimezone(UTC).isoformat())}"


async def newest_entries(
    wire: Wire, project: str, clauses: list[str], limit: int, subject: str
) -> list[Document]:
    """Entries for which every clause holds, newest first, at most `limit`.

    An empty page may still have a next one (entries.list, nextPageToken).

    Raises:
        AccessError, UnavailableError: as in gate.errors; also when there are more pages than
            anybody should read, since entries may be missing then.
    """
    found: list[Document] = []
    asked: Document = {
        "resourceNames": [f"projects/{project}"],
        "filter": " AND ".join(clauses),
        "orderBy": "timestamp desc",
        "pageSize": min(limit, _PAGE_SIZE_MAX),
    }
    for _ in range(PAGES_MAX):
        page = await wire.call(Query("POST", "/v2/entries:list", subject, asked, _LIST_S))
        found += parts(page, "entries")
        token = text(page, "nextPageToken")
        if len(found) >= limit or not token:
            return found[:limit]
        asked = {**asked, "pageToken": token}
    raise UnavailableError(
        f"{subject}: not read to the end (got {PAGES_MAX} pages with {len(found)} entries)",
        "ask for a shorter time",
    )


async def oldest_entries(
    wire: Wire, project: str, clauses: list[str], subject: str
) -> AsyncIterator[Document]:
    """Every entry for which every clause holds, oldest first, page by page.

    Raises:
        AccessError, UnavailableError: as in gate.errors.
    """
    asked: Document = {
        "resourceNames": [f"projects/{project}"],
        "filter": " AND ".join(clauses),
        "orderBy": "timestamp asc",
        "pageSize": _PAGE_SIZE_MAX,
    }
    while True:
        page = await wire.call(Query("POST", "/v2/entries:list", subject, asked, _LIST_S))
        for one in parts(page, "entries"):
            yield one
        token = text(page, "nextPageToken")
        if not token:
            return
        asked = {**asked, "pageToken": token}


def json_object(payload: Document) -> Document:
    """A payload with its keys sorted, since Cloud Logging keeps them in no order.

    Whole numbers are integers again: Cloud Logging holds only floats.
    """
    return {key: _json(payload[key]) for key in sorted(payload)}


def _json(value: Json) -> Json:
    match value:
        case dict():
            return json_object(value)
        case list():
            return [_json(item) for item in value]
        case float() if value.is_integer() and abs(value) <= _EXACT_MAX:
            return int(value)
        case _:
            return value
