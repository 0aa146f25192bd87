"""Reads one decision from the ledger."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Protocol

from gate.api import wiring
from gate.core.policy import Json
from gate.core.recorded import moment
from gate.core.service import ServiceRef
from gate.errors import AccessError, UnavailableError, UsageError
from gate.ledger.cited import cited, is_cited
from gate.ports import LedgerQuery

ENTRIES_MAX = 1_000
"""Most entries of one rollout, and most that are read to find who took it back."""


class History(Protocol):
    """A ledger that is read from a moment on."""

    def history(self, begin: datetime | None = None) -> AsyncIterator[dict[str, Json]]:
        """The entries from then on, the oldest first."""
        ...


Entries = tuple[dict[str, Json], ...]
TakenBack = tuple[tuple[str, str], ...]


async def read(ref: ServiceRef, rollout: str) -> tuple[Entries, TakenBack]:
    """The entries of a rollout, newest first, and who took back what it left: its id and theirs.

    Raises:
        UsageError: there are none.
        AccessError, UnavailableError: the ledger cannot be read.
    """
    async with wiring.ledger_of(ref) as ledger:
        query = LedgerQuery(service=ref.name, rollout=rollout, limit=ENTRIES_MAX)
        entries = await ledger.entries(query)
        if not entries:
            raise UsageError(
                f"{ref}: the ledger has no rollout {rollout!r}",
                "`gate audit list` shows the ids; a new one takes some seconds to appear, and the "
                "log bucket's retention says how long it stays",
            )
        began = moment(str(entries[-1].get("at", "")))
        if began is None or any(entry.get("entry") == "outcome" for entry in entries):
            return entries, ()
        later = LedgerQuery(service=ref.name, since=began, limit=ENTRIES_MAX)
        by = _taken_back_by(await ledger.entries(later), rollout)
        return entries, ((rollout, by),) if by else ()


async def elsewhere(ref: ServiceRef, entries: Entries) -> Entries:
    """The approvals that these outcomes rest on and that stand under other ids.

    One that cannot be read is left out: whoever shows the decision says so.
    """
    wanted = cited(entries)
    if not wanted:
        return ()
    with contextlib.suppress(AccessError, UnavailableError):
        async with wiring.ledger_of(ref) as ledger:
            found = [await _approval(ledger, name, at) for name, at in wanted.items()]
            return tuple(one for one in found if one is not None)
    return ()


async def _approval(ledger: History, name: str, at: str) -> dict[str, Json] | None:
    """The approval of this hash among the entries of its moment."""
    given = moment(at)
    if given is None:
        return None
    async for entry in ledger.history(given):
        if is_cited(entry, name):
            return entry
        then = moment(str(entry.get("at", "")))
        if then is None or then > given:
            break
    return None


def _taken_back_by(entries: Entries, rollout: str) -> str:
    for entry in entries:
        back = entry.get("took_back")
        if entry.get("entry") == "outcome" and isinstance(back, list) and rollout in back:
            return str(entry.get("rollout", ""))
    return ""
