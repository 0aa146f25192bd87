"""TailLogEntries: entries as they come in, in order within a buffer window."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import heappop, heappush
from typing import Any

from google.protobuf.message import Message

from gate.local.logging.filter import Filter
from gate.local.logging.query import MAX_PAGE_BYTES
from gate.local.logging.records import Record
from gate.local.logging.store import LogStore
from gate.local.logging.wire import TailLogEntriesResponse

DEFAULT_WINDOW = timedelta(seconds=2)
MAX_WINDOW = timedelta(seconds=60)
MAX_SESSIONS = 10
MAX_WAITING = 10_000
MAX_BATCH = 1_000
_NOT_CONSUMED: int = TailLogEntriesResponse.SuppressionInfo.Reason.Value("NOT_CONSUMED")


@dataclass(frozen=True, slots=True)
class TailQuery:
    """What a session follows.

    Attributes:
        window: how long an entry waits for others that are older, so that they come in order.
    """

    parents: frozenset[str]
    filter: Filter
    window: timedelta = DEFAULT_WINDOW


class TailSession:
    """One reader of what comes in; to be closed."""

    def __init__(self, store: LogStore, query: TailQuery) -> None:
        self._store = store
        self._query = query
        self._waiting: list[tuple[datetime, int, Record]] = []
        self._count = 0
        self._suppressed = 0
        self._arrived = asyncio.Event()
        self._stop = store.watch(self._take)

    def close(self) -> None:
        """Stops following."""
        self._stop()

    async def responses(self) -> AsyncIterator[Message]:
        """Gives what to send, for ever; every response holds an entry or tells of lost ones."""
        while True:
            self._arrived.clear()
            response = self._due()
            if response.entries or response.suppression_info:
                yield response
            else:
                await self._wait()

    def _take(self, record: Record) -> None:
        if record.name.parent not in self._query.parents:
            return
        if len(self._waiting) >= MAX_WAITING:
            self._suppressed += 1
            return
        self._count += 1
        due = record.visible_at + self._query.window
        heappush(self._waiting, (due, self._count, record))
        self._arrived.set()

    def _due(self) -> Any:
        now = self._store.clock()
        ripe: list[Record] = []
        size_bytes = 0
        while (
            self._waiting
            and self._waiting[0][0] <= now
            and len(ripe) < MAX_BATCH
            and size_bytes < MAX_PAGE_BYTES
        ):
            record = heappop(self._waiting)[2]
            if self._query.filter.matches(record.entry()):
                ripe.append(record)
                size_bytes += record.size_bytes
        ripe.sort(key=lambda record: record.key)
        response = TailLogEntriesResponse(entries=[record.entry() for record in ripe])
        if self._suppressed:
            response.suppression_info.add(reason=_NOT_CONSUMED, suppressed_count=self._suppressed)
            self._suppressed = 0
        return response

    async def _wait(self) -> None:
        """Waits until an entry arrives or the first of those that wait is due."""
        timeout_s = None
        if self._waiting:
            timeout_s = max(0.0, (self._waiting[0][0] - self._store.clock()).total_seconds())
        try:
            async with asyncio.timeout(timeout_s):
                await self._arrived.wait()
        except TimeoutError:
            return
