"""Reading the service and deciding where to go, if anywhere."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from gate.core.hand import aim_promotion, aim_rollback
from gate.core.lease import moved, taken, taker
from gate.core.messages import CallFailed
from gate.core.occasions import without_stable
from gate.core.proof import HINT
from gate.core.recovery import admitted
from gate.core.rescue import mending
from gate.core.service import Condition, Service
from gate.core.stable import before_rollout
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import Split, tag_problem
from gate.core.transitions import PATIENT_LOOKS, again, enter, finish
from gate.core.verdict import Verdict


def aim(r: Rollout, service: Service, at: datetime) -> Rollout:
    """READING, seen: what was asked for becomes a first write, or is refused.

    Before that, somebody else's rollout is waited for, and a dead one's traces are taken back.
    """
    if r.interrupted:
        return finish(r, Ending.INTERRUPTED)
    if moved(r, service):  # a move that had been given up arrived late
        return enter(r, Phase.VERIFYING, at, r.plan.verify_within_s)
    r = _undoing(r, service)
    blocked = admitted(r, service, at)
    if blocked is not None:
        return blocked
    return _AIM[r.plan.kind](taken(r, service), service, at)


def _undoing(r: Rollout, service: Service) -> Rollout:
    """A rollback while a candidate has users undoes that rollout, and nothing before it.

    In one update and without asking: what it goes back to has just been serving them.
    """
    back = before_rollout(service)
    if r.plan.kind is not Kind.ROLLBACK or not back or r.plan.revision not in {"", back}:
        return r
    note = f"this undoes what {taker(service)} has done so far"
    plan = replace(r.plan, revision=back, probes=())
    return replace(r, plan=plan, notes=tuple(dict.fromkeys((*r.notes, note))))


def no_service(r: Rollout, failed: CallFailed) -> Rollout:
    """READING, and there is no such service: created only where the policy allows it.

    Cloud Run cannot create a service at zero traffic, so its first revision has users' requests
    while it is probed.
    """
    ref, plan = r.plan.service, r.plan
    if plan.kind is not Kind.ROLLOUT or not plan.image:
        return finish(r, Ending.REFUSED, failed.message)
    nothing = Service(
        ref,
        etag="",
        generation=0,
        observed_generation=0,
        reconciling=False,
        ready=Condition(),
        traffic=Split(()),
    )
    return _first(r, nothing, f"{failed.message}; ")


def never_served(service: Service) -> bool:
    """Whether no revision of it has ever been ready: there is nobody to protect, nor a stable."""
    return not service.latest_ready and not service.effective_shares


def _first(r: Rollout, service: Service, missing: str = "") -> Rollout:
    """A first deploy, also after one that never started: only where the policy allows it."""
    ref, plan = service.ref, r.plan
    exists = bool(service.etag)
    if not plan.first_deploy:
        never = f"{ref}: no revision of it has ever been ready; " if exists else missing
        note = (
            f"{never}Cloud Run cannot create a service at zero traffic: deploy a first "
            "revision by other means, or allow it in the policy (first_deploy: allow)"
        )
        return finish(r, Ending.REFUSED, note)
    if problem := tag_problem(plan.tag, ref.name):
        return finish(r, Ending.REFUSED, f"{ref}: {problem}")
    if (held := _held_unproven(r)) is not None:
        return held
    name = _revision_name(service, plan.suffix)
    placed = Split.all_to(name, {**service.traffic.tags, plan.tag: name})
    state = "has never had a ready revision" if exists else "does not exist"
    note = f"{ref} {state}: its first revision serves users while it is probed"
    probes = without_stable(plan.probes)
    left_out = [probe.name for probe in plan.probes if probe.name not in {p.name for p in probes}]
    alone = (f"not asked, since there is nothing to compare with: {', '.join(left_out)}",)
    unproven = (plan.unproven,) if plan.unproven else ()
    return replace(
        r if exists else taken(r, service),
        plan=replace(plan, steps=plan.steps[-1:], probes=probes),  # it has users from the start
        phase=Phase.DEPLOYING,
        service=service,
        before=None,
        placed=placed,
        reached=placed,
        candidate=name,
        notes=tuple(dict.fromkeys((*r.notes, note, *(alone if left_out else ()), *unproven))),
    )


def _place(r: Rollout, service: Service, at: datetime) -> Rollout:
    """A rollout: where the candidate goes, if it may."""
    if (held := _held_unproven(r)) is not None:
        return held
    if never_served(service) and r.plan.image and not service.reconciling:
        return _first(r, service)
    if not service.in_effect:
        may_come = service.reconciling or r.looks < PATIENT_LOOKS
        if at < r.limit_at and may_come:
            return again(r)
        way = mending(service, tuple(r.revisions.values()))
        r = replace(r, way_out=(way.command,))
        return finish(r, Ending.FAILED, f"{service.disagreement}: mend that first")
    base = service.traffic.pinned(service.latest_ready)
    problem = _cannot_place(r, service)
    if problem:
        return finish(r, Ending.REFUSED, problem)
    name = r.plan.revision or _revision_name(service, r.plan.suffix)
    note = _placement_notes(r, service, name)
    return replace(
        r,
        stepped=0,
        phase=Phase.TAGGING if r.plan.revision else Phase.DEPLOYING,
        before=service.traffic,
        placed=base.with_tag(r.plan.tag, name),
        reached=base.with_tag(r.plan.tag, name),
        candidate=name,
        notes=note,
    )


def _held_unproven(r: Rollout) -> Rollout | None:
    """Held before anything is deployed, where the policy asks for a proof and there is none."""
    plan = r.plan
    if plan.proof is None or not plan.proof.required or not plan.unproven:
        return None
    return finish(r, Ending.HELD, verdict=Verdict.hold("proof", plan.unproven, HINT))


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
    if barred := _barred(r, service):
        return barred
    if base.share_of(plan.revision):
        return (
            f"{service.ref}: revision {plan.revision} gets {base.share_of(plan.revision)} % of "
            "the traffic already: a candidate must start at 0 %"
        )
    return ""


def _barred(r: Rollout, service: Service) -> str:
    """Why automation leaves this candidate alone: a person moved users away from it."""
    plan, mark = r.plan, service.mark
    if plan.again:
        return ""
    revision = r.revisions.get(plan.revision)
    image = plan.image or (revision.image if revision else "")
    again = "--again --reason promotes it all the same"
    if bar := mark.bars(plan.revision, image):
        why = f" ({bar.reason})" if bar.reason else ""
        return f"{service.ref}: {bar.actor or 'somebody'} rolled {bar.revision} back{why}; {again}"
    now = service.traffic.pinned(service.latest_ready).shares
    if plan.revision in dict(mark.wrote) and plan.revision not in now:
        by = service.last_modifier or "somebody"
        return f"{service.ref}: {by} moved users away from {plan.revision}; {again}"
    return ""


def _placement_notes(r: Rollout, service: Service, name: str) -> tuple[str, ...]:
    notes = list(r.notes)
    tagged = service.revision_tagged(r.plan.tag)
    if tagged and tagged != name:
        notes.append(f"tag {r.plan.tag} was on {tagged} and moves to the candidate")
    if service.traffic.follows_latest:
        notes.append(
            "traffic followed LATEST and is pinned from now on: a plain deploy gets no traffic; "
            f"`gcloud run services update-traffic {service.ref.name} --to-latest` goes back"
        )
    if r.plan.unproven:
        notes.append(r.plan.unproven)
    return tuple(dict.fromkeys(notes))


def _revision_name(service: Service, suffix: str) -> str:
    """SERVICE-NNNNN-xyz, as gcloud names revisions itself: under 64 characters in all."""
    ending = f"-{service.generation + 1:05d}-{suffix}"
    return service.ref.name[: 63 - len(ending)] + ending


_AIM: dict[Kind, Callable[[Rollout, Service, datetime], Rollout]] = {
    Kind.ROLLOUT: _place,
    Kind.PROMOTE: aim_promotion,
    Kind.ROLLBACK: aim_rollback,
    Kind.RECOVER: lambda r, _service, _at: finish(r, Ending.UNCHANGED),
}
