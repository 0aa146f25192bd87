"""Moving traffic: verifying that it arrived, and backing out when it did not."""

from dataclasses import replace
from datetime import datetime

from gate.core.messages import CallFailed, Failure
from gate.core.service import ConditionState, Service
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import shares_text
from gate.core.transitions import (
    CONFLICTS_MAX,
    READ_WITHIN_S,
    again,
    clean,
    conflict,
    enter,
    finish,
)


def not_moved(r: Rollout, failed: CallFailed) -> Rollout:
    """MOVING failed; without an answer we look whether it happened."""
    ours = r.plan.kind is Kind.ROLLOUT
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return conflict(r, Phase.CONFIRMING if ours else Phase.READING, failed.at)
        case Failure.LOST:
            return enter(r, Phase.VERIFYING, failed.at, r.plan.verify_within_s)
        case _:
            note = f"traffic was not moved: {failed.message}"
            r = replace(r, goal=None)
            return (
                clean(r, Ending.FAILED, failed.at, note=note)
                if ours
                else finish(r, Ending.FAILED, note)
            )


def verified(r: Rollout, service: Service, at: datetime) -> Rollout:
    """VERIFYING, seen: traffic is where it was sent, or on its way, or we back out."""
    goal = r.goal
    rollback = r.plan.kind is Kind.ROLLBACK
    if goal is not None and service.agrees_with(goal):
        return finish(r, Ending.ROLLED_BACK if rollback else Ending.PROMOTED)
    if goal is None or service.traffic.shares != goal.shares:
        return _someone_elses(r, service, at)
    if at < r.limit_at and not (r.looks > 2 and _gave_up(service)):
        return again(r)
    note = f"traffic did not come into effect ({service.disagreement})"
    if rollback:
        return finish(r, Ending.STUCK, note)
    return enter(replace(r, notes=(*r.notes, note)), Phase.BACKING_OUT, at, READ_WITHIN_S)


def _gave_up(service: Service) -> bool:
    return not service.reconciling and service.ready.state is ConditionState.FAILED


def _someone_elses(r: Rollout, service: Service, at: datetime) -> Rollout:
    """Desired traffic is not what we asked for: our write never happened, or theirs came after."""
    untouched = r.placed if r.plan.kind is Kind.ROLLOUT else r.before
    if untouched and service.traffic.shares == untouched.shares and r.conflicts < CONFLICTS_MAX:
        back = Phase.CONFIRMING if r.plan.kind is Kind.ROLLOUT else Phase.READING
        return conflict(r, back, at)
    by = f" by {service.last_modifier}" if service.last_modifier else ""
    note = f"traffic was changed again{by} (is {shares_text(service.traffic.shares)}): left alone"
    return finish(r, Ending.HELD, note)


def back_out(r: Rollout, service: Service) -> Rollout:
    """BACKING_OUT, seen: the way back, unless somebody else has taken over."""
    if r.goal is None or r.before is None or service.traffic.shares != r.goal.shares:
        return finish(r, Ending.HELD, f"left as it is now: {shares_text(service.traffic.shares)}")
    back = service.traffic.with_shares_of((r.placed or r.before).pinned(service.latest_ready))
    return replace(r, phase=Phase.REVERTING, goal=back)


def not_reverted(r: Rollout, failed: CallFailed) -> Rollout:
    """REVERTING failed."""
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return finish(r, Ending.STUCK, f"somebody else changed it: {failed.message}")
        case Failure.LOST:
            return enter(r, Phase.PROVING, failed.at, r.plan.verify_within_s)
        case _:
            return finish(r, Ending.STUCK, f"traffic could not be moved back: {failed.message}")


def proved(r: Rollout, service: Service, at: datetime) -> Rollout:
    """PROVING, seen: traffic is back, or a person is needed."""
    if r.goal is not None and service.agrees_with(r.goal):
        return finish(r, Ending.REVERTED)
    if at >= r.limit_at:
        return finish(r, Ending.STUCK, service.disagreement)
    return again(r)


def cannot_see(r: Rollout, failed: CallFailed) -> Rollout:
    """Traffic may have moved, and the service could not be read."""
    if failed.at >= r.limit_at or failed.failure is Failure.NOT_FOUND:
        return finish(r, Ending.STUCK, f"traffic cannot be seen: {failed.message}")
    return again(r)
