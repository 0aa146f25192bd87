"""Conditions and times, as v1 writes them: read only."""

from datetime import datetime
from typing import Final

from gate.local.admin.conditions import Reason, State, reason_of, state_of
from gate.local.admin.messages import Condition
from gate.local.admin.plan import as_time
from gate.local.admin.v1.fields import Json

_STATUS: Final = {State.SUCCEEDED: "True", State.FAILED: "False"}
_REASONS: Final = {
    Reason.CONTAINER_MISSING: "ContainerMissing",
    Reason.HEALTH_CHECK_CONTAINER_ERROR: "HealthCheckContainerError",
    Reason.SECRETS_ACCESS_CHECK_FAILED: "SecretsAccessCheckFailed",
    Reason.REVISION_FAILED: "RevisionFailed",
    Reason.MIN_INSTANCES_NOT_PROVISIONED: "MinInstancesNotProvisioned",
    Reason.RESERVE: "Reserve",
    Reason.RETIRED: "Retired",
    Reason.INTERNAL: "Internal",
}


def condition_v1(item: Condition) -> Json:
    """Gives a condition; a state that is neither is Unknown."""
    made: Json = {
        "type": item.type_,
        "status": _STATUS.get(state_of(item), "Unknown"),
        "lastTransitionTime": timestamp(as_time(item.last_transition_time)),
    }
    reason = reason_of(item)
    if reason is not None:
        made["reason"] = _REASONS[reason]
    if item.message:
        made["message"] = item.message
    if "severity" in item:
        made["severity"] = "Info"
    return made


def timestamp(at: datetime) -> str:
    """Gives a time in RFC 3339, with microseconds."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
