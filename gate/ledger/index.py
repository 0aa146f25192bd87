"""The index: decisions of one service's ledger in an SQLite file, so that listing them is quick.

It is a cache and no evidence: it is made of the ledger, made anew whenever it does not fit it, and
`gate audit verify` never reads it. Where no file can be kept it is held in memory.
"""

import asyncio
import contextlib
import json
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TypeVar

from gate.core.fields import Entry, text, texts
from gate.core.policy import Json
from gate.core.recorded import moment
from gate.ledger.brief import brief, words_of
from gate.ledger.index_file import BUSY_S, TABLES, DamagedError, is_damage, opened, removed
from gate.ledger.index_query import Query, plain, time_text
from gate.ledger.index_read import Reader, hash_of, line_of, packed

__all__ = ["History", "Index", "Query", "kept_in_file", "look"]

AGAIN = timedelta(hours=24)
"""So much of the ledger's end is read again: entries may arrive late."""
RENEWED_AFTER = timedelta(days=7)
"""After this time it is made anew: the ledger may have dropped what is too old to be kept."""
SPOOLED_BYTES = 1 << 23
OTHERS_AFTER = 50
"""After so many entries of one reply whoever else waits has a turn."""

_EARLY = datetime(1970, 1, 2, tzinfo=UTC)
T = TypeVar("T")

History = Callable[[datetime | None], AsyncIterator[dict[str, Json]]]
"""The ledger's entries from a time on (None: all of them), the oldest first."""
Lines = Callable[[], Iterator[str]]
"""Entries as they are put in, to be gone through as often as is wanted."""


class Index(Reader):
    """Decisions of one service's ledger.

    Args:
        path: its file, made where there is none; None holds it in memory.
        busy_s: how long it is waited for while others write.

    Attributes:
        lock: held while entries are put in: whoever reads the same object in another thread, too.

    Raises:
        OSError, sqlite3.Error: the file cannot be kept, or is damaged.
    """

    def __init__(self, path: Path | None = None, busy_s: float = BUSY_S) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        database, self._before = opened(":memory:" if path is None else str(path), busy_s)
        super().__init__(database)
        self.lock = threading.Lock()

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    async def refresh(
        self, history: History, now: datetime, again: timedelta = AGAIN, *, aside: bool = False
    ) -> str:
        """Takes in what is new in the ledger; all of it where what is here does not fit.

        Args:
            history: reads the ledger.
            now: the time.
            again: how much of the ledger's end is read again.
            aside: whether entries are put in by another thread, so that who waits can go on.

        Returns:
            Why it was made anew, "" where it was not, or is the first.

        Raises:
            sqlite3.Error: the file cannot be written, or is damaged.
            InfrastructureError: as `history` raises.
        """
        since, why = self._read_until(now, again)
        if since is not None:
            async with _read(history, since) as lines:
                if await _done(aside, lambda: self._add(lines, since)):
                    return ""
            why = "it does not fit the ledger"
        async with _read(history, None) as lines:
            await _done(aside, lambda: self._take(lines(), made_at=now))
        return why

    def _add(self, lines: Lines, since: datetime) -> bool:
        """Puts in what is new; False where the ledger lacks what is here."""
        if not self._hashes(since) <= {hash_of(line) for line in lines()}:
            return False
        self._take(lines())
        return True

    def _read_until(self, now: datetime, again: timedelta) -> tuple[datetime | None, str]:
        """From when on the ledger is to be read; None for from its beginning, and why."""
        with self.lock:
            about = dict(self._database.execute("SELECT name, value FROM about"))
        made, last = moment(about.get("made_at", "")), moment(about.get("last_at", ""))
        if made is None or last is None:
            return None, self._before
        if not timedelta() <= now - made < RENEWED_AFTER:
            return None, f"it was made {made:%Y-%m-%d %H:%M} UTC"
        return max(min(last, now), _EARLY) - again, ""

    def _hashes(self, since: datetime) -> set[str]:
        statement = "SELECT hash FROM entries WHERE at >= ?"
        with self.lock:
            return {digest for (digest,) in self._database.execute(statement, (time_text(since),))}

    def _take(self, lines: Iterable[str], made_at: datetime | None = None) -> None:
        """Puts entries in; with `made_at` in place of all that was there."""
        with self.lock:
            self._take_all(lines, made_at)

    def _take_all(self, lines: Iterable[str], made_at: datetime | None) -> None:
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            if made_at is not None:
                for table in TABLES:
                    database.execute(f"DELETE FROM {table}")  # noqa: S608 - one of ours
                database.execute("INSERT INTO about VALUES ('made_at', ?)", (time_text(made_at),))
            touched: dict[str, None] = {}
            for line in lines:
                touched |= dict.fromkeys(self._insert(line))
            for rollout in touched:
                self._describe(rollout)
            database.execute(
                "INSERT OR REPLACE INTO about SELECT 'last_at', max(at) FROM entries "
                "WHERE at <> '' HAVING max(at) IS NOT NULL"
            )
            database.execute("COMMIT")
        except BaseException:
            database.execute("ROLLBACK")
            raise

    def _insert(self, line: str) -> list[str]:
        """Puts an entry in; returns of which rollouts something else is known now."""
        entry: Entry = json.loads(line)
        at, rollout = moment(text(entry, "at")), plain(text(entry, "rollout"))
        new = self._database.execute(
            "INSERT OR IGNORE INTO entries (hash, at, rollout, body) VALUES (?, ?, ?, ?)",
            (hash_of(line), time_text(at), rollout, packed(line)),
        ).rowcount
        if not new:
            return []
        outcome = text(entry, "entry") == "outcome"
        back = [plain(one) for one in texts(entry, "took_back")] if outcome else []
        self._database.executemany(
            "INSERT OR IGNORE INTO taken_back VALUES (?, ?)", [(one, rollout) for one in back]
        )
        return [rollout, *back]

    def _describe(self, rollout: str) -> None:
        """Writes down by what a decision is found."""
        for one in self.whole(rollout):
            newest = "(SELECT max(number) FROM entries WHERE rollout = ?)"
            found = (one.ending, one.kind, text(one.head, "actor"))
            sought = ("\n".join(one.who).casefold(), words_of(one))
            self._database.execute(
                f"INSERT OR REPLACE INTO decisions VALUES (?, ?, {newest}, ?, ?, ?, ?, ?)",  # noqa: S608
                (rollout, time_text(one.began_at), rollout, *map(plain, (*found, *sought))),
            )
            line = line_of(brief(one))
            self._database.execute(
                "INSERT OR REPLACE INTO briefs VALUES (?, ?, ?)", (rollout, line, hash_of(line))
            )
            self._database.executemany(
                "INSERT OR IGNORE INTO capabilities VALUES (?, ?)",
                [(rollout, plain(name)) for name in one.capabilities],
            )


async def look(
    path: Path | None,
    history: History,
    now: datetime,
    read: Callable[[Index], T],
    say: Callable[[str], None] = lambda _: None,
    busy_s: float = BUSY_S,
) -> T:
    """What can be read of an index that fits the ledger.

    Where its file is damaged, it is made anew; where none can be kept, one in memory has to do.

    Args:
        path: of its file; None for one in memory.
        history: reads the ledger.
        now: the time.
        read: reads what is wanted.
        say: hears why there is no file, or why it was made anew.
        busy_s: as for Index.

    Raises:
        InfrastructureError: as `history` raises.
    """

    async def fresh(index: Index) -> T:
        if why := await index.refresh(history, now):
            say(f"the index {path} was made anew: {why}")
        return read(index)

    found = await kept_in_file(path, fresh, say, busy_s) if path else None
    if found:
        return found[0]
    with contextlib.closing(Index()) as index:
        await index.refresh(history, now)
        return read(index)


async def kept_in_file(
    path: Path,
    use: Callable[[Index], Awaitable[T]],
    say: Callable[[str], None] = lambda _: None,
    busy_s: float = BUSY_S,
) -> tuple[T] | None:
    """What can be done with an index in a file; None where there can be no such file.

    Where the file is damaged it is removed, and `use` has an empty one.

    Args:
        path: of the file.
        use: what is to be done; it may be called again.
        say: hears why the file cannot be used.
        busy_s: as for Index.

    Raises:
        InfrastructureError: as `use` raises.
    """
    for again in (False, True):
        try:
            with contextlib.closing(Index(path, busy_s)) as index:
                return (await use(index),)
        except (OSError, sqlite3.Error, DamagedError) as error:
            say(f"the index {path} cannot be used: {error}")
            if again or not is_damage(error) or not removed(path):
                break
    return None


async def _done(aside: bool, do: Callable[[], T]) -> T:  # noqa: FBT001 - ours
    return await asyncio.to_thread(do) if aside else do()


@asynccontextmanager
async def _read(history: History, since: datetime | None) -> AsyncIterator[Lines]:
    """What the ledger has, to be gone through as often as is wanted; much of it not in memory."""
    with SpooledTemporaryFile(SPOOLED_BYTES, "w+", encoding="ascii", newline="\n") as file:
        count = 0
        async for entry in history(since):
            file.write(line_of(entry) + "\n")
            count += 1
            if count % OTHERS_AFTER == 0:
                await asyncio.sleep(0)

        def lines() -> Iterator[str]:
            file.seek(0)
            for line in file:
                yield line[:-1]

        yield lines
