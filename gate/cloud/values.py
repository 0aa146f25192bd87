"""Cloud Run's messages as the core's values, and the core's splits as messages. Pure.

Platform facts are from the docstrings of google.cloud.run_v2.types: `latest_ready_revision` is a
full resource name where `traffic[].revision` is a short one; v2 keeps a service's Ready condition
in `terminal_condition`, but a revision's among its `conditions`; enums may grow.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.cloud.run_v2.types.condition import Condition as ConditionMessage
from google.cloud.run_v2.types.k8s_min import Container
from google.cloud.run_v2.types.revision import Revision as RevisionMessage
from google.cloud.run_v2.types.service import Service as ServiceMessage
from google.cloud.run_v2.types.traffic_target import (
    TrafficTarget,
    TrafficTargetAllocationType,
    TrafficTargetStatus,
)

from gate.core.service import (
    Condition,
    ConditionState,
    Effective,
    Revision,
    Service,
    ServiceRef,
)
from gate.core.traffic import Split, Target
from gate.errors import InfrastructureError, ValueProblem

LATEST = TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
BY_NAME = TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION

NAMELESS = "(nameless)"
"""Stands for a revision whose name the API left out where it must not: equal to no revision."""

_STATES = {
    ConditionMessage.State.CONDITION_PENDING: ConditionState.PENDING,
    ConditionMessage.State.CONDITION_RECONCILING: ConditionState.RECONCILING,
    ConditionMessage.State.CONDITION_FAILED: ConditionState.FAILED,
    ConditionMessage.State.CONDITION_SUCCEEDED: ConditionState.SUCCEEDED,
}
_REASONS: dict[str, type[Any]] = {
    "reason": ConditionMessage.CommonReason,
    "revision_reason": ConditionMessage.RevisionReason,
    "execution_reason": ConditionMessage.ExecutionReason,
}


def service_value(message: ServiceMessage, ref: ServiceRef) -> Service:
    """A service as read.

    Raises:
        InfrastructureError: its traffic list is of a kind that this gate does not know.
    """
    pb = ServiceMessage.pb(message)
    return Service(
        ref=ref,
        etag=message.etag,
        generation=message.generation,
        observed_generation=message.observed_generation,
        reconciling=message.reconciling,
        ready=condition_value(message.terminal_condition),
        traffic=split_value(message.traffic, f"service {ref}"),
        effective=tuple(_effective(line) for line in message.traffic_statuses),
        latest_ready=short_name(message.latest_ready_revision),
        latest_created=short_name(message.latest_created_revision),
        uri=message.uri.rstrip("/"),
        last_modifier=message.last_modifier,
        updated_at=_time(pb, "update_time"),
        annotations=_pairs(message.annotations),
    )


def revision_value(message: RevisionMessage) -> Revision:
    """A revision as read; its image and environment are those of the container with the port."""
    pb = RevisionMessage.pb(message)
    conditions = tuple((one.type_, condition_value(one)) for one in message.conditions)
    container = serving_container(message.containers) or Container()
    return Revision(
        name=short_name(message.name),
        ready=dict(conditions).get("Ready", Condition()),
        image=container.image,
        created_at=_time(pb, "create_time"),
        conditions=conditions,
        env=tuple(variable.name for variable in container.env),
        min_instances=message.scaling.min_instance_count,
        timeout_s=pb.timeout.ToTimedelta().total_seconds(),
        annotations=_pairs(message.annotations),
    )


def condition_value(message: ConditionMessage) -> Condition:
    """A condition; a state that is not known yet is UNKNOWN, a reason that is not is its number."""
    pb = ConditionMessage.pb(message)  # proto-plus warns about numbers it does not know
    kind = pb.WhichOneof("reasons")
    reason = ""
    if kind is not None:
        number = getattr(pb, kind)
        names = {one.value: one.name for one in _REASONS[kind]}
        reason = names.get(number, f"{kind.upper()}_{number}")
    return Condition(_STATES.get(pb.state, ConditionState.UNKNOWN), reason, message.message)


def split_value(targets: Iterable[TrafficTarget], where: str) -> Split:
    """Desired traffic.

    Raises:
        InfrastructureError: a target of an unknown type, or percents that make no split.
    """
    try:
        return Split.of([_target(target, where) for target in targets])
    except ValueProblem as problem:
        raise InfrastructureError(f"{where}: traffic list makes no sense: {problem}") from None


def _target(message: TrafficTarget, where: str) -> Target:
    number = TrafficTarget.pb(message).type_
    if number == LATEST:
        return Target(None, message.percent, message.tag)
    if message.revision and number in (BY_NAME, 0):
        return Target(short_name(message.revision), message.percent, message.tag)
    raise InfrastructureError(
        f"{where}: traffic target of a kind this gate does not know "
        f"(got type {number}, revision {message.revision!r}, expected LATEST or a revision)"
    )


def _effective(message: TrafficTargetStatus) -> Effective:
    latest = TrafficTargetStatus.pb(message).type_ == LATEST
    nameless = None if latest else NAMELESS
    return Effective(
        revision=short_name(message.revision) or nameless,
        percent=message.percent,
        tag=message.tag,
        uri=message.uri.rstrip("/"),
    )


def target_messages(split: Split) -> list[TrafficTarget]:
    """A split as the list that replaces the service's."""
    return [
        TrafficTarget(
            type_=LATEST if target.revision is None else BY_NAME,
            revision=target.revision or "",
            percent=target.percent,
            tag=target.tag,
        )
        for target in split
    ]


def serving_container(containers: Iterable[Container]) -> Container | None:
    """The container that gets the requests: the only one, or the only one with a port.

    https://cloud.google.com/run/docs/deploying#sidecars: exactly one of several declares a port.
    """
    every = list(containers)
    candidates = every if len(every) == 1 else [one for one in every if one.ports]
    return candidates[0] if len(candidates) == 1 else None


def short_name(name: str) -> str:
    """Last part of a resource name; a short name stays as it is."""
    return name.rpartition("/")[2]


def _pairs(mapping: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(mapping.items()))


def _time(pb: Any, field: str) -> datetime | None:
    if not pb.HasField(field):
        return None
    at: datetime = getattr(pb, field).ToDatetime(tzinfo=UTC)
    return at
