"""Conditions of revisions: how their start went, and what the traffic makes of them.

A start has three parts, each with a condition: the images are imported (ContainerReady), instances
are provisioned (ResourcesAvailable), the startup probe is asked (ContainerHealthy). Which
conditions there are, their texts, and that a failed start is to be tried again at once, is what a
recorded audit log entry of a failed revision shows; the texts of a start that succeeded and the
conditions of a retired revision are those that users of Cloud Run publish. Here images are imported
and instances provisioned at once: all the time goes into the startup probe.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.local.admin.conditions import (
    Kind,
    Reason,
    Standing,
    State,
    condition,
    reason_of,
    state_of,
)
from gate.local.admin.messages import Condition
from gate.local.ports import BootFailure, BootReason

_REASONS = {
    BootReason.CONTAINER_MISSING: (Reason.CONTAINER_MISSING, Kind.CONTAINER_READY),
    BootReason.HEALTH_CHECK_CONTAINER_ERROR: (
        Reason.HEALTH_CHECK_CONTAINER_ERROR,
        Kind.CONTAINER_HEALTHY,
    ),
}
_STEPS = (Kind.CONTAINER_READY, Kind.RESOURCES, Kind.CONTAINER_HEALTHY)
_SHOWN = (Kind.READY, Kind.RESOURCES, Kind.CONTAINER_READY, Kind.CONTAINER_HEALTHY, Kind.RETRY)
_IMPORTED = "Container image import completed in 0s."
_PROVISIONED = "Provisioning imported containers completed in 0s."
_RETIRED = "Revision retired."
_RETRY = "System will retry after 00:00 from lastTransitionTime for attempt 0."


@dataclass(frozen=True, slots=True)
class Start:
    """When a revision's start began and ended, and what its startup probe may take.

    Attributes:
        began: when its container was asked to start.
        ended: when it was known how that went.
        patience_s: how long the startup probe goes on asking.
        delay_s: how long it waits before it asks.
    """

    began: datetime
    ended: datetime
    patience_s: float = 240
    delay_s: float = 0


def deploying(at: datetime) -> list[Condition]:
    """Conditions of a revision whose container is being started."""
    ready = condition(Kind.READY, State.RECONCILING, at, message="Deploying Revision.")
    return _ordered([ready, *(condition(kind, State.PENDING, at) for kind in _STEPS)])


def booted(start: Start) -> list[Condition]:
    """Conditions of a revision whose container listens, before its traffic is known."""
    took = elapsed(start.ended - start.began)
    texts = {
        Kind.READY: f"Deploying revision succeeded in {took}.",
        Kind.CONTAINER_READY: _IMPORTED,
        Kind.RESOURCES: _PROVISIONED,
        Kind.CONTAINER_HEALTHY: f"Containers became healthy in {took}.",
    }
    at = {Kind.CONTAINER_READY: start.began, Kind.RESOURCES: start.began}
    return _ordered(
        condition(kind, State.SUCCEEDED, at.get(kind, start.ended), message=text)
        for kind, text in texts.items()
    )


def boot_failed(start: Start, failure: BootFailure) -> list[Condition]:
    """Conditions of a revision whose container did not start, with the reason on Ready."""
    reason, culprit = _REASONS[failure.reason]
    made = failed(start, failure.message, reason, culprit)
    if culprit is Kind.CONTAINER_HEALTHY:
        retry = Reason.IMMEDIATE_RETRY
        made.append(
            condition(
                Kind.RETRY, State.SUCCEEDED, start.began, message=_RETRY, reason=retry, info=True
            )
        )
    return made


def failed(start: Start, message: str, reason: Reason, culprit: Kind) -> list[Condition]:
    """Conditions of a revision that is not ready because of one step of its start."""
    at = start.ended
    waiting = (
        f" Checking container health. This will wait for up to {elapsed(start.patience_s)} for "
        f"the configured startup probe, including an initial delay of {elapsed(start.delay_s)}."
    )
    texts = {Kind.CONTAINER_READY: _IMPORTED, Kind.RESOURCES: _PROVISIONED + waiting}
    made = [condition(Kind.READY, State.FAILED, at, message=message, reason=reason)]
    step = iter(_STEPS)
    for kind in step:
        if kind is culprit:
            made.append(condition(kind, State.FAILED, at, message=message, reason=reason))
            break
        made.append(condition(kind, State.SUCCEEDED, start.began, message=texts[kind]))
    made.extend(condition(kind, State.PENDING, start.began) for kind in step)
    return _ordered(made)


def with_standing(
    current: Iterable[Condition], at: datetime, standing: Standing, *, min_instances: int
) -> list[Condition]:
    """Conditions of a ready revision, given what the traffic makes of it.

    Not serving is no failure: Active is FAILED with severity INFO and the reason RESERVE or
    RETIRED. A retired revision keeps Ready SUCCEEDED, with the reason beside it; what it runs on
    is given back. A revision with min instances that nothing points at has them reserved, not
    provisioned (google.cloud.run.v2.Condition.RevisionReason, MIN_INSTANCES_NOT_PROVISIONED).
    """
    kept = {item.type_: item for item in current}
    reason = None if standing is Standing.SERVING else Reason[standing.name]
    retired = Reason.RETIRED if standing is Standing.RETIRED else None
    text = _RETIRED if retired else ""
    idle = State.RECONCILING if retired else State.SUCCEEDED
    active = State.FAILED if reason else State.SUCCEEDED
    made = [
        condition(Kind.READY, State.SUCCEEDED, at, message=text, reason=retired),
        condition(Kind.RESOURCES, idle, at, message=text, reason=retired),
        condition(Kind.CONTAINER_HEALTHY, idle, at, reason=retired),
        condition(Kind.ACTIVE, active, at, message=text, reason=reason, info=True),
    ]
    if min_instances > 0:
        made.append(_provisioned(at, live=standing is not Standing.RETIRED))
    for item in made:
        kept[item.type_] = _moved(kept.get(item.type_), item)
    return list(kept.values())


def elapsed(duration: timedelta | float) -> str:
    """Writes a duration as Cloud Run does: 4m, 23.22s, 1m34.11s."""
    total_s = duration.total_seconds() if isinstance(duration, timedelta) else duration
    minutes, rest_s = divmod(round(max(total_s, 0), 2), 60)
    rest = f"{rest_s:.2f}".rstrip("0").rstrip(".")
    if not minutes:
        return f"{rest}s"
    return f"{int(minutes)}m{rest}s" if rest_s else f"{int(minutes)}m"


def _provisioned(at: datetime, *, live: bool) -> Condition:
    if live:
        return condition(Kind.MIN_INSTANCES, State.SUCCEEDED, at)
    reason = Reason.MIN_INSTANCES_NOT_PROVISIONED
    return condition(Kind.MIN_INSTANCES, State.FAILED, at, reason=reason, info=True)


def _moved(old: Condition | None, new: Condition) -> Condition:
    """Keeps the old condition, its time and text, when nothing changed."""
    if old is None or state_of(old) != state_of(new) or reason_of(old) != reason_of(new):
        return new
    return old


def _ordered(conditions: Iterable[Condition]) -> list[Condition]:
    places = {kind.value: place for place, kind in enumerate(_SHOWN)}
    return sorted(conditions, key=lambda item: places[item.type_])
