"""Conditions and times, as v1 writes them: read only."""

from datetime import UTC, datetime
from typing import Final

from gate.local.admin.conditions import Reason, State, reason_of
from gate.local.admin.messages import Condition
from gate.local.admin.v1.fields import Json

_STATUS: Final[dict[int, str]] = {State.SUCCEEDED: "True", State.FAILED: "False"}
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
    message = Condition.pb(item)  # many times as fast to read as its wrapper
    made: Json = {
        "type": message.type_,
        "status": _STATUS.get(message.state, "Unknown"),
        "lastTransitionTime": timestamp(message.last_transition_time.ToDatetime(tzinfo=UTC)),
    }
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
