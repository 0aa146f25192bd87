"""Reading the service and deciding where to go, if anywhere."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from gate.core.policy import tag_problem
from gate.core.service import ConditionState, Service
from gate.core.stable import choose_stable
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.transitions import again, ending_of, finish
from gate.core.verdict import unready


def aim(r: Rollout, service: Service, at: datetime) -> Rollout:
    """READING, seen: what was asked for becomes a first write, or is refused."""
    return _AIM[r.plan.kind](r, service, at)


def _place(r: Rollout, service: Service, at: datetime) -> Rollout:
    """A rollout: where the candidate goes, if it may."""
    if not service.in_effect:
        if at < r.limit_at:
            return again(r)
        return finish(r, Ending.FAILED, service.disagreement)
    base = service.traffic.pinned(service.latest_ready)
    problem = _cannot_place(r, service)
    if problem:
        return finish(r, Ending.REFUSED, problem)
    name = r.plan.revision or _revision_name(service, r.plan.suffix)
    note = _placement_notes(r, service, name)
    return replace(
        r,
        phase=Phase.TAGGING if r.plan.revision else Phase.DEPLOYING,
        before=service.traffic,
        placed=base.with_tag(r.plan.tag, name),
        candidate=name,
        notes=note,
    )


def _cannot_place(r: Rollout, service: Service) -> str:
    plan = r.plan
    base = service.traffic.pinned(service.latest_ready)
    tagged = service.revision_tagged(plan.tag)
    if not service.latest_ready:
        return (
            f"{service.ref}: has no ready revision that could be the stable one; Cloud Run cannot "
            "create a service at zero traffic, so deploy a first revision by other means"
        )
    if too_long := tag_problem(plan.tag, service.ref.name):
        return f"{service.ref}: {too_long}"
    if base.share_of(tagged):
        return (
            f"{service.ref}: tag {plan.tag!r} is on {tagged}, which gets "
            f"{base.share_of(tagged)} % of the traffic: choose another candidate.tag"
        )
    if plan.revision and plan.revision not in r.revisions:
        return f"{service.ref}: revision {plan.revision} does not exist"
    if base.share_of(plan.revision):
        return (
            f"{service.ref}: revision {plan.revision} gets {base.share_of(plan.revision)} % of "
            "the traffic already: a candidate must start at 0 %"
        )
    return ""


def _placement_notes(r: Rollout, service: Service, name: str) -> tuple[str, ...]:
    notes = list(r.notes)
    tagged = service.revision_tagged(r.plan.tag)
    if tagged and tagged != name:
        notes.append(f"tag {r.plan.tag} was on {tagged} and moves to the candidate")
    if service.traffic.follows_latest:
        notes.append(
            "traffic followed LATEST and is pinned from now on: a plain deploy gets no traffic; "
            "`gcloud run services update-traffic --to-latest` goes back"
        )
    return tuple(dict.fromkeys(notes))


def _revision_name(service: Service, suffix: str) -> str:
    """SERVICE-NNNNN-xyz, as gcloud names revisions itself: under 64 characters in all."""
    ending = f"-{service.generation + 1:05d}-{suffix}"
    return service.ref.name[: 63 - len(ending)] + ending


def _aim_promotion(r: Rollout, service: Service, at: datetime) -> Rollout:
    name = r.plan.revision or service.traffic.tags.get(r.plan.tag) or ""
    if not name:
        note = f"{service.ref}: no revision has the tag {r.plan.tag!r}: name one with --revision"
        return finish(r, Ending.REFUSED, note)
    return _towards(r, service, name, at)


def _aim_rollback(r: Rollout, service: Service, at: datetime) -> Rollout:
    name = r.plan.revision or choose_stable(r.plan.history, service) or ""
    if not name:
        note = (
            f"{service.ref}: the ledger knows no revision that served before this one: "
            "name one with --to (`gate status` lists them)"
        )
        return finish(r, Ending.REFUSED, note)
    return _towards(r, service, name, at)


def _towards(r: Rollout, service: Service, name: str, at: datetime) -> Rollout:
    """A promotion or rollback: towards this revision, if it exists and is ready."""
    if r.candidate != name:
        if at < r.limit_at:
            return again(replace(r, candidate=name))
        return finish(r, Ending.FAILED, f"{service.ref}: where to move to kept changing")
    revision = r.revisions.get(name)
    if revision is None:
        note = f"{service.ref}: revision {name} does not exist (`gate status` lists them)"
        return finish(r, Ending.REFUSED, note)
    pinned = service.traffic.pinned(service.latest_ready)
    r = replace(r, before=service.traffic, placed=pinned, goal=None)
    if revision.ready.state is not ConditionState.SUCCEEDED:
        verdict = unready(name, revision.ready, ())
        return finish(r, ending_of(verdict), verdict=verdict)
    goal = service.traffic.moved_to(name)
    if r.plan.kind is Kind.PROMOTE and goal.tags.get(r.plan.tag) == name:
        goal = goal.without_tag(r.plan.tag)
    if service.agrees_with(goal) and not service.traffic.follows_latest:
        return finish(r, Ending.UNCHANGED, f"{name} has 100 % of the traffic already")
    return replace(r, phase=Phase.MOVING, goal=goal)


_AIM: dict[Kind, Callable[[Rollout, Service, datetime], Rollout]] = {
    Kind.ROLLOUT: _place,
    Kind.PROMOTE: _aim_promotion,
    Kind.ROLLBACK: _aim_rollback,
}
