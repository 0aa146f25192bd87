"""What is read of the ledger: every rollout in short, which is kept; one whole, when asked for."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gate.core.policy import Json
from gate.errors import InfrastructureError
from gate.ports import Ledger, LedgerQuery
from gate.report.attempts import Attempt, attempts
from gate.report.fields import Entry, child, children, text
from gate.report.summary import why_of

Raw = dict[str, Json]

FRESH_S = 4.0
"""How long what was read stays good: a page that many people reload asks the ledger once."""
OVERLAP = timedelta(minutes=2)
"""How far before the newest entry is read again: Cloud Logging shows entries late."""
ONE_MAX = 1000
"""Most entries of one rollout."""
_HEAVY = frozenset({"evidence", "template_differences", "notes", "log_lines", "verdict", "next"})


@dataclass(frozen=True, slots=True)
class State:
    """What is known now.

    Attributes:
        found: every rollout in short, newest first.
        problem: why the ledger could not be read the last time, "" where it was.
        whole: whether there is nothing older than what was read.
        disputed: ids of rollouts with outcomes that differ: the first one written counts.
    """

    found: tuple[Attempt, ...] = ()
    problem: str = ""
    whole: bool = True
    disputed: frozenset[str] = frozenset()


class Shelf:
    """Keeps rollouts in short.

    Args:
        ledger: where entries are read.
        service: whose.
        limit: most entries that are read when it begins.
        fresh_s: how long what was read stays good.
    """

    def __init__(
        self, ledger: Ledger, service: str, limit: int, *, fresh_s: float = FRESH_S
    ) -> None:
        self._ledger, self._service, self._limit = ledger, service, limit
        self._fresh_s = fresh_s
        self._kept: dict[str, Attempt] = {}
        self._state = State()
        self._read_at: float | None = None
        self._newest: datetime | None = None
        self._whole = True
        self._disputed: set[str] = set()
        self._lock = asyncio.Lock()

    async def state(self) -> State:
        """What is known, read anew where that is some seconds old."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._read_at is None or now - self._read_at >= self._fresh_s:
                await self._refresh()
                self._read_at = asyncio.get_running_loop().time()
        return self._state

    async def one(self, rollout: str) -> tuple[list[Attempt], bool]:
        """One rollout, whole, and whether it has outcomes that differ: the first one counts.

        [] where the ledger has none of this id.

        Raises:
            InfrastructureError: the ledger cannot be read.
        """
        query = LedgerQuery(service=self._service, rollout=rollout, limit=ONE_MAX)
        entries = await self._ledger.entries(query)
        in_order = sorted(entries, key=lambda entry: text(entry, "at"))
        outcomes = [one for one in in_order if text(one, "entry") == "outcome"]
        counting = [one for one in in_order if one not in outcomes[1:] or one is outcomes[0]]
        return attempts(counting[::-1]), any(one != outcomes[0] for one in outcomes)

    async def _refresh(self) -> None:
        since = self._newest - OVERLAP if self._newest else None
        query = LedgerQuery(service=self._service, since=since, limit=self._limit)
        try:
            entries = await self._ledger.entries(query)
        except InfrastructureError as error:
            self._state = replace(self._state, problem=error.message)
            return
        if len(entries) >= self._limit:
            self._whole = False
        if self._add(entries) or self._state.problem or not self._state.found:
            found = sorted(self._kept.values(), key=lambda one: one.began, reverse=True)
            self._state = State(tuple(found), "", self._whole, frozenset(self._disputed))

    def _add(self, entries: Iterable[Raw]) -> bool:
        """Takes in what is not known yet; whether there was any."""
        changed = False
        for entry in entries:
            name, at = text(entry, "rollout"), _moment(text(entry, "at"))
            if at is not None and (self._newest is None or at > self._newest):
                self._newest = at
            kept = self._kept.get(name, Attempt(name))
            short = in_short(entry)
            if _knows(kept, short):
                continue
            if kept.outcome is not None and text(entry, "entry") == "outcome":
                changed = changed or name not in self._disputed
                self._disputed.add(name)
            else:
                changed = True
            self._kept[name] = _with(kept, short)
            for other in _took_back(entry):
                if other in self._kept:
                    self._kept[other] = replace(self._kept[other], taken_back_by=name)
        return changed


def in_short(entry: Raw) -> Entry:
    """What the list tells of an entry."""
    short = {key: value for key, value in entry.items() if key not in _HEAVY}
    if text(entry, "entry") != "outcome":
        return short
    at_risk: list[Json] = [*sorted(_capabilities(entry))]
    return {**short, "short_why": why_of(entry, 300), "capabilities": at_risk}


def _capabilities(entry: Entry) -> set[str]:
    """What was at stake by the verdict's reasons."""
    reasons = children(child(entry, "verdict"), "reasons")
    return {text(reason, "capability") for reason in reasons} - {""}


def _knows(kept: Attempt, entry: Entry) -> bool:
    if text(entry, "entry") == "outcome":
        return kept.outcome == entry
    place = (text(entry, "at"), text(entry, "why"))
    return any((text(one, "at"), text(one, "why")) == place for one in kept.intentions)


def _with(kept: Attempt, entry: Entry) -> Attempt:
    if text(entry, "entry") == "outcome":
        both = [one for one in (kept.outcome, entry) if one is not None]
        return replace(kept, outcome=min(both, key=lambda one: text(one, "at")))
    both = sorted((*kept.intentions, entry), key=lambda one: text(one, "at"))
    return replace(kept, intentions=tuple(both))


def _took_back(entry: Entry) -> list[str]:
    listed = entry.get("took_back")
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def _moment(at: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        return None
    return found if found.tzinfo else None
