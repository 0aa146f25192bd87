"""What is read of the ledger: its index, brought up to date meanwhile."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from gate.core.policy import Json
from gate.errors import InfrastructureError, UnavailableError
from gate.ledger.index import AGAIN, History, Index, kept_in_file
from gate.ledger.index_file import DamagedError, is_damage, removed
from gate.ledger.index_read import Reader
from gate.ports import LedgerQuery

T = TypeVar("T")

FRESH_S = 4.0
"""How long what was read stays good: a page that many people reload asks the ledger once."""
WAIT_S = 2.0
"""How long a page waits for what is new; then it shows what there is."""
OVERLAP = timedelta(minutes=2)
"""How far before the newest entry is read again: Cloud Logging shows entries late."""
WIDE_S = 600.0
"""After so many seconds a whole day is read again: some entries come very late."""
BUSY_S = 5.0
IN_MEMORY_MAX = 10_000
"""Most entries, the newest, of an index that has no file."""


class Ledger(Protocol):
    """A ledger that is read from its beginning, or from its end."""

    def history(self, begin: datetime | None = None) -> AsyncIterator[dict[str, Json]]:
        """The entries from a time on, the oldest first."""
        ...

    async def entries(self, query: LedgerQuery) -> tuple[dict[str, Json], ...]:
        """Entries that match, newest first."""
        ...


@dataclass(frozen=True, slots=True)
class State:
    """How far what is shown is what the ledger has.

    Attributes:
        problem: why the ledger could not be read the last time, "" where it was.
        whole: whether there is nothing older than what was read.
        read: whether it has been read at all.
    """

    problem: str = ""
    whole: bool = True
    read: bool = True


class Shelf:
    """Reads the index of a ledger: in its file, in memory where there can be none.

    Args:
        ledger: of which it is made.
        service: whose.
        path: of its file; None for none.
        now: tells the time.
        limit: most entries that are held in memory.
        fresh_s: how long what was read stays good.
        wait_s: how long a page waits for what is new.
    """

    def __init__(
        self,
        ledger: Ledger,
        service: str,
        path: Path | None,
        now: Callable[[], datetime],
        *,
        limit: int = IN_MEMORY_MAX,
        fresh_s: float = FRESH_S,
        wait_s: float = WAIT_S,
    ) -> None:
        self._ledger, self._service, self._path, self._now = ledger, service, path, now
        self._limit, self._fresh_s, self._wait_s = limit, fresh_s, wait_s
        self._memory: Index | None = None
        self._task: asyncio.Task[None] | None = None
        self._read_at = self._wide_at = float("-inf")
        self._problem, self._whole, self._tried = "", True, False

    async def read(self, read: Callable[[Reader], T]) -> tuple[T, State]:
        """What is found in the index, and how far that is what the ledger has.

        Args:
            read: finds it; called in another thread.

        Raises:
            UnavailableError: the index cannot be read now.
        """
        await self._brought_up()
        try:
            found, made = await asyncio.to_thread(self._found, read)
        except (OSError, sqlite3.Error, DamagedError) as error:
            await self._repair(error)
            found, made = await self._once_more(read)
        return found, State(self._problem, self._whole, made)

    async def begin(self) -> None:
        """Reads what there is, before anybody asks."""
        await self._brought_up()

    async def end(self) -> None:
        """Reads no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        if self._memory is not None:
            self._memory.close()

    async def _brought_up(self) -> None:
        """Begins to read what is new where that is due, and waits for it a little."""
        idle = self._task is None or self._task.done()
        if idle and _seconds() - self._read_at >= self._fresh_s:
            self._task = asyncio.create_task(self._refresh())
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=self._wait_s)
            if self._task.done():
                self._task.result()

    async def _refresh(self) -> None:
        try:
            await self._take_in()
            self._problem = ""
        except InfrastructureError as error:
            self._problem = error.message
        finally:
            self._read_at, self._tried = _seconds(), True

    async def _take_in(self) -> None:
        wide = _seconds() - self._wide_at >= WIDE_S

        async def renew(index: Index, history: History) -> None:
            await index.refresh(history, self._now(), AGAIN if wide else OVERLAP, aside=True)

        async def in_file(index: Index) -> None:
            await renew(index, self._ledger.history)

        if self._path and await kept_in_file(self._path, in_file, busy_s=BUSY_S):
            self._memory, self._whole = None, True
        else:
            memory = self._memory or Index()
            await renew(memory, self._newest)
            self._memory = memory
        self._wide_at = _seconds() if wide else self._wide_at

    async def _newest(self, since: datetime | None) -> AsyncIterator[dict[str, Json]]:
        """As many of the newest entries as are held in memory, the oldest first."""
        query = LedgerQuery(service=self._service, since=since, limit=self._limit)
        entries = await self._ledger.entries(query)
        if len(entries) >= self._limit:
            self._whole = False
        for entry in reversed(entries):
            yield entry

    def _found(self, read: Callable[[Reader], T]) -> tuple[T, bool]:
        """What is found, and whether the index has been made yet."""
        if memory := self._memory:
            with memory.lock:
                return read(memory), memory.made()
        if self._path is not None:
            try:
                with contextlib.closing(Index(self._path, BUSY_S)) as index:
                    return read(index), index.made()
            except (OSError, sqlite3.Error, DamagedError):
                if self._tried:
                    raise
        with contextlib.closing(Index()) as nothing:
            return read(nothing), False

    async def _repair(self, error: Exception) -> None:
        """Has a damaged file made anew."""
        if self._path is None or not is_damage(error) or not removed(self._path):
            raise UnavailableError(f"the index cannot be read ({error})", "reload the page")
        self._read_at = float("-inf")
        await self._brought_up()

    async def _once_more(self, read: Callable[[Reader], T]) -> tuple[T, bool]:
        try:
            return await asyncio.to_thread(self._found, read)
        except (OSError, sqlite3.Error, DamagedError) as error:
            raise UnavailableError(f"the index cannot be read ({error})", "reload it") from None


def _seconds() -> float:
    return asyncio.get_running_loop().time()
