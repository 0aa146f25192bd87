"""Whether a write is let in: etags, revision names, tag quota."""

from gate.local.admin.etags import (
    V2Etags,
    conflict,
    micros,
    micros_of_etag,
    micros_of_resource_version,
)
from gate.local.admin.messages import Revision, RevisionTemplate, Service, TrafficTarget
from gate.local.admin.names import place_of, revision_id, short
from gate.local.admin.plan import as_time, last_change, needs_revision
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import ServiceRecord, Tables
from gate.local.admin.traffic import evictable_tags, without_tags
from gate.local.api.errors import ApiError, Code
from gate.local.ports import ServiceKey

MAX_TAGS = 2_000  # a project and region (run/quotas)


def check_current(resource: Service | Revision, etag: str, etags: V2Etags) -> None:
    """Refuses a v2 write on a resource that is being deleted, or that changed since it was read.

    Args:
        resource: as stored.
        etag: what the caller read; "" asks for no check.
        etags: whether etags are looked at, at all.

    Raises:
        ApiError: ABORTED with Cloud Run's text, INVALID_ARGUMENT, FAILED_PRECONDITION.
    """
    _check_alive(resource)
    if etags is V2Etags.ENFORCED and etag and etag != resource.etag:
        current = micros(as_time(resource.update_time))
        raise conflict(short(resource.name), micros_of_etag(etag), current)


def check_version(resource: Service | Revision, version: str) -> None:
    """Refuses a v1 write on a service whose spec or metadata changed since it was read.

    The version moves with the status too; one that was read after the last write and before a
    later change of status is current.

    Args:
        resource: as stored.
        version: the resourceVersion that the caller read; "" asks for no check.

    Raises:
        ApiError: ABORTED with Cloud Run's text, INVALID_ARGUMENT, FAILED_PRECONDITION.
    """
    _check_alive(resource)
    if not version:
        return
    specified = micros_of_resource_version(version)
    written = micros(as_time(resource.update_time))
    if not written <= specified <= micros(last_change(resource)):
        raise conflict(short(resource.name), specified, written)


def _check_alive(resource: Service | Revision) -> None:
    if "delete_time" in resource:
        text = f"Resource '{short(resource.name)}' is being deleted."
        raise ApiError(Code.FAILED_PRECONDITION, text)


class Admission:
    """What a write must agree with beyond itself.

    Args:
        tables: the shared state.
        surroundings: gives letters for names.
        max_tags: most tags a project and region may have.
    """

    def __init__(
        self, tables: Tables, surroundings: Surroundings, max_tags: int = MAX_TAGS
    ) -> None:
        self._tables = tables
        self._surroundings = surroundings
        self._max_tags = max_tags

    def name_revision(self, key: ServiceKey, record: ServiceRecord | None, wanted: Service) -> str:
        """Decides whether a write makes a revision, and how it is called.

        Names are unique in a project and region, as v1's namespaces have it. A name that the
        server chooses is not written into the template: reading a service, changing its template
        and writing it back makes a new revision.

        Returns:
            The short name of the revision to make, or "".

        Raises:
            ApiError: ALREADY_EXISTS.
        """

        def holder(name: str) -> Revision | RevisionTemplate | None:
            owner = self._tables.holds_name(place_of(key), name)
            if owner is not None and owner is not record:
                text = f"Revision named '{name}' with different configuration already exists."
                raise ApiError(Code.ALREADY_EXISTS, text)
            return (owner.revision(name) or owner.claims.get(name)) if owner else None

        current = record.resource.template if record else None
        if not needs_revision(current, wanted.template, holder):
            return ""
        return wanted.template.revision or self.free_name(key, record)

    def free_name(self, key: ServiceKey, record: ServiceRecord | None) -> str:
        """Gives a name for the next revision of a service that no revision has."""
        number = record.revisions_made + 1 if record else 1
        while True:
            name = revision_id(key.service, number, self._surroundings.letters())
            if self._tables.holds_name(place_of(key), name) is None:
                return name

    def within_quota(self, record: ServiceRecord, wanted: Service) -> list[TrafficTarget]:
        """Gives the traffic without the old idle tags that a region's quota has no room for."""
        others = sum(
            _tags(other.resource)
            for other in self._tables.services(place_of(record.key))
            if other is not record
        )
        excess = others + _tags(wanted) - self._max_tags
        known = {target.tag for target in record.resource.traffic}
        old = [target for target in wanted.traffic if target.tag in known]
        return without_tags(wanted.traffic, evictable_tags(old, max(excess, 0)))


def _tags(service: Service) -> int:
    return sum(1 for target in service.traffic if target.tag)
