"""The one loop: event -> core.step -> ledger -> carry out the command -> event.

Knows only ports. Judges nothing: whatever happens becomes an event, and the core decides.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar, assert_never

from gate.controller.bookkeeping import Bookkeeping, Waits
from gate.controller.probe_round import ProbeRound, users_answer
from gate.controller.signals import stopping
from gate.controller.user_requests import counted
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.guard import came_between
from gate.core.lease import renewal
from gate.core.messages import (
    Accepted,
    CallFailed,
    Command,
    CountRequests,
    Deploy,
    Event,
    Failure,
    Interrupted,
    Look,
    Overwrote,
    ReadLogs,
    Record,
    Recorded,
    RunProbes,
    Seen,
    SetTraffic,
)
from gate.core.redaction import Redactor
from gate.core.rollout import begin, step
from gate.core.service import Revision
from gate.core.state import Plan, Rollout
from gate.errors import (
    AccessError,
    ConflictError,
    GateError,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
)
from gate.ledger.canonical import digest
from gate.ledger.checksum import with_checksum
from gate.ledger.entry import Entry, intention, left_out, outcome
from gate.ledger.events import EventLog
from gate.ports import (
    Answers,
    Bundles,
    Clock,
    Identity,
    Ledger,
    Logs,
    Narrator,
    Platform,
    Probes,
    Signer,
    UserRequests,
)

T = TypeVar("T")

RENEWALS = 3
"""How often a lease is renewed within the time it runs."""
LEAST_PATIENCE_S = 1.0
"""What a call gets at least once we are to stop, however little time its phase has left."""

_FAILURES: tuple[tuple[type[GateError], Failure], ...] = (
    (ConflictError, Failure.CONFLICT),
    (UnavailableError, Failure.LOST),
    (NotFoundError, Failure.NOT_FOUND),
    (AccessError, Failure.DENIED),
    (InfrastructureError, Failure.REFUSED),
)


@dataclass(frozen=True, slots=True)
class World:
    """Everything the controller acts through."""

    platform: Platform
    probes: Probes
    logs: Logs
    ledger: Ledger
    clock: Clock
    redactor: Redactor
    identity: Identity
    narrator: Narrator
    answers: Answers | None = None
    bundles: Bundles | None = None
    user_requests: UserRequests | None = None
    signer: Signer | None = None


class Controller:
    """Carries one rollout from its plan to its end.

    Args:
        world: the adapters.
        waits: how long the ledger is waited for.

    Attributes:
        outcome: the entry that was handed to the ledger at the end, None before.
    """

    def __init__(self, world: World, waits: Waits | None = None) -> None:
        self.outcome: Entry | None = None
        self._world = world
        self._books = Bookkeeping(world.ledger, waits or Waits())
        self._probe_round = ProbeRound(
            world.probes,
            world.logs,
            world.clock,
            world.redactor,
            world.identity,
            world.narrator,
            world.answers,
        )
        self._stop = asyncio.Event()
        self._abandon = asyncio.Event()
        self._told = False
        self._renewed_at: datetime | None = None
        self._events: EventLog | None = None

    def interrupt(self) -> None:
        """Asks the rollout to end safely and soon; asked twice, it is left where it is."""
        if self._stop.is_set():
            self._abandon.set()
        self._stop.set()

    async def run(self, plan: Plan, rollout_id: str, *, signals: bool = True) -> Rollout:
        """Runs until the rollout has ended, or was abandoned by a second interrupt.

        Args:
            plan: what was asked for.
            rollout_id: its id.
            signals: whether SIGINT and SIGTERM interrupt it meanwhile.
        """
        heard = stopping(self.interrupt) if signals else contextlib.nullcontext()
        async with heard, contextlib.aclosing(self._books):
            self._books.look_back(plan)
            rollout, commands = begin(plan, rollout_id, self._world.clock.now())
            self._events = _event_log(rollout, self._world.redactor)
            while commands and not self._abandon.is_set():
                event = await self._next_event(rollout, commands[0])
                if event is None:
                    break
                rollout, commands = step(rollout, event)
                self._events.add(event, rollout.phase)
                self._world.narrator.happened(rollout, event)
            return rollout

    async def _next_event(self, rollout: Rollout, command: Command) -> Event | None:
        """Carries the command out, unless the gate was asked to stop before or meanwhile.

        A write is never cut off: its answer is worth waiting for. None means abandoned.
        """
        if self._stop.is_set() and not self._told:
            return self._tell()
        self._world.narrator.doing(rollout, command)
        task = asyncio.ensure_future(self._carry_out(rollout, command))
        stop = self._abandon if self._told or _is_write(command) else self._stop
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            await _cancelled(stopped)
            await _cancelled(task)
        return None if self._abandon.is_set() else self._tell()

    def _tell(self) -> Interrupted:
        self._told = True
        return Interrupted(self._world.clock.now())

    async def _carry_out(self, rollout: Rollout, command: Command) -> Event:
        match command:
            case Look() if rollout.awaiting_since and command.approvals_since:
                return await self._leased(rollout, self._look(rollout, command))
            case Look():
                return await self._look(rollout, command)
            case Deploy() | SetTraffic():
                return await self._write(rollout, command)
            case RunProbes():
                return await self._leased(rollout, self._round(command))
            case CountRequests():
                return await self._leased(rollout, self._count(command))
            case ReadLogs():
                return await self._probe_round.explain(command)
            case Record():
                return await self._record(rollout)
            case _ as never:
                assert_never(never)

    async def _look(self, rollout: Rollout, command: Look) -> Event:
        world = self._world
        if command.after_s:
            await world.clock.sleep(command.after_s)
        try:
            async with asyncio.timeout(self._patience_s(rollout)), asyncio.TaskGroup() as group:
                service = group.create_task(world.platform.read_service())
                reads = [group.create_task(self._revision(name)) for name in command.revisions]
                answer = group.create_task(users_answer(command.ask, world.answers, world.identity))
                given = group.create_task(
                    self._books.approvals(rollout.plan, command.approvals_since)
                )
        except TimeoutError:
            return self._no_answer()
        except ExceptionGroup as errors:
            first = errors.exceptions[0]
            if not isinstance(first, InfrastructureError):
                raise
            return self._failed(first)
        found = [read.result() for read in reads]
        revisions = {revision.name: revision for revision in found if revision is not None}
        users, at = answer.result(), world.clock.now()
        self._books.seen(service.result())
        told = (users.instead, users.unknown, *given.result())
        return Seen(at, service.result(), revisions, *told)

    def _patience_s(self, rollout: Rollout) -> float | None:
        """How long a call may take: once we are to stop, no longer than its phase."""
        if not self._told:
            return None
        left = rollout.limit_at - self._world.clock.now()
        return max(left.total_seconds(), LEAST_PATIENCE_S)

    def _no_answer(self) -> CallFailed:
        text = "Cloud Run gave no answer in the time that was left for ending safely"
        return CallFailed(self._world.clock.now(), Failure.LOST, text)

    async def _revision(self, name: str) -> Revision | None:
        try:
            return await self._world.platform.read_revision(name)
        except NotFoundError:
            return None

    async def _write(self, rollout: Rollout, command: Deploy | SetTraffic) -> Event:
        """Write-ahead: the ledger keeps the intention before the platform hears of it.

        A person may stop the gate in between: then the platform never hears of it.
        """
        urgent = isinstance(command, SetTraffic) and command.even_unrecorded
        link, world = await self._books.link(rollout.plan), self._world
        entry = intention(rollout, command, world.clock.now(), world.redactor.json, link)
        try:
            await self._books.intend(entry, rollout, urgent=urgent)
        except InfrastructureError as error:
            if not urgent:
                text = f"nothing was changed, since the intention could not be recorded: {error}"
                return CallFailed(world.clock.now(), Failure.UNRECORDED, text, error.hint)
        if self._stop.is_set() and not self._told:
            return self._tell()
        number = entry["sequence"]
        assert isinstance(number, int)
        annotation = replace(command.annotation, entry=digest(entry), sequence=number)
        event = await self._accepted(self._send(rollout, command, annotation), rollout)
        if isinstance(event, Accepted):
            self._books.accepted(annotation, event.generation)
        return event

    def _send(
        self, rollout: Rollout, command: Deploy | SetTraffic, annotation: RolloutAnnotation
    ) -> Awaitable[int]:
        """The update, which says by its own annotation which entry of the ledger explains it."""
        others = dict(rollout.service.annotations) if rollout.service else {}
        annotations = {**others, KEY: annotation.text()}
        platform = self._world.platform
        if isinstance(command, Deploy):
            return platform.deploy(
                command.image,
                command.revision,
                command.traffic,
                command.etag,
                annotations,
                command.base,
            )
        return platform.set_traffic(command.traffic, command.etag, annotations)

    async def _accepted(self, call: Awaitable[int], rollout: Rollout) -> Event:
        try:
            async with asyncio.timeout(self._patience_s(rollout)):
                generation = await call
        except TimeoutError:
            return self._no_answer()
        except InfrastructureError as error:
            return self._failed(error)
        self._renewed_at = self._world.clock.now()
        return Accepted(self._renewed_at, generation)

    async def _leased(self, rollout: Rollout, work: Coroutine[None, None, Event]) -> Event:
        """Asks or counts, and keeps the lease meanwhile; stops once the service is not ours."""
        asking = asyncio.ensure_future(work)
        try:
            while True:
                await asyncio.wait({asking}, timeout=self._until_renewal_s(rollout))
                if asking.done():
                    return asking.result()
                lost = await self._renew(rollout)
                if lost is not None:
                    return lost
        finally:
            await _cancelled(asking)

    def _until_renewal_s(self, rollout: Rollout) -> float:
        """How long the lease may stay as it is; rounds of probes may be shorter than that."""
        every_s = rollout.plan.lease_s / RENEWALS
        if self._renewed_at is None:
            return every_s
        since = self._world.clock.now() - self._renewed_at
        return max(every_s - since.total_seconds(), 0.0)

    async def _round(self, command: RunProbes) -> Event:
        """One round of probes, after a pause where the command asks for one."""
        if command.after_s:
            await self._world.clock.sleep(command.after_s)
        try:
            return await self._probe_round.ask(command)
        except InfrastructureError as error:
            return self._failed(error)

    async def _count(self, command: CountRequests) -> Event:
        """Users' own requests, after a pause where the command asks for one."""
        if command.after_s:
            await self._world.clock.sleep(command.after_s)
        return await counted(command, self._world.user_requests, self._world.clock)

    async def _renew(self, rollout: Rollout) -> Seen | Overwrote | None:
        """Renews the lease; what was seen if it is lost, or traffic is not as we set it.

        A read or a write that fails is tried again with the next renewal.
        """
        world = self._world
        self._renewed_at = world.clock.now()
        try:
            service = await world.platform.read_service()
            write = renewal(rollout, service, world.clock.now())
            if write is None:
                return Seen(world.clock.now(), service)
            annotations = {**dict(service.annotations), KEY: write.annotation.text()}
            given = await world.platform.set_traffic(write.traffic, write.etag, annotations)
        except InfrastructureError:
            return None
        if came_between(service.generation, given):
            return Overwrote(world.clock.now(), service.generation, given)
        return None

    async def _record(self, rollout: Rollout) -> Event:
        world = self._world
        link = await self._books.link(rollout.plan)
        events = self._events.value() if self._events else None
        entry = outcome(rollout, world.clock.now(), world.redactor.json, link, events)
        if evidence := left_out(entry, rollout, world.redactor.json):
            entry = await self._books.whole(entry, evidence, world.bundles)
        if events is not None:
            entry = await self._books.with_events(entry, events, world.bundles)
        entry = with_checksum(await self._books.signed(entry, world.signer))
        self.outcome = entry
        try:
            await self._books.conclude(entry, rollout, stopping=self._told)
        except InfrastructureError as error:
            return Recorded(world.clock.now(), kept=False, message=str(error))
        return Recorded(world.clock.now(), kept=True)

    def _failed(self, error: InfrastructureError) -> CallFailed:
        kind = next(failure for type_, failure in _FAILURES if isinstance(error, type_))
        return CallFailed(self._world.clock.now(), kind, error.message, error.hint)


def _event_log(rollout: Rollout, redactor: Redactor) -> EventLog:
    return EventLog(rollout.plan, rollout.id, rollout.started_at.isoformat(), redactor.json)


def _is_write(command: Command) -> bool:
    return isinstance(command, Deploy | SetTraffic | Record)


async def _cancelled(task: asyncio.Future[T]) -> None:
    """Ends a task that nobody waits for any more; a finished one is left as it is."""
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
