"""One page of an answer to ListLogEntries, and where the next one begins."""

import asyncio
import base64
import binascii
import hashlib
import json
from bisect import bisect_right
from dataclasses import dataclass
from datetime import datetime, timedelta

from google.protobuf.message import Message

from gate.local.logging.filter import Filter
from gate.local.logging.records import Key, Record
from gate.local.logging.store import LogStore

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1_000
MAX_PAGE_BYTES = 3_000_000  # and one entry more; grpc clients take 4 MiB unless told otherwise
SCAN_LIMIT = 20_000  # entries looked at for one page; then it ends, even if it is empty
TOKEN_LIFETIME = timedelta(hours=24)
_BREATH = 100  # entries looked at before others on the event loop get their turn


@dataclass(frozen=True, slots=True)
class Query:
    """What a reader asks for, apart from the page."""

    parents: frozenset[str]
    filter_text: str
    filter: Filter
    newest_first: bool = False

    def digest(self) -> str:
        """Gives a fingerprint: a page token is good for the same query only."""
        parts = [sorted(self.parents), self.filter_text, self.newest_first]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries, and the key after which the next page begins (None: there is nothing more)."""

    entries: tuple[Message, ...]
    last: Key | None


async def page(
    store: LogStore,
    query: Query,
    after: Key | None,
    size: int,
    scan_limit: int = SCAN_LIMIT,
) -> Page:
    """Gives up to `size` entries of an answer, those that follow the key `after`.

    A page ends early when it would grow too large for a client, or when `scan_limit` entries were
    looked at: then it may be empty and yet have a successor, as in Cloud Logging.
    """
    records = _remaining(store, query, after)
    found: list[Message] = []
    size_bytes = 0
    for count, record in enumerate(records, start=1):
        if count % _BREATH == 0:
            await asyncio.sleep(0)
        entry = record.entry()
        if query.filter.matches(entry):
            found.append(entry)
            size_bytes += record.size_bytes
        full = len(found) >= size or size_bytes >= MAX_PAGE_BYTES
        if (full or count >= scan_limit) and count < len(records):
            return Page(tuple(found), record.key)
    return Page(tuple(found), None)


def _remaining(store: LogStore, query: Query, after: Key | None) -> list[Record]:
    records = store.records(query.parents, query.filter.since_ns, query.filter.until_ns)
    if query.newest_first:
        records.reverse()
    if after is None:
        return records
    position = _position(records, after, newest_first=query.newest_first)
    return records[position:]


def _position(records: list[Record], after: Key, *, newest_first: bool) -> int:
    if not newest_first:
        return bisect_right(records, after, key=lambda record: record.key)
    low, high = 0, len(records)
    while low < high:
        middle = (low + high) // 2
        if records[middle].key >= after:
            low = middle + 1
        else:
            high = middle
    return low


def encode_token(query: Query, last: Key, now: datetime) -> str:
    """Writes the token with which the next page is asked for."""
    value = [int(now.timestamp()), query.digest(), *last]
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def decode_token(query: Query, token: str, now: datetime) -> Key:
    """Reads a page token.

    Raises:
        ValueError: it is no token, older than a day, or belongs to another query.
    """
    try:
        value = json.loads(base64.urlsafe_b64decode(token.encode()))
        issued, digest, at_ns, insert_id, parent = value
        key = Key(int(at_ns), str(insert_id), str(parent))
        age = now.timestamp() - int(issued)
    except (binascii.Error, ValueError, TypeError, OverflowError, RecursionError):
        raise ValueError("page_token: not a token of this server") from None
    if digest != query.digest():
        raise ValueError("page_token: belongs to a request with other parameters")
    if age > TOKEN_LIFETIME.total_seconds():
        raise ValueError("page_token: older than 24 hours")
    return key
