"""Conditions and times, as v1 writes them: read only."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, cast

from gate.local.admin.conditions import Reason, State, reason_of, state_of
from gate.local.admin.messages import Condition, Service
from gate.local.admin.plan import as_time
from gate.local.admin.v1.fields import Json
from gate.local.ports import JsonValue

_READY: Final = "Ready"
_STATUS: Final[dict[int, str]] = {State.SUCCEEDED: "True", State.FAILED: "False"}
_REASONS: Final = {
    Reason.CONTAINER_MISSING: "ContainerMissing",
    Reason.HEALTH_CHECK_CONTAINER_ERROR: "HealthCheckContainerError",
    Reason.SECRETS_ACCESS_CHECK_FAILED: "SecretsAccessCheckFailed",
    Reason.REVISION_FAILED: "RevisionFailed",
    Reason.IMMEDIATE_RETRY: "ImmediateRetry",
    Reason.MIN_INSTANCES_NOT_PROVISIONED: "NotProvisioned",
    Reason.RESERVE: "Reserve",
    Reason.RETIRED: "Retired",
    Reason.INTERNAL: "Internal",
}


def conditions_v1(items: Iterable[Condition]) -> list[JsonValue]:
    """Gives conditions in v1's order: Ready, then the others by name."""
    shown = [condition_v1(item) for item in items]
    shown.sort(key=lambda item: (item["type"] != _READY, str(item["type"])))
    return cast("list[JsonValue]", shown)


def service_conditions_v1(service: Service) -> list[JsonValue]:
    """Gives a service's conditions; a Ready that is settled is as old as the newest of the others.

    In recordings v1's Ready has the time of RoutesReady, where v2's is some milliseconds younger.
    """
    ready, others = Condition(service.terminal_condition), list(service.conditions)
    if state_of(ready) in _STATUS and others:
        times = [as_time(item.last_transition_time) for item in others]
        ready.last_transition_time = max(times)  # type: ignore[assignment]  # takes datetimes
    return conditions_v1([ready, *others])


def condition_v1(item: Condition) -> Json:
    """Gives a condition; a state that is neither is Unknown, one without a type is Ready."""
    message = Condition.pb(item)  # many times as fast to read as its wrapper
    made: Json = {
        "type": message.type_ or _READY,
        "status": _STATUS.get(message.state, "Unknown"),
    }
    if message.HasField("last_transition_time"):
        at = message.last_transition_time.ToDatetime(tzinfo=UTC)
        made["lastTransitionTime"] = timestamp(at)
    if message.WhichOneof("reasons"):
        reason = reason_of(item)
        if reason is not None:
            made["reason"] = _REASONS[reason]
    if message.message:
        made["message"] = message.message
    if message.severity:
        made["severity"] = "Info"
    return made


def timestamp(at: datetime) -> str:
    """Gives a time in RFC 3339, with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
