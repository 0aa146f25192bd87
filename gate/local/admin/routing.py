"""Puts routes in effect: addresses of the front end, and the instances that traffic asks for.

What clients are told (`traffic_statuses`) runs ahead of what users get: the front end is told a
moment later (run/docs/rollouts-rollbacks-traffic-migration: "not instantaneous").
"""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

from gate.local.admin import notes
from gate.local.admin.defaults import main_container
from gate.local.admin.iam import access
from gate.local.admin.messages import Service, seconds
from gate.local.admin.outcome import ready
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import ServiceRecord
from gate.local.admin.tasks import Tasks
from gate.local.admin.template import make_spec, scaled
from gate.local.admin.traffic import Routes
from gate.local.faults.delays import Delay
from gate.local.ports import FrontEnd, Instances, RevisionKey, ServiceKey, Share


@dataclass(slots=True)
class _Progress:
    """How far the routes of one service have got.

    Attributes:
        asked: number of the last change asked for.
        effective: number of the last change that the front end knows.
        scaled: the revisions whose instances follow the traffic.
    """

    asked: int = 0
    effective: int = 0
    scaled: frozenset[str] = frozenset()


class Router:
    """Opens and shuts addresses, moves traffic, keeps min instances.

    Args:
        instances: runs revisions.
        front_end: sends requests to them.
        surroundings: time and delays.
        tasks: where changes that take effect later run.
    """

    def __init__(
        self,
        instances: Instances,
        front_end: FrontEnd,
        surroundings: Surroundings,
        tasks: Tasks,
    ) -> None:
        self._instances = instances
        self._front_end = front_end
        self._surroundings = surroundings
        self._tasks = tasks
        self._progress: dict[ServiceKey, _Progress] = {}

    async def open(self, record: ServiceRecord, service: Service, routes: Routes) -> dict[str, str]:
        """Opens the addresses that routes need, on their old ports when those are free.

        Returns:
            The base URL of each tag, and of the service itself under ""; nothing when the
            service's default URI is disabled.
        """
        if service.default_uri_disabled:
            return {}
        self._progress.setdefault(record.key, _Progress()).asked += 1
        uris: dict[str, str] = {}
        for tag in ("", *(tag for tag, _ in routes.tags)):
            uris[tag] = await self._open(record, tag)
            record.ports[tag] = urlsplit(uris[tag]).port or 0
        return uris

    async def propagate(self, record: ServiceRecord, service: Service, routes: Routes) -> None:
        """Makes routes effective: at once when calm, else a moment later and in the background."""
        progress = self._progress.setdefault(record.key, _Progress())
        progress.asked += 1
        change = progress.asked
        lag_s = self._surroundings.faults.board.traffic_lag_s(service.name)
        if self._surroundings.faults.calm and not lag_s:
            await self._take_effect(record, service, routes, change)
        else:
            later = self._later(record, service, routes, change, lag_s)
            self._tasks.spawn(record.key, later)

    async def restore(self, record: ServiceRecord) -> dict[str, str]:
        """Puts the routes of an earlier run in effect again, starting no instance."""
        if not record.routes.shares:
            return {}
        uris = await self.open(record, record.resource, record.routes)
        progress = self._progress.setdefault(record.key, _Progress())
        progress.asked += 1
        await self._take_effect(record, record.resource, record.routes, progress.asked)
        return uris

    async def withdraw(self, record: ServiceRecord) -> None:
        """Shuts every address of a service and stops its instances."""
        self._progress.pop(record.key, None)
        for tag in list(record.ports):
            await self._front_end.shut(record.key, tag or None)
        keys = [RevisionKey(record.key, name) for name in record.revisions]
        await asyncio.gather(*map(self._instances.retire, keys))

    async def _open(self, record: ServiceRecord, tag: str) -> str:
        port = record.ports.get(tag, 0)
        if port:
            try:
                return await self._front_end.open(record.key, tag or None, port)
            except OSError:  # somebody else has it by now: any free one will do
                pass
        return await self._front_end.open(record.key, tag or None)

    async def _later(
        self,
        record: ServiceRecord,
        service: Service,
        routes: Routes,
        change: int,
        lag_s: float,
    ) -> None:
        await self._surroundings.take(Delay.PROPAGATE)
        if lag_s:
            await self._surroundings.sleep(lag_s)
        await self._take_effect(record, service, routes, change)

    async def _take_effect(
        self, record: ServiceRecord, service: Service, routes: Routes, change: int
    ) -> None:
        progress = self._progress.get(record.key)
        if progress is None or change < progress.effective:
            return  # a later change was faster, or the service is gone
        progress.effective = change
        notes.obeyed(record, self._surroundings, routes)
        self._scale(record, service, routes, progress)
        self._front_end.admit(record.key, access(record, service))
        wanted = set() if service.default_uri_disabled else {"", *(tag for tag, _ in routes.tags)}
        if wanted:
            self._front_end.route(record.key, None, _shares(record, routes.shares))
        for tag, name in routes.tags if wanted else ():
            self._front_end.route(record.key, tag, _shares(record, ((name, 100),)))
        if change == progress.asked:
            for tag in set(record.ports) - wanted:
                del record.ports[tag]
                await self._front_end.shut(record.key, tag or None)

    def _scale(
        self, record: ServiceRecord, service: Service, routes: Routes, progress: _Progress
    ) -> None:
        reachable = routes.revisions()
        for name in reachable | progress.scaled:
            held = record.revisions.get(name)
            if held is not None and ready(held.resource):
                spec = make_spec(held.key, held.resource, held.images)
                self._instances.remember(scaled(spec, service, held.resource, routes))
        progress.scaled = reachable


def _shares(record: ServiceRecord, shares: tuple[tuple[str, int], ...]) -> tuple[Share, ...]:
    return tuple(_share(record, name, percent) for name, percent in shares)


def _share(record: ServiceRecord, name: str, percent: int) -> Share:
    key, revision = RevisionKey(record.key, name), record.revision(name)
    if revision is None:
        return Share(key, percent)
    ports = main_container(revision.containers).ports
    return Share(
        key,
        percent,
        timeout_s=seconds(revision.timeout),
        h2c=any(port.name == "h2c" for port in ports),
        affinity=revision.session_affinity,
    )
