"""Reading the service and deciding where to go, if anywhere."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from gate.core import newest, quarantine
from gate.core.annotation import UnreadableAnnotation
from gate.core.base import base_of, differences
from gate.core.denylist import AGAIN, against, denylist_of, image_of, set_aside, why
from gate.core.lease import moved, taken, taker, taking_over
from gate.core.manual_moves import meant, plan_promotion, plan_rollback
from gate.core.messages import CallFailed, Failure
from gate.core.order import was_promoted
from gate.core.policy import TemplateSource
from gate.core.probe_selection import without_stable
from gate.core.reading import worth_reading
from gate.core.recovery import admitted
from gate.core.rescue import examining, mending
from gate.core.rules import against_rules, overtaken_by
from gate.core.service import Condition, Service
from gate.core.stable import before_rollout
from gate.core.state import Ending, Kind, Phase, Plan, Rollout
from gate.core.tagging import pinned_tags
from gate.core.traffic import Split, shares_text, tag_problem
from gate.core.transitions import PATIENT_LOOKS, again, enter, finish, noted
from gate.core.verdict import Verdict

QUARANTINE = "--quarantine takes users back to what served before, then asks it"


def plan_first_write(r: Rollout, service: Service, at: datetime) -> Rollout:
    """READING, seen: what was asked for becomes a first write, or is refused.

    Before that, somebody else's rollout is waited for, and a dead one's traces are taken back.
    """
    if r.interrupted:
        return finish(r, Ending.INTERRUPTED)
    if moved(r, service):  # a move that had been given up arrived late
        return enter(r, Phase.VERIFYING, at, r.plan.verify_within_s)
    r = _undoing(_remembering(r, service), service)
    if newest.unnamed(r, service):
        named = newest.named(r, service)
        return _looking(named, service, at) or named
    decided = admitted(r, service, at)
    if decided is None:
        decided = _FIRST_WRITE[r.plan.kind](taken(r, service), service, at)
        if r.plan.kind is Kind.ROLLBACK and decided.phase in _WRITES:
            decided = taking_over(decided, service)
    if decided.phase is Phase.READING:  # it looks again anyway
        return _looking(decided, service, at) or decided
    return (decided.phase in _WRITES and _looking(r, service, at)) or decided


def blind(r: Rollout, failed: CallFailed) -> Rollout:
    """READING failed: what only memory wants is not waited for by a way to safety.

    Whoever has seen the service once looks again a while; else nothing is known to go on with.
    """
    if failed.failure is Failure.DENIED and r.plan.kind is Kind.ROLLOUT:
        r = replace(r, way_out=(examining(r.plan.service, r.plan.policy_file),))
    if not r.wanted or r.service is None or r.interrupted:
        return finish(r, Ending.FAILED, failed.message)
    if r.plan.kind in {Kind.ROLLBACK, Kind.RECOVER}:
        return plan_first_write(r, r.service, failed.at)
    if failed.failure is Failure.LOST and failed.at < r.limit_at:
        return again(r)
    return finish(r, Ending.FAILED, failed.message)


def _looking(r: Rollout, service: Service, at: datetime) -> Rollout | None:
    """Once more and at once, for what has to be known before a write; None once it was asked."""
    unread = tuple(name for name in worth_reading(r, service) if name not in r.wanted)
    return replace(r, wanted=r.wanted + unread) if unread and at < r.limit_at else None


def _remembering(r: Rollout, service: Service) -> Rollout:
    """With the denylist that is written on the service, which outlasts whatever is written next."""
    try:
        return replace(r, denylist=service.rollout_annotation.denylist)
    except UnreadableAnnotation:
        return replace(r, denylist=())


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
    r, held = against_rules(r, service)
    if held is not None:
        return finish(r, Ending.HELD, verdict=held)
    name = _revision_name(service, plan.suffix)
    placed = Split.all_to(name, {**service.traffic.tags, plan.tag: name})
    state = "has never had a ready revision" if exists else "does not exist"
    note = f"{ref} {state}: its first revision serves users while it is probed"
    probes = without_stable(plan.probes)
    left_out = [probe.name for probe in plan.probes if probe.name not in {p.name for p in probes}]
    alone = (f"not asked, since there is nothing to compare with: {', '.join(left_out)}",)
    return replace(
        r if exists else taken(r, service),
        plan=replace(plan, steps=plan.steps[-1:], probes=probes),  # it has users from the start
        phase=Phase.DEPLOYING,
        service=service,
        before=None,
        placed=placed,
        reached=placed,
        candidate=name,
        notes=tuple(
            dict.fromkeys((*r.notes, note, *(alone if left_out else ()), *plan.proof_notes))
        ),
    )


def _place(r: Rollout, service: Service, at: datetime) -> Rollout:
    """A rollout: where the candidate goes, if it may."""
    if (overtaken := _overtaken(r, service)) is not None:
        return overtaken
    if not quarantine.wanted(r, service):
        r, held = against_rules(r, service)
        if held is not None:
            return finish(r, Ending.HELD, verdict=held)
    if never_served(service) and r.plan.image and not service.reconciling:
        return _first(r, service)
    if not service.in_effect:
        return _apart(r, service, at)
    if was_promoted(r.plan.revision, service):
        note = f"{r.plan.revision} has 100 % of the traffic already, and was promoted"
        return finish(r, Ending.UNCHANGED, note)
    r = newest.unfit(r, service) or quarantine.begun(r, service)
    return r if r.ending is not None else _onto(r, service, at)


def _onto(r: Rollout, service: Service, at: datetime) -> Rollout:
    """On to the first write, if nothing speaks against the candidate or where it is to go.

    What people or newer builds have against a candidate is no reason to leave users on it: in a
    quarantine that is looked at once they are off it.
    """
    problem = _cannot_place(r, service)
    if problem:
        return finish(r, Ending.REFUSED, problem)
    if (looking := _looking(r, service, at)) is not None:
        return looking
    if cannot := quarantine.unfit(r, service):
        return finish(r, Ending.REFUSED, cannot)
    if not r.back_to:
        if denied := _denied(r, service):
            return finish(r, Ending.REFUSED, denied)
        if r.plan.again:
            bars = denylist_of(service, r.revisions)
            r = noted(r, *set_aside(bars, r.plan.revision, _image(r, service)))
        r = _in_order(r, service)
    r = r if r.ending is not None else _based(r, service)
    return r if r.ending is not None else _placed(r, service)


def _overtaken(r: Rollout, service: Service) -> Rollout | None:
    """Held where users were moved while our first write was in flight: that came after our look."""
    if not r.conflicts or r.looks or r.before is None or r.placed is None:
        return None
    found = r.found or r.placed
    was, now = found.shares, service.traffic.pinned(service.latest_ready).shares
    if was == now:
        return None
    by = f" by {service.last_modifier}" if service.last_modifier else ""
    moves = f"{shares_text(was)} to {shares_text(now)}"
    text = f"was moved{by} in the same moment (from {moves})"
    hint = "their change is left alone; run the rollout again if it is still wanted"
    return finish(r, Ending.HELD, verdict=Verdict.hold("traffic", text, hint))


def _apart(r: Rollout, service: Service, at: datetime) -> Rollout:
    """Desired and effective traffic differ: waited for while that can help, else said at once."""
    if at < r.limit_at and (service.reconciling or r.looks < PATIENT_LOOKS):
        return again(r)
    way = mending(service, tuple(r.revisions.values()))
    r = replace(r, way_out=(way.command,))
    return finish(r, Ending.FAILED, f"{service.disagreement}: mend that first")


def _placed(r: Rollout, service: Service) -> Rollout:
    """On to the write that creates the candidate at 0 %, or gives it its tag."""
    name = r.plan.revision or _revision_name(service, r.plan.suffix)
    base = quarantine.base(r, service)
    placed = base.without_tag(r.plan.kept_as).with_tag(r.plan.tag, name)
    return replace(
        r,
        stepped=0,
        phase=Phase.TAGGING if r.plan.revision else Phase.DEPLOYING,
        before=service.traffic,
        found=service.traffic.pinned(service.latest_ready),
        placed=placed,
        reached=placed,
        candidate=name,
        notes=_placement_notes(r, service, name),
    )


def _based(r: Rollout, service: Service) -> Rollout:
    """A new revision is built on the one that has users; never on anything else in silence."""
    if r.plan.revision:
        return r
    name = base_of(service, r.revisions)
    stable = r.plan.template is TemplateSource.STABLE
    read = r.revisions.get(name)
    if read is None and stable:
        text = f"{name} has users and could not be read, so that nothing can be built on it"
        hint = "run it again; `template: service` builds on the service's template instead"
        return finish(r, Ending.HELD, verdict=Verdict.hold("template", text, hint))
    unknown = ("nobody knows in what, since it could not be read",)
    differs = differences(service, read) if read else unknown
    return replace(r, base=name if stable else "", differences=differs)


def _in_order(r: Rollout, service: Service) -> Rollout:
    """Held before anything is deployed, where a newer build has users; or what overrides that."""
    r, verdict = overtaken_by(r, service)
    return finish(r, Ending.HELD, verdict=verdict) if verdict else r


def _cannot_place(r: Rollout, service: Service) -> str:
    plan = r.plan
    base = quarantine.base(r, service)
    if not service.latest_ready:
        return (
            f"{service.ref}: has no ready revision that could be the stable one; Cloud Run cannot "
            "create a service at zero traffic, so deploy a first revision by other means"
        )
    if too_long := tag_problem(plan.tag, service.ref.name):
        return f"{service.ref}: {too_long}"
    if taken := _taken_tag(plan, service, base):
        return taken
    if plan.revision and plan.revision not in r.revisions:
        known = meant(plan.revision, r.known) or " (`gate status` lists them)"
        return f"{service.ref}: revision {plan.revision} does not exist{known}"
    if base.share_of(plan.revision):
        return (
            f"{service.ref}: revision {plan.revision} gets {base.share_of(plan.revision)} % of "
            f"the traffic already: a candidate must start at 0 % ({QUARANTINE})"
        )
    return ""


def _taken_tag(plan: Plan, service: Service, base: Split) -> str:
    """Why neither our tag nor the one that a held candidate is kept under may move, "" if so."""
    for tag in filter(None, (plan.tag, plan.kept_as)):
        tagged = service.revision_tagged(tag)
        if share := base.share_of(tagged):
            return (
                f"{service.ref}: tag {tag!r} is on {tagged}, which gets {share} % of the traffic: "
                "choose another candidate.tag"
            )
    if plan.kept_as not in {"", plan.tag} and plan.tag in service.traffic.tags:
        return f"{service.ref}: tag {plan.tag!r} is in use: run it again, which draws another one"
    return ""


def _denied(r: Rollout, service: Service) -> str:
    """Why automation leaves this candidate alone: people moved users away from it."""
    if r.plan.again:
        return ""
    denied = against(denylist_of(service, r.revisions), r.plan.revision, _image(r, service))
    return f"{service.ref}: {why(denied)}; {AGAIN}" if denied else ""


def _image(r: Rollout, service: Service) -> str:
    return r.plan.image or image_of(r.plan.revision, service, r.revisions)


def _placement_notes(r: Rollout, service: Service, name: str) -> tuple[str, ...]:
    notes = list(r.notes)
    tagged = service.revision_tagged(r.plan.tag)
    if tagged and tagged != name:
        notes.append(f"tag {r.plan.tag} was on {tagged} and moves to the candidate")
    kept = service.revision_tagged(r.plan.kept_as)
    if kept and r.plan.kept_as != r.plan.tag:
        notes.append(f"tag {r.plan.kept_as} was on {kept} and is taken from it")
    if service.traffic.follows_latest:
        notes.append(
            "traffic followed LATEST and is pinned from now on: a plain deploy gets no traffic; "
            f"`gcloud run services update-traffic {service.ref.name} --to-latest` goes back"
        )
    notes += pinned_tags(r.plan, service, quarantine.latest_means(r, service))
    notes += _template_notes(r, service)
    notes.extend(r.plan.proof_notes)
    return tuple(dict.fromkeys(notes))


def _template_notes(r: Rollout, service: Service) -> Iterator[str]:
    """What the candidate is built on, where there is more than one answer."""
    if r.plan.revision:
        return
    shares = service.traffic.pinned(service.latest_ready).shares
    if r.base and len(shares) > 1:
        yield f"built on {r.base}, which has most users ({shares[r.base]} %)"
    if not r.differences:
        return
    stable = base_of(service, r.revisions)
    what = "; ".join(r.differences)
    if r.base:
        yield (
            f"built on {stable}, which has users; left aside is what the service's template has "
            f"otherwise: {what} (`template: service` in the policy builds on that)"
        )
    else:
        yield (
            "WARNING: built on the service's template, as the policy says, which differs from "
            f"{stable}, which has users: {what}"
        )


def _revision_name(service: Service, suffix: str) -> str:
    """SERVICE-NNNNN-xyz, as gcloud names revisions itself: under 64 characters in all."""
    ending = f"-{service.generation + 1:05d}-{suffix}"
    return service.ref.name[: 63 - len(ending)] + ending


_WRITES = frozenset({Phase.RECOVERING, Phase.DEPLOYING, Phase.TAGGING, Phase.MOVING})

_FIRST_WRITE: dict[Kind, Callable[[Rollout, Service, datetime], Rollout]] = {
    Kind.ROLLOUT: _place,
    Kind.PROMOTE: plan_promotion,
    Kind.ROLLBACK: plan_rollback,
    Kind.RECOVER: lambda r, _service, _at: finish(r, Ending.UNCHANGED),
}
