"""One rollout at a time: who may write, and what each write says of itself.

The lease lives in the service's own annotation (core.mark) and is taken, renewed and given back by
the etag-guarded updates that the rollout makes anyway. Of two rollouts that read the same service
only one can write; the other conflicts, reads again, and sees the first one's lease.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from gate.core.bars import against, bearer, digest_in, image_left, image_of, standing_bars
from gate.core.mark import Barred, Mark, Shares, UnreadableMark
from gate.core.messages import SetTraffic
from gate.core.service import Service
from gate.core.state import Kind, Phase, Rollout
from gate.core.traffic import Split

LEEWAY = timedelta(seconds=5)
"""Clocks disagree: a lease counts as run out only this much after its time."""


BARS_MAX = 50
"""Most revisions that a mark remembers as left by people; the oldest are forgotten first."""
REASON_MAX = 200
"""Most characters of a reason that a mark remembers."""


class Standing(Enum):
    """How a service's lease stands."""

    FREE = "free"
    HELD = "held"  # a rollout is at work
    LAPSED = "lapsed"  # a rollout died; what it left has to be taken back
    UNREADABLE = "unreadable"  # only a person may decide


def standing(service: Service, at: datetime) -> Standing:
    """How a service's lease stands at this time, allowing for clocks that disagree."""
    try:
        mark = service.mark
    except UnreadableMark:
        return Standing.UNREADABLE
    if not mark.holder:
        return Standing.FREE
    return Standing.LAPSED if mark.lapsed_at(at, LEEWAY) else Standing.HELD


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
        mark = service.mark
    except UnreadableMark:
        return True
    return mark.fence > r.fence or (mark.fence == r.fence and mark.writer != r.id)


def wrote_last(r: Rollout, service: Service) -> bool:
    """Whether the gate's last write on the service is one of this rollout's."""
    try:
        return bool(r.fence) and (service.mark.fence, service.mark.writer) == (r.fence, r.id)
    except UnreadableMark:
        return False


def holds(r: Rollout, service: Service) -> bool:
    """Whether the service says that this rollout is at work."""
    return wrote_last(r, service) and service.mark.holder == r.id


def half_done(service: Service) -> bool:
    """Whether the gate's own last write is what traffic should be, and Cloud Run gave it up.

    Nobody is at work any more: whoever comes next makes that write again, unless no revision of
    the service has ever been able to serve.
    """
    try:
        mark = service.mark
    except UnreadableMark:
        return False
    asked = service.traffic.pinned(service.latest_ready).shares
    ours = not mark.holder and asked == dict(mark.wrote)
    return ours and service.gave_up and not service.obeyed and bool(service.latest_ready)


def moved(r: Rollout, service: Service) -> bool:
    """Whether the candidate has users because of us: traffic is as our own last write set it."""
    if not wrote_last(r, service) or r.placed is None:
        return False
    now = service.traffic
    ours = now.shares == dict(service.mark.wrote)
    return ours and now.share_of(r.candidate) > r.placed.share_of(r.candidate)


def taker(service: Service) -> str:
    """Who holds the lease, for people."""
    try:
        mark = service.mark
    except UnreadableMark as error:
        return f"nobody knows who: its mark is {error}"
    since = f" since {mark.since:%Y-%m-%d %H:%M:%S} UTC" if mark.since else ""
    by = f" ({mark.actor})" if mark.actor else ""
    if mark.holder:
        return f"rollout {mark.holder}{by}{since}"
    return f"a {mark.phase}{by}" if mark.phase else "another rollout"


def mark_of(r: Rollout, wrote: Split, *, working: bool) -> Mark:
    """What a write of this rollout says: that it is at work, or that it is done.

    Args:
        r: the rollout; its phase is the one whose command writes.
        wrote: the traffic list that the same update sets.
        working: whether the rollout goes on after this write.
    """
    assert r.service is not None
    wrote_shares = _named(wrote, r.service)
    bars = _bars(r, wrote_shares, working=working)
    before = _before(r, wrote_shares, working=working)
    if not working:
        recovery = r.plan.kind is Kind.RECOVER
        kind, actor = "recovery" if recovery else r.plan.kind.value, r.plan.actor
        return Mark(
            fence=r.fence,
            writer=r.id,
            actor=actor,
            phase=kind,
            wrote=wrote_shares,
            image=_given(r, wrote_shares, ""),
            before=before,
            barred=bars,
        )
    return Mark(
        fence=r.fence,
        writer=r.id,
        holder=r.id,
        actor=r.plan.actor,
        since=r.started_at,
        until=(r.at or r.started_at) + timedelta(seconds=_runs_s(r)),
        phase=r.phase.value,
        candidate=r.candidate,
        tag=r.plan.tag,
        safe=_named(r.placed or r.before or wrote, r.service),
        wrote=wrote_shares,
        image=_given(r, wrote_shares, r.candidate),
        before=before,
        barred=bars,
    )


def _before(r: Rollout, wrote: Shares, *, working: bool) -> Shares:
    """Shares before the gate's last move of users; a rollout at work has its own in `safe`.

    The last write of whoever moved users says what they had before; any other hands on what the
    service says, or what the gate set last, where somebody has moved users since.
    """
    assert r.service is not None
    try:
        mark = r.service.mark
    except UnreadableMark:
        mark = Mark()
    had = _named(r.placed, r.service) if r.placed is not None and r.before is not None else ()
    if not working and had and had != wrote:
        return had
    now = _named(r.service.traffic, r.service)
    return mark.wrote if not mark.holder and mark.wrote not in {(), now} else mark.before


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
    mark = replace(service.mark, until=until, phase=r.phase.value)
    return SetTraffic(service.traffic, service.etag, "renew the lease", mark=mark)


def _runs_s(r: Rollout) -> float:
    """How long the lease must run from this write on: until the next one, or the next renewal."""
    if r.phase in {Phase.DEPLOYING, Phase.TAGGING}:
        return r.plan.ready_within_s + r.plan.lease_s
    return r.plan.verify_within_s + r.plan.lease_s


def _fence(service: Service) -> int:
    """The greatest number before ours; generations grow even where somebody removed our mark."""
    try:
        return max(service.mark.fence, service.generation)
    except UnreadableMark:
        return service.generation


def _bars(r: Rollout, wrote: Shares, *, working: bool) -> tuple[Barred, ...]:
    """Bars that stand, and those that a rollback adds; none on a revision that has users."""
    assert r.service is not None
    bars = standing_bars(r.service, r.known)
    known = {bar.revision for bar in bars}
    bars += tuple(bar for bar in r.barred if bar.revision not in known)
    if _settles(r, wrote, working=working):
        image = image_of(r.candidate, r.service, r.known)
        while bar := against(bars, r.candidate, image):
            bars = tuple(one for one in bars if one != bar)
    bars += _left_behind(r, {bar.revision for bar in bars})
    users = {name for name, percent in wrote if percent} | _stuck_users(r, wrote)
    return tuple(bar for bar in bars if bar.revision not in users)[-BARS_MAX:]


def _settles(r: Rollout, wrote: Shares, *, working: bool) -> bool:
    """Whether this write is a person's word for the candidate, which lifts what is against it."""
    has_users = bool(dict(wrote).get(r.candidate))
    if r.plan.kind is Kind.ROLLOUT:
        return r.plan.again and has_users and not working
    return has_users and r.plan.kind is not Kind.RECOVER


def _left_behind(r: Rollout, known: set[str]) -> tuple[Barred, ...]:
    """What this very write of a rollback takes users away from."""
    if r.phase is not Phase.MOVING or r.plan.kind is not Kind.ROLLBACK or r.placed is None:
        return ()
    assert r.service is not None
    had = [name for name in r.service.effective_shares or r.placed.shares if name]
    left = [name for name in had if name not in known | {r.candidate}]
    actor, reason = r.plan.actor, r.plan.reason[:REASON_MAX]
    images = [image_left(name, (r.candidate,), r.service, r.known) for name in left]
    return tuple(
        Barred(name, image, actor, reason) for name, image in zip(left, images, strict=True)
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
