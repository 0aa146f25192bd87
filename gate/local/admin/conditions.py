"""Conditions of services and revisions.

v2 keeps a service's Ready in `terminal_condition` and only RoutesReady and ConfigurationsReady in
`conditions`; a revision has no terminal condition, its Ready is one of `conditions`
(google.cloud.run.v2.Service, Revision). Exactly one kind of reason is set (google.cloud.run.v2
Condition, oneof).
"""

from collections.abc import Iterable
from datetime import datetime
from enum import Enum, IntEnum
from typing import Any

from gate.local.admin.messages import Condition


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
    RETRY = "Retry"


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
    IMMEDIATE_RETRY = ("reason", 14)
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


def _number(value: Any) -> int:
    return int(value)
