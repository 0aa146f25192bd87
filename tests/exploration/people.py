"""What people may have said by the time of a look, and when their rules begin and end to hold.

Approvals in every way in which one can count or not, the line stopped and running again; freezes
and overrides by the clock.
"""

import functools
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.annotation import KEY, RolloutAnnotation, Stopped, UnreadableAnnotation
from gate.core.approvals import Approval
from gate.core.messages import Look, Seen
from gate.core.service import Service
from gate.core.state import Kind, Phase, Rollout
from tests.exploration.scenes import AUTHOR, FREEZES, IMAGE, LEAD, START, Scene

COUNTS = "counts"
"""What the digest of an approval says here that counts; any other says why it does not."""
RULED = frozenset({Phase.READING, Phase.WAITING, Phase.CONFIRMING})
"""Phases whose look asks the rules for people."""


def words(scene: Scene, r: Rollout, look: Look, seen: Seen) -> Iterator[Seen]:
    """The same look with everything that people may have said by then."""
    services = [seen.service]
    if scene.stops and r.phase in RULED and seen.service.generation > r.guard:
        services += _stopped(seen.service)
    for service in services:
        if look.approvals_since is None:
            yield replace(seen, service=service)
            continue
        for given in _approvals(r, seen.at):
            yield replace(seen, service=service, approvals=given)
        yield replace(seen, service=service, approvals=None, unread="the ledger is silent")


def _stopped(service: Service) -> Iterator[Service]:
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation:
        return
    yield replace(service, annotations=((KEY, _stopped_text(annotation)),))


@functools.lru_cache(maxsize=4096)
def _stopped_text(annotation: RolloutAnnotation) -> str:
    return replace(annotation, stopped=Stopped("lead", "an incident", START)).text()


def _approvals(r: Rollout, at: datetime) -> Iterator[tuple[Approval, ...]]:
    rule = r.plan.approve
    assert rule is not None
    ago = timedelta(minutes=5)
    good = Approval(
        "r1", r.candidate, IMAGE, r.plan.policy_digest, LEAD, at - ago, authors=(AUTHOR,)
    )
    no = replace(good, digest="withdrawn")
    old = replace(good, at=at - timedelta(seconds=rule.within_s + 1), digest="expired")
    yield (replace(good, digest=COUNTS),)
    yield ()
    yield (no, replace(no, at=at, withdraws=True))
    yield (old, replace(good, who=AUTHOR, digest="the author's own"))


def renewed(r: Rollout, look: Look) -> bool:
    """Whether the lease is renewed during this look: it waits for people."""
    return r.awaiting_since is not None and look.approvals_since is not None


def edges(r: Rollout) -> list[datetime]:
    """When what the rules say of this rollout changes by itself, and when its wait is over."""
    if r.plan.kind not in {Kind.ROLLOUT, Kind.PROMOTE}:
        return []
    found = [moment for window in r.plan.freeze for moment in FREEZES[window]]
    if r.plan.override:
        found.append(r.plan.override.until)
    if r.awaiting_since:
        found.append(waits_until(r))
    return found


def waits_until(r: Rollout) -> datetime:
    """When the wait for approvals ends, if nothing else ends it."""
    assert r.awaiting_since is not None
    limit = r.awaiting_since + timedelta(seconds=r.plan.approval_wait_s)
    return min(limit, r.deadline_at)


def approved(event: Seen) -> bool:
    """Whether what the ledger says has an approval that counts."""
    return any(one.digest == COUNTS for one in event.approvals or ())


def frozen(r: Rollout, at: datetime) -> bool:
    """Whether a freeze holds at this time."""
    spans = [FREEZES[window] for window in r.plan.freeze]
    return any(start <= at < end for start, end in spans)


def set_aside(r: Rollout, rule: str, at: datetime) -> bool:
    """Whether somebody has set this rule aside for now."""
    asked = r.plan.override
    return asked is not None and rule in asked.rules and at < asked.until
