"""One revision's instances: who takes the next request, when to start one, when to stop one.

Knows nothing of processes: a Launcher starts and stops them.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Protocol

from gate.local.instances.settings import InstanceSettings
from gate.local.ports import BootFailure, BootReason, Lease, NoInstanceError, RevisionSpec

NO_INSTANCE: Final = "The request was aborted because there was no available instance."
RATE_EXCEEDED: Final = "Rate exceeded."
_DEFAULT_MAX_INSTANCES: Final = 100
_MAX_BACKOFF_S: Final = 30.0
_QUEUE_PER_STARTUP: Final = 3.5
_GONE: Final = BootFailure(
    BootReason.HEALTH_CHECK_CONTAINER_ERROR,
    "The revision was deleted before its container had started.",
)


class StartReason(Enum):
    """Why an instance is started, as Cloud Run's system log names it."""

    DEPLOYMENT_ROLLOUT = "DEPLOYMENT_ROLLOUT"
    AUTOSCALING = "AUTOSCALING"


class StartError(Exception):
    """An instance did not start; carries Cloud Run's reason and text."""

    def __init__(self, failure: BootFailure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Instance(Protocol):
    """A running instance that has passed its startup probe."""

    @property
    def lease(self) -> Lease:
        """Where it listens; the same for each of its requests."""
        ...

    async def stop(self) -> None:
        """Ends it (SIGTERM, a grace, SIGKILL) and returns when nothing of it is left."""
        ...


class Launcher(Protocol):
    """Starts instances."""

    async def start(
        self, spec: RevisionSpec, reason: StartReason, ended: Callable[[str], None]
    ) -> Instance:
        """Starts one and waits for its startup probe; leaves nothing behind when cancelled.

        Args:
            spec: what to run.
            reason: why.
            ended: called with the instance's id when it cannot go on without having been stopped.

        Raises:
            StartError: it did not start.
        """
        ...


@dataclass(slots=True, eq=False)
class _Member:
    instance: Instance
    lease: Lease
    active: int = 0
    born_s: float = field(default_factory=time.monotonic)
    idle_since_s: float = field(default_factory=time.monotonic)
    timer: asyncio.TimerHandle | None = None


class RevisionPool:
    """The instances of one revision.

    Args:
        spec: what to run; replaced by `update`.
        launcher: starts instances.
        settings: times.
    """

    def __init__(self, spec: RevisionSpec, launcher: Launcher, settings: InstanceSettings) -> None:
        self._spec = spec
        self._launcher = launcher
        self._settings = settings
        self._ready: dict[str, _Member] = {}
        self._starting: set[asyncio.Task[BootFailure | None]] = set()
        self._stopping: set[asyncio.Task[None]] = set()
        self._waiting: deque[asyncio.Future[Lease]] = deque()
        self._failures = 0
        self._startup_s = 0.0
        self._boot: asyncio.Task[BootFailure | None] | None = None
        self._restart: asyncio.TimerHandle | None = None
        self._closed = False

    async def boot(self) -> BootFailure | None:
        """Starts the first instance; says why when it cannot."""
        self._boot = self._launch(StartReason.DEPLOYMENT_ROLLOUT)
        return await self.booted()

    async def booted(self) -> BootFailure | None:
        """How the boot begun went; None at once when none was (a remembered revision)."""
        if self._boot is None:
            return None
        await asyncio.wait([self._boot])
        if self._boot.cancelled():
            return _GONE
        failure = self._boot.result()
        if failure is None:
            self._scale()
        return failure

    def update(self, spec: RevisionSpec) -> None:
        """Takes a changed spec (concurrency, limits): what runs stays as it is."""
        self._spec = spec
        self._scale()
        for member in self._ready.values():
            self._arm(member)

    def try_acquire(self, instance_id: str = "") -> Lease | None:
        """A place in an instance that is ready, in this one first; None when none has room."""
        concurrency = self._spec.concurrency
        preferred = self._ready.get(instance_id) if instance_id else None
        if preferred is not None and preferred.active < concurrency:
            preferred.active += 1
            return preferred.lease
        for member in self._ready.values():
            if member.active < concurrency:
                member.active += 1
                return member.lease
        return None

    async def acquire(self) -> Lease:
        """A place, waiting for one to be free or for an instance to start.

        Raises:
            NoInstanceError: 429 at the most instances allowed, 503 otherwise.
        """
        lease = self.try_acquire()
        if lease is not None:
            return lease
        if self._closed:
            raise NoInstanceError(503, NO_INSTANCE)
        place: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._scale()
        try:
            async with asyncio.timeout(self._queue_s()):
                return await place
        except TimeoutError:
            self._leave_queue(place)
            raise self._refusal() from None
        except asyncio.CancelledError:
            self._leave_queue(place)
            raise

    def release(self, lease: Lease) -> None:
        """Gives a place back, to the first in the queue if there is one."""
        member = self._ready.get(lease.instance_id)
        if member is None:
            return
        member.active -= 1
        if self._waiting:
            self._serve(member)
        if not member.active:
            member.idle_since_s = time.monotonic()

    async def stop(self) -> None:
        """Stops every instance and refuses whoever waits."""
        self._closed = True
        if self._restart:
            self._restart.cancel()
        self._refuse_all()
        starting = tuple(self._starting)
        for task in starting:
            task.cancel()
        for member in tuple(self._ready.values()):
            self._stop(member)
        await asyncio.gather(*starting, return_exceptions=True)
        await asyncio.gather(*self._stopping)

    def _queue_s(self) -> float:
        return max(self._settings.queue_s, _QUEUE_PER_STARTUP * self._startup_s)

    def _refusal(self) -> NoInstanceError:
        if len(self._ready) + len(self._starting) >= self._max_instances():
            return NoInstanceError(429, RATE_EXCEEDED)
        return NoInstanceError(503, NO_INSTANCE)

    def _max_instances(self) -> int:
        return self._spec.max_instances or _DEFAULT_MAX_INSTANCES

    def _leave_queue(self, place: asyncio.Future[Lease]) -> None:
        """Takes a waiter out; a place that it was given and can no longer use goes back."""
        if place in self._waiting:
            self._waiting.remove(place)
        elif place.done() and not place.cancelled() and place.exception() is None:
            self.release(place.result())

    def _scale(self) -> None:
        """Starts as many instances as the queue and min_instances ask for."""
        if self._closed:
            return
        wanted = len(self._ready) + -(-len(self._waiting) // self._spec.concurrency)
        if self._restart is None:
            wanted = max(wanted, self._spec.min_instances)
        wanted = min(wanted, self._max_instances())
        for _ in range(wanted - len(self._ready) - len(self._starting)):
            self._launch(StartReason.AUTOSCALING)

    def _launch(self, reason: StartReason) -> asyncio.Task[BootFailure | None]:
        task = asyncio.get_running_loop().create_task(self._start(reason))
        self._starting.add(task)
        return task

    async def _start(self, reason: StartReason) -> BootFailure | None:
        began_s = time.monotonic()
        try:
            instance = await self._launcher.start(self._spec, reason, self._ended)
        except StartError as error:
            self._forget_start()
            self._start_failed()
            return replace(error.failure, took_s=time.monotonic() - began_s)
        except BaseException:
            self._forget_start()
            raise
        self._forget_start()
        self._startup_s = time.monotonic() - began_s
        member = _Member(instance, instance.lease)
        self._ready[member.lease.instance_id] = member
        self._serve(member)
        self._arm(member)
        return None

    def _forget_start(self) -> None:
        task = asyncio.current_task()
        self._starting = {other for other in self._starting if other is not task}

    def _start_failed(self) -> None:
        """Nobody is left waiting for an instance that will not come."""
        if not self._ready and not self._starting:
            self._refuse_all()
        self._restart_later()

    def _refuse_all(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_exception(NoInstanceError(503, NO_INSTANCE))

    def _serve(self, member: _Member) -> None:
        """Gives the member's free places to the queue, first come first served."""
        while self._waiting and member.active < self._spec.concurrency:
            place = self._waiting.popleft()
            if not place.done():
                member.active += 1
                place.set_result(member.lease)

    def _ended(self, instance_id: str) -> None:
        """An instance cannot go on: end what is left of it, replace it where it is needed."""
        member = self._ready.get(instance_id)
        if member is None:
            return
        self._stop(member)
        if time.monotonic() - member.born_s > _MAX_BACKOFF_S:
            self._failures = 0
        self._restart_later()
        self._scale()

    def _restart_later(self) -> None:
        """Keeps min_instances alive, more and more slowly when they keep dying."""
        if self._closed or self._restart or len(self._ready) >= self._spec.min_instances:
            return
        delay_s = backoff_s(self._settings.restart_backoff_s, self._failures)
        self._failures += 1
        self._restart = asyncio.get_running_loop().call_later(delay_s, self._restart_now)

    def _restart_now(self) -> None:
        self._restart = None
        self._scale()

    def _arm(self, member: _Member) -> None:
        """Looks at a member again when it could have been idle for long enough."""
        if member.timer:
            member.timer.cancel()
        rested_s = 0.0 if member.active else time.monotonic() - member.idle_since_s
        delay_s = max(self._settings.idle_s - rested_s, 0.0)
        member.timer = asyncio.get_running_loop().call_later(delay_s, self._look, member)

    def _look(self, member: _Member) -> None:
        rested_s = time.monotonic() - member.idle_since_s
        surplus = len(self._ready) > self._spec.min_instances
        if member.active or rested_s + 0.001 < self._settings.idle_s:
            self._arm(member)
        elif surplus:
            self._stop(member)
        else:
            member.timer = None

    def _stop(self, member: _Member) -> None:
        self._ready.pop(member.lease.instance_id, None)
        if member.timer:
            member.timer.cancel()
        task = asyncio.get_running_loop().create_task(member.instance.stop())
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


def backoff_s(first_s: float, failures: int) -> float:
    """The pause before another start, after so many failures in a row."""
    return min(first_s * 2.0 ** min(failures, 16), _MAX_BACKOFF_S)
