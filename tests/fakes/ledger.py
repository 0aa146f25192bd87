"""A ledger in memory."""

import json
from dataclasses import dataclass
from datetime import datetime

from gate.core.policy import Json
from gate.ports import LedgerQuery
from tests.fakes.script import Script


@dataclass(frozen=True, slots=True)
class Kept:
    """One entry under its idempotency key, as text, so that nobody can change it afterwards."""

    rollout: str
    sequence: int
    body: str

    def entry(self) -> dict[str, Json]:
        """The entry as it was appended."""
        entry: dict[str, Json] = json.loads(self.body)
        return entry


class FakeLedger(Script):
    """Implements gate.ports.Ledger; the first entry under a key stays."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[tuple[str, int], Kept] = {}

    @property
    def kept(self) -> list[dict[str, Json]]:
        """Every entry, oldest first."""
        return [kept.entry() for kept in self._kept.values()]

    async def append(self, entry: dict[str, Json], rollout: str, sequence: int) -> None:
        """Keeps one entry under an idempotency key made of rollout and sequence."""
        self.enter("append")
        body = json.dumps(entry, allow_nan=False)
        self._kept.setdefault((rollout, sequence), Kept(rollout, sequence, body))

    async def entries(self, query: LedgerQuery) -> tuple[dict[str, Json], ...]:
        """Entries that match, newest first; `service` and `at` are read from the entry."""
        self.enter("entries")
        found = [
            kept.entry()
            for kept in reversed(self._kept.values())
            if query.rollout in ("", kept.rollout)
        ]
        return tuple([entry for entry in found if _matches(query, entry)][: query.limit])


def _matches(query: LedgerQuery, entry: dict[str, Json]) -> bool:
    at = entry.get("at")
    moment = datetime.fromisoformat(at) if isinstance(at, str) else None
    return query.service in ("", entry.get("service")) and (
        query.since is None or (moment is not None and moment >= query.since)
    )
