"""Which decisions an index is asked for, in SQL. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Query:
    """Which decisions, the newest first.

    Attributes:
        since, until: when they began: from, and before.
        endings: as a list shows them, e.g. `rejected`, `unfinished`; () for all.
        actor: a part of who asked, in any case of letters; "" for everybody.
        asked_by: who asked, as they say themselves; "" for everybody.
        words: a part of what a list tells, in any case of letters; "" for anything.
        capability: at stake; "" for any.
        kind: what was asked for, e.g. `rollback`; "" for anything.
        limit: most decisions; None for all.
        offset: how many of the newest are left out.
    """

    since: datetime | None = None
    until: datetime | None = None
    endings: tuple[str, ...] = ()
    actor: str = ""
    asked_by: str = ""
    words: str = ""
    capability: str = ""
    kind: str = ""
    limit: int | None = None
    offset: int = 0


def where(query: Query) -> tuple[str, tuple[str, ...]]:
    """The condition, "" for none, and the values of its parameters."""
    parts: list[tuple[str, tuple[str, ...]]] = []
    if query.endings:
        parts.append((f"ending IN ({', '.join('?' * len(query.endings))})", query.endings))
    for clause, value in _plain(query):
        if value:
            parts.append((clause, (value,)))
    condition = "WHERE " + " AND ".join(part for part, _ in parts) if parts else ""
    return condition, tuple(plain(value) for _, values in parts for value in values)


def _plain(query: Query) -> tuple[tuple[str, str], ...]:
    """Each condition with one value, "" where it is not asked for."""
    return (
        ("began >= ?", time_text(query.since)),
        ("began < ?", time_text(query.until)),
        ("instr(who, ?) > 0", query.actor.casefold()),
        ("actor = ?", query.asked_by),
        ("instr(words, ?) > 0", query.words.casefold()),
        ("kind = ?", query.kind),
        ("rollout IN (SELECT rollout FROM capabilities WHERE name = ?)", query.capability),
    )


def time_text(at: datetime | None) -> str:
    """A moment so that texts sort as times do; "" for none."""
    return at.astimezone(UTC).isoformat(timespec="microseconds") if at else ""


def plain(value: str) -> str:
    """A text that SQLite takes: half a surrogate pair is none."""
    return value.encode("utf-8", "replace").decode()
