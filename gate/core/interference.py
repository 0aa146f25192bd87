"""What others have done to a candidate meanwhile, and giving way to it."""

from dataclasses import replace
from datetime import datetime

from gate.core.lease import holds, lost, taker
from gate.core.service import Service
from gate.core.state import Ending, Phase, Rollout
from gate.core.traffic import Split, shares_text
from gate.core.transitions import READ_WITHIN_S, clean, enter
from gate.core.verdict import Verdict


def interference(r: Rollout, service: Service) -> str:
    """What somebody else changed since our last write, "" if nothing."""
    if lost(r, service):
        return f"{taker(service)} has taken over"
    if service.traffic.shares != shares_set(r):
        was, now = shares_text(shares_set(r)), shares_text(service.traffic.shares)
        return f"was changed (was {was}, is {now})"
    if taken := taken_away(r, service):
        return taken
    if service.traffic.shares != dict(service.rollout_annotation.wrote):
        return f"was moved back (is {shares_text(service.traffic.shares)})"  # over a late move
    if (r.plan.image or r.plan.newest) and service.latest_created != r.candidate:
        return f"another revision, {service.latest_created}, was deployed"
    return ""


def interfered(r: Rollout, at: datetime, what: str, service: Service) -> Rollout:
    """Somebody else has changed the service: their change stands, ours is over."""
    known = lost(r, service) or not service.last_modifier
    by = "" if known else f" by {service.last_modifier}"
    hint = "their change is left alone; run the rollout again if it is still wanted"
    return stop(r, at, Ending.HELD, Verdict.hold("traffic", f"{what}{by}", hint))


def stop(r: Rollout, at: datetime, ending: Ending, verdict: Verdict | None) -> Rollout:
    """Goes no further: takes users off the candidate where it has some, else just tidies.

    There is nowhere to take them from the first revision of all.
    """
    if not r.stepped or r.first:
        return clean(r, ending, at, verdict)
    return enter(replace(r, ending=ending, verdict=verdict), Phase.BACKING_OUT, at, READ_WITHIN_S)


def taken_away(r: Rollout, service: Service) -> str:
    """What of ours on the service is gone or somebody else's, "" if nothing."""
    if lost(r, service):
        return f"{taker(service)} has taken over"
    if not _has_tag(r, service):
        return f"tag {r.plan.tag} was taken from the candidate"
    if not holds(r, service):
        return "the gate's own annotation was taken away"
    return ""


def _has_tag(r: Rollout, service: Service) -> bool:
    return service.traffic.tags.get(r.plan.tag) == r.candidate


def shares_set(r: Rollout) -> dict[str | None, int]:
    """Shares as our last write that was seen set them."""
    return r.reached.shares if r.reached else {}


def placed_of(r: Rollout) -> Split:
    """Traffic as it was pinned at 0 %: what a step shares the rest by."""
    assert r.placed is not None
    return r.placed


def unproven(r: Rollout, service: Service) -> Rollout:
    """What the probes saw is no verdict where the candidate's address was taken away meanwhile."""
    judged = r.ending in {Ending.REJECTED, Ending.REGRESSED}
    ours = r.reached is None or service.traffic.tags.get(r.plan.tag, "") == r.candidate
    if not judged or ours:
        return r
    by = f" by {service.last_modifier}" if service.last_modifier else ""
    what = f"{taker(service)} has taken over" if lost(r, service) else "our tag was taken away"
    hint = "so that what the probes saw says nothing about the candidate; run it again"
    verdict = Verdict.hold("traffic", f"{what}{by} while we probed", hint)
    return replace(r, ending=Ending.HELD, verdict=verdict)
