"""A candidate that others gave users already: they go back to stable first, then it is asked.

The update that gives the candidate its tag takes users off it, too, so that whoever dies afterwards
leaves them on stable. That is a way to safety: it does not wait for the lease of a rollout that has
not asked the candidate itself, living or dead, but takes it over, and the other one writes no more.
"""

from collections.abc import Iterator
from dataclasses import replace
from enum import Enum

from gate.core import rescue
from gate.core.annotation import RolloutAnnotation
from gate.core.chosen import was_chosen
from gate.core.lease import taking_over
from gate.core.service import ConditionState, Service
from gate.core.stable import WayBack, irreversible_between, way_back
from gate.core.state import Ending, Kind, Rollout
from gate.core.tagging import without_their_tag
from gate.core.traffic import Split
from gate.core.transitions import finish, noted


class Beside(Enum):
    """What a quarantine does that finds another rollout at work."""

    WAITS = "waits"  # users are not on its candidate, or whoever put them there may do so
    LOOKS = "looks"  # Cloud Run is carrying out a change: where it leads shows soon
    MENDS = "mends"  # users were taken off it, and Cloud Run has given that up: once more
    TAKES_OVER = "takes over"  # users are on it


def beside(r: Rollout, service: Service, at_work: RolloutAnnotation) -> Beside:
    """What becomes of users while another rollout is at work, or died a moment ago.

    Args:
        r: the rollout.
        service: as read.
        at_work: what the service says of the other one.
    """
    name = r.plan.revision
    if not r.plan.quarantine or _may_have_users(name, service, at_work):
        return Beside.WAITS
    if name and _share(r, service):
        return Beside.TAKES_OVER
    has_users = name in service.effective_shares
    if service.reconciling and (has_users or service.traffic.follows_latest):
        return Beside.LOOKS
    return Beside.MENDS if has_users and service.gave_up else Beside.WAITS


def _may_have_users(name: str, service: Service, at_work: RolloutAnnotation) -> bool:
    """Whether that was decided, is being decided step by step, or a person is about to decide.

    A rollback that asks its target first is on its way to safety itself; once somebody has moved
    users meanwhile, it stops.
    """
    wrote = dict(at_work.wrote)
    stands = service.traffic.pinned(service.latest_ready).shares == wrote
    gives = at_work.candidate == name and bool(wrote.get(name))
    decides = gives or at_work.kind != Kind.ROLLOUT.value
    decided = was_chosen(name, service) or (bool(name) and at_work.promoted == name)
    return (stands and decides) or decided


def wanted(r: Rollout, service: Service) -> bool:
    """Whether users are to be taken off the candidate before it is asked."""
    return r.plan.quarantine and bool(_share(r, service))


def begun(r: Rollout, service: Service) -> Rollout:
    """With the revision that users go back to; refused, and nothing moved, where none is certain.

    Found as a rollback finds it, unless it was named. Where the candidate has no users, that is
    said, and there is nothing to do.
    """
    name, share = r.plan.revision, _share(r, service)
    r = replace(r, back_to="")
    if not r.plan.quarantine:
        return r
    if not share:
        return noted(r, f"nothing to quarantine: {name} has no users")
    way = _way(r, service)
    if not way.revision:
        return _refused(r, service, way)
    marks = irreversible_between(r.plan.revisions, way.revision, service)
    if marks:
        note = (
            f"{service.ref}: on the way back to {way.revision} lies what cannot be undone "
            f"({'; '.join(marks)}): nothing was moved, and users stay on {name}"
        )
        return finish(r, Ending.REFUSED, note)
    note = f"{name} has {share} % of the traffic: all users go back to {way.revision} ({way.why})"
    return replace(taking_over(noted(r, note), service), back_to=way.revision)


def unfit(r: Rollout, service: Service) -> str:
    """Why users cannot go back to where they are to go, "" if they can."""
    name = r.back_to
    if not name:
        return ""
    if name == r.plan.revision:
        return f"{service.ref}: {name} is the candidate itself: name what served before (--stable)"
    read = r.revisions.get(name)
    if read is None:
        return f"{service.ref}: revision {name} does not exist (`gate status` lists them)"
    if read.ready.state is not ConditionState.SUCCEEDED:
        return f"{service.ref}: users cannot go back to {name}, which is not ready ({read.ready})"
    return ""


def base(r: Rollout, service: Service) -> Split:
    """Traffic beside which the candidate is placed; what follows LATEST is pinned.

    In a quarantine LATEST is the candidate, which nobody's address is to meet before it has passed.
    """
    pinned = service.traffic.pinned(latest_means(r, service))
    if not r.back_to:
        return pinned
    return without_their_tag(service, pinned.moved_to(r.back_to))


def latest_means(r: Rollout, service: Service) -> str:
    """The revision that tags on LATEST are pinned to."""
    candidate = bool(r.back_to) and service.latest_ready == r.plan.revision
    return r.back_to if candidate else service.latest_ready


def _share(r: Rollout, service: Service) -> int:
    return service.traffic.pinned(service.latest_ready).share_of(r.plan.revision)


def _way(r: Rollout, service: Service) -> WayBack:
    if r.plan.stable:
        return WayBack(r.plan.stable, "as it was asked for")
    return way_back(service, r.plan.revisions, r.plan.past)


def _refused(r: Rollout, service: Service, way: WayBack) -> Rollout:
    """Users stay where they are: a quarantine never sends them where it only guesses."""
    silent = f" ({r.plan.past.silent})" if r.plan.past.silent else ""
    likely = "; ".join(f"{name} ({why})" for name, why in way.likely)
    denied = "; ".join(why for _, why in way.denied)
    note = (
        f"{service.ref}: neither the service nor the ledger{silent} says for certain which "
        f"revision served before {r.plan.revision}: nothing was moved; name it with --stable; "
        f"{f'likely {likely}' if likely else denied or 'no other one is ready'}"
    )
    out = tuple(dict.fromkeys(_ways_out(r, service, way)))
    return finish(replace(r, way_out=out), Ending.REFUSED, note)


def _ways_out(r: Rollout, service: Service, way: WayBack) -> Iterator[str]:
    which = f"--policy POLICY --revision {r.plan.revision} --quarantine"
    for name, _ in way.likely:
        yield f"gate rollout {which} --stable {name} {rescue.flags(service.ref)}"
    if not way.likely:
        yield f"gate status {rescue.flags(service.ref)}"
