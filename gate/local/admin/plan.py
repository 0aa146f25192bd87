"""What an accepted write changes: the new generation, and whether it needs a revision. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import cast

from gate.local.admin.conditions import Kind, State, condition
from gate.local.admin.etags import etag
from gate.local.admin.messages import Condition, Revision, RevisionTemplate, Service
from gate.local.admin.template import matches, same_template
from gate.local.api.errors import ApiError, Code

_SERVER_MADE = (
    "name",
    "uid",
    "generation",
    "create_time",
    "update_time",
    "creator",
    "last_modifier",
    "observed_generation",
    "terminal_condition",
    "conditions",
    "latest_ready_revision",
    "latest_created_revision",
    "traffic_statuses",
    "uri",
    "urls",
    "reconciling",
    "etag",
)

KEPT = timedelta(days=30)
"""How long what is deleted is said to be kept."""

Holder = Callable[[str], "Revision | RevisionTemplate | None"]
"""Who of this service holds a revision name: a revision, or the template of one to be made."""


def plan_create(service: Service, name: str, uid: str, caller: str, at: datetime) -> Service:
    """Gives a new service its server-made fields, generation 1; its template names no revision yet.

    Args:
        service: complete, defaults filled in; what a caller put in output-only fields is dropped.
        name: full name.
        uid: a new unique id.
        caller: who asks.
        at: now.
    """
    fresh = Service(service)
    for field in (*_SERVER_MADE, "delete_time", "expire_time"):
        Service.pb(fresh).ClearField(field)
    fresh.name, fresh.uid, fresh.generation = name, uid, 1
    fresh.creator = fresh.last_modifier = caller
    _stamp(fresh, at)
    Service.pb(fresh).create_time.CopyFrom(Service.pb(fresh).update_time)
    return fresh


def plan_update(current: Service, wanted: Service, caller: str, at: datetime) -> Service:
    """Gives the wanted service its server-made fields: each accepted write is a new generation.

    Observed fields keep what they show of the last reconciliation.

    Args:
        current: as stored.
        wanted: complete; its output-only fields are those of `current`.
        caller: who asks.
        at: now.
    """
    changed = Service(wanted)
    changed.generation = current.generation + 1
    changed.last_modifier = caller
    _stamp(changed, _after(current, at))
    return changed


def plan_delete(current: Service, at: datetime) -> Service:
    """Gives a service that is to be deleted: a new generation, kept for 30 days, as recorded."""
    going = Service(current)
    going.generation = current.generation + 1
    _stamp(going, _after(current, at))
    message = Service.pb(going)
    message.delete_time.CopyFrom(message.update_time)
    message.expire_time.FromDatetime(as_time(going.update_time) + KEPT)
    return going


def plan_gone(current: Service, at: datetime) -> Service:
    """Gives a service that is deleted: its time, its etag and Ready move once more, as recorded."""
    gone = Service(current)
    moment = _after(current, at)
    _stamp(gone, moment)
    gone.reconciling = False
    gone.terminal_condition = condition(Kind.READY, State.SUCCEEDED, moment)
    gone.observed_generation = gone.generation
    return gone


def needs_revision(
    current: RevisionTemplate | None, wanted: RevisionTemplate, holder: Holder
) -> bool:
    """Decides whether a template makes a revision.

    The same template makes none, and keeps its name when the caller left it out. A template that
    names an existing revision must describe exactly that revision.

    Args:
        current: the service's template so far, or None for a new service.
        wanted: the new one, defaults filled in; gets the current name when nothing changed.
        holder: who holds a revision name; raises when another service does.

    Raises:
        ApiError: ALREADY_EXISTS, with Cloud Run's text.
    """
    if current is not None and same_template(current, wanted):
        wanted.revision = wanted.revision or current.revision
        if wanted.revision == current.revision:
            return False
    held = holder(wanted.revision) if wanted.revision else None
    if held is None:
        return True
    same = matches(held, wanted) if isinstance(held, Revision) else same_template(held, wanted)
    if not same:
        raise ApiError(
            Code.ALREADY_EXISTS,
            f"Revision named '{wanted.revision}' with different configuration already exists.",
        )
    return False


def _after(current: Service, at: datetime) -> datetime:
    return max(at, last_change(current) + timedelta(microseconds=1))


def _stamp(service: Service, at: datetime) -> None:
    """Marks a write: Ready is pending with its old time; a new service's has neither type nor time.

    So it was recorded. The other conditions stay until work begins.
    """
    service.update_time = at  # type: ignore[assignment]  # proto-plus takes datetimes
    service.etag = etag(at, service.name)
    service.reconciling = True
    before = Service.pb(service).terminal_condition
    pending = Condition(state=State.PENDING)
    if before.type_:
        pending.type_ = Kind.READY.value
        Condition.pb(pending).last_transition_time.CopyFrom(before.last_transition_time)
    service.terminal_condition = pending


def last_change(resource: Service | Revision) -> datetime:
    """Gives when anything of a resource changed last, its status included: v1's version."""
    message = type(resource).pb(resource)  # read whole at every call: proto-plus is slow at it
    conditions = list(message.conditions)
    if isinstance(resource, Service):
        conditions.append(message.terminal_condition)
    stamps = [message.update_time, *(item.last_transition_time for item in conditions)]
    newest = max(stamps, key=lambda stamp: (stamp.seconds, stamp.nanos))
    return cast("datetime", newest.ToDatetime(tzinfo=UTC))


def as_time(value: object) -> datetime:
    """Gives a Timestamp field as the datetime that proto-plus reads it as.

    Raises:
        TypeError: the field is not set.
    """
    if not isinstance(value, datetime):
        raise TypeError(f"not a time (got {type(value).__name__})")
    return value
