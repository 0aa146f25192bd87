"""Reads one decision from the ledger."""

from gate.api import wiring
from gate.core.policy import Json
from gate.core.recorded import moment
from gate.core.service import ServiceRef
from gate.errors import UsageError
from gate.ports import LedgerQuery

ENTRIES_MAX = 1_000
"""Most entries of one rollout, and most that are read to find who took it back."""
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


def _taken_back_by(entries: Entries, rollout: str) -> str:
    for entry in entries:
        back = entry.get("took_back")
        if entry.get("entry") == "outcome" and isinstance(back, list) and rollout in back:
            return str(entry.get("rollout", ""))
    return ""
