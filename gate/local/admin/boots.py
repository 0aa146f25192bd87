"""Makes revisions and starts their containers, each once, whoever waits for it."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from gate.local.admin import audit
from gate.local.admin.conditions import Kind, Reason, find
from gate.local.admin.containers import missing_secret
from gate.local.admin.defaults import main_container
from gate.local.admin.messages import Condition, Revision, Service
from gate.local.admin.names import log_url, revision_path, short
from gate.local.admin.operations import OperationRecord
from gate.local.admin.outcome import ready
from gate.local.admin.readiness import Start, boot_failed, booted, failed, with_standing
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import RevisionRecord, ServiceRecord, Tables
from gate.local.admin.tasks import Tasks
from gate.local.admin.template import make_revision, make_spec
from gate.local.admin.traffic import names
from gate.local.admin.v1.service import OPERATION
from gate.local.ports import BootFailure, BootReason, Instances, RevisionKey

RETAINED = 1_000  # revisions a service keeps (run/quotas)
_GUIDANCE = (
    "For more troubleshooting guidance, see "
    "https://cloud.google.com/run/docs/troubleshooting#container-failed-to-start"
)


class Boots:
    """Makes revisions, starts them, remembers how that went in their conditions.

    Args:
        tables: the shared state.
        instances: runs revisions.
        surroundings: time.
        tasks: where starts run.
        retained: how many revisions a service keeps.
    """

    def __init__(
        self,
        tables: Tables,
        instances: Instances,
        surroundings: Surroundings,
        tasks: Tasks,
        retained: int = RETAINED,
    ) -> None:
        self._tables = tables
        self._instances = instances
        self._surroundings = surroundings
        self._tasks = tasks
        self._retained = retained
        self._starting: dict[RevisionKey, asyncio.Task[None]] = {}

    def begin(self, record: ServiceRecord, operation: OperationRecord) -> None:
        """Makes the revision that a write asked for and starts it.

        It describes the service as the write left it, which the operation's metadata shows. After
        a restart the revision may be there already; then only its start is taken up again.
        """
        key = RevisionKey(record.key, operation.made)
        made = record.revisions.get(key.revision)
        if made is None:
            snapshot = Service()
            operation.operation.metadata.Unpack(Service.pb(snapshot))
            at = self._surroundings.now()
            uid, creator = self._surroundings.new_id(), snapshot.last_modifier
            resource = make_revision(key, snapshot, uid, creator, at)
            images = self._resolved(resource)
            client = {**record.client, OPERATION: short(operation.operation.name)}
            made = RevisionRecord(key, resource, operation.generation, images, client)
            self._tables.put_revision(made)
            record.claims.pop(key.revision, None)
            self._show_created(record, made)
            self._retain(record)
        if made.resource.reconciling:
            self._starting[key] = self._tasks.spawn(record.key, self._boot(record, made))

    async def wait(self, record: ServiceRecord, revisions: Iterable[str]) -> None:
        """Waits until none of these revisions is being started any more."""
        keys = [RevisionKey(record.key, name) for name in revisions]
        starting = [self._starting[key] for key in keys if key in self._starting]
        if starting:
            await asyncio.wait(starting)

    def show_standing(self, record: ServiceRecord, revisions: Iterable[str]) -> None:
        """Updates the conditions of ready revisions to what the routes in effect make of them."""
        at = self._surroundings.now()
        for name in revisions:
            held = record.revisions.get(name)
            if held is None or not ready(held.resource):
                continue
            held.resource.conditions = with_standing(
                held.resource.conditions,
                at,
                record.routes.standing(name),
                min_instances=held.resource.scaling.min_instance_count,
            )
            self._tables.put_revision(held)

    async def _boot(self, record: ServiceRecord, made: RevisionRecord) -> None:
        try:
            conditions = await self._outcome(made)
        finally:
            self._starting.pop(made.key, None)
        made.resource.conditions = conditions
        made.resource.reconciling = False
        made.resource.observed_generation = made.resource.generation
        if ready(made.resource):
            latest = record.revisions.get(record.latest_ready)
            if latest is None or latest.number < made.number:
                record.latest_ready = made.key.revision
        self._tables.put_revision(made)
        self._tables.put(record)
        audit.revision_changed(made, record, self._surroundings)

    async def _outcome(self, made: RevisionRecord) -> list[Condition]:
        began = self._surroundings.now()
        probe = main_container(made.resource.containers).startup_probe
        patience_s = float(probe.period_seconds * probe.failure_threshold)

        def start() -> Start:
            return Start(began, self._surroundings.now(), patience_s, probe.initial_delay_seconds)

        secret = missing_secret(made.resource, self._surroundings.images.secrets)
        if secret:
            message = f"The images file has no such secret: '{secret}' cannot be read."
            reason = Reason.SECRETS_ACCESS_CHECK_FAILED
            return failed(start(), message, reason, Kind.RESOURCES)
        failure = await self._instances.boot(make_spec(made.key, made.resource, made.images))
        if failure is None:
            return booted(start())
        return boot_failed(start(), _with_links(made.key, failure))

    def _resolved(self, revision: Revision) -> dict[str, str]:
        """Gives each image by digest, as far as it exists."""
        by_digest = self._surroundings.images.by_digest
        pairs = ((each.image, by_digest(each.image)) for each in revision.containers)
        return {image: digest for image, digest in pairs if digest}

    def _show_created(self, record: ServiceRecord, made: RevisionRecord) -> None:
        shown = record.revisions.get(short(record.resource.latest_created_revision))
        if shown is None or shown.number < made.number:
            record.resource.latest_created_revision = revision_path(made.key)

    def _retain(self, record: ServiceRecord) -> None:
        """Forgets the oldest revisions that nothing points at, beyond what a service keeps."""
        excess = len(record.revisions) - self._retained
        if excess <= 0:
            return
        kept = record.routes.revisions() | set(names(record.resource.traffic))
        kept |= {record.latest_ready, short(record.resource.latest_created_revision)}
        oldest = sorted(record.revisions.values(), key=lambda held: held.number)
        idle = [held for held in oldest if held.key.revision not in kept]
        for held in idle[:excess]:
            if find(held.resource.conditions, Kind.READY) and not held.resource.reconciling:
                self._tables.drop_revision(held.key)
                self._tasks.spawn(record.key, self._instances.retire(held.key))


def _with_links(key: RevisionKey, failure: BootFailure) -> BootFailure:
    """Adds to a failed startup probe where to look, as the recorded text does."""
    if failure.reason is not BootReason.HEALTH_CHECK_CONTAINER_ERROR:
        return failure
    text = f"{failure.message}\n\nLogs URL: {log_url(key)} \n{_GUIDANCE}"
    return replace(failure, message=text)
