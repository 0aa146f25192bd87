"""Keeps what one rollout does in the ledger; nobody waits for a ledger that says nothing.

Write-ahead: an intention is kept before the platform hears of it. A move to safety goes on although
the ledger is silent, and what moved nothing is not worth a long wait.
"""

import asyncio
from dataclasses import dataclass

from gate.core.state import Kind, Rollout
from gate.errors import UnavailableError
from gate.ledger.entry import Entry
from gate.ports import Ledger


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the ledger is waited for, in seconds.

    Attributes:
        intention_s: for what a person asks for by hand, or moves users to safety, before it is
            done.
        nothing_s: for the outcome of what moved nothing.
        silent_s: for the same where the ledger has been silent before.
        stopping_s: for any other outcome once we are to stop.
    """

    intention_s: float = 2.0
    nothing_s: float = 2.0
    silent_s: float = 1.0
    stopping_s: float = 5.0


class Bookkeeping:
    """The entries of one rollout, numbered.

    Args:
        ledger: where they are kept.
        waits: for how long.
    """

    def __init__(self, ledger: Ledger, waits: Waits) -> None:
        self._ledger = ledger
        self._waits = waits
        self._sequence = 0
        self._silent = False
        self._begun: set[asyncio.Task[None]] = set()

    async def intend(self, entry: Entry, rollout: Rollout, *, urgent: bool) -> None:
        """Keeps what is about to be done.

        What is urgent waits for a silent ledger once, and goes on being kept beside the move.

        Raises:
            InfrastructureError: it is not kept yet.
        """
        within_s = None
        if urgent or rollout.plan.kind is not Kind.ROLLOUT:
            silent = urgent and self._was_silent(rollout)
            within_s = 0.0 if silent else self._waits.intention_s
        await self._keep(entry, rollout, within_s, go_on=urgent)

    async def conclude(self, entry: Entry, rollout: Rollout, *, stopping: bool) -> None:
        """Keeps the outcome.

        Raises:
            InfrastructureError: it is not kept, or nobody knows.
        """
        within_s = self._waits.stopping_s if stopping else None
        if rollout.moved_nothing:
            silent = self._was_silent(rollout)
            within_s = self._waits.silent_s if silent else self._waits.nothing_s
        await self._keep(entry, rollout, within_s)

    async def aclose(self) -> None:
        """Gives up what is still being kept."""
        for task in self._begun:
            task.cancel()
        await asyncio.gather(*self._begun, return_exceptions=True)

    def _was_silent(self, rollout: Rollout) -> bool:
        return self._silent or bool(rollout.plan.past.silent)

    async def _keep(
        self,
        entry: Entry,
        rollout: Rollout,
        within_s: float | None,
        *,
        go_on: bool = False,
    ) -> None:
        """Keeps one entry within this time, or as long as it takes; may go on beyond it."""
        self._sequence += 1
        keeping = self._ledger.append(entry, rollout.id, self._sequence)
        task = asyncio.ensure_future(keeping)
        self._begun.add(task)
        done, _ = await asyncio.wait({task}, timeout=within_s)
        self._silent = not done or task.exception() is not None
        if done:
            return task.result()
        if not go_on:
            task.cancel()
        raise UnavailableError(f"the ledger gave no answer in {within_s:g} s")
