"""A ledger in memory."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from gate.core.policy import Json
from gate.errors import InfrastructureError
from gate.ports import LedgerQuery
from tests.fakes.script import Script

ENTRY_MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What makes an entry the same as another: time, rollout and sequence."""

    at: datetime
    sequence: int
    rollout: str


class FakeLedger(Script):
    """Implements gate.ports.Ledger: an entry that is appended twice is kept once.

    Attributes:
        speaks: while it is clear, nothing that is appended is answered, or kept.
        given_up: how many appends nobody waited for any more by then.
    """

    def __init__(self) -> None:
        super().__init__()
        self.speaks = asyncio.Event()
        self.speaks.set()
        self.given_up = 0
        self._kept: dict[Key, str] = {}  # as text, so that nobody can change it afterwards

    @property
    def kept(self) -> list[dict[str, Json]]:
        """Every entry, in the order of their keeping."""
        return [json.loads(body) for body in self._kept.values()]

    async def append(self, entry: dict[str, Json], rollout: str, sequence: int) -> None:
        """Keeps one entry, which must carry its time under `at`."""
        self.enter("append")
        await self._spoken()
        body = json.dumps(entry, allow_nan=False)
        at = entry.get("at")
        if not isinstance(at, str):
            raise InfrastructureError(f"ledger entry {rollout}/{sequence}: has no time")
        if len(body) > ENTRY_MAX_BYTES:
            raise InfrastructureError(f"ledger entry {rollout}/{sequence}: too large")
        self._kept.setdefault(Key(datetime.fromisoformat(at), sequence, rollout), body)

    async def _spoken(self) -> None:
        try:
            await self.speaks.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise

    async def entries(self, query: LedgerQuery) -> tuple[dict[str, Json], ...]:
        """Entries that match, newest first."""
        self.enter("entries")
        found = []
        for key in sorted(self._kept, reverse=True):
            entry: dict[str, Json] = json.loads(self._kept[key])
            if (
                query.rollout in ("", key.rollout)
                and query.service in ("", entry.get("service"))
                and (query.since is None or key.at >= query.since)
                and (not query.image or _names(entry, query.image))
                and (not query.outcomes or entry.get("entry") == "outcome")
            ):
                found.append(entry)
        return tuple(found[: query.limit])

    async def history(self, begin: datetime | None = None) -> AsyncIterator[dict[str, Json]]:
        """Every entry from a time on, oldest first."""
        self.enter("history")
        for key in sorted(self._kept):
            if begin is None or key.at >= begin:
                yield json.loads(self._kept[key])


def _names(entry: dict[str, Json], image: str) -> bool:
    """Whether it is an outcome that names this image."""
    return entry.get("entry") == "outcome" and image in json.dumps(entry)
