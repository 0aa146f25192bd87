"""The Admin API, whatever the wire: every call on one shared state."""

from collections.abc import Mapping

from google.longrunning.operations_pb2 import Operation
from google.protobuf.timestamp_pb2 import Timestamp

from gate.local.admin import audit, notes
from gate.local.admin.admission import Admission, check_current, check_version
from gate.local.admin.boots import Boots
from gate.local.admin.checks import check_service
from gate.local.admin.defaults import fill_service
from gate.local.admin.etags import V2Etags
from gate.local.admin.iam import Iam
from gate.local.admin.lists import listed_revisions, listed_services
from gate.local.admin.masks import merged
from gate.local.admin.messages import (
    CreateServiceRequest,
    DeleteRevisionRequest,
    DeleteServiceRequest,
    ListRevisionsRequest,
    ListRevisionsResponse,
    ListServicesRequest,
    ListServicesResponse,
    Revision,
    RevisionTemplate,
    Service,
    UpdateServiceRequest,
)
from gate.local.admin.names import (
    check_service_id,
    parse_place,
    parse_revision,
    parse_service,
    place_of,
    service_path,
)
from gate.local.admin.operations import OperationRecord, Operations, Work
from gate.local.admin.plan import plan_create, plan_update
from gate.local.admin.reconcile import Reconciler
from gate.local.admin.removal import Removal, check_deletable, deleted
from gate.local.admin.resumption import Resumption
from gate.local.admin.routing import Router
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import Journal, ServiceRecord, Tables
from gate.local.admin.tasks import Tasks
from gate.local.api.errors import ApiError, Code
from gate.local.ports import FrontEnd, Instances, ServiceKey


class ControlPlane:
    """Services, Revisions and Operations of google.cloud.run.v2, and what makes them real.

    Every method that writes answers with the operation it started; what it returns is a snapshot.

    Args:
        journal: where resources outlive the process.
        instances: runs revisions.
        front_end: sends requests to them.
        surroundings: time, ids, delays.
        retained: how many revisions a service keeps.
        v2_etags: what the etag of a v2 write does.
    """

    def __init__(
        self,
        journal: Journal,
        instances: Instances,
        front_end: FrontEnd,
        surroundings: Surroundings,
        retained: int = 1_000,
        v2_etags: V2Etags = V2Etags.IGNORED,
    ) -> None:
        self._surroundings = surroundings
        self._v2_etags = v2_etags
        self.tables = Tables(journal)
        self.operations = Operations(journal, surroundings.new_id)
        self._admission = Admission(self.tables, surroundings)
        self._tasks = Tasks()
        self.iam = Iam(self.tables, front_end, surroundings, self._tasks)
        self._router = Router(instances, front_end, surroundings, self._tasks)
        boots = Boots(self.tables, instances, surroundings, self._tasks, retained)
        self._reconciler = Reconciler(
            self.tables, self.operations, boots, self._router, surroundings, self._tasks
        )
        self._removal = Removal(
            self.tables,
            self.operations,
            self._reconciler,
            self._router,
            instances,
            surroundings,
            self._tasks,
        )

    async def resume(self) -> None:
        """Takes up what an earlier run left: routes, and operations that were not done."""
        await Resumption(
            self.tables,
            self.operations,
            self._admission,
            self._reconciler,
            self._removal,
            self._router,
            self._carry_out,
        ).resume()
        for record in self.tables.services():
            self.iam.enforce(record)  # until then nobody is let in

    async def close(self) -> None:
        """Stops every task; operations that are not done stay so."""
        await self._tasks.close()

    def get_service(self, name: str) -> Service:
        """Gives a service. Raises ApiError: NOT_FOUND, INVALID_ARGUMENT."""
        return Service(self.tables.service(parse_service(name)).resource)

    def list_services(self, request: ListServicesRequest) -> ListServicesResponse:
        """Gives a page of a region's services by name. Raises ApiError: INVALID_ARGUMENT."""
        return listed_services(self.tables, request)

    def create_service(
        self, request: CreateServiceRequest, caller: str, client: Mapping[str, str] | None = None
    ) -> Operation:
        """Creates a service. Raises ApiError: ALREADY_EXISTS, INVALID_ARGUMENT.

        Args:
            request: what to create, and where.
            caller: who asks.
            client: who wrote the template, as v1 shows it.
        """
        place = parse_place(request.parent)
        check_service_id(request.service_id)
        key = ServiceKey(place.project, place.location, request.service_id)
        if self.tables.find(key) is not None:
            text = f"Resource '{key.service}' already exists."
            raise ApiError(Code.ALREADY_EXISTS, text)
        return self._create(
            "CreateServiceRequest",
            key,
            request.service,
            caller,
            dry=request.validate_only,
            client=client,
        )

    def update_service(self, request: UpdateServiceRequest, caller: str) -> Operation:
        """Updates a service, or creates it where that is allowed.

        Raises:
            ApiError: NOT_FOUND, ABORTED (stale etag), ALREADY_EXISTS (revision name),
                INVALID_ARGUMENT.
        """
        key = parse_service(request.service.name)
        record = self.tables.find(key)
        kind = "UpdateServiceRequest"
        if record is None and request.allow_missing:
            check_service_id(key.service)
            return self._create(kind, key, request.service, caller, dry=request.validate_only)
        record = record or self.tables.service(key)
        check_current(record.resource, request.service.etag, self._v2_etags)
        wanted = merged(record.resource, request.service, request.update_mask)
        return self._replace(record, wanted, caller, dry=request.validate_only)

    def replace_service(
        self,
        wanted: Service,
        version: str,
        client: Mapping[str, str],
        caller: str,
        *,
        dry: bool = False,
    ) -> Operation:
        """Replaces a whole service where nobody wrote since it was read: v1's ReplaceService.

        Args:
            wanted: complete; what v1 cannot express is the current service's.
            version: the resourceVersion that was read; "" asks for no check.
            client: who wrote the template, as v1 shows it.
            caller: who asks.
            dry: whether to validate only.

        Raises:
            ApiError: NOT_FOUND, ABORTED (stale version), ALREADY_EXISTS (revision name),
                INVALID_ARGUMENT.
        """
        record = self.tables.service(parse_service(wanted.name))
        check_version(record.resource, version)
        return self._replace(record, wanted, caller, client=client, dry=dry)

    def delete_service(self, request: DeleteServiceRequest) -> Operation:
        """Deletes a service with its revisions. Raises ApiError: NOT_FOUND, ABORTED."""
        key = parse_service(request.name)
        record = self.tables.service(key)
        check_current(record.resource, request.etag, self._v2_etags)
        gone = Service(record.resource)
        deleted(gone, self._timestamp())
        if request.validate_only:
            return self._dry(key, gone)
        record.resource = gone
        self.tables.put(record)
        operation = self.operations.start(place_of(key), Work.DELETE_SERVICE, gone)
        self._removal.start_service(record, operation)
        return _snapshot(operation)

    def get_revision(self, name: str) -> Revision:
        """Gives a revision. Raises ApiError: NOT_FOUND, INVALID_ARGUMENT."""
        return Revision(self.tables.revision(parse_revision(name)).resource)

    def list_revisions(self, request: ListRevisionsRequest) -> ListRevisionsResponse:
        """Gives a page of revisions, newest first, of a service or (`-`) of every service.

        Raises:
            ApiError: NOT_FOUND, INVALID_ARGUMENT.
        """
        return listed_revisions(self.tables, request)

    def delete_revision(self, request: DeleteRevisionRequest) -> Operation:
        """Deletes a revision. Raises ApiError: NOT_FOUND, ABORTED, FAILED_PRECONDITION."""
        key = parse_revision(request.name)
        held = self.tables.revision(key)
        check_current(held.resource, request.etag, self._v2_etags)
        check_deletable(self.tables.service(key.service), held)
        gone = Revision(held.resource)
        deleted(gone, self._timestamp())
        if request.validate_only:
            return self._dry(key.service, gone)
        held.resource = gone
        self.tables.put_revision(held)
        place = place_of(key.service)
        operation = self.operations.start(place, Work.DELETE_REVISION, gone)
        self._removal.start_revision(held, operation)
        return _snapshot(operation)

    def _replace(
        self,
        record: ServiceRecord,
        wanted: Service,
        caller: str,
        *,
        dry: bool,
        client: Mapping[str, str] | None = None,
    ) -> Operation:
        key = record.key
        fill_service(wanted, key.project)
        check_service("UpdateServiceRequest", wanted, key.service)
        wanted.traffic = self._admission.within_quota(record, wanted)
        made = self._admission.name_revision(key, record, wanted)
        now = self._surroundings.now()
        changed = plan_update(record.resource, wanted, caller, now)
        if dry:
            return self._dry(key, changed)
        record.resource = changed
        if client is not None or made:
            record.client = dict(client or {})
        return self._carry_out(record, made)

    def _create(
        self,
        kind: str,
        key: ServiceKey,
        asked: Service,
        caller: str,
        *,
        dry: bool,
        client: Mapping[str, str] | None = None,
    ) -> Operation:
        wanted = Service(asked)
        fill_service(wanted, key.project)
        check_service(kind, wanted, key.service)
        at = self._surroundings.now()
        fresh = plan_create(wanted, service_path(key), self._surroundings.new_id(), caller, at)
        record = ServiceRecord(key, fresh, client=dict(client or {}))
        made = self._admission.name_revision(key, None, fresh)
        if dry:
            return self._dry(key, fresh)
        return self._carry_out(record, made)

    def _carry_out(self, record: ServiceRecord, made: str) -> Operation:
        if made:
            record.claims[made] = RevisionTemplate(record.resource.template)
            record.revisions_made += 1
        self.tables.put(record)
        notes.asked(record, self._surroundings)
        audit.service_written(record, self._surroundings)
        operation = self.operations.start(
            place_of(record.key),
            Work.RECONCILE,
            record.resource,
            generation=record.resource.generation,
            made=made,
        )
        self._reconciler.start(record, operation)
        return _snapshot(operation)

    def _dry(self, key: ServiceKey, resource: Service | Revision) -> Operation:
        """Answers a call that only validates: done at once, and nowhere to be found again."""
        operation = Operation(name=f"{place_of(key)}/operations/{self._surroundings.new_id()}")
        message = type(resource).pb(resource)
        operation.metadata.Pack(message)
        operation.response.Pack(message)
        operation.done = True
        return operation

    def _timestamp(self) -> Timestamp:
        stamp = Timestamp()
        stamp.FromDatetime(self._surroundings.now())
        return stamp


def _snapshot(record: OperationRecord) -> Operation:
    copy = Operation()
    copy.CopyFrom(record.operation)
    return copy
