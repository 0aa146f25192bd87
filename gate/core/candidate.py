"""The candidate at 0 %: waiting until it is ready, explaining why not, probing, confirming."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.attribution import ADVICE, Attribution, attributed, start_fault
from gate.core.denylist import AGAIN, against, by_digest, denylist_of, digest_in, image_of, why
from gate.core.evidence import SERVICE, Evidence, Symptom
from gate.core.fail_fast import NotAsked, not_asked
from gate.core.lease import holds, lost, moved, taker
from gate.core.messages import CallFailed, Failure, Probed
from gate.core.order import HINT as IN_ORDER
from gate.core.order import why_stale
from gate.core.rescue import approving, examining
from gate.core.rules import against_rules, noted, waits_for_approval
from gate.core.service import ConditionState, Revision, Service
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.traffic import Split, shares_text
from gate.core.transitions import (
    CONFLICTS_MAX,
    PATIENT_LOOKS,
    READ_WITHIN_S,
    again,
    clean,
    conflict,
    ending_of,
    enter,
    finish,
    hold,
    unwritten,
    written,
)
from gate.core.user_requests import Source
from gate.core.verdict import Decision, Reason, Verdict, judge, unready

APPEAR_WITHIN_S = 30.0
UNSURE_ROUNDS = 2
"""So many rounds in a row, with users on it, may show what passes by itself; one more decides."""


def not_placed(r: Rollout, failed: CallFailed) -> Rollout:
    """DEPLOYING or TAGGING failed; without an answer we look whether it happened."""
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return conflict(r, Phase.READING, failed.at)
        case Failure.LOST:
            note = f"no answer to the update, so we look whether it happened: {failed.message}"
            waiting = written(r, Phase.WAITING, failed.at, r.plan.ready_within_s)
            return replace(waiting, notes=(*r.notes, note))
        case _:
            return finish(r, Ending.FAILED, failed.message)


def waiting(r: Rollout, service: Service, at: datetime) -> Rollout:
    """WAITING, seen: on to the probes once the candidate is ready and its URL is served."""
    revision = r.revisions.get(r.candidate)
    late = at >= min(r.limit_at, r.deadline_at)
    taken = _taken(r, service)
    if taken and not unwritten(r, service):
        return interfered(r, at, taken, service)
    if revision is None or taken:
        if late or at >= _appeared_by(r):
            return clean(r, Ending.FAILED, at, note=_never_appeared(r, service))
        return again(r)
    url = _url(r, service)
    if revision.ready.state is ConditionState.SUCCEEDED and url:
        return _kept_back(r, service, at, late=late) or _asked(r, service, at, url.rstrip("/"))
    if late or revision.ready.state is ConditionState.FAILED:
        return replace(r, phase=Phase.EXPLAINING)
    return again(r)


def _kept_back(r: Rollout, service: Service, at: datetime, *, late: bool) -> Rollout | None:
    """Not asked yet while a quarantine has not taken users off it; failed once that is too late."""
    if not r.back_to or service.obeyed or service.traffic.shares != placed_of(r).shares:
        return None
    if late or (r.looks >= PATIENT_LOOKS and service.gave_up):
        note = f"users could not be taken off {r.candidate}: {service.disagreement}"
        return clean(r, Ending.FAILED, at, note=note)
    return again(r)


def _asked(r: Rollout, service: Service, at: datetime, url: str) -> Rollout:
    """On to the probes, unless it is known by now that it will not be promoted."""
    if denied := _denied(r, service, at):
        return denied
    r, verdict = held_by_people(r, service)
    if verdict:
        return clean(r, Ending.HELD, at, verdict)
    return replace(r, phase=Phase.PROBING, url=url)


def overtaken_by(r: Rollout, service: Service) -> tuple[Rollout, Verdict | None]:
    """Why it is held as stale, None if it is not; where a person overrides that, with a note."""
    why = why_stale(r, service, service.traffic.pinned(service.latest_ready).shares)
    if not why:
        return r, None
    if not r.plan.again:
        return r, Verdict.hold("stale", why, IN_ORDER)
    note = f"overridden by --again: a newer build has users ({why})"
    return replace(r, notes=tuple(dict.fromkeys((*r.notes, note)))), None


def held_by_people(r: Rollout, service: Service) -> tuple[Rollout, Verdict | None]:
    """Why it is held whatever its probes say: a newer build has users, or a rule for people."""
    r, stale = overtaken_by(r, service)
    return (r, stale) if stale else against_rules(r, service)


def _denied(r: Rollout, service: Service, at: datetime) -> Rollout | None:
    """Held before it is asked, where its image, by whatever name, is one that people left."""
    if r.plan.kind is not Kind.ROLLOUT or r.plan.again:
        return None
    denylist = denylist_of(service, r.revisions)
    image = image_of(r.candidate, service, r.revisions)
    if denied := against(denylist, r.candidate, image):
        return hold(r, at, "barred", f"{r.candidate} has the same image: {why(denied)}", AGAIN)
    if by_digest(denylist) and not digest_in(image):
        text = f"nobody knows the digest of {r.candidate}'s image, and some images are barred"
        return hold(r, at, "barred", text, AGAIN)
    return None


def _taken(r: Rollout, service: Service) -> str:
    """What of ours on the service is gone or somebody else's, "" if nothing."""
    if lost(r, service):
        return f"{taker(service)} has taken over"
    if not _has_tag(r, service):
        return f"tag {r.plan.tag} was taken from the candidate"
    if not holds(r, service):
        return "the gate's own annotation was taken away"
    return ""


def _has_tag(r: Rollout, service: Service) -> bool:
    return service.traffic.tags.get(r.plan.tag) == r.candidate


def _url(r: Rollout, service: Service) -> str:
    """The candidate's own URL, "" while the front end has the tag nowhere or elsewhere."""
    for line in service.effective:
        if line.tag == r.plan.tag and (line.revision or service.latest_ready) == r.candidate:
            return line.uri
    return ""


def _appeared_by(r: Rollout) -> datetime:
    """Reads follow writes closely; what is not there by then never happened, or is gone again."""
    return r.limit_at - timedelta(seconds=max(r.plan.ready_within_s - APPEAR_WITHIN_S, 0))


def _never_appeared(r: Rollout, service: Service) -> str:
    if unwritten(r, service):
        return f"the update that places {r.candidate} at 0 % never happened"
    return f"revision {r.candidate} does not exist: it was never created, or somebody deleted it"


def cannot_wait(r: Rollout, failed: CallFailed) -> Rollout:
    """WAITING, but the service could not be read."""
    if failed.failure is Failure.NOT_FOUND:
        return finish(r, Ending.HELD, f"the service was deleted meanwhile: {failed.message}")
    # a name that has just been made, or a role that has just been granted, is not known everywhere
    # at once; a permission that is lacking longer than that does not come while a rollout waits
    denied = failed.failure is Failure.DENIED and failed.at >= _appeared_by(r)
    if denied:
        r = replace(r, way_out=(examining(r.plan.service, r.plan.policy_file),))
    if denied or failed.at >= min(r.limit_at, r.deadline_at):
        return clean(r, Ending.FAILED, failed.at, note=failed.message)
    return again(r)


def explained(
    r: Rollout, lines: tuple[str, ...], at: datetime, stable: tuple[Evidence, ...] = ()
) -> Rollout:
    """EXPLAINING: the verdict on a candidate that did not become ready.

    Args:
        r: the rollout.
        lines: the candidate's last log lines.
        at: time of the event.
        stable: what the probes showed at stable, where they were asked.
    """
    r = replace(r, evidence=tuple(item for item in stable if item.control))
    revision = r.revisions[r.candidate]
    verdict = unready(r.candidate, revision.ready, lines)
    if revision.ready.state is not ConditionState.FAILED:
        verdict = _late(r, revision).quoting(lines)
    if verdict.decision is Decision.REJECT:
        fault = start_fault(lines, r.evidence, stable_runs=_stable_runs(r))
        verdict = _excused(verdict) if fault is Attribution.ENVIRONMENT else verdict
        verdict = verdict.blaming(fault)
    elif revision.ready.state in {ConditionState.FAILED, ConditionState.SUCCEEDED}:
        verdict = verdict.blaming(Attribution.ENVIRONMENT)
    return clean(r, ending_of(verdict), at, verdict)


def _excused(verdict: Verdict) -> Verdict:
    """What stops it stops stable, too: no word on the candidate."""
    return Verdict(Decision.HOLD, tuple(_advised(reason) for reason in verdict.reasons))


def _advised(reason: Reason) -> Reason:
    advice = f"stable suffers alike; {ADVICE[Attribution.ENVIRONMENT]}"
    return replace(reason, text=f"{reason.text}; {advice}")


def _stable_runs(r: Rollout) -> bool:
    shares = placed_of(r).shares if not r.first else {}
    stable = [r.revisions.get(name) for name in shares if name and name != r.candidate]
    return any(one and one.ready.state is ConditionState.SUCCEEDED for one in stable)


def _late(r: Rollout, revision: Revision) -> Verdict:
    """It ran out of time; its own fault only if it had all the time that the policy gives it."""
    if revision.ready.state is ConditionState.SUCCEEDED:
        text = f"{r.candidate} is ready, but its tag got no URL within {r.plan.ready_within_s:g} s"
        return Verdict.hold("readiness", text, "look at the service's ingress and default URL")
    text = f"{r.candidate} was not ready within {r.plan.ready_within_s:g} s ({revision.ready})"
    if r.deadline_at < r.limit_at:
        text = f"{r.plan.deadline_s:g} s were over before {r.candidate} was ready"
        return Verdict.hold("deadline", f"{text} ({revision.ready})")
    return Verdict.reject("readiness", text)


def probed(r: Rollout, probed: Probed) -> Rollout:
    """PROBING: the evidence is judged."""
    asked, rule = r.plan.probes, r.plan.repeats
    left_out = not_asked(asked, probed.evidence, rule) if r.plan.fail_fast else NotAsked()
    verdict = judge(asked, probed.evidence, repeats=rule, left_out=left_out)
    evidence = attributed(asked, probed.evidence, rule)
    r = replace(r, evidence=evidence, verdict=verdict, not_asked=left_out)
    if verdict.decision is Decision.PROMOTE:
        return enter(r, Phase.CONFIRMING, probed.at, READ_WITHIN_S)
    if r.plan.kind is Kind.ROLLBACK:
        note = f"{r.candidate} does not pass either: rolling back to it would not help"
        r = replace(r, notes=(*r.notes, note))
    if probed.at >= r.deadline_at:
        late = Verdict.hold("deadline", f"{r.plan.deadline_s:g} s were over before all had run")
        verdict = replace(verdict, reasons=verdict.reasons + late.reasons)
    return clean(r, ending_of(verdict), probed.at, verdict)


def disturbed(r: Rollout, service: Service, at: datetime) -> Rollout:
    """PROBING, seen: somebody has changed the service while we probed."""
    return interfered(
        r, at, f"{interference(r, service) or 'was changed'} while we probed", service
    )


def confirmed(r: Rollout, service: Service, at: datetime) -> Rollout:
    """CONFIRMING: nothing may have changed since the probes passed, or we step back."""
    if moved(r, service) and r.goal and service.traffic.shares == r.goal.shares != _here(r):
        return enter(r, Phase.VERIFYING, at, r.plan.verify_within_s)  # our move came late
    changed = interference(r, service)
    if changed:
        return interfered(r, at, f"{changed} while we probed", service)
    r, held = held_by_people(r, service)
    if held is not None and waits_for_approval(r, held, at):
        return _awaiting(r, held, at)
    if held is not None:
        return stop(_approvable(r, held), at, Ending.HELD, held)
    if at >= r.deadline_at:
        text = f"{r.plan.deadline_s:g} s were over before the promotion"
        return stop(r, at, Ending.HELD, Verdict.hold("deadline", text))
    return replace(r, phase=Phase.MOVING, goal=_next_goal(r, service))


def _awaiting(r: Rollout, held: Verdict, at: datetime) -> Rollout:
    """One look later; that it waits, for what and under which id is told once."""
    if r.awaiting_since:
        return again(r)
    command, *_ = approving(r.plan.service, r.id, r.candidate, r.plan.policy_file)
    r = noted(r, f"{r.candidate} has passed; it {held.reasons[0].text}: {command}")
    return replace(again(r), awaiting_since=at)


def unconfirmed(r: Rollout, failed: CallFailed) -> Rollout:
    """CONFIRMING failed: who waits for people looks again, anybody else is done."""
    if r.awaiting_since and failed.failure is Failure.LOST and failed.at < r.deadline_at:
        return again(r)
    return stop(replace(r, notes=(*r.notes, failed.message)), failed.at, Ending.FAILED, r.verdict)


def _approvable(r: Rollout, held: Verdict) -> Rollout:
    """With the way on where nothing but approvals is lacking."""
    if any(reason.subject != "approve" for reason in held.reasons):
        return r
    return replace(r, way_out=approving(r.plan.service, r.id, r.candidate, r.plan.policy_file))


def _here(r: Rollout) -> dict[str | None, int]:
    return r.reached.shares if r.reached else {}


def _next_goal(r: Rollout, service: Service) -> Split:
    """The split of the next step; at the last one our tag goes, unless a watch still needs it."""
    percent = r.plan.steps[r.stepped]
    if percent < 100:
        return service.traffic.with_canary(placed_of(r), r.candidate, percent)
    goal = service.traffic.moved_to(r.candidate)
    return goal if r.plan.watch_s else goal.without_tag(r.plan.tag)


def placed_of(r: Rollout) -> Split:
    """Traffic as it was pinned at 0 %: what a step shares the rest by."""
    assert r.placed is not None
    return r.placed


def interference(r: Rollout, service: Service) -> str:
    """What somebody else changed since our last write, "" if nothing."""
    if lost(r, service):
        return f"{taker(service)} has taken over"
    if service.traffic.shares != _here(r):
        was, now = shares_text(_here(r)), shares_text(service.traffic.shares)
        return f"was changed (was {was}, is {now})"
    if taken := _taken(r, service):
        return taken
    if service.traffic.shares != dict(service.rollout_annotation.wrote):
        return f"was moved back (is {shares_text(service.traffic.shares)})"  # over a late move
    if (r.plan.image or r.plan.newest) and service.latest_created != r.candidate:
        return f"another revision, {service.latest_created}, was deployed"
    return ""


def interfered(r: Rollout, at: datetime, what: str, service: Service) -> Rollout:
    """Somebody else has changed the service: their change stands, ours is over."""
    known = lost(r, service) or not service.last_modifier
    by = "" if known else f" by {service.last_modifier}"
    hint = "their change is left alone; run the rollout again if it is still wanted"
    return stop(r, at, Ending.HELD, Verdict.hold("traffic", f"{what}{by}", hint))


def stop(r: Rollout, at: datetime, ending: Ending, verdict: Verdict | None) -> Rollout:
    """Goes no further: takes users off the candidate where it has some, else just tidies.

    There is nowhere to take them from the first revision of all.
    """
    if not r.stepped or r.first:
        return clean(r, ending, at, verdict)
    return enter(replace(r, ending=ending, verdict=verdict), Phase.BACKING_OUT, at, READ_WITHIN_S)


def dwelt(r: Rollout, probed: Probed) -> Rollout:
    """DWELLING or WATCHING: evidence under users' traffic; a regression goes back by itself."""
    rule, share = r.plan.repeats, r.share
    left_out = NotAsked()
    if r.plan.fail_fast:
        left_out = not_asked(r.questions, probed.evidence, rule, live=True, share=share)
    verdict = judge(
        r.questions, probed.evidence, live=True, repeats=rule, share=share, left_out=left_out
    )
    watching = r.phase is Phase.WATCHING
    asked = {probe.name for probe in r.questions}
    kept = tuple(item for item in r.evidence if item.probe not in asked)
    evidence = attributed(r.questions, probed.evidence, rule, live=True, share=share)
    r = replace(r, evidence=(*kept, *evidence), not_asked=left_out)
    passes = _may_pass(verdict) and r.unsure < UNSURE_ROUNDS and probed.at < r.deadline_at
    r = replace(r, unsure=r.unsure + 1 if passes else 0)
    if verdict.decision is Decision.REJECT:
        return stop(r, probed.at, Ending.REGRESSED, verdict)
    if probed.at >= r.deadline_at and not watching:
        return too_late(r, probed.at)
    if passes:
        return again(r)
    suffer = _may_pass(verdict) and _users_suffer(probed.evidence)
    if suffer or (verdict.decision is Decision.HOLD and not watching):
        return stop(r, probed.at, Ending.HELD, verdict)
    return _passed_on(r, verdict, probed.at)


def _passed_on(r: Rollout, verdict: Verdict, at: datetime) -> Rollout:
    """A round has taken nobody back: users' requests are counted, or it is asked on, or it ends."""
    over = at >= min(r.limit_at, r.deadline_at)
    if r.least_requests and (over or r.plan.metrics.source is Source.LOGS):
        return _to_count(r, verdict if over else None, at)
    if not over:
        return again(r)
    if r.phase is not Phase.WATCHING:
        return enter(r, Phase.CONFIRMING, at, READ_WITHIN_S)
    return _watched(r, verdict, at)


def too_late(r: Rollout, at: datetime) -> Rollout:
    """The deadline is over at a step: back, and what of users' requests is missing is said."""
    text = f"{r.plan.deadline_s:g} s were over at {r.share} %"
    last = r.step_count
    missing = last.thin or last.said.text if last else "users' requests were never counted"
    if r.least_requests:
        text = f"{text}: {missing}"
    return stop(r, at, Ending.HELD, Verdict.hold("deadline", text))


def _to_count(r: Rollout, last: Verdict | None, at: datetime) -> Rollout:
    """On to counting users' own requests.

    The log tells them from the gate's, so that those since the step began count. Monitoring does
    not: it counts once the probes are silent, and so from now on.

    Args:
        r: the rollout.
        last: what the last round came to, where it ends the watch.
        at: time of the event.
    """
    if last is not None and last.decision is Decision.HOLD:
        r = _inconclusive(r, last)
    begun = r.arrived_at if r.plan.metrics.source is Source.LOGS else None
    return replace(again(r), counting=True, count_from=r.count_from or begun or at)


def _may_pass(verdict: Verdict) -> bool:
    """Whether all that speaks against it may pass by itself: chance, or the platform's trouble."""
    words = {reason.attribution for reason in verdict.reasons}
    passing = {Attribution.FLAKY, Attribution.ENVIRONMENT}
    return verdict.decision is Decision.HOLD and bool(words) and words <= passing


def _users_suffer(evidence: Sequence[Evidence]) -> bool:
    """Whether users' address was reached, and its answers are no passes, whoever's fault it is."""
    theirs = [item for item in evidence if item.address == SERVICE and not item.passed]
    return any(
        not item.findings or item.findings[0].symptom is not Symptom.CONNECT for item in theirs
    )


def _watched(r: Rollout, verdict: Verdict, at: datetime) -> Rollout:
    if verdict.decision is Decision.HOLD:
        r = _inconclusive(r, verdict)
    return clean(r, Ending.PROMOTED, at)


def _inconclusive(r: Rollout, verdict: Verdict) -> Rollout:
    note = f"the end of the watch was inconclusive ({verdict.reasons[0]})"
    return replace(r, notes=tuple(dict.fromkeys((*r.notes, note))))


def unproven(r: Rollout, service: Service) -> Rollout:
    """What the probes saw is no verdict where the candidate's address was taken away meanwhile."""
    judged = r.ending in {Ending.REJECTED, Ending.REGRESSED}
    ours = r.reached is None or service.traffic.tags.get(r.plan.tag, "") == r.candidate
    if not judged or ours:
        return r
    by = f" by {service.last_modifier}" if service.last_modifier else ""
    what = f"{taker(service)} has taken over" if lost(r, service) else "our tag was taken away"
    hint = "so that what the probes saw says nothing about the candidate; run it again"
    verdict = Verdict.hold("traffic", f"{what}{by} while we probed", hint)
    return replace(r, ending=Ending.HELD, verdict=verdict)
