"""Stops or resumes the line of a service: one guarded write, kept in the ledger before and after.

No rollout: it takes no lease, so that it gets through while one is at work.
"""

import contextlib
from dataclasses import replace

from gate.controller.bookkeeping import Bookkeeping, Waits
from gate.core.annotation import KEY
from gate.core.line import line_write, unsettled
from gate.core.messages import SetTraffic
from gate.core.state import Phase, Plan, Rollout
from gate.errors import ConflictError, InfrastructureError, UnavailableError
from gate.ledger.canonical import digest
from gate.ledger.checksum import with_checksum
from gate.ledger.entry import Entry, intention, outcome
from gate.ports import Clock, Ledger, Platform

TRIES = 6
PAUSE_S = 0.3


class Line:
    """Stops or resumes one service's line.

    Args:
        platform: the service.
        ledger: where it is kept.
        clock: the time.
        waits: how long the ledger is waited for.
    """

    def __init__(
        self, platform: Platform, ledger: Ledger, clock: Clock, waits: Waits | None = None
    ) -> None:
        self._platform = platform
        self._clock = clock
        self._books = Bookkeeping(ledger, waits or Waits())

    async def change(self, plan: Plan, move_id: str) -> tuple[Rollout, Entry]:
        """Does what the plan says; returns how it ended, and the entry of that.

        Raises:
            InfrastructureError: the service cannot be read or written, or what lets rollouts go on
                cannot be recorded.
        """
        now = self._clock.now()
        r = Rollout(move_id, plan, now, Phase.READING, now, at=now)
        async with contextlib.aclosing(self._books):
            for _ in range(TRIES):
                service = await self._platform.read_service()
                self._books.seen(service)
                step = line_write(replace(r, at=self._clock.now()), service)
                if isinstance(step, Rollout):
                    return await self._ended(step)
                r = await self._write(replace(r, service=service), step)
            return await self._ended(unsettled(r))

    async def _write(self, r: Rollout, command: SetTraffic) -> Rollout:
        """One try; the next look says what came of it."""
        assert r.service is not None
        entry = intention(r, command, self._clock.now(), link=await self._books.link(r.plan))
        try:
            await self._books.intend(entry, r, urgent=command.even_unrecorded)
        except InfrastructureError:
            if not command.even_unrecorded:
                raise
        number = entry["sequence"]
        assert isinstance(number, int)
        annotation = replace(command.annotation, entry=digest(entry), sequence=number)
        annotations = {**dict(r.service.annotations), KEY: annotation.text()}
        try:
            given = await self._platform.set_traffic(command.traffic, command.etag, annotations)
        except ConflictError:
            await self._clock.sleep(PAUSE_S)
            return r
        except UnavailableError:
            return replace(r, sent=command)
        self._books.accepted(annotation, given)
        return replace(r, sent=command)

    async def _ended(self, r: Rollout) -> tuple[Rollout, Entry]:
        link = await self._books.link(r.plan)
        entry = with_checksum(outcome(r, self._clock.now(), link=link))
        try:
            await self._books.conclude(entry, r, stopping=False)
        except InfrastructureError:
            return replace(r, phase=Phase.ENDED), entry
        return replace(r, phase=Phase.ENDED, recorded=True), entry
