"""Which build is the newer one: by the number that its pipeline gives it, else by age.

The numbers of the revisions that the gate gave users are kept in its annotation (`order`), each
beside the revision that it belongs to. So whoever goes back to a revision goes back to its number,
too, and nobody has to write it anew.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from gate.core.annotation import Shares
from gate.core.service import Service
from gate.core.state import Ending, Kind, Phase, Rollout

ORDERS_MAX = 20
"""Most numbers that are remembered; those of revisions with users stay, then the greatest."""
HINT = (
    "a newer build is not replaced by an older one unasked: --again --reason takes it all the "
    "same, `gate rollback` goes back by hand"
)


def why_stale(r: Rollout, service: Service, users: Iterable[str | None]) -> str:
    """Why this rollout comes too late: something newer has users; "" if nothing is known to be.

    Numbers decide where both are known; else age does, of a revision that is there already. The
    same number is the same build once more.

    Args:
        r: the rollout.
        service: as read, with the annotation that knows the numbers.
        users: short names of the revisions that have users beside the candidate.
    """
    if r.plan.kind is not Kind.ROLLOUT:
        return ""
    known = orders_of(service)
    others = [name for name in users if name and name != r.candidate]
    numbered = {name: known[name] for name in others if name in known}
    own = _own(r, known)
    if own is None or not numbered:
        return _older(r, others)
    name = max(numbered, key=lambda one: numbered[one])
    if own >= numbered[name]:
        return ""
    return f"its order is {own}, and {name}, which has users, has {numbered[name]}"


def orders_of(service: Service) -> dict[str, int]:
    """The numbers that the service's annotation knows, by revision."""
    return dict(service.known_annotation.order)


def orders_after(r: Rollout, wrote: Shares, *, working: bool) -> tuple[tuple[str, int], ...]:
    """The numbers that a write of this rollout leaves on the service.

    A candidate without a number that replaces one with a number counts as no older than that, if it
    was not created before it. One that is neither promoted nor held is not remembered.

    Args:
        r: the rollout.
        wrote: the shares that the write sets.
        working: whether the rollout goes on after this write.
    """
    assert r.service is not None
    known = orders_of(r.service)
    own = _own(r, known)
    if own is None and dict(wrote).get(r.candidate):
        own = _inherited(r, known)
    if own is not None and r.candidate:
        known[r.candidate] = own
    users = {name for name, percent in wrote if percent}
    over = not working and r.ending not in {None, Ending.HELD}
    if over and r.plan.order is not None and r.candidate not in users:
        known.pop(r.candidate, None)
    stay = users | {r.candidate, *(r.placed.shares if r.placed else ())}
    first = sorted(known, key=lambda name: (name in stay, known[name], name), reverse=True)
    return tuple((name, known[name]) for name in sorted(first[:ORDERS_MAX]))


def promoted_after(r: Rollout, *, working: bool) -> str:
    """The revision that was promoted last, by the gate or with it, as a write leaves it said."""
    assert r.service is not None
    by_hand = r.plan.kind is Kind.PROMOTE and r.phase is Phase.MOVING
    if not working and (by_hand or r.ending is Ending.PROMOTED):
        return r.candidate
    return r.service.known_annotation.promoted


def was_promoted(name: str, service: Service) -> bool:
    """Whether this revision has all users, and has them because it was promoted."""
    now = service.traffic.pinned(service.latest_ready).shares
    return now == {name: 100} and service.known_annotation.promoted == name


def _own(r: Rollout, known: Mapping[str, int]) -> int | None:
    return r.plan.order if r.plan.order is not None else known.get(r.candidate)


def _inherited(r: Rollout, known: Mapping[str, int]) -> int | None:
    """The greatest number among those that it takes users from; None where it is older."""
    if r.plan.kind not in {Kind.ROLLOUT, Kind.PROMOTE} or r.placed is None:
        return None
    left = [name for name in r.placed.shares if name and name != r.candidate]
    if r.plan.image == "" and _older(r, left):
        return None
    return max((known[name] for name in left if name in known), default=None)


def _older(r: Rollout, others: Iterable[str]) -> str:
    """In what way a revision that is there already is older than one that has users."""
    own = _created(r, r.candidate) if not r.plan.image else None
    newer = {name: at for name in others if (at := _created(r, name)) and own and at > own}
    if own is None or not newer:
        return ""
    name = max(newer, key=lambda one: newer[one])
    return (
        f"{r.candidate} was created at {_when(own)}, before {name}, which has users "
        f"(created at {_when(newer[name])})"
    )


def _created(r: Rollout, name: str) -> datetime | None:
    read = r.known.get(name)
    return read.created_at if read else None


def _when(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
