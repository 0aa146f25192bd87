"""Taking back what a rollout left that died: stable at what it had, its tag gone, said so."""

from dataclasses import replace
from datetime import datetime, timedelta

from gate.core import quarantine
from gate.core.annotation import RolloutAnnotation, UnreadableAnnotation
from gate.core.lease import (
    LEEWAY,
    LeaseState,
    half_done,
    holds,
    lease_state,
    taken,
    taker,
    wrote_last,
)
from gate.core.messages import CallFailed, Failure
from gate.core.rescue import mending
from gate.core.service import Service
from gate.core.state import UNLOCK, Ending, Kind, Phase, Rollout
from gate.core.traffic import Split, Target
from gate.core.transitions import (
    CONFLICTS_MAX,
    PATIENT_LOOKS,
    READ_WITHIN_S,
    again,
    conflict,
    enter,
    finish,
    given_up,
    left_undone,
    unwritten,
    written,
)

LOOK_AGAIN = "`gate status` says more; `gate unlock --reason` takes the lease away"


def admitted(r: Rollout, service: Service, at: datetime) -> Rollout | None:
    """READING, seen: None if the way is free; else the rollout that waits, gives up or recovers."""
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation as error:
        return _unreadable(r, service, error, at)
    if holds(r, service):  # our own first try, sent again because its answer was lost
        return enter(r, Phase.WAITING, at, r.plan.ready_within_s)
    if r.plan.kind is Kind.ROLLBACK and not (annotation.holder and r.asks_first):
        return None
    if annotation.lapsed_at(at, LEEWAY) or (annotation.holder and _overrides(r)):
        return _take_back(r, service, annotation, at)
    if r.plan.kind in {Kind.ROLLOUT, Kind.RECOVER} and half_done(service):
        return _once_more(r, service, annotation, at)
    if r.plan.kind is Kind.RECOVER:
        note = (
            f"{taker(service)} is at work" if annotation.holder else "nothing was left to recover"
        )
        return finish(r, Ending.UNCHANGED, note)
    return _beside(r, service, annotation, at) if annotation.holder else None


def _beside(
    r: Rollout, service: Service, annotation: RolloutAnnotation, at: datetime
) -> Rollout | None:
    """Somebody is at work: waited for, unless users are on what a quarantine takes them off."""
    match quarantine.beside(r, service, annotation):
        case quarantine.Beside.TAKES_OVER:
            return None
        case quarantine.Beside.MENDS:
            return _take_back(r, service, annotation, at)
        case quarantine.Beside.LOOKS if at < r.limit_at:
            return again(r)
        case _:
            return _occupied(r, service, at)


def _unreadable(
    r: Rollout, service: Service, error: UnreadableAnnotation, at: datetime
) -> Rollout | None:
    """Nobody can say who is at work: a person may go on, automation may not."""
    if r.plan.force:
        return _take_back(r, service, RolloutAnnotation(), at)
    if r.plan.kind is Kind.ROLLBACK:
        return None  # a way to safety does not hang on what nobody can read
    note = f"{service.ref}: the gate's own annotation is {error}"
    return finish(r, Ending.BUSY, f"{note}; {LOOK_AGAIN}")


def _occupied(r: Rollout, service: Service, at: datetime) -> Rollout:
    """Somebody is at work: wait for them, as long as was asked for."""
    waited_s = (at - r.started_at).total_seconds()
    if waited_s < r.plan.wait_s:
        limit_at = at + timedelta(seconds=READ_WITHIN_S)
        return replace(again(r), waited_s=waited_s, limit_at=limit_at)
    return finish(r, Ending.BUSY, f"{service.ref}: {taker(service)} is at work; {LOOK_AGAIN}")


def _overrides(r: Rollout) -> bool:
    """Whether a person wants whatever is at work to end.

    A rollback that does not ask its target first needs no recovery: it moves all users at once.
    """
    return r.plan.force or r.plan.kind is Kind.ROLLBACK


def _once_more(
    r: Rollout, service: Service, annotation: RolloutAnnotation, at: datetime
) -> Rollout:
    """What the gate wrote last is written again, once it is known that its revisions are there."""
    for name, _ in annotation.wrote:
        if name in r.revisions:
            continue
        if r.candidate != name and at < r.limit_at:
            return again(replace(r, candidate=name))
        return _gone(r, service, name)
    return _take_back(r, service, annotation, at)


def _gone(r: Rollout, service: Service, name: str) -> Rollout:
    """A revision that is asked for does not exist any more: nobody writes that again."""
    note = f"{service.disagreement}: {name} does not exist any more, so it is not asked for again"
    r = replace(r, way_out=(mending(service, tuple(r.revisions.values())).command,))
    return finish(r, Ending.STUCK if r.plan.kind is Kind.RECOVER else Ending.FAILED, note)


def _take_back(
    r: Rollout, service: Service, annotation: RolloutAnnotation, at: datetime
) -> Rollout:
    """On to the one update that brings the service to safety."""
    goal = safety(service, annotation)
    note = _why(service, annotation, at)
    r = replace(r, goal=goal, candidate=annotation.candidate, before=service.traffic)
    dead = (
        (annotation.holder,) if annotation.holder and annotation.holder not in r.took_back else ()
    )
    r = replace(r, notes=(*r.notes, note), took_back=r.took_back + dead)
    if r.plan.force and lease_state(service, at) in {LeaseState.HELD, LeaseState.UNREADABLE}:
        r = replace(r, overrode=(UNLOCK,))
    r = taken(r, service)
    return enter(r, Phase.RECOVERING, at, READ_WITHIN_S)


def _why(service: Service, annotation: RolloutAnnotation, at: datetime) -> str:
    phase = annotation.phase or "at work"
    if annotation.lapsed_at(at, LEEWAY):
        return f"recovered from {taker(service)}, which died while {phase}"
    if half_done(service):
        return f"what {taker(service)} wrote last was left half done, and is written once more"
    return f"took the lease away from {taker(service)}, which was {phase}"


def safety(service: Service, annotation: RolloutAnnotation) -> Split:
    """Traffic after a recovery: the dead rollout's own moves undone, anybody else's left alone."""
    traffic = service.traffic
    if annotation.tag and traffic.tags.get(annotation.tag, "") == annotation.candidate:
        traffic = traffic.without_tag(annotation.tag)
    if annotation.safe and traffic.shares == dict(annotation.wrote):
        safe = Split.of(Target(name, percent) for name, percent in annotation.safe)
        return traffic.with_shares_of(safe)
    return traffic


def not_recovered(r: Rollout, failed: CallFailed) -> Rollout:
    """RECOVERING failed."""
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return conflict(_afresh(r), Phase.READING, failed.at)
        case Failure.LOST:
            return written(r, Phase.RECOVERED, failed.at, r.plan.verify_within_s)
        case _:
            note = f"what a dead rollout left could not be taken back: {failed.message}"
            return finish(r, Ending.STUCK, note)


def recovered(r: Rollout, service: Service, at: datetime) -> Rollout:
    """RECOVERED, seen: on with what was asked for, once traffic is as desired."""
    if not wrote_last(r, service):
        if unwritten(r, service) and r.looks < PATIENT_LOOKS:
            return again(r)
        note = "the update that takes a dead rollout back never happens"
        return _from_the_start(r, at, Ending.STUCK, note)
    if service.in_effect:
        if r.plan.kind is Kind.RECOVER:
            return finish(r, Ending.RECOVERED)
        note = "one rollout after the other dies on this service"
        return _from_the_start(r, at, Ending.FAILED, note)
    return _not_in_effect(r, service, at)


def _not_in_effect(r: Rollout, service: Service, at: datetime) -> Rollout:
    """Our write is there and traffic is not as asked for, or not yet."""
    if left_undone(r, service):
        asked = (name for name in service.traffic.shares if name)
        if gone := next((name for name in asked if name not in r.revisions), ""):
            return _gone(r, service, gone)
        return replace(conflict(r, Phase.RECOVERING, at), goal=service.traffic)
    if at < r.limit_at and not given_up(r, service):
        return again(r)
    if r.plan.kind is Kind.ROLLOUT and not service.latest_ready:
        return _from_the_start(r, at, Ending.FAILED, service.disagreement)  # a first deploy again
    way = mending(service, tuple(r.revisions.values()))
    return finish(replace(r, way_out=(way.command,)), Ending.STUCK, service.disagreement)


def _from_the_start(r: Rollout, at: datetime, ending: Ending, note: str) -> Rollout:
    """Back to reading, so many times and no more."""
    if r.conflicts < CONFLICTS_MAX:
        return conflict(_afresh(r), Phase.READING, at)
    return finish(r, ending, note)


def _afresh(r: Rollout) -> Rollout:
    """As if nothing had been read yet, but for what is worth telling."""
    return replace(r, goal=None, before=None, candidate=r.plan.revision, fence=0, overrode=())
