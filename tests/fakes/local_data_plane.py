"""Fakes for the data plane of the local Cloud Run: a log sink, a launcher, places."""

import asyncio
from collections import deque
from collections.abc import Callable

from gate.local.instances.pool import StartError, StartReason
from gate.local.ports import (
    BootFailure,
    BootReason,
    Lease,
    LogLine,
    NoInstanceError,
    RevisionKey,
    RevisionSpec,
    ServiceKey,
)

SERVICE = ServiceKey("demo", "us-central1", "backend")


def revision(name: str = "backend-00001-abc") -> RevisionKey:
    """A revision of the one service of these tests."""
    return RevisionKey(SERVICE, name)


class ListSink:
    """A LogSink that keeps lines in memory and can be waited on."""

    def __init__(self) -> None:
        self.lines: list[LogLine] = []
        self._grown = asyncio.Event()

    def append(self, line: LogLine) -> None:
        """Keeps the line and wakes who waits for it."""
        self.lines.append(line)
        self._grown.set()

    async def until(self, wanted: Callable[[LogLine], bool], within_s: float = 60.0) -> LogLine:
        """The first line that is wanted, as soon as it is there."""
        async with asyncio.timeout(within_s):
            while True:
                for line in self.lines:
                    if wanted(line):
                        return line
                self._grown.clear()
                await self._grown.wait()

    def requests(self) -> list[LogLine]:
        """The request log alone."""
        return [line for line in self.lines if line.http is not None]


class FakeInstance:
    """An instance that is nothing but a lease; says when it has been stopped."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.stopped = asyncio.Event()

    async def stop(self) -> None:
        """Notes that it was asked to stop."""
        self.stopped.set()


class FakeLauncher:
    """A Launcher whose starts end when the test says so, or at once.

    Args:
        by_hand: starts wait for `let_start` or `let_fail`.
    """

    def __init__(self, *, by_hand: bool = False) -> None:
        self.started: list[FakeInstance] = []
        self.asked = 0
        self.reasons: list[StartReason] = []
        self._by_hand = by_hand
        self._gates: deque[asyncio.Future[None]] = deque()
        self._ended: dict[str, Callable[[str], None]] = {}
        self._changed = asyncio.Event()

    async def start(
        self, spec: RevisionSpec, reason: StartReason, ended: Callable[[str], None]
    ) -> FakeInstance:
        """As `Launcher.start`."""
        self.asked += 1
        self.reasons.append(reason)
        number = self.asked
        if self._by_hand:
            gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._gates.append(gate)
            self._changed.set()
            await gate
        instance = FakeInstance(Lease(spec.key, f"instance-{number}", "127.0.0.1", number))
        self.started.append(instance)
        self._ended[instance.lease.instance_id] = ended
        self._changed.set()
        return instance

    async def until(self, wanted: Callable[["FakeLauncher"], bool]) -> None:
        """Waits until the launcher has seen enough."""
        async with asyncio.timeout(60):
            while not wanted(self):
                self._changed.clear()
                await self._changed.wait()

    async def let_start(self) -> None:
        """Lets the oldest waiting start succeed."""
        (await self._next()).set_result(None)

    async def let_fail(self) -> None:
        """Lets the oldest waiting start fail its startup probe."""
        failure = BootFailure(BootReason.HEALTH_CHECK_CONTAINER_ERROR, "did not listen")
        (await self._next()).set_exception(StartError(failure))

    def die(self, instance: FakeInstance) -> None:
        """The instance's process ends by itself."""
        self._ended[instance.lease.instance_id](instance.lease.instance_id)

    async def _next(self) -> asyncio.Future[None]:
        await self.until(lambda launcher: bool(launcher._gates))
        return self._gates.popleft()


class FakePlaces:
    """Places at fixed addresses; counts what is held, and can refuse or keep waiting.

    Args:
        ports: where each revision's first instance listens.

    Attributes:
        more: instances that a client gets who had them before, by id.
        first: the one of them that clients get who had none.
    """

    def __init__(self, ports: dict[RevisionKey, int]) -> None:
        self.ports = ports
        self.held = 0
        self.taken = 0
        self.more: dict[str, Lease] = {}
        self.first = ""
        self.cold = False
        self.refusal: NoInstanceError | None = None
        self.warm: asyncio.Event = asyncio.Event()
        self._freed = asyncio.Event()

    def try_acquire(self, key: RevisionKey, instance_id: str = "") -> Lease | None:
        """As `Places.try_acquire`; never while cold or refusing."""
        if self.cold or self.refusal or key not in self.ports:
            return None
        wanted = instance_id or self.first
        if wanted in self.more:
            self.held += 1
            return self.more[wanted]
        return self._take(key)

    async def acquire(self, key: RevisionKey) -> Lease:
        """As `Places.acquire`; waits for `warm` while cold."""
        if self.cold:
            await self.warm.wait()
        if self.refusal:
            raise self.refusal
        return self._take(key)

    def release(self, lease: Lease) -> None:
        """As `Places.release`."""
        self.held -= 1
        self._freed.set()

    async def until_free(self) -> None:
        """Waits until no place is held."""
        async with asyncio.timeout(60):
            while self.held:
                self._freed.clear()
                await self._freed.wait()

    def _take(self, key: RevisionKey) -> Lease:
        self.held += 1
        self.taken += 1
        return Lease(key, f"instance-of-{key.revision}", "127.0.0.1", self.ports[key])
