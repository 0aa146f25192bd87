"""The rollout as a state machine: `step(rollout, event) -> (rollout, commands)`.

Every arrow stands in `step`; the arms below it change the state and nothing else. What the shell
must do next is a function of the state alone (`command_of`), so that a rollout can be replayed
from its events, and resumed.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.commands import command_of
from gate.core.messages import (
    Accepted,
    CallFailed,
    Command,
    Event,
    Failure,
    Interrupted,
    LogsRead,
    Probed,
    Recorded,
    Seen,
)
from gate.core.policy import OnHold, tag_problem
from gate.core.service import ConditionState, Revision, Service
from gate.core.stable import choose_stable
from gate.core.state import Ending, Kind, Phase, Plan, Rollout
from gate.core.verdict import Decision, Verdict, judge, unready
from gate.errors import IllegalEventError

READ_WITHIN_S = 60.0
APPEAR_WITHIN_S = 30.0
SAFE_WITHIN_S = 5.0
CONFLICTS_MAX = 5

Stepped = tuple[Rollout, tuple[Command, ...]]


def begin(plan: Plan, rollout_id: str, at: datetime) -> Stepped:
    """A new rollout and its first command."""
    limit_at = at + timedelta(seconds=READ_WITHIN_S)
    rollout = Rollout(rollout_id, plan, at, Phase.READING, limit_at, candidate=plan.revision)
    return rollout, command_of(rollout)


def step(rollout: Rollout, event: Event) -> Stepped:
    """Takes one event in; returns the new state and what to do next (nothing once ENDED).

    Raises:
        IllegalEventError: this phase does not expect this event; nothing has changed.
    """
    if isinstance(event, Seen):
        revisions = {**rollout.revisions, **event.revisions}
        known = replace(rollout, service=event.service, revisions=revisions)
    else:
        known = rollout
    after = _arrow(known, event)
    return after, command_of(after)


def _arrow(r: Rollout, event: Event) -> Rollout:  # noqa: C901, PLR0911, PLR0912 - the one table of arrows, one line each
    at = event.at
    match r.phase, event:
        case Phase.ENDED, _:
            raise _illegal(r, event)
        case _, Interrupted():
            return _interrupted(r, at)
        case Phase.READING, Seen(service=service):
            return _AIM[r.plan.kind](r, service, at)
        case Phase.READING, CallFailed(failure=Failure.NOT_FOUND, message=message):
            return _finish(r, Ending.REFUSED, message)
        case Phase.READING, CallFailed(message=message):
            return _finish(r, Ending.FAILED, message)
        case Phase.DEPLOYING | Phase.TAGGING, Accepted():
            return _enter(r, Phase.WAITING, at, r.plan.ready_within_s)
        case Phase.DEPLOYING | Phase.TAGGING, CallFailed() as failed:
            return _not_placed(r, failed)
        case Phase.WAITING, Seen(service=service):
            return _waiting(r, service, at)
        case Phase.WAITING, CallFailed() as failed:
            return _cannot_wait(r, failed)
        case Phase.EXPLAINING, LogsRead(lines=lines):
            return _explained(r, lines, at)
        case Phase.PROBING, Probed() as probed:
            return _probed(r, probed)
        case Phase.PROBING, CallFailed(message=message, hint=hint):
            return _hold(r, at, "probes", f"could not be run: {message}", hint)
        case Phase.CONFIRMING, Seen(service=service):
            return _confirmed(r, service, at)
        case Phase.CONFIRMING, CallFailed(message=message):
            return _clean(r, Ending.FAILED, at, note=message)
        case Phase.MOVING, Accepted():
            return _enter(r, Phase.VERIFYING, at, r.plan.verify_within_s)
        case Phase.MOVING, CallFailed() as failed:
            return _not_moved(r, failed)
        case Phase.VERIFYING, Seen(service=service):
            return _verified(r, service, at)
        case Phase.VERIFYING | Phase.PROVING | Phase.SETTLING, CallFailed() as failed:
            return _cannot_see(r, failed)
        case Phase.BACKING_OUT, Seen(service=service):
            return _back_out(r, service)
        case Phase.BACKING_OUT, CallFailed(message=message):
            return _finish(r, Ending.STUCK, message)
        case Phase.REVERTING, Accepted():
            return _enter(r, Phase.PROVING, at, r.plan.verify_within_s)
        case Phase.REVERTING, CallFailed() as failed:
            return _not_reverted(r, failed)
        case Phase.PROVING, Seen(service=service):
            return _proved(r, service, at)
        case Phase.CLEANING, Seen(service=service):
            return _cleaning(r, service, at)
        case Phase.CLEANING, CallFailed(message=message):
            return _left_tag(r, message)
        case Phase.UNTAGGING, Accepted():
            return _enter(r, Phase.SETTLING, at, r.plan.verify_within_s)
        case Phase.UNTAGGING, CallFailed() as failed:
            return _not_untagged(r, failed)
        case Phase.SETTLING, Seen(service=service):
            return _settled(r, service, at)
        case Phase.RECORDING, Recorded(kept=kept, message=message):
            note = () if kept else (f"the ledger did not keep the outcome: {message}",)
            return replace(r, phase=Phase.ENDED, recorded=kept, notes=r.notes + note)
        case _:
            raise _illegal(r, event)


def _illegal(r: Rollout, event: Event) -> IllegalEventError:
    return IllegalEventError(
        f"rollout {r.id}: {type(event).__name__} does not belong in the phase {r.phase.value!r}"
    )


# --- moving between phases


def _enter(r: Rollout, phase: Phase, at: datetime, within_s: float) -> Rollout:
    if r.interrupted:
        within_s = min(within_s, SAFE_WITHIN_S)
    return replace(r, phase=phase, looks=0, limit_at=at + timedelta(seconds=within_s))


def _again(r: Rollout) -> Rollout:
    return replace(r, looks=r.looks + 1)


def _finish(r: Rollout, ending: Ending, note: str = "", verdict: Verdict | None = None) -> Rollout:
    """On to the record, with nothing of ours to take back."""
    return replace(
        r,
        phase=Phase.RECORDING,
        ending=ending,
        verdict=verdict or r.verdict,
        notes=r.notes + ((note,) if note else ()),
    )


def _clean(
    r: Rollout, ending: Ending, at: datetime, verdict: Verdict | None = None, note: str = ""
) -> Rollout:
    """On to taking our tag back; traffic stays where it is."""
    finished = _finish(r, ending, note, verdict)
    return _enter(finished, Phase.CLEANING, at, r.plan.verify_within_s)


def _hold(r: Rollout, at: datetime, subject: str, text: str, hint: str = "") -> Rollout:
    return _clean(r, Ending.HELD, at, Verdict.hold(subject, text, hint))


def _conflict(r: Rollout, phase: Phase, at: datetime) -> Rollout:
    return replace(_enter(r, phase, at, READ_WITHIN_S), conflicts=r.conflicts + 1)


# --- reading the service and deciding where to go


def _place(r: Rollout, service: Service, at: datetime) -> Rollout:
    """A rollout: where the candidate goes, if it may."""
    if not service.in_effect:
        if at < r.limit_at:
            return _again(r)
        return _finish(r, Ending.FAILED, _not_in_effect(service))
    base = service.traffic.pinned(service.latest_ready)
    problem = _cannot_place(r, service)
    if problem:
        return _finish(r, Ending.REFUSED, problem)
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
    tagged = base.tags.get(plan.tag)
    if not service.latest_ready:
        return (
            f"{service.ref}: has no ready revision that could be the stable one; Cloud Run cannot "
            "create a service at zero traffic, so deploy a first revision by other means"
        )
    if too_long := tag_problem(plan.tag, service.ref.name):
        return f"{service.ref}: {too_long}"
    if tagged and base.share_of(tagged):
        return (
            f"{service.ref}: tag {plan.tag!r} is on {tagged}, which gets "
            f"{base.share_of(tagged)} % of the traffic: choose another candidate.tag"
        )
    if plan.revision and plan.revision not in r.revisions:
        return f"{service.ref}: revision {plan.revision} does not exist"
    if plan.revision and base.share_of(plan.revision):
        return (
            f"{service.ref}: revision {plan.revision} gets {base.share_of(plan.revision)} % of "
            "the traffic already: a candidate must start at 0 %"
        )
    return ""


def _placement_notes(r: Rollout, service: Service, name: str) -> tuple[str, ...]:
    notes = list(r.notes)
    tagged = service.traffic.tags.get(r.plan.tag)
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


def _not_in_effect(service: Service) -> str:
    desired, effective = service.traffic.shares, service.effective_shares
    what = "is being changed by another update" if service.reconciling else "was left half done"
    return (
        f"{service.ref}: its traffic {what} (desired {_shares(desired)}, effective "
        f"{_shares(effective)}): bring it to one revision first, e.g. with gate rollback --to"
    )


def _shares(shares: dict[str | None, int] | dict[str, int]) -> str:
    parts = (f"{name or 'LATEST'} {percent} %" for name, percent in shares.items())
    return ", ".join(parts) or "nothing"


def _aim_promotion(r: Rollout, service: Service, _at: datetime) -> Rollout:
    name = r.plan.revision or service.traffic.tags.get(r.plan.tag) or ""
    if not name:
        note = f"{service.ref}: no revision has the tag {r.plan.tag!r}: name one with --revision"
        return _finish(r, Ending.REFUSED, note)
    return _aim(r, service, name)


def _aim_rollback(r: Rollout, service: Service, _at: datetime) -> Rollout:
    name = r.plan.revision or choose_stable(r.plan.history, service) or ""
    if not name:
        note = (
            f"{service.ref}: the ledger knows no revision that served before this one: "
            "name one with --to (`gate status` lists them)"
        )
        return _finish(r, Ending.REFUSED, note)
    return _aim(r, service, name)


def _aim(r: Rollout, service: Service, name: str) -> Rollout:
    """A promotion or rollback: towards this revision, if it exists and is ready."""
    if r.candidate != name:
        return _again(replace(r, candidate=name))
    revision = r.revisions.get(name)
    if revision is None:
        note = f"{service.ref}: revision {name} does not exist (`gate status` lists them)"
        return _finish(r, Ending.REFUSED, note)
    r = replace(r, before=service.traffic)
    if revision.ready.state is not ConditionState.SUCCEEDED:
        return _finish(r, Ending.REJECTED, verdict=unready(name, revision.ready, ()))
    goal = service.traffic.moved_to(name)
    if r.plan.kind is Kind.PROMOTE and goal.tags.get(r.plan.tag) == name:
        goal = goal.without_tag(r.plan.tag)
    if service.agrees_with(goal) and not service.traffic.follows_latest:
        return _finish(r, Ending.UNCHANGED, f"{name} has 100 % of the traffic already")
    return replace(r, phase=Phase.MOVING, goal=goal)


_AIM: dict[Kind, Callable[[Rollout, Service, datetime], Rollout]] = {
    Kind.ROLLOUT: _place,
    Kind.PROMOTE: _aim_promotion,
    Kind.ROLLBACK: _aim_rollback,
}


# --- the candidate at 0 %


def _not_placed(r: Rollout, failed: CallFailed) -> Rollout:
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return _conflict(r, Phase.READING, failed.at)
        case Failure.LOST:
            note = f"no answer to the update, so we look whether it happened: {failed.message}"
            waiting = _enter(r, Phase.WAITING, failed.at, r.plan.ready_within_s)
            return replace(waiting, notes=(*r.notes, note))
        case _:
            return _finish(r, Ending.FAILED, failed.message)


def _waiting(r: Rollout, service: Service, at: datetime) -> Rollout:
    revision = r.revisions.get(r.candidate)
    url = next((line.uri for line in service.effective if _is_ours(r, line.tag, line.revision)), "")
    late = at >= min(r.limit_at, r.deadline_at)
    if revision and revision.ready.state is ConditionState.FAILED:
        return replace(r, phase=Phase.EXPLAINING)
    if revision and revision.ready.state is ConditionState.SUCCEEDED and url:
        return replace(r, phase=Phase.PROBING, url=url.rstrip("/"))
    if late and revision:
        return replace(r, phase=Phase.EXPLAINING)
    appeared_by = r.limit_at - timedelta(seconds=r.plan.ready_within_s - APPEAR_WITHIN_S)
    if late or (revision is None and at >= appeared_by):
        note = f"revision {r.candidate} never appeared: the update that creates it did not happen"
        return _clean(r, Ending.FAILED, at, note=note)
    return _again(r)


def _is_ours(r: Rollout, tag: str, revision: str | None) -> bool:
    return tag == r.plan.tag and revision in {None, r.candidate}


def _cannot_wait(r: Rollout, failed: CallFailed) -> Rollout:
    if failed.failure is Failure.NOT_FOUND:
        return _finish(r, Ending.HELD, f"the service was deleted meanwhile: {failed.message}")
    if failed.at >= min(r.limit_at, r.deadline_at):
        return _clean(r, Ending.FAILED, failed.at, note=failed.message)
    return _again(r)


def _explained(r: Rollout, lines: tuple[str, ...], at: datetime) -> Rollout:
    revision = r.revisions[r.candidate]
    verdict = unready(r.candidate, revision.ready, lines)
    if revision.ready.state is not ConditionState.FAILED:
        verdict = Verdict.reject(
            "readiness",
            f"{r.candidate} and its URL were not ready within {r.plan.ready_within_s:g} s "
            f"({revision.ready})",
            " | ".join(lines),
        )
    return _clean(r, _ending_of(verdict), at, verdict)


def _ending_of(verdict: Verdict) -> Ending:
    return Ending.REJECTED if verdict.decision is Decision.REJECT else Ending.HELD


def _probed(r: Rollout, probed: Probed) -> Rollout:
    verdict = judge(r.plan.probes, probed.evidence)
    r = replace(r, evidence=probed.evidence, verdict=verdict)
    if verdict.decision is Decision.PROMOTE:
        return _enter(r, Phase.CONFIRMING, probed.at, READ_WITHIN_S)
    if probed.at >= r.deadline_at:
        late = Verdict.hold("deadline", f"{r.plan.deadline_s:g} s were over before all had run")
        verdict = replace(verdict, reasons=verdict.reasons + late.reasons)
    return _clean(r, _ending_of(verdict), probed.at, verdict)


def _confirmed(r: Rollout, service: Service, at: datetime) -> Rollout:
    """All required probes passed; nothing may have changed since, or we step back."""
    if at >= r.deadline_at:
        return _hold(r, at, "deadline", f"{r.plan.deadline_s:g} s were over before the promotion")
    changed = _interference(r, service)
    if changed:
        by = f" by {service.last_modifier}" if service.last_modifier else ""
        hint = "their change is left alone; run the rollout again if it is still wanted"
        return _hold(r, at, "traffic", f"{changed}{by}", hint)
    goal = service.traffic.moved_to(r.candidate).without_tag(r.plan.tag)
    return replace(r, phase=Phase.MOVING, goal=goal)


def _interference(r: Rollout, service: Service) -> str:
    placed = r.placed
    if placed is None or service.traffic.shares != placed.shares:
        was = _shares(placed.shares) if placed else "nothing"
        return f"was changed while we probed (was {was}, is {_shares(service.traffic.shares)})"
    if service.traffic.tags.get(r.plan.tag) != r.candidate:
        return f"tag {r.plan.tag} was taken from the candidate while we probed"
    if r.plan.image and service.latest_created != r.candidate:
        return f"another revision, {service.latest_created}, was deployed while we probed"
    return ""


# --- moving traffic


def _not_moved(r: Rollout, failed: CallFailed) -> Rollout:
    ours = r.plan.kind is Kind.ROLLOUT
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return _conflict(r, Phase.CONFIRMING if ours else Phase.READING, failed.at)
        case Failure.LOST:
            return _enter(r, Phase.VERIFYING, failed.at, r.plan.verify_within_s)
        case _:
            note = f"traffic was not moved: {failed.message}"
            r = replace(r, goal=None)
            return (
                _clean(r, Ending.FAILED, failed.at, note=note)
                if ours
                else _finish(r, Ending.FAILED, note)
            )


def _verified(r: Rollout, service: Service, at: datetime) -> Rollout:
    goal = r.goal
    rollback = r.plan.kind is Kind.ROLLBACK
    if goal is not None and service.agrees_with(goal):
        return _finish(r, Ending.ROLLED_BACK if rollback else Ending.PROMOTED)
    if goal is None or service.traffic.shares != goal.shares:
        return _someone_elses(r, service, at)
    if at < r.limit_at and not (r.looks > 2 and _gave_up(service)):
        return _again(r)
    note = f"traffic did not come into effect ({_not_in_effect(service)})"
    if rollback:
        return _finish(r, Ending.STUCK, note)
    return _enter(replace(r, notes=(*r.notes, note)), Phase.BACKING_OUT, at, READ_WITHIN_S)


def _gave_up(service: Service) -> bool:
    return not service.reconciling and service.ready.state is ConditionState.FAILED


def _someone_elses(r: Rollout, service: Service, at: datetime) -> Rollout:
    """Desired traffic is not what we asked for: our write never happened, or theirs came after."""
    untouched = r.placed if r.plan.kind is Kind.ROLLOUT else r.before
    if untouched and service.traffic.shares == untouched.shares and r.conflicts < CONFLICTS_MAX:
        back = Phase.CONFIRMING if r.plan.kind is Kind.ROLLOUT else Phase.READING
        return _conflict(r, back, at)
    by = f" by {service.last_modifier}" if service.last_modifier else ""
    note = f"traffic was changed again{by} (is {_shares(service.traffic.shares)}): left alone"
    return _finish(r, Ending.HELD, note)


def _back_out(r: Rollout, service: Service) -> Rollout:
    if r.goal is None or r.before is None or service.traffic.shares != r.goal.shares:
        return _finish(r, Ending.HELD, f"left as it is now: {_shares(service.traffic.shares)}")
    back = service.traffic.with_shares_of((r.placed or r.before).pinned(service.latest_ready))
    return replace(r, phase=Phase.REVERTING, goal=back)


def _not_reverted(r: Rollout, failed: CallFailed) -> Rollout:
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return _finish(r, Ending.STUCK, f"somebody else changed it: {failed.message}")
        case Failure.LOST:
            return _enter(r, Phase.PROVING, failed.at, r.plan.verify_within_s)
        case _:
            return _finish(r, Ending.STUCK, f"traffic could not be moved back: {failed.message}")


def _proved(r: Rollout, service: Service, at: datetime) -> Rollout:
    if r.goal is not None and service.agrees_with(r.goal):
        return _finish(r, Ending.REVERTED)
    if at >= r.limit_at:
        return _finish(r, Ending.STUCK, _not_in_effect(service))
    return _again(r)


def _cannot_see(r: Rollout, failed: CallFailed) -> Rollout:
    if failed.at >= r.limit_at or failed.failure is Failure.NOT_FOUND:
        return _finish(r, Ending.STUCK, f"traffic cannot be seen: {failed.message}")
    return _again(r)


# --- taking back what is ours


def _keeps_tag(r: Rollout) -> bool:
    return r.ending is Ending.HELD and r.plan.on_hold is OnHold.KEEP


def _has_our_tag(r: Rollout, service: Service) -> bool:
    return service.traffic.tags.get(r.plan.tag, "") == r.candidate


def _cleaning(r: Rollout, service: Service, at: datetime) -> Rollout:
    if _has_our_tag(r, service) and not _keeps_tag(r):
        return replace(r, phase=Phase.UNTAGGING)
    return _enter(r, Phase.SETTLING, at, r.plan.verify_within_s)


def _left_tag(r: Rollout, message: str) -> Rollout:
    note = f"tag {r.plan.tag} was left on {r.candidate}: {message}"
    return replace(r, phase=Phase.RECORDING, notes=(*r.notes, note))


def _not_untagged(r: Rollout, failed: CallFailed) -> Rollout:
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return _conflict(r, Phase.CLEANING, failed.at)
        case Failure.LOST:
            return _enter(r, Phase.SETTLING, failed.at, r.plan.verify_within_s)
        case _:
            return _left_tag(r, failed.message)


def _settled(r: Rollout, service: Service, at: datetime) -> Rollout:
    if _has_our_tag(r, service) and not _keeps_tag(r) and r.conflicts < CONFLICTS_MAX:
        return _conflict(r, Phase.CLEANING, at)
    if service.in_effect:
        return replace(r, phase=Phase.RECORDING)
    if at >= r.limit_at:
        return _finish(r, Ending.STUCK, _not_in_effect(service))
    return _again(r)


# --- interruption


_NOTHING_WRITTEN = frozenset({Phase.READING, Phase.DEPLOYING, Phase.TAGGING})
_CANDIDATE_PLACED = frozenset({Phase.WAITING, Phase.EXPLAINING, Phase.PROBING, Phase.CONFIRMING})


def _interrupted(r: Rollout, at: datetime) -> Rollout:
    """Ctrl-C before the pending command was carried out: the shortest way to safety."""
    first = not r.interrupted
    r = replace(r, interrupted=True)
    if r.phase in _NOTHING_WRITTEN or (r.phase is Phase.MOVING and r.plan.kind is not Kind.ROLLOUT):
        return _finish(replace(r, goal=None), Ending.INTERRUPTED)
    if r.phase in _CANDIDATE_PLACED or r.phase is Phase.MOVING:
        return _clean(replace(r, goal=None), Ending.INTERRUPTED, at)
    if first:
        soon = at + timedelta(seconds=SAFE_WITHIN_S)
        return replace(r, limit_at=min(r.limit_at, soon))
    return r


def revision_of(rollout: Rollout) -> Revision | None:
    """The candidate as last read."""
    return rollout.revisions.get(rollout.candidate)
