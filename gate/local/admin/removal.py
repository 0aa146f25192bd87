"""Deletes services and revisions, as operations that answer with what they deleted."""

from datetime import UTC

from google.protobuf.timestamp_pb2 import Timestamp

from gate.local.admin.messages import BY_NAME, Revision, Service
from gate.local.admin.names import place_of, revision_path, short
from gate.local.admin.operations import OperationRecord, Operations, Work
from gate.local.admin.plan import KEPT, plan_delete, plan_gone, plan_update
from gate.local.admin.reconcile import Reconciler
from gate.local.admin.routing import Router
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import RevisionRecord, ServiceRecord, Tables
from gate.local.admin.tasks import Tasks
from gate.local.admin.traffic import with_default, without_revision
from gate.local.api.errors import ApiError, Code
from gate.local.faults.delays import Betrayal, Delay
from gate.local.ports import Instances


class Removal:
    """Runs deletions.

    Args:
        tables: the shared state.
        operations: what callers wait for.
        reconciler: carries out what a deletion changes in the traffic.
        router: shuts addresses.
        instances: stops processes.
        surroundings: time and delays.
        tasks: where deletions run.
    """

    def __init__(
        self,
        tables: Tables,
        operations: Operations,
        reconciler: Reconciler,
        router: Router,
        instances: Instances,
        surroundings: Surroundings,
        tasks: Tasks,
    ) -> None:
        self._tables = tables
        self._operations = operations
        self._reconciler = reconciler
        self._router = router
        self._instances = instances
        self._surroundings = surroundings
        self._tasks = tasks

    def start_service(self, record: ServiceRecord, operation: OperationRecord) -> None:
        """Starts the deletion of a service."""
        self._tasks.spawn(record.key, self._delete_service(record, operation))

    def start_revision(self, held: RevisionRecord, operation: OperationRecord) -> None:
        """Starts the deletion of a revision."""
        self._tasks.spawn(held.key.service, self._delete_revision(held, operation))

    async def _delete_service(self, record: ServiceRecord, operation: OperationRecord) -> None:
        await self._surroundings.take(Delay.DELETE)
        await self._tasks.cancel(record.key)
        for other in self._operations.running():
            concerned = other.target == operation.target or _below(other.target, operation.target)
            if concerned and other is not operation:
                self._operations.finish(other, ApiError(Code.ABORTED, "The service was deleted."))
        await self._router.withdraw(record)
        record.resource = plan_gone(record.resource, self._surroundings.now())
        self._tables.drop(record.key)
        self._operations.finish(operation, record.resource)

    async def _delete_revision(self, held: RevisionRecord, operation: OperationRecord) -> None:
        await self._surroundings.take(Delay.DELETE)
        record = self._tables.find(held.key.service)
        if record is not None:
            self._tables.drop_revision(held.key)
            self._drop_tags(record, held.key.revision)
        await self._instances.retire(held.key)
        held.resource.reconciling = False
        self._operations.finish(operation, held.resource)

    def _drop_tags(self, record: ServiceRecord, revision: str) -> None:
        """Takes the deleted revision's tags out of the traffic: Cloud Run tries to.

        When that fails, later traffic updates fail because a tag names a deleted revision
        (run/docs/rollouts-rollbacks-traffic-migration, note).
        """
        traffic = without_revision(record.resource.traffic, revision)
        if len(traffic) == len(record.resource.traffic):
            return
        if self._surroundings.strikes(Betrayal.KEPT_DEAD_TAG):
            return
        wanted = Service(record.resource)
        wanted.traffic = with_default(traffic)
        caller = record.resource.last_modifier
        record.resource = plan_update(record.resource, wanted, caller, self._surroundings.now())
        self._tables.put(record)
        operation = self._operations.start(
            place_of(record.key),
            Work.RECONCILE,
            record.resource,
            generation=record.resource.generation,
        )
        self._reconciler.start(record, operation)


def check_deletable(record: ServiceRecord, held: RevisionRecord) -> None:
    """Refuses to delete a revision that serves, that is the only one, or that is the latest.

    A revision at 0 % may have a tag. Sources: run/docs/managing/revisions; the first text is
    Cloud Run's (hashicorp/waypoint#814), the others are this server's own.

    Raises:
        ApiError: FAILED_PRECONDITION.
    """
    name = held.key.revision
    targets = record.resource.traffic
    asked = any(t.percent and t.type_ == BY_NAME and short(t.revision) == name for t in targets)
    if record.routes.percent(name) or asked:
        what = "it is actively serving"
    elif len(record.revisions) == 1:
        what = "it is the only revision of its service"
    elif revision_path(held.key) == record.resource.latest_created_revision:
        what = "it is the latest revision of its service"
    else:
        return
    text = f'Revision "{name}" cannot be directly deleted because {what}.'
    raise ApiError(Code.FAILED_PRECONDITION, text)


def deleted(resource: Service | Revision, at: Timestamp) -> None:
    """Marks a resource as deleted, in place.

    No answer to the deletion of a revision was recorded: it keeps its etag and its time here.
    """
    now = at.ToDatetime(tzinfo=UTC)
    message = type(resource).pb(resource)
    if isinstance(resource, Service):
        message.CopyFrom(Service.pb(plan_delete(resource, now)))
        return
    message.delete_time.CopyFrom(at)
    message.expire_time.FromDatetime(now + KEPT)
    message.reconciling = True


def _below(target: str, service: str) -> bool:
    return target.startswith(f"{service}/")
