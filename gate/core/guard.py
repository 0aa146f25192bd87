"""Whether a write of ours came after one of somebody else's that it was not decided on.

Cloud Run is known to refuse such a write (docs/adr/0005). Where it has accepted one all the same,
what somebody wanted may be gone, and nobody can read it any more: that is said, nothing is moved
from then on, and the rollout does not end as a success.
"""

from dataclasses import replace
from datetime import datetime

from gate.core.annotation import UnreadableAnnotation
from gate.core.lease import holds, moved, wrote_last
from gate.core.messages import Overwrote
from gate.core.service import Service
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import shares_text
from gate.core.transitions import CONFLICTS_MAX, again, clean, finish
from gate.core.verdict import Decision, Verdict

HINT = (
    "nothing was moved any more; the project's audit log says who wrote and what (log_id "
    "cloudaudit.googleapis.com/activity): make that change again if it is still wanted"
)
_JUST_WRITTEN = frozenset(
    {Phase.WAITING, Phase.VERIFYING, Phase.PROVING, Phase.SETTLING, Phase.RECOVERED}
)
"""Phases that follow a write at once, before any renewal of the lease."""


def came_between(read: int, given: int) -> bool:
    """Whether a write that was decided on one generation and made another met somebody else's.

    Each accepted write makes the generation grow by exactly one (recorded 2026-11). A generation
    of 0 is not known.
    """
    return given > read + 1


def overwrote(r: Rollout, service: Service) -> bool:
    """Whether our last write may have overwritten one that nobody had seen."""
    if r.given:
        looks = r.phase in _JUST_WRITTEN or r.phase is Phase.CLEANING
        return looks and came_between(r.guard, r.given)
    return r.phase in _JUST_WRITTEN and r.guard > 0 and _in_doubt(r, service)


def _in_doubt(r: Rollout, service: Service) -> bool:
    """The answer is lost, others have written: whether nothing shows that they did so after us."""
    others = service.generation - r.guard - 1
    if r.sent is None or others < 1:
        return False
    now, ours = service.traffic, r.sent.traffic
    if not arrived(r, service):
        alike = r.phase is Phase.VERIFYING and now.shares == ours.shares
        return alike and r.plan.kind is Kind.ROLLOUT and not wrote_last(r, service)
    changed_since = (now.shares, now.tags) != (ours.shares, ours.tags)
    return others > 1 or not changed_since


def arrived(r: Rollout, service: Service) -> bool:
    """Whether the annotation is the one of the write that was sent last: it has happened."""
    try:
        if r.sent is None:
            return False
        there, ours = service.rollout_annotation, r.sent.annotation
        return replace(there, entry="", sequence=0, stopped=ours.stopped) == ours
    except UnreadableAnnotation:
        return False


def overwritten(r: Rollout, service: Service, at: datetime) -> Rollout:
    """The end, held, once traffic is as desired: users at our candidate need a person's word."""
    mine = holds(r, service)
    if not mine and not service.in_effect and not service.gave_up and at < r.limit_at:
        return again(replace(r, given=max(r.given, service.generation)))
    verdict = Verdict.hold("traffic", _what(r, service), HINT)
    if r.verdict is not None and r.verdict.decision is Decision.REJECT:
        verdict = replace(verdict, reasons=verdict.reasons + r.verdict.reasons)
    ending, note = Ending.HELD, ""
    if r.plan.kind is Kind.ROLLOUT and moved(r, service):
        ending = Ending.STUCK
        note = f"{r.candidate} keeps the users that it has: gate rollback --to takes them off it"
    r = replace(r, clashed=True, guard=service.generation, given=0, sent=None, unseen=False)
    if mine and r.conflicts < CONFLICTS_MAX:  # so many times and no more: others may go on writing
        return clean(replace(r, conflicts=r.conflicts + 1), ending, at, verdict, note)
    if not service.obeyed:
        ending, note = Ending.STUCK, service.disagreement
    left = _lease_left(r) if mine else ""
    return finish(r, ending, "; ".join(filter(None, (note, left))), verdict)


def _lease_left(r: Rollout) -> str:
    return (
        f"others go on writing, and the lease stays on the service until it runs out (in "
        f"{r.plan.lease_s:g} s at most): `gate recover` then takes back what is left, "
        "`gate unlock` at once"
    )


def _what(r: Rollout, service: Service) -> str:
    """Who and what, as far as the service still shows it."""
    by = service.last_modifier or "nobody that it names"
    mine = "" if wrote_last(r, service) else ", and the gate's annotation is not its own"
    tags = ", ".join(f"{tag} on {to or 'LATEST'}" for tag, to in service.traffic.tags.items())
    return (
        f"somebody wrote between the gate's read and its write (got generation "
        f"{r.given or service.generation}, expected {r.guard + 1}), and what they set may be gone "
        f"(now: {shares_text(service.traffic.shares)}, tags {tags or 'none'}, newest revision "
        f"{service.latest_created}, last written by {by}{mine})"
    )


def renewal_overwrote(r: Rollout, event: Overwrote) -> Rollout:
    """A renewal of the lease came after somebody's write: on to looking what is left of it."""
    r = replace(r, guard=event.read, given=event.given, sent=None)
    ending = Ending.STUCK if r.stepped else Ending.HELD
    return clean(r, ending, event.at, r.verdict)
