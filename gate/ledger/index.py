"""The index: decisions of one service's ledger in an SQLite file, so that listing them is quick.

It is a cache and no evidence: it is made of the ledger, made anew whenever it does not fit it, and
`gate audit verify` never reads it. Where no file can be kept it is held in memory.
"""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import TypeVar

from gate.core.fields import Entry, text, texts
from gate.core.policy import Json
from gate.core.recorded import Decision, moment, put_together
from gate.ledger.index_file import BUSY_S, TABLES, DamagedError, is_damage, opened, removed

AGAIN = timedelta(hours=24)
"""So much of the ledger's end is read again each time: entries may arrive late."""
RENEWED_AFTER = timedelta(days=7)
"""After this time it is made anew: the ledger may have dropped what is too old to be kept."""
SPOOLED_BYTES = 1 << 26
PAGE = 200

_EARLY = datetime(1970, 1, 2, tzinfo=UTC)
T = TypeVar("T")

History = Callable[[datetime | None], AsyncIterator[dict[str, Json]]]
"""The ledger's entries from a time on (None: all of them), the oldest first."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which decisions, the newest first.

    Attributes:
        since, until: when they began: from, and before.
        endings: as a list shows them, e.g. `rejected`, `unfinished`; () for all.
        actor: a part of who asked, in any case of letters; "" for everybody.
        capability: at stake; "" for any.
        kind: what was asked for, e.g. `rollback`; "" for anything.
        limit: most decisions; None for all.
        offset: how many of the newest are left out.
    """

    since: datetime | None = None
    until: datetime | None = None
    endings: tuple[str, ...] = ()
    actor: str = ""
    capability: str = ""
    kind: str = ""
    limit: int | None = None
    offset: int = 0


class Index:
    """Decisions of one service's ledger.

    Args:
        path: its file, made where there is none; None holds it in memory.
        busy_s: how long it is waited for while others write.

    Raises:
        OSError, sqlite3.Error: the file cannot be kept, or is damaged.
    """

    def __init__(self, path: Path | None = None, busy_s: float = BUSY_S) -> None:
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._database, self._before = opened(":memory:" if path is None else str(path), busy_s)

    def close(self) -> None:
        """Lets go of the file."""
        self._database.close()

    async def refresh(self, history: History, now: datetime) -> str:
        """Takes in what is new in the ledger; all of it where what is here does not fit.

        Args:
            history: reads the ledger.
            now: the time.

        Returns:
            Why it was made anew, "" where it was not, or is the first.

        Raises:
            sqlite3.Error: the file cannot be written, or is damaged.
            InfrastructureError: as `history` raises.
        """
        since, why = self._read_until(now)
        if since is not None:
            known = self._hashes(since)
            async with _read(history, since) as lines:
                if known <= {_hash(line) for line in lines()}:
                    self._take(lines())
                    return ""
            why = "it does not fit the ledger"
        async with _read(history, None) as lines:
            self._take(lines(), made_at=now)
        return why

    def decisions(self, query: Query | None = None) -> Iterator[Decision]:
        """The decisions asked for, the newest first."""
        query = Query() if query is None else query
        where, values = _where(query)
        rows = self._database.execute(
            f"SELECT rollout FROM decisions {where} "  # noqa: S608 - made of constants
            "ORDER BY began DESC, newest DESC LIMIT ? OFFSET ?",
            (*values, -1 if query.limit is None else query.limit, query.offset),
        ).fetchall()
        for (rollout,) in rows:
            yield from self._put_together(rollout)

    def count(self, query: Query | None = None) -> int:
        """How many decisions there are, whatever the limit is."""
        where, values = _where(Query() if query is None else query)
        statement = f"SELECT count(*) FROM decisions {where}"  # noqa: S608 - made of constants
        return int(self._database.execute(statement, values).fetchone()[0])

    def decision(self, rollout: str) -> Decision | None:
        """One of them, None where it is not there."""
        return next(iter(self._put_together(rollout)), None)

    def _put_together(self, rollout: str) -> list[Decision]:
        rows = self._database.execute(
            "SELECT body, hash FROM entries WHERE rollout = ? ORDER BY at DESC, number DESC",
            (rollout,),
        )
        by = self._database.execute(
            "SELECT rollout, taken_by FROM taken_back WHERE rollout = ?", (rollout,)
        )
        whole = rollout != self._oldest()  # what came before it may be too old to be kept
        entries = (_entry(body, digest) for body, digest in rows)
        return put_together(entries, by.fetchall(), whole=whole)

    def _oldest(self) -> str:
        """Of which decision the ledger's first entry is."""
        row = self._database.execute(
            "SELECT rollout FROM entries WHERE at <> '' ORDER BY at, number LIMIT 1"
        ).fetchone()
        return str(row[0]) if row else ""

    def _read_until(self, now: datetime) -> tuple[datetime | None, str]:
        """From when on the ledger is to be read; None for from its beginning, and why."""
        about = dict(self._database.execute("SELECT name, value FROM about"))
        made, last = moment(about.get("made_at", "")), moment(about.get("last_at", ""))
        if made is None or last is None:
            return None, self._before
        if not timedelta() <= now - made < RENEWED_AFTER:
            return None, f"it was made {made:%Y-%m-%d %H:%M} UTC"
        return max(min(last, now), _EARLY) - AGAIN, ""

    def _hashes(self, since: datetime) -> set[str]:
        rows = self._database.execute("SELECT hash FROM entries WHERE at >= ?", (_time(since),))
        return {digest for (digest,) in rows}

    def _take(self, lines: Iterable[str], made_at: datetime | None = None) -> None:
        """Puts entries in; with `made_at` in place of all that was there."""
        database = self._database
        database.execute("BEGIN IMMEDIATE")
        try:
            if made_at is not None:
                for table in TABLES:
                    database.execute(f"DELETE FROM {table}")  # noqa: S608 - one of ours
                database.execute("INSERT INTO about VALUES ('made_at', ?)", (_time(made_at),))
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
        at, rollout = moment(text(entry, "at")), _plain(text(entry, "rollout"))
        new = self._database.execute(
            "INSERT OR IGNORE INTO entries (hash, at, rollout, body) VALUES (?, ?, ?, ?)",
            (_hash(line), _time(at) if at else "", rollout, line),
        ).rowcount
        if not new:
            return []
        outcome = text(entry, "entry") == "outcome"
        back = [_plain(one) for one in texts(entry, "took_back")] if outcome else []
        self._database.executemany(
            "INSERT OR IGNORE INTO taken_back VALUES (?, ?)", [(one, rollout) for one in back]
        )
        return [rollout, *back]

    def _describe(self, rollout: str) -> None:
        """Writes down by what a decision is found."""
        for one in self._put_together(rollout):
            newest = "(SELECT max(number) FROM entries WHERE rollout = ?)"
            told = [_plain(part) for part in (one.ending, one.kind, "\n".join(one.who).casefold())]
            at = one.began_at
            self._database.execute(
                f"INSERT OR REPLACE INTO decisions VALUES (?, ?, {newest}, ?, ?, ?)",  # noqa: S608
                (rollout, _time(at) if at else "", rollout, *told),
            )
            self._database.executemany(
                "INSERT OR IGNORE INTO capabilities VALUES (?, ?)",
                [(rollout, _plain(name)) for name in one.capabilities],
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
    for again in (False, True):
        if path is None:
            break
        try:
            with contextlib.closing(Index(path, busy_s)) as index:
                if why := await index.refresh(history, now):
                    say(f"the index {path} was made anew: {why}")
                return read(index)
        except (OSError, sqlite3.Error, DamagedError) as error:
            say(f"the index {path} cannot be used: {error}")
            if again or not is_damage(error) or not removed(path):
                break
    with contextlib.closing(Index()) as index:
        await index.refresh(history, now)
        return read(index)


def _where(query: Query) -> tuple[str, tuple[str, ...]]:
    parts: list[tuple[str, tuple[str, ...]]] = []
    if query.since:
        parts.append(("began >= ?", (_time(query.since),)))
    if query.until:
        parts.append(("began < ?", (_time(query.until),)))
    if query.endings:
        parts.append((f"ending IN ({', '.join('?' * len(query.endings))})", query.endings))
    if query.actor:
        parts.append(("instr(who, ?) > 0", (query.actor.casefold(),)))
    if query.kind:
        parts.append(("kind = ?", (query.kind,)))
    if query.capability:
        named = "rollout IN (SELECT rollout FROM capabilities WHERE name = ?)"
        parts.append((named, (query.capability,)))
    clause = "WHERE " + " AND ".join(part for part, _ in parts) if parts else ""
    return clause, tuple(value for _, values in parts for value in values)


@asynccontextmanager
async def _read(
    history: History, since: datetime | None
) -> AsyncIterator[Callable[[], Iterator[str]]]:
    """What the ledger has, to be gone through as often as is wanted; much of it not in memory."""
    with SpooledTemporaryFile(SPOOLED_BYTES, "w+", encoding="ascii", newline="\n") as file:
        async for entry in history(since):
            file.write(_line(entry) + "\n")

        def lines() -> Iterator[str]:
            file.seek(0)
            for line in file:
                yield line[:-1]

        yield lines


def _time(at: datetime) -> str:
    """A moment so that texts sort as times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _line(entry: Entry) -> str:
    return json.dumps(entry, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _entry(line: str, digest: str) -> Entry:
    """An entry as it was put in.

    Raises:
        DamagedError: it is another one.
    """
    if _hash(line) != digest:
        raise DamagedError("an entry in it was altered")
    entry: Entry = json.loads(line)
    return entry


def _plain(value: str) -> str:
    """A text that SQLite takes: half a surrogate pair is none."""
    return value.encode("utf-8", "replace").decode()
