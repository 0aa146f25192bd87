"""What is read of an index: decisions, whole or in brief, and what there is to choose among."""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gate.core.fields import Entry
from gate.core.recorded import Decision, moment, put_together
from gate.ledger.brief import decision_of
from gate.ledger.cited import cited, is_cited
from gate.ledger.index_file import DamagedError
from gate.ledger.index_query import Query, time_text, where

PACKED_LEVEL = 1
CHOICES_MAX = 50
"""Most people among whom may be chosen."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What decisions there are, each sorted: endings, kinds, actors, capabilities at stake."""

    endings: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


class Reader:
    """Reads an index.

    Args:
        database: with the tables of gate.ledger.index_file.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def made(self) -> bool:
        """Whether it has ever been made of the ledger."""
        row = self._database.execute("SELECT 1 FROM about WHERE name = 'made_at'").fetchone()
        return row is not None

    def decisions(self, query: Query | None = None) -> Iterator[Decision]:
        """The decisions asked for, the newest first."""
        for rollout in self._ids(Query() if query is None else query):
            yield from self.whole(rollout)

    def listed(self, query: Query) -> list[Decision]:
        """The same in brief, as gate.ledger.brief has it: much quicker.

        Raises:
            DamagedError: what is kept is not what was put in.
        """
        oldest = self._oldest()
        return [self._brief(rollout, oldest) for rollout in self._ids(query)]

    def count(self, query: Query | None = None) -> int:
        """How many decisions there are, whatever the limit is."""
        return sum(self.kinds(Query() if query is None else query).values())

    def kinds(self, query: Query) -> dict[str, int]:
        """How many decisions of each kind there are, the most frequent first."""
        condition, values = where(query)
        rows = self._database.execute(
            f"SELECT kind, count(*) AS n FROM decisions {condition} "  # noqa: S608 - constants
            "GROUP BY kind ORDER BY n DESC, kind",
            values,
        )
        return dict(rows.fetchall())

    def choices(self) -> Choices:
        """What there is to choose among."""
        return Choices(
            self._each("SELECT DISTINCT ending FROM decisions"),
            self._each("SELECT DISTINCT kind FROM decisions"),
            self._each("SELECT DISTINCT actor FROM decisions")[:CHOICES_MAX],
            self._each("SELECT DISTINCT name FROM capabilities"),
        )

    def moments(self, limit: int) -> list[tuple[str, str]]:
        """When the newest decisions began (RFC 3339) and how they ended, the newest first."""
        rows = self._database.execute(
            "SELECT began, ending FROM decisions ORDER BY began DESC, newest DESC LIMIT ?",
            (limit,),
        )
        return [(began, ending) for began, ending in rows]

    def decision(self, rollout: str) -> Decision | None:
        """One of them, None where it is not there."""
        return next(iter(self.whole(rollout)), None)

    def whole(self, rollout: str, limit: int | None = None) -> list[Decision]:
        """A decision with its entries; none where it is not there.

        Args:
            rollout: its id.
            limit: most entries, the newest; None for all.
        """
        by = self._database.execute(
            "SELECT rollout, taken_by FROM taken_back WHERE rollout = ?", (rollout,)
        )
        entries = self.entries(rollout, limit)
        old = rollout == self._oldest()  # what came before it may be too old to be kept
        return put_together(entries, by.fetchall(), whole=not old and len(entries) != limit)

    def entries(self, rollout: str, limit: int | None = None) -> list[Entry]:
        """The entries under an id, approvals among them, newest first.

        Args:
            rollout: the id.
            limit: as for `whole`.

        Raises:
            DamagedError: one of them is not what was put in.
        """
        rows = self._database.execute(
            "SELECT body, hash FROM entries WHERE rollout = ? ORDER BY at DESC, number DESC "
            "LIMIT ?",
            (rollout, -1 if limit is None else limit),
        )
        return [_checked(_unpacked(body), digest) for body, digest in rows]

    def cited(self, entries: Sequence[Entry]) -> list[Entry]:
        """The approvals that these outcomes rest on and that stand under other ids.

        Raises:
            DamagedError: as `entries`.
        """
        return [one for name, at in cited(entries).items() for one in self._approval(name, at)]

    def _approval(self, name: str, at: str) -> list[Entry]:
        rows = self._database.execute(
            "SELECT body, hash FROM entries WHERE at = ?", (time_text(moment(at)),)
        )
        there = (_checked(_unpacked(body), digest) for body, digest in rows)
        return [one for one in there if is_cited(one, name)][:1]

    def _ids(self, query: Query) -> list[str]:
        condition, values = where(query)
        rows = self._database.execute(
            f"SELECT rollout FROM decisions {condition} "  # noqa: S608 - made of constants
            "ORDER BY began DESC, newest DESC LIMIT ? OFFSET ?",
            (*values, -1 if query.limit is None else query.limit, query.offset),
        )
        return [rollout for (rollout,) in rows]

    def _brief(self, rollout: str, oldest: str) -> Decision:
        row = self._database.execute(
            "SELECT briefs.body, briefs.hash, taken_by FROM briefs "
            "LEFT JOIN taken_back USING (rollout) WHERE briefs.rollout = ?",
            (rollout,),
        ).fetchone()
        if row is None:
            raise DamagedError("a decision in it is lacking")
        body, digest, taken_by = row
        kept = _checked(body, digest)
        return decision_of(rollout, kept, taken_by or "", whole=rollout != oldest)

    def _each(self, statement: str) -> tuple[str, ...]:
        return tuple(sorted({value for (value,) in self._database.execute(statement)} - {""}))

    def _oldest(self) -> str:
        """Of which decision the ledger's first entry is."""
        row = self._database.execute(
            "SELECT rollout FROM entries WHERE at <> '' ORDER BY at, number LIMIT 1"
        ).fetchone()
        return str(row[0]) if row else ""


def line_of(value: Entry) -> str:
    """An entry, or a brief, as it is put in."""
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def hash_of(line: str) -> str:
    """By what it is found that something was altered."""
    return hashlib.sha256(line.encode()).hexdigest()


def packed(line: str) -> bytes:
    """An entry as it is kept: evidence repeats itself, and takes a tenth of the room so."""
    return zlib.compress(line.encode(), PACKED_LEVEL)


def _unpacked(body: object) -> str:
    try:
        return zlib.decompress(body).decode() if isinstance(body, bytes) else ""
    except (zlib.error, UnicodeDecodeError):
        return ""  # which has another hash


def _checked(line: str, digest: str) -> Entry:
    """What was put in.

    Raises:
        DamagedError: it is something else.
    """
    if hash_of(line) != digest:
        raise DamagedError("an entry in it was altered")
    entry: Entry = json.loads(line)
    return entry
