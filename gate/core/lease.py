"""One rollout at a time: who may write, and what each write says of itself.

The lease lives in the service's own annotation, and is taken, renewed and given back by
the etag-guarded updates that the rollout makes anyway. Of two rollouts that read the same service
only one can write; the other conflicts, reads again, and sees the first one's lease.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from gate.core.annotation import Denied, RolloutAnnotation, Shares, Stopped, UnreadableAnnotation
from gate.core.denylist import against, bearer, denylist_of, digest_in, image_left, image_of
from gate.core.messages import SetTraffic
from gate.core.order import orders_after, promoted_after
from gate.core.service import Service
from gate.core.state import Kind, Phase, Rollout
from gate.core.traffic import Split

LEEWAY = timedelta(seconds=5)
"""Clocks disagree: a lease counts as run out only this much after its time."""


DENYLIST_MAX = 50
"""Most revisions that it remembers as left by people; the oldest are forgotten first."""
REASON_MAX = 200
"""Most characters of a reason that it remembers."""


class LeaseState(Enum):
    """How a service's lease stands."""

    FREE = "free"
    HELD = "held"  # a rollout is at work
    LAPSED = "lapsed"  # a rollout died; what it left has to be taken back
    UNREADABLE = "unreadable"  # only a person may decide


def lease_state(service: Service, at: datetime) -> LeaseState:
    """How a service's lease stands at this time, allowing for clocks that disagree."""
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation:
        return LeaseState.UNREADABLE
    if not annotation.holder:
        return LeaseState.FREE
    return LeaseState.LAPSED if annotation.lapsed_at(at, LEEWAY) else LeaseState.HELD


def taken(r: Rollout, service: Service) -> Rollout:
    """The rollout with a fencing number above everybody's before it."""
    return replace(r, fence=_fence(service) + 1)


def lost(r: Rollout, service: Service) -> bool:
    """Whether somebody else has taken over since we took our number: we may write no more.

    Two may have taken the same number if the first write of one of them never arrived: it belongs
    to the one whose write did.
    """
    if not r.fence:
        return False
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation:
        return True
    return annotation.fence > r.fence or (annotation.fence == r.fence and annotation.writer != r.id)


def wrote_last(r: Rollout, service: Service) -> bool:
    """Whether the gate's last write on the service is one of this rollout's."""
    try:
        return bool(r.fence) and (
            service.rollout_annotation.fence,
            service.rollout_annotation.writer,
        ) == (r.fence, r.id)
    except UnreadableAnnotation:
        return False


def holds(r: Rollout, service: Service) -> bool:
    """Whether the service says that this rollout is at work."""
    return wrote_last(r, service) and service.rollout_annotation.holder == r.id


def half_done(service: Service) -> bool:
    """Whether the gate's own last write is what traffic should be, and Cloud Run gave it up.

    Nobody is at work any more: whoever comes next makes that write again, unless no revision of
    the service has ever been able to serve.
    """
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation:
        return False
    asked = service.traffic.pinned(service.latest_ready).shares
    ours = not annotation.holder and asked == dict(annotation.wrote)
    return ours and service.gave_up and not service.obeyed and bool(service.latest_ready)


def moved(r: Rollout, service: Service) -> bool:
    """Whether the candidate has users because of us: traffic is as our own last write set it."""
    if not wrote_last(r, service) or r.placed is None:
        return False
    now = service.traffic
    ours = now.shares == dict(service.rollout_annotation.wrote)
    return ours and now.share_of(r.candidate) > r.placed.share_of(r.candidate)


def taker(service: Service) -> str:
    """Who holds the lease, for people."""
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation as error:
        return f"nobody knows who: its mark is {error}"
    since = f" since {annotation.since:%Y-%m-%d %H:%M:%S} UTC" if annotation.since else ""
    by = f" ({annotation.actor})" if annotation.actor else ""
    if annotation.holder:
        return f"rollout {annotation.holder}{by}{since}"
    return f"a {annotation.phase}{by}" if annotation.phase else "another rollout"


def taking_over(r: Rollout, service: Service) -> Rollout:
    """With whom its next write takes the lease from, where somebody has it."""
    try:
        mark = service.rollout_annotation
    except UnreadableAnnotation:
        return r
    if mark.holder in {"", r.id, *r.took_back}:
        return r
    was = f"{taker(service)}, which was {mark.phase or 'at work'}"
    note = f"takes over from {was}: that one writes no more"
    notes = tuple(dict.fromkeys((*r.notes, note)))
    return replace(r, notes=notes, took_back=(*r.took_back, mark.holder))


def annotation_of(r: Rollout, wrote: Split, *, working: bool) -> RolloutAnnotation:
    """What a write of this rollout says: that it is at work, or that it is done.

    Args:
        r: the rollout; its phase is the one whose command writes.
        wrote: the traffic list that the same update sets.
        working: whether the rollout goes on after this write.
    """
    assert r.service is not None
    wrote_shares = _named(wrote, r.service)
    denylist = _denylist(r, wrote_shares, working=working)
    before = _before(r, wrote_shares, working=working)
    order = orders_after(r, wrote_shares, working=working)
    promoted = promoted_after(r, working=working)
    if not working:
        recovery = r.plan.kind is Kind.RECOVER
        kind, actor = "recovery" if recovery else r.plan.kind.value, r.plan.actor
        return RolloutAnnotation(
            fence=r.fence,
            writer=r.id,
            actor=actor,
            phase=kind,
            wrote=wrote_shares,
            image=_given(r, wrote_shares, ""),
            before=before,
            denylist=denylist,
            order=order,
            promoted=promoted,
            stopped=stopped_on(r.service),
        )
    return RolloutAnnotation(
        fence=r.fence,
        writer=r.id,
        holder=r.id,
        actor=r.plan.actor,
        since=r.started_at,
        until=(r.at or r.started_at) + timedelta(seconds=_runs_s(r)),
        phase=r.phase.value,
        kind=r.plan.kind.value,
        candidate=r.candidate,
        tag=r.plan.tag,
        safe=_named(r.placed or r.before or wrote, r.service),
        wrote=wrote_shares,
        image=_given(r, wrote_shares, r.candidate),
        before=before,
        denylist=denylist,
        order=order,
        promoted=promoted,
        stopped=stopped_on(r.service),
    )


def stopped_on(service: Service) -> Stopped | None:
    """That people have stopped the line, as the service says; an unreadable one says nothing."""
    try:
        return service.rollout_annotation.stopped
    except UnreadableAnnotation:
        return None


def _before(r: Rollout, wrote: Shares, *, working: bool) -> Shares:
    """Shares before the gate's last move of users; a rollout at work has its own in `safe`.

    The last write of whoever moved users says what they had before; any other hands on what the
    service says, or what the gate set last, where somebody has moved users since, unless this very
    write takes them back to that.
    """
    assert r.service is not None
    try:
        annotation = r.service.rollout_annotation
    except UnreadableAnnotation:
        annotation = RolloutAnnotation()
    had = _named(r.placed, r.service) if r.placed is not None and r.before is not None else ()
    if not working and had and had != wrote:
        return had
    now = _named(r.service.traffic, r.service)
    return (
        annotation.wrote
        if not annotation.holder and annotation.wrote not in {(), now, wrote}
        else annotation.before
    )


def renewal(r: Rollout, service: Service, at: datetime) -> SetTraffic | None:
    """The write that renews the lease while probes run; None where it is lost or changed.

    None means: stop probing and show the core what was seen.
    """
    expected = r.reached
    if expected is None or not holds(r, service) or lost(r, service):
        return None
    if service.traffic.shares != expected.shares:
        return None
    until = at + timedelta(seconds=r.plan.lease_s)
    annotation = replace(service.rollout_annotation, until=until, phase=r.phase.value)
    return SetTraffic(service.traffic, service.etag, "renew the lease", annotation=annotation)


def _runs_s(r: Rollout) -> float:
    """How long the lease must run from this write on: until the next one, or the next renewal."""
    if r.phase in {Phase.DEPLOYING, Phase.TAGGING}:
        return r.plan.ready_within_s + r.plan.lease_s
    return r.plan.verify_within_s + r.plan.lease_s


def _fence(service: Service) -> int:
    """The greatest number before ours; generations grow even where somebody removed ours."""
    try:
        return max(service.rollout_annotation.fence, service.generation)
    except UnreadableAnnotation:
        return service.generation


def _denylist(r: Rollout, wrote: Shares, *, working: bool) -> tuple[Denied, ...]:
    """What is denied, and what a rollback adds to it; no revision that has users."""
    assert r.service is not None
    denylist = denylist_of(r.service, r.known)
    known = {denied.revision for denied in denylist}
    denylist += tuple(denied for denied in r.denylist if denied.revision not in known)
    if _settles(r, wrote, working=working):
        image = image_of(r.candidate, r.service, r.known)
        while denied := against(denylist, r.candidate, image):
            denylist = tuple(one for one in denylist if one != denied)
    denylist += _left_behind(r, {denied.revision for denied in denylist})
    users = {name for name, percent in wrote if percent} | _stuck_users(r, wrote)
    return tuple(one for one in denylist if one.revision not in users)[-DENYLIST_MAX:]


def _settles(r: Rollout, wrote: Shares, *, working: bool) -> bool:
    """Whether this write is a person's word for the candidate, which lifts what is against it."""
    has_users = bool(dict(wrote).get(r.candidate))
    if r.plan.kind is Kind.ROLLOUT:
        return r.plan.again and has_users and not working
    return has_users and r.plan.kind is not Kind.RECOVER


def _left_behind(r: Rollout, known: set[str]) -> tuple[Denied, ...]:
    """What this very write of a rollback takes users away from."""
    if r.phase is not Phase.MOVING or r.plan.kind is not Kind.ROLLBACK or r.placed is None:
        return ()
    assert r.service is not None
    had = [name for name in r.service.effective_shares or r.placed.shares if name]
    left = [name for name in had if name not in known | {r.candidate}]
    actor, reason = r.plan.actor, r.plan.reason[:REASON_MAX]
    images = [image_left(name, (r.candidate,), r.service, r.known) for name in left]
    return tuple(
        Denied(name, image, actor, reason) for name, image in zip(left, images, strict=True)
    )


def _stuck_users(r: Rollout, wrote: Shares) -> frozenset[str]:
    """Who serves whatever is asked for, seen from a write that moves nobody."""
    service = r.service
    if service is None or service.reconciling or dict(wrote) != service.traffic.shares:
        return frozenset()
    return frozenset(service.effective_shares)


def _given(r: Rollout, wrote: Shares, candidate: str) -> str:
    """Image by digest of the revision that has users by this write, "" where it is not known."""
    assert r.service is not None
    image = image_of(bearer(wrote, candidate), r.service, r.known)
    return image if digest_in(image) else ""


def _named(split: Split, service: Service) -> Shares:
    shares = split.pinned(service.latest_ready).shares
    return tuple((name, percent) for name, percent in shares.items() if name)
