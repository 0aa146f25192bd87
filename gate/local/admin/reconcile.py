"""Brings services to where their owners want them: revisions booted, routes judged, conditions set.

Every accepted write starts one reconciliation. They run side by side, so that a rollback does not
wait for a revision that takes minutes not to start; only the newest one touches the service.
"""

from gate.local.admin import audit, notes
from gate.local.admin.boots import Boots
from gate.local.admin.conditions import Kind, State, condition
from gate.local.admin.messages import Service
from gate.local.admin.names import revision_path, service_path, short
from gate.local.admin.operations import OperationRecord, Operations, Work
from gate.local.admin.outcome import SPOILED, Failure, finished, judge, reconciling_conditions
from gate.local.admin.routing import Router
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import ServiceRecord, Tables
from gate.local.admin.tasks import Tasks
from gate.local.admin.traffic import Routes, names, names_latest, statuses
from gate.local.api.errors import ApiError, Code
from gate.local.faults.delays import Delay


class Reconciler:
    """Runs reconciliations.

    Args:
        tables: the shared state.
        operations: what callers wait for.
        boots: makes revisions and starts them.
        router: puts routes in effect.
        surroundings: time and delays.
        tasks: where reconciliations run.
    """

    def __init__(
        self,
        tables: Tables,
        operations: Operations,
        boots: Boots,
        router: Router,
        surroundings: Surroundings,
        tasks: Tasks,
    ) -> None:
        self._tables = tables
        self._operations = operations
        self._boots = boots
        self._router = router
        self._surroundings = surroundings
        self._tasks = tasks

    def start(self, record: ServiceRecord, operation: OperationRecord) -> None:
        """Starts the reconciliation that an operation stands for."""
        self._tasks.spawn(record.key, self._run(record, operation))

    async def _run(self, record: ServiceRecord, operation: OperationRecord) -> None:
        try:
            await self._surroundings.take(Delay.ACCEPT)
            self._begin(record, operation)
            await self._boots.wait(record, self._wanted(record, operation.made))
            await self._surroundings.take(Delay.ROUTE)
            service, faults = service_path(record.key), self._surroundings.faults
            spoiled = await faults.board.reconciling(service, self._surroundings.sleep)
            await self._settle(record, operation, spoiled=spoiled)
        except Exception:
            self._operations.finish(operation, ApiError(Code.INTERNAL, "Internal error."))
            raise

    def _begin(self, record: ServiceRecord, operation: OperationRecord) -> None:
        """Makes the revision and shows that work has begun; all of it visible from now on."""
        if operation.made:
            self._boots.begin(record, operation)
        if self._newest(operation):
            at = self._surroundings.now()
            record.resource.terminal_condition = condition(Kind.READY, State.RECONCILING, at)
            record.resource.conditions = reconciling_conditions(record.resource.conditions, at)
        self._tables.put(record)

    def _wanted(self, record: ServiceRecord, made: str) -> set[str]:
        """Names the revisions whose fate decides this reconciliation."""
        wanted = {made, *names(record.resource.traffic)}
        if names_latest(record.resource.traffic):
            wanted.add(short(record.resource.latest_created_revision))
        return wanted

    def _newest(self, operation: OperationRecord) -> bool:
        """Tells whether no later write on the same service is being carried out."""
        return not any(
            other.number > operation.number and other.work is Work.RECONCILE
            for other in self._operations.running(operation.target)
        )

    def _superseded(self, record: ServiceRecord, operation: OperationRecord) -> bool:
        later = record.resource.generation > operation.generation
        return later or not self._newest(operation)

    async def _settle(
        self, record: ServiceRecord, operation: OperationRecord, *, spoiled: bool
    ) -> None:
        failure: Failure | None
        if self._superseded(record, operation):
            failure = self._own_failure(record, operation)
        else:
            async with record.routing:
                failure = await self._commit(record, operation, spoiled=spoiled)
        self._boots.show_standing(record, {operation.made})
        result = failure.error() if failure else record.resource
        if failure:
            self._operations.show(operation, record.resource)
        self._operations.finish(operation, result)

    def _own_failure(self, record: ServiceRecord, operation: OperationRecord) -> Failure | None:
        """Judges only the revision that a superseded write made."""
        if not operation.made:
            return None
        return judge([], record.latest_ready, operation.made, record.revision).failure

    async def _commit(
        self, record: ServiceRecord, operation: OperationRecord, *, spoiled: bool
    ) -> Failure | None:
        service = record.resource
        latest = record.latest_ready or short(service.latest_created_revision)
        verdict = judge(service.traffic, latest, operation.made, record.revision)
        if spoiled:
            verdict = SPOILED
        routed, uris = self._surroundings.now(), {}
        if verdict.routes is not None:
            uris = await self._router.open(record, service, verdict.routes)
        if record.resource is not service or not self._newest(operation):
            return self._own_failure(record, operation)  # a write came in between
        at = self._surroundings.now()
        done = finished(service, at, verdict.failure, routed)
        if verdict.routes is not None:
            self._show_routes(done, uris)
            self._show_latest_ready(record, done, verdict.routes)
            before, record.routes = record.routes, verdict.routes
            touched = before.revisions() | verdict.routes.revisions()
            self._boots.show_standing(record, touched)
        record.resource = done
        self._tables.put(record)
        audit.service_changed(record, self._surroundings)
        if verdict.routes is not None:
            notes.told(record, self._surroundings)
            await self._router.propagate(record, done, verdict.routes)
        return verdict.failure

    def _show_routes(self, done: Service, uris: dict[str, str]) -> None:
        done.traffic_statuses = statuses(done.traffic, uris)
        done.uri = uris.get("", "")
        done.urls = [done.uri] if done.uri else []

    def _show_latest_ready(self, record: ServiceRecord, done: Service, routes: Routes) -> None:
        """Shows the newest revision that users or a tag ever reached as the latest ready one.

        One that got neither is retired at once, and the field stays on the one that serves: so it
        was seen after deploys beside pinned traffic. What LATEST stands for is kept apart.
        """
        shown = record.revisions.get(short(done.latest_ready_revision))
        known = [shown, *map(record.revisions.get, routes.revisions())]
        found = [held for held in known if held is not None]
        if found:
            newest = max(found, key=lambda held: held.number)
            done.latest_ready_revision = revision_path(newest.key)
