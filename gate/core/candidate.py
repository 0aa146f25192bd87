"""The candidate at 0 %: waiting until it is ready, explaining why not, probing, confirming."""

from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.attribution import ADVICE, Attribution, attributed, start_fault
from gate.core.denylist import (
    AGAIN,
    against,
    by_digest,
    denylist_of,
    digest_in,
    image_of,
    set_aside,
    why,
)
from gate.core.evidence import Evidence
from gate.core.fail_fast import NotAsked, not_asked
from gate.core.interference import interfered, interference, placed_of, taken_away
from gate.core.messages import CallFailed, Failure, Probed
from gate.core.rescue import examining
from gate.core.rules import held_by_people
from gate.core.service import ConditionState, Revision, Service
from gate.core.state import Ending, Kind, Phase, Rollout
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
    noted,
    unwritten,
    written,
)
from gate.core.verdict import Decision, Reason, Verdict, judge, unready

APPEAR_WITHIN_S = 30.0


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
    taken = taken_away(r, service)
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
    if r.plan.again:
        image = image_of(r.candidate, service, r.revisions)
        r = noted(r, *set_aside(denylist_of(service, r.revisions), r.candidate, image))
    r, verdict = held_by_people(r, service)
    if verdict:
        return clean(r, Ending.HELD, at, verdict)
    return replace(r, phase=Phase.PROBING, url=url)


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
