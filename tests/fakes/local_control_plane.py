"""Fakes for the control plane of the local Cloud Run: instances, front end, time, a journal."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from google.longrunning.operations_pb2 import Operation

from gate.local.admin.control import ControlPlane
from gate.local.admin.etags import V2Etags
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import Document, Journal
from gate.local.faults.delays import Faults
from gate.local.ports import (
    Access,
    BootFailure,
    BootReason,
    Lease,
    LogLine,
    NoInstanceError,
    RevisionKey,
    RevisionSpec,
    ServiceKey,
    Share,
)

START = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
BROKEN = "demo/broken"
MISSING = "demo/missing"


class FakeInstances:
    """Instances without processes: images named `broken` or `missing` do not boot.

    Boots of an image in `held` wait until the test sets its event.
    """

    def __init__(self) -> None:
        self.booted: list[RevisionSpec] = []
        self.remembered: dict[RevisionKey, RevisionSpec] = {}
        self.retired: list[RevisionKey] = []
        self.held: dict[str, asyncio.Event] = {}

    def hold(self, image: str) -> asyncio.Event:
        """Lets boots of an image wait; the event lets them go."""
        self.held[image] = asyncio.Event()
        return self.held[image]

    async def boot(self, spec: RevisionSpec) -> BootFailure | None:
        """Boots at once, or when the test says so."""
        self.booted.append(spec)
        if spec.main.image in self.held:
            await self.held[spec.main.image].wait()
        if spec.main.image.startswith(MISSING):
            text = f"Image '{spec.main.image}' not found."
            return BootFailure(BootReason.CONTAINER_MISSING, text)
        if spec.main.image.startswith(BROKEN):
            reason = BootReason.HEALTH_CHECK_CONTAINER_ERROR
            return BootFailure(reason, "The user-provided container failed to start.")
        return None

    def remember(self, spec: RevisionSpec) -> None:
        """Notes the spec."""
        self.remembered[spec.key] = spec

    async def retire(self, key: RevisionKey) -> None:
        """Notes the revision."""
        self.retired.append(key)

    async def acquire(self, key: RevisionKey) -> Lease:
        """Has no place."""
        raise NoInstanceError(503, f"no instance of {key.revision}")

    def release(self, lease: Lease) -> None:
        """Has nothing to take back."""

    async def close(self) -> None:
        """Has nothing to stop."""


class FakeFrontEnd:
    """A front end that gives out ports and remembers routes.

    Attributes:
        taken: ports that somebody else has: asking for one raises OSError.
        opening: where set, opening an address waits for it.
    """

    def __init__(self) -> None:
        self.ports: dict[tuple[ServiceKey, str], int] = {}
        self.routes: dict[tuple[ServiceKey, str], dict[str, int]] = {}
        self.access: dict[ServiceKey, Access] = {}
        self.taken: set[int] = set()
        self.opening: asyncio.Event | None = None
        self._next = 40_000

    async def open(self, service: ServiceKey, tag: str | None, port: int = 0) -> str:
        """Opens an address, on the port asked for where there is one."""
        at = (service, tag or "")
        if self.opening is not None:
            await self.opening.wait()
        if at not in self.ports:
            if port in self.taken:
                raise OSError(98, "Address already in use")
            self._next = max(self._next, *self.taken, 0) + 1
            self.ports[at] = port or self._next
        return f"http://127.0.0.1:{self.ports[at]}"

    def route(self, service: ServiceKey, tag: str | None, shares: tuple[Share, ...]) -> None:
        """Remembers the split by short revision name."""
        self.routes[service, tag or ""] = {
            share.revision.revision: share.percent for share in shares
        }

    def admit(self, service: ServiceKey, access: Access) -> None:
        """Remembers who may call a service."""
        self.access[service] = access

    async def shut(self, service: ServiceKey, tag: str | None) -> None:
        """Forgets an address."""
        self.ports.pop((service, tag or ""), None)
        self.routes.pop((service, tag or ""), None)

    async def close(self) -> None:
        """Forgets every address."""
        self.ports.clear()


class MemoryJournal:
    """A journal in memory; a second control plane can start from it."""

    def __init__(self) -> None:
        self.kinds: dict[str, dict[str, Document]] = {}

    def save(self, kind: str, name: str, document: Document) -> None:
        """Keeps a document."""
        self.kinds.setdefault(kind, {})[name] = document

    def drop(self, kind: str, name: str) -> None:
        """Forgets a document."""
        self.kinds.get(kind, {}).pop(name, None)

    def load(self, kind: str) -> Iterator[Document]:
        """Gives the documents of a kind."""
        return iter(list(self.kinds.get(kind, {}).values()))


class FakeSurroundings:
    """Time that moves a second a question, counted ids, and sleeps that the test ends.

    Args:
        faults: calm unless the test brings its own.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.at = START
        self.sleeping: list[asyncio.Future[None]] = []
        self.logged: list[LogLine] = []
        self._ids = 0
        self._letters = 0
        self.real = Surroundings(
            now=self._now,
            new_id=self._new_id,
            letters=self._three,
            sleep=self._sleep,
            faults=faults or Faults(0, calm=True),
            logs=self,
        )

    def append(self, line: LogLine) -> None:
        """Keeps what the platform logs."""
        self.logged.append(line)

    def wake(self, which: int | None = None) -> None:
        """Ends every sleep, or one of them: 0 is the one that began first."""
        chosen = self.sleeping if which is None else [self.sleeping[which]]
        self.sleeping = [future for future in self.sleeping if future not in chosen]
        for future in chosen:
            if not future.done():
                future.set_result(None)

    def _now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def _new_id(self) -> str:
        self._ids += 1
        return f"id-{self._ids}"

    def _three(self) -> str:
        self._letters += 1
        return "".join("bcdfghjklm"[int(digit)] for digit in f"{self._letters:03d}")

    async def _sleep(self, _: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sleeping.append(future)
        await future


class Rig:
    """A control plane on fakes.

    Args:
        journal: to start from.
        faults: calm unless given.
        retained: how many revisions a service keeps.
        v2_etags: what the etag of a v2 write does.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        faults: Faults | None = None,
        retained: int = 1_000,
        v2_etags: V2Etags = V2Etags.IGNORED,
    ) -> None:
        self.journal = journal or MemoryJournal()
        self.instances = FakeInstances()
        self.front_end = FakeFrontEnd()
        self.surroundings = FakeSurroundings(faults)
        self.control = ControlPlane(
            self.journal,
            self.instances,
            self.front_end,
            self.surroundings.real,
            retained,
            v2_etags,
        )


async def done(rig: Rig, operation: Operation) -> Operation:
    """The operation once it has ended."""
    record = await rig.control.operations.wait(operation.name, 60)
    assert record.operation.done, operation
    return record.operation
