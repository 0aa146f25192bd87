"""What an earlier run left: routes to open again, operations to go on with."""

from collections.abc import Callable, Mapping

from gate.local.admin.admission import Admission
from gate.local.admin.messages import Service
from gate.local.admin.names import parse_revision, parse_service, place_of, service_path
from gate.local.admin.operations import OperationRecord, Operations, Work
from gate.local.admin.reconcile import Reconciler
from gate.local.admin.removal import Removal
from gate.local.admin.routing import Router
from gate.local.admin.tables import RevisionRecord, ServiceRecord, Tables
from gate.local.admin.template import matches
from gate.local.api.errors import ApiError, Code


class Resumption:
    """Takes up the state of an earlier run, once.

    Args:
        tables: every service and revision.
        operations: every operation.
        admission: finds names for revisions.
        reconciler: makes services real.
        removal: deletes.
        router: opens addresses.
        carry_out: starts an operation on an accepted service; takes the name of the revision that
            it is to make, or "".
    """

    def __init__(
        self,
        tables: Tables,
        operations: Operations,
        admission: Admission,
        reconciler: Reconciler,
        removal: Removal,
        router: Router,
        carry_out: Callable[[ServiceRecord, str], object],
    ) -> None:
        self._tables = tables
        self._operations = operations
        self._admission = admission
        self._reconciler = reconciler
        self._removal = removal
        self._router = router
        self._carry_out = carry_out

    async def resume(self) -> None:
        """Opens the routes, and goes on with what was not done."""
        for record in self._tables.services():
            uris = await self._router.restore(record)
            if uris:
                _show_addresses(record, uris)
                self._tables.put(record)
        for operation in self._operations.running():
            self._take_up(operation)
        for record in self._tables.services():
            self._go_on(record)

    def _take_up(self, operation: OperationRecord) -> None:
        """Goes on with an operation of an earlier run."""
        if operation.work is Work.DELETE_REVISION:
            held = self._held(operation.target)
            if held is not None:
                self._removal.start_revision(held, operation)
                return
        elif (record := self._tables.find(parse_service(operation.target))) is not None:
            if operation.work is Work.DELETE_SERVICE:
                self._removal.start_service(record, operation)
            else:
                _claim_again(record, operation)
                self._reconciler.start(record, operation)
            return
        text = "The resource is gone."
        self._operations.finish(operation, ApiError(Code.ABORTED, text))

    def _go_on(self, record: ServiceRecord) -> None:
        """Starts anew what was accepted by an earlier run that ended before it was noted."""
        name = service_path(record.key)
        if not record.resource.reconciling or self._operations.running(name):
            return
        if "delete_time" in record.resource:
            place = place_of(record.key)
            operation = self._operations.start(place, Work.DELETE_SERVICE, record.resource)
            self._removal.start_service(record, operation)
        else:
            self._carry_out(record, self._unmade(record))

    def _unmade(self, record: ServiceRecord) -> str:
        """Names the revision that an accepted template asks for, if it was not made."""
        template = record.resource.template
        if template.revision:
            return "" if template.revision in record.revisions else template.revision
        newest = max(record.revisions.values(), key=lambda held: held.number, default=None)
        if newest is not None and matches(newest.resource, template):
            return ""
        return self._admission.free_name(record.key, record)

    def _held(self, name: str) -> RevisionRecord | None:
        key = parse_revision(name)
        owner = self._tables.find(key.service)
        return owner.revisions.get(key.revision) if owner else None


def _claim_again(record: ServiceRecord, operation: OperationRecord) -> None:
    """Keeps the name of a revision that an earlier run accepted but did not make."""
    if operation.made and operation.made not in record.revisions:
        accepted = Service()
        operation.operation.metadata.Unpack(Service.pb(accepted))
        record.claims[operation.made] = accepted.template


def _show_addresses(record: ServiceRecord, uris: Mapping[str, str]) -> None:
    """Shows the addresses of this run: ports may have changed since the last one."""
    service = record.resource
    service.uri = uris.get("", "")
    service.urls = [service.uri]
    for status in service.traffic_statuses:
        status.uri = uris.get(status.tag, "") if status.tag else ""
