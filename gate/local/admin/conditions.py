"""Conditions of services and revisions.

v2 keeps a service's Ready in `terminal_condition` and only RoutesReady and ConfigurationsReady in
`conditions`; a revision has no terminal condition, its Ready is one of `conditions`
(google.cloud.run.v2.Service, Revision). Exactly one kind of reason is set (google.cloud.run.v2
Condition, oneof). Which conditions a retired revision shows was read from live answers that
public repositories keep as fixtures.
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any

from gate.local.admin.messages import Condition
from gate.local.ports import BootFailure, BootReason


class Kind(Enum):
    """The types of conditions that Cloud Run reports."""

    READY = "Ready"
    ROUTES = "RoutesReady"
    CONFIGURATIONS = "ConfigurationsReady"
    RESOURCES = "ResourcesAvailable"
    CONTAINER_READY = "ContainerReady"
    CONTAINER_HEALTHY = "ContainerHealthy"
    ACTIVE = "Active"
    MIN_INSTANCES = "MinInstancesProvisioned"


class State(IntEnum):
    """google.cloud.run.v2.Condition.State."""

    UNSPECIFIED = 0
    PENDING = 1
    RECONCILING = 2
    FAILED = 3
    SUCCEEDED = 4


class Reason(Enum):
    """The reasons this server gives: (member of the oneof, its number)."""

    REVISION_FAILED = ("reason", 3)
    CONTAINER_MISSING = ("reason", 6)
    SECRETS_ACCESS_CHECK_FAILED = ("reason", 12)
    INTERNAL = ("reason", 16)
    RESERVE = ("revision_reason", 2)
    RETIRED = ("revision_reason", 3)
    HEALTH_CHECK_CONTAINER_ERROR = ("revision_reason", 6)
    MIN_INSTANCES_NOT_PROVISIONED = ("revision_reason", 8)


class Standing(Enum):
    """What a revision is to its service's traffic."""

    SERVING = "gets a percentage"
    RESERVE = "has a tag, but no percentage"
    RETIRED = "neither"


_INFO = 3  # google.cloud.run.v2.Condition.Severity
_REASONS = {reason.value: reason for reason in Reason}
_BOOT_REASONS = {
    BootReason.CONTAINER_MISSING: (Reason.CONTAINER_MISSING, Kind.CONTAINER_READY),
    BootReason.HEALTH_CHECK_CONTAINER_ERROR: (
        Reason.HEALTH_CHECK_CONTAINER_ERROR,
        Kind.CONTAINER_HEALTHY,
    ),
}
_BOOT_ORDER = (Kind.RESOURCES, Kind.CONTAINER_READY, Kind.CONTAINER_HEALTHY)


def condition(
    kind: Kind,
    state: State,
    at: datetime,
    *,
    message: str = "",
    reason: Reason | None = None,
    info: bool = False,
) -> Condition:
    """Makes a condition; `info` marks one that is not fatal (severity INFO)."""
    fields: dict[str, Any] = {"type_": kind.value, "state": int(state), "message": message}
    if reason is not None:
        member, number = reason.value
        fields[member] = number
    if info:
        fields["severity"] = _INFO
    return Condition(last_transition_time=at, **fields)


def find(conditions: Iterable[Condition], kind: Kind) -> Condition | None:
    """Gives the condition of that type, or None."""
    return next((item for item in conditions if item.type_ == kind.value), None)


def state_of(found: Condition | None) -> State:
    """Gives a condition's state; unspecified when there is none."""
    return State(_number(found.state)) if found is not None else State.UNSPECIFIED


def reason_of(found: Condition) -> Reason | None:
    """Gives the one reason that a condition carries, or None."""
    of_revision, common = _number(found.revision_reason), _number(found.reason)
    if of_revision:
        return _REASONS.get(("revision_reason", of_revision))
    return _REASONS.get(("reason", common)) if common else None


def deploying(at: datetime) -> list[Condition]:
    """Conditions of a revision whose container is being started."""
    ready = condition(Kind.READY, State.RECONCILING, at, message="Deploying Revision.")
    return [ready, *(condition(kind, State.PENDING, at) for kind in _BOOT_ORDER)]


def booted(at: datetime) -> list[Condition]:
    """Conditions of a revision whose container listens, before its traffic is known."""
    return [condition(kind, State.SUCCEEDED, at) for kind in (Kind.READY, *_BOOT_ORDER)]


def boot_failed(at: datetime, failure: BootFailure) -> list[Condition]:
    """Conditions of a revision whose container did not start, with the reason on Ready."""
    reason, culprit = _BOOT_REASONS[failure.reason]
    return failed(at, failure.message, reason, culprit)


def failed(at: datetime, message: str, reason: Reason, culprit: Kind) -> list[Condition]:
    """Conditions of a revision that is not ready because of one of its conditions."""
    made = [condition(Kind.READY, State.FAILED, at, message=message, reason=reason)]
    state = State.SUCCEEDED
    for kind in _BOOT_ORDER:
        if kind is culprit:
            made.append(condition(kind, State.FAILED, at, message=message, reason=reason))
            state = State.PENDING
        else:
            made.append(condition(kind, state, at))
    return made


def with_standing(
    current: Iterable[Condition], at: datetime, standing: Standing, *, min_instances: int
) -> list[Condition]:
    """Conditions of a ready revision, given what the traffic makes of it.

    Not serving is no failure: Active is FAILED with severity INFO and the reason RESERVE or
    RETIRED. A retired revision keeps Ready SUCCEEDED, with the reason beside it. A revision with
    min instances that nothing points at has them reserved, not provisioned
    (google.cloud.run.v2.Condition.RevisionReason, MIN_INSTANCES_NOT_PROVISIONED).
    """
    kept = {item.type_: item for item in current}
    reason = None if standing is Standing.SERVING else Reason[standing.name]
    retired = Reason.RETIRED if standing is Standing.RETIRED else None
    idle = State.RECONCILING if retired else State.SUCCEEDED
    active = State.FAILED if reason else State.SUCCEEDED
    made = [
        condition(Kind.READY, State.SUCCEEDED, at, reason=retired),
        condition(Kind.RESOURCES, idle, at, reason=retired),
        condition(Kind.ACTIVE, active, at, reason=reason, info=reason is not None),
    ]
    if min_instances > 0:
        made.append(_provisioned(at, live=standing is not Standing.RETIRED))
    for item in made:
        kept[item.type_] = _moved(kept.get(item.type_), item)
    return list(kept.values())


def _provisioned(at: datetime, *, live: bool) -> Condition:
    if live:
        return condition(Kind.MIN_INSTANCES, State.SUCCEEDED, at)
    reason = Reason.MIN_INSTANCES_NOT_PROVISIONED
    return condition(Kind.MIN_INSTANCES, State.FAILED, at, reason=reason, info=True)


def _moved(old: Condition | None, new: Condition) -> Condition:
    """Keeps the old transition time when nothing changed."""
    if old is not None and state_of(old) == state_of(new) and reason_of(old) == reason_of(new):
        new.last_transition_time = old.last_transition_time
    return new


def _number(value: Any) -> int:
    return int(value)
