"""Taking back what is ours: the candidate's tag, the lease, and nothing of anybody else's."""

from dataclasses import replace
from datetime import datetime

from gate.core.candidate import unproven
from gate.core.guard import came_between
from gate.core.lease import holds, lost, moved, taker, wrote_last
from gate.core.messages import Accepted, CallFailed, Failure
from gate.core.service import Service
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.transitions import (
    CONFLICTS_MAX,
    STILL_CHANGING,
    again,
    changed_again,
    conflict,
    enter,
    finish,
    given_up,
    left_undone,
    written,
)


def _has_our_tag(r: Rollout, service: Service) -> bool:
    return service.traffic.tags.get(r.plan.tag, "") == r.candidate


def cleaning(r: Rollout, service: Service, at: datetime) -> Rollout:
    """CLEANING, seen: our tag and our lease go, unless the policy keeps the candidate.

    Whoever has taken the lease over has taken our tag over with it.
    """
    r = _exposed(_overruled(unproven(r, service), service), service)
    if lost(r, service):
        note = f"{taker(service)} has taken over: nothing more is written"
        return finish(r, r.ending or Ending.HELD, note)
    if r.ending is not Ending.PROMOTED and not r.clashed and moved(r, service):
        if r.plan.kind is Kind.ROLLOUT:
            return _come_late(r, at)
        r = replace(r, ending=Ending.ROLLED_BACK)
    if holds(r, service) or (_has_our_tag(r, service) and not r.keeps_tag):
        return replace(r, phase=Phase.UNTAGGING, reached=None)
    return enter(r, Phase.SETTLING, at, r.plan.verify_within_s)


def _come_late(r: Rollout, at: datetime) -> Rollout:
    """A move of ours that we had given up has arrived after all: it is undone."""
    if r.conflicts < CONFLICTS_MAX:
        return conflict(r, Phase.BACKING_OUT, at)
    return finish(r, Ending.STUCK, "a move that had been given up arrived late, again and again")


def _overruled(r: Rollout, service: Service) -> Rollout:
    """What was done stands no more where somebody has moved users since."""
    done = r.ending in {Ending.PROMOTED, Ending.ROLLED_BACK}
    if not done or service.traffic.shares == {r.candidate: 100}:
        return r
    return replace(r, ending=Ending.HELD, verdict=changed_again(service))


def _exposed(r: Rollout, service: Service) -> Rollout:
    """A rejection leaves users safe, unless somebody has moved them to the candidate."""
    had = r.placed.share_of(r.candidate) if r.placed else 0
    has = service.traffic.pinned(service.latest_ready).share_of(r.candidate)
    if r.ending is not Ending.REJECTED or has <= had or moved(r, service):
        return r
    by = service.mover or "somebody"
    note = (
        f"{by} has moved users to {r.candidate}, which was rejected ({has} % of the traffic), and "
        "that is left alone: gate rollback --to REVISION takes them off it"
    )
    return replace(r, ending=Ending.STUCK, notes=(*r.notes, note))


def cannot_look(r: Rollout, failed: CallFailed) -> Rollout:
    """CLEANING, but the service could not be read: a while is spent on trying again."""
    if failed.at < r.limit_at and failed.failure is not Failure.NOT_FOUND:
        return again(r)
    if r.unseen:
        return finish(r, Ending.STUCK, f"traffic cannot be seen: {failed.message}")
    return left_tag(r, failed.message)


def left_tag(r: Rollout, message: str) -> Rollout:
    """The tag cannot be taken back: said, and recorded; the lease runs out by itself.

    Whoever comes then takes this rollout for dead and moves users back: no promotion is announced.
    """
    note = f"the tag {r.plan.tag} or the lease was left on {r.candidate}: {message}"
    if r.ending is not Ending.PROMOTED:
        return finish(r, r.ending or Ending.HELD, note)
    back = "the next run takes this one for dead and moves users back, unless it is promoted again"
    return finish(r, Ending.STUCK, f"{note}; {back}")


def untagged(r: Rollout, accepted: Accepted) -> Rollout:
    """UNTAGGING accepted; where only the lease was given back, traffic has been verified before."""
    assert r.service is not None
    alone = not came_between(r.service.generation, accepted.generation)
    if alone and r.ending is Ending.PROMOTED and not _has_our_tag(r, r.service):
        return replace(r, phase=Phase.RECORDING)
    return written(r, Phase.SETTLING, accepted.at, r.plan.verify_within_s)


def not_untagged(r: Rollout, failed: CallFailed) -> Rollout:
    """UNTAGGING failed."""
    match failed.failure:
        case Failure.CONFLICT | Failure.REFUSED | Failure.DENIED if r.conflicts < CONFLICTS_MAX:
            return conflict(r, Phase.CLEANING, failed.at)
        case Failure.LOST:
            return written(r, Phase.SETTLING, failed.at, r.plan.verify_within_s)
        case _:
            return left_tag(r, failed.message)


def settled(r: Rollout, service: Service, at: datetime) -> Rollout:
    """SETTLING, seen: done once traffic is as desired."""
    r = _exposed(_overruled(r, service), service)
    if lost(r, service):
        return replace(r, phase=Phase.RECORDING)
    left = holds(r, service) or (_has_our_tag(r, service) and not r.keeps_tag)
    if left and r.conflicts < CONFLICTS_MAX:
        return conflict(r, Phase.CLEANING, at)
    if wrote_last(r, service) and left_undone(r, service):
        return conflict(r, Phase.UNTAGGING, at)
    if not service.in_effect and at < r.limit_at and not given_up(r, service):
        return again(r)
    if not service.obeyed:
        return finish(r, Ending.STUCK, service.disagreement)
    if service.reconciling:
        r = replace(r, notes=(*r.notes, STILL_CHANGING))
    if left:
        return left_tag(r, "others keep changing the service")
    return replace(r, phase=Phase.RECORDING)
