"""Moving traffic: verifying that it arrived, and backing out when it did not."""

from dataclasses import replace
from datetime import datetime

from gate.core.interference import interference, stop, unproven
from gate.core.lease import holds, lost, moved, wrote_last
from gate.core.messages import CallFailed, Failure
from gate.core.rescue import mending, stuck
from gate.core.service import Service
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.tagging import tidied
from gate.core.transitions import (
    CONFLICTS_MAX,
    PATIENT_LOOKS,
    READ_WITHIN_S,
    STILL_CHANGING,
    again,
    changed_again,
    clean,
    conflict,
    enter,
    finish,
    left_undone,
    noted,
    unwritten,
    written,
)
from gate.core.verdict import Verdict

NEVER_CAME = (
    "traffic was not moved: no answer to the update came, and it has not happened so far; "
    "gate status shows whether it still does"
)


def not_moved(r: Rollout, failed: CallFailed) -> Rollout:
    """MOVING failed; without an answer we look whether it happened."""
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return conflict(r, _before_moving(r), failed.at)
        case Failure.LOST:
            return sent(r, failed.at)
        case _ if r.unseen and not r.asks_first:  # an earlier try may have arrived
            return sent(r, failed.at)
        case _:
            return _unmoved(r, Ending.FAILED, failed.at, f"traffic was not moved: {failed.message}")


def sent(r: Rollout, at: datetime) -> Rollout:
    """MOVING, accepted or without an answer: on to looking for it."""
    return written(
        replace(r, unseen=True, listening=False), Phase.VERIFYING, at, r.plan.verify_within_s
    )


def _unmoved(r: Rollout, ending: Ending, at: datetime, note: str) -> Rollout:
    """Traffic stays where it was; what of ours is on the service has to go."""
    r = replace(r, goal=None)
    if not r.asks_first:
        return finish(r, ending, note)
    if r.stepped:
        return stop(replace(r, notes=(*r.notes, note)), at, ending, r.verdict)
    return clean(r, ending, at, note=note)


def verified(r: Rollout, service: Service, at: datetime) -> Rollout:
    """VERIFYING, seen: traffic is where it was sent, or on its way, or we back out."""
    goal = r.goal
    if lost(r, service) and r.plan.kind is Kind.ROLLOUT:
        return overruled(r, service, at)
    if goal is not None and service.serves(goal):
        r = _vouched(r, service)
        return _arrived(r, at) if r.plan.kind is Kind.ROLLOUT else _done(r, service, at)
    if goal is None or service.traffic.shares != goal.shares:
        never = unwritten(r, service) or _never_came(r, service)
        return _unwritten(r, at) if never else overruled(r, service, at)
    if at < r.limit_at and not (r.looks >= PATIENT_LOOKS and service.gave_up):
        return again(r)
    if service.obeyed:
        r = replace(r, notes=(*r.notes, STILL_CHANGING))
        return _arrived(r, at) if r.plan.kind is Kind.ROLLOUT else _done(r, service, at)
    note = f"traffic did not come into effect ({service.disagreement})"
    if r.plan.kind is Kind.ROLLBACK:
        return _ended(_led_out(r, service), service, Ending.STUCK, at, note)
    r = replace(r, notes=(*r.notes, note), ending=Ending.REVERTED)
    return enter(r, Phase.BACKING_OUT, at, READ_WITHIN_S)


def _vouched(r: Rollout, service: Service) -> Rollout:
    """Says so where traffic is as we set it, and the last to say what it should be was not us."""
    if wrote_last(r, service):
        return r
    by = service.last_modifier or "somebody"
    note = f"traffic is as the gate set it, but {by} has written the annotation since"
    return noted(r, note)


def _led_out(r: Rollout, service: Service) -> Rollout:
    """What mends a rollback that Cloud Run has given up: never its target, where that is gone."""
    if r.candidate in r.revisions and not service.gave_up:
        return r
    there = tuple(one for one in r.plan.revisions if one.name != r.candidate)
    gone = () if r.candidate in r.revisions else (f"{r.candidate} does not exist any more",)
    way = mending(service, there)
    return replace(r, way_out=(way.command,), notes=(*r.notes, *gone))


def _arrived(r: Rollout, at: datetime) -> Rollout:
    """Traffic has arrived: at the next step it is probed there, at the last we are done."""
    r = replace(r, reached=r.goal, stepped=r.stepped + 1, unseen=False)
    r = replace(r, arrived_at=at, counting=False, count_from=None, awaiting_since=None)
    last = r.stepped == len(r.plan.steps)
    if r.interrupted and not (last and not r.plan.watch_s):
        return stop(r, at, Ending.INTERRUPTED, r.verdict)
    if not last:
        return enter(r, Phase.DWELLING, at, r.plan.dwell_s)
    if r.plan.watch_s:
        return enter(r, Phase.WATCHING, at, r.plan.watch_s)
    return replace(r, phase=Phase.UNTAGGING, ending=Ending.PROMOTED)


def _done(r: Rollout, service: Service, at: datetime) -> Rollout:
    """A move by hand has arrived; what nobody asked before is asked once, as its users do."""
    if r.plan.kind is Kind.ROLLBACK and not r.asks_first and not r.interrupted:
        if not r.listening and service.uri and at < r.limit_at:
            return replace(r, listening=True, looks=0)  # at once, and once
        if r.unanswered:
            return _ended(_elsewhere(r, service), service, Ending.STUCK, at, _unanswered(r))
        if r.unheard:
            return _ended(r, service, Ending.ROLLED_BACK, at, _unheard(r))
    ending = Ending.ROLLED_BACK if r.plan.kind is Kind.ROLLBACK else Ending.PROMOTED
    return _ended(r, service, ending, at)


def _unanswered(r: Rollout) -> str:
    return (
        f"ALL USERS ARE ON {r.candidate}, AND IT DOES NOT ANSWER: {r.unanswered}; "
        "its image may be gone, or its container cannot start any more"
    )


def _unheard(r: Rollout) -> str:
    return f"whether {r.candidate} answers its users was not seen: {r.unheard}"


def _elsewhere(r: Rollout, service: Service) -> Rollout:
    """The way on from a target that does not answer: never that one again."""
    others = tuple(one for one in r.plan.revisions if one.name != r.candidate)
    left = (r.placed.sole_revision if r.placed else "") or ""
    return replace(r, way_out=(stuck(service, others, left).command,))


def _ended(r: Rollout, service: Service, ending: Ending, at: datetime, note: str = "") -> Rollout:
    """The end; a lease is left only if our write never came and somebody else made its move."""
    if holds(r, service):
        return clean(r, ending, at, r.verdict, note)
    return finish(r, ending, note)


def _never_came(r: Rollout, service: Service) -> bool:
    """Whether our last write but one still stands: somebody else has changed something else."""
    shares = service.traffic.shares
    here = r.reached is not None and shares == r.reached.shares
    return here and holds(r, service) and shares == dict(service.rollout_annotation.wrote)


def _unwritten(r: Rollout, at: datetime) -> Rollout:
    """Our write did not happen, or not yet: a little patience, then once more from a fresh look."""
    if r.looks < PATIENT_LOOKS:
        return again(r)
    if r.interrupted:
        return _unmoved(r, Ending.INTERRUPTED, at, "traffic was not moved")
    if r.conflicts < CONFLICTS_MAX:
        return conflict(r, _before_moving(r), at)
    return _unmoved(r, Ending.FAILED, at, NEVER_CAME)


def _before_moving(r: Rollout) -> Phase:
    return Phase.CONFIRMING if r.asks_first else Phase.READING


def overruled(r: Rollout, service: Service, at: datetime) -> Rollout:
    """Somebody has written after us: whatever they want is left alone, also if it is the old."""
    verdict = changed_again(service)
    if r.asks_first:
        return clean(r, Ending.HELD, at, verdict)
    return finish(r, Ending.HELD, verdict=verdict)


def back_out(r: Rollout, service: Service, at: datetime) -> Rollout:
    """BACKING_OUT, seen: the way back, unless somebody else has taken over."""
    r = unproven(r, service)
    arrived = service.in_effect and service.traffic.shares == {r.candidate: 100}
    if r.plan.kind is Kind.PROMOTE and arrived:
        return _done(r, service, at)
    if r.placed is None or not moved(r, service):
        return overruled(r, service, at)
    back = tidied(r, service.traffic.with_shares_of(r.placed))
    return replace(r, phase=Phase.REVERTING, goal=back)


def disturbed(r: Rollout, service: Service, at: datetime) -> Rollout:
    """DWELLING or WATCHING, seen: somebody has changed the service while the candidate had users.

    Traffic that is no longer as we set it is left alone; ours goes back.
    """
    what = f"{interference(r, service) or 'was changed'} while the candidate was watched"
    by = f" by {service.last_modifier}" if service.last_modifier else ""
    return stop(r, at, Ending.HELD, Verdict.hold("traffic", f"{what}{by}"))


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
    ending = r.ending or Ending.REVERTED
    if r.goal is not None and service.serves(r.goal):
        return _ended(r, service, ending, at)
    if r.goal is None or service.traffic.shares != r.goal.shares:
        return _not_back(r, service, at)
    if wrote_last(r, service) and left_undone(r, service):
        return replace(conflict(r, Phase.REVERTING, at), goal=service.traffic)
    if at < r.limit_at:
        return again(r)
    if service.obeyed:
        return finish(r, ending, STILL_CHANGING)
    return finish(r, Ending.STUCK, service.disagreement)


def _not_back(r: Rollout, service: Service, at: datetime) -> Rollout:
    """The way back does not show: not written yet, or somebody else has written."""
    if not unwritten(r, service):
        return overruled(r, service, at)
    if r.looks < PATIENT_LOOKS:
        return again(r)
    if r.conflicts < CONFLICTS_MAX:
        return conflict(r, Phase.BACKING_OUT, at)
    return finish(r, Ending.STUCK, "the update that moves traffic back never happens")


def cannot_see(r: Rollout, failed: CallFailed) -> Rollout:
    """Traffic may have moved, and the service could not be read."""
    if r.listening and r.goal and r.service and r.service.serves(r.goal):  # seen to have moved
        return finish(r, Ending.ROLLED_BACK, f"whether it answers is not known: {failed.message}")
    if failed.at >= r.limit_at or failed.failure is Failure.NOT_FOUND:
        return finish(r, Ending.STUCK, f"traffic cannot be seen: {failed.message}")
    return again(r)
