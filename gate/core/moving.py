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
    STILL_CHANGING,
    again,
    clean,
    conflict,
    enter,
    finish,
    unwritten,
    written,
)
from gate.core.verdict import Verdict

PATIENT_LOOKS = 3
"""Looks before a write that does not show counts as not having happened."""


def not_moved(r: Rollout, failed: CallFailed) -> Rollout:
    """MOVING failed; without an answer we look whether it happened."""
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return conflict(r, _before_moving(r), failed.at)
        case Failure.LOST:
            return written(r, Phase.VERIFYING, failed.at, r.plan.verify_within_s)
        case _:
            return _unmoved(r, Ending.FAILED, failed.at, f"traffic was not moved: {failed.message}")


def _unmoved(r: Rollout, ending: Ending, at: datetime, note: str) -> Rollout:
    """Traffic stays where it was; in a rollout our tag has to go."""
    r = replace(r, goal=None)
    if r.plan.kind is Kind.ROLLOUT:
        return clean(r, ending, at, note=note)
    return finish(r, ending, note)


def verified(r: Rollout, service: Service, at: datetime) -> Rollout:
    """VERIFYING, seen: traffic is where it was sent, or on its way, or we back out."""
    goal = r.goal
    rollback = r.plan.kind is Kind.ROLLBACK
    arrived = Ending.ROLLED_BACK if rollback else Ending.PROMOTED
    if goal is not None and service.serves(goal):
        return finish(r, arrived)
    if goal is None or service.traffic.shares != goal.shares:
        return _unwritten(r, at) if unwritten(r, service) else _overruled(r, service, at)
    if at < r.limit_at and not (r.looks >= PATIENT_LOOKS and _gave_up(service)):
        return again(r)
    if service.obeyed:
        return finish(r, arrived, STILL_CHANGING)
    note = f"traffic did not come into effect ({service.disagreement})"
    if rollback:
        return finish(r, Ending.STUCK, note)
    return enter(replace(r, notes=(*r.notes, note)), Phase.BACKING_OUT, at, READ_WITHIN_S)


def _gave_up(service: Service) -> bool:
    return not service.reconciling and service.ready.state is ConditionState.FAILED


def _unwritten(r: Rollout, at: datetime) -> Rollout:
    """Our write did not happen, or not yet: a little patience, then once more from a fresh look."""
    if r.looks < PATIENT_LOOKS:
        return again(r)
    if r.interrupted:
        return _unmoved(r, Ending.INTERRUPTED, at, "traffic was not moved")
    if r.conflicts < CONFLICTS_MAX:
        return conflict(r, _before_moving(r), at)
    return _unmoved(r, Ending.FAILED, at, "traffic was not moved: the update never happens")


def _before_moving(r: Rollout) -> Phase:
    return Phase.CONFIRMING if r.plan.kind is Kind.ROLLOUT else Phase.READING


def _overruled(r: Rollout, service: Service, at: datetime) -> Rollout:
    """Somebody has written after us: whatever they want is left alone, also if it is the old."""
    by = f" by {service.last_modifier}" if service.last_modifier else ""
    text = f"was changed again{by} (is {shares_text(service.traffic.shares)}) and is left alone"
    verdict = Verdict.hold("traffic", text)
    if r.plan.kind is Kind.ROLLOUT:
        return clean(r, Ending.HELD, at, verdict)
    return finish(r, Ending.HELD, verdict=verdict)


def back_out(r: Rollout, service: Service, at: datetime) -> Rollout:
    """BACKING_OUT, seen: the way back, unless somebody else has taken over."""
    if r.placed is None or service.traffic.shares != {r.candidate: 100}:
        return _overruled(r, service, at)
    back = service.traffic.with_shares_of(r.placed)
    return replace(r, phase=Phase.REVERTING, goal=back)


def not_reverted(r: Rollout, failed: CallFailed) -> Rollout:
    """REVERTING failed: after a conflict the way back is decided anew."""
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return conflict(r, Phase.BACKING_OUT, failed.at)
        case Failure.LOST:
            return written(r, Phase.PROVING, failed.at, r.plan.verify_within_s)
        case _:
            return finish(r, Ending.STUCK, f"traffic could not be moved back: {failed.message}")


def proved(r: Rollout, service: Service, at: datetime) -> Rollout:
    """PROVING, seen: traffic is back, or a person is needed."""
    if r.goal is not None and service.serves(r.goal):
        return finish(r, Ending.REVERTED)
    shares = service.traffic.shares
    ours = r.goal is not None and shares == r.goal.shares
    if not ours and shares != {r.candidate: 100}:
        return _overruled(r, service, at)
    if not ours and r.looks >= PATIENT_LOOKS and r.conflicts < CONFLICTS_MAX:
        return conflict(r, Phase.BACKING_OUT, at)
    if at < r.limit_at:
        return again(r)
    if ours and service.obeyed:
        return finish(r, Ending.REVERTED, STILL_CHANGING)
    return finish(r, Ending.STUCK, service.disagreement)


def cannot_see(r: Rollout, failed: CallFailed) -> Rollout:
    """Traffic may have moved, and the service could not be read."""
    if failed.at >= r.limit_at or failed.failure is Failure.NOT_FOUND:
        return finish(r, Ending.STUCK, f"traffic cannot be seen: {failed.message}")
    return again(r)
