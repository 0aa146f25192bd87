"""The revision that people gave all users by a rollback: automation does not undo that.

Kept in the annotation until something else is promoted, or somebody else gives it users. Writes
that keep traffic as it is, or take users back there, hand it on and choose nothing themselves.
"""

from gate.core.annotation import RolloutAnnotation, Shares
from gate.core.order import was_promoted
from gate.core.service import Service
from gate.core.state import Ending, Kind, Phase, Rollout


def decided(name: str, service: Service) -> str:
    """Why this revision has all users, where that was decided; "" if nobody is known to have."""
    if was_promoted(name, service):
        return "was promoted"
    if service.traffic.shares == {name: 100} and was_chosen(name, service):
        by = service.known_annotation.chosen_by or "somebody"
        return f"`gate rollback` by {by} gave it the users"
    return ""


def was_chosen(name: str, service: Service) -> bool:
    """Whether a rollback gave users to this revision, and traffic is still as the gate wrote it.

    It may share them with the candidate of a rollout that is at work.
    """
    mark = service.known_annotation
    return bool(name) and mark.chosen == name and service.traffic.shares == dict(mark.wrote)


def chosen_after(r: Rollout, wrote: Shares, *, working: bool) -> tuple[str, str]:
    """The revision that a rollback gave all users last, and who asked for it, as a write leaves it.

    Args:
        r: the rollout.
        wrote: the shares that the write sets.
        working: whether the rollout goes on after this write.
    """
    assert r.service is not None
    if r.phase is Phase.MOVING and r.plan.kind is Kind.ROLLBACK:
        return r.candidate, r.plan.actor
    mark = r.service.known_annotation
    by_hand = r.phase is Phase.MOVING and r.plan.kind is Kind.PROMOTE
    promoted = by_hand or (not working and r.ending is Ending.PROMOTED)
    if promoted or _given_by_others(mark.chosen, mark, r.service, dict(wrote)):
        return "", ""
    return mark.chosen, mark.chosen_by


def _given_by_others(
    name: str, mark: RolloutAnnotation, service: Service, wrote: dict[str, int]
) -> bool:
    """Whether somebody else has moved users since the gate did, and this write leaves them here."""
    moved = service.traffic.shares != dict(mark.wrote)
    has = service.traffic.pinned(service.latest_ready).share_of(name)
    return moved and bool(has and wrote.get(name))
