"""The candidate at 0 %: waiting until it is ready, explaining why not, probing, confirming."""

from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.messages import CallFailed, Failure, Probed
from gate.core.service import ConditionState, Service
from gate.core.state import Ending, Phase, Rollout
from gate.core.traffic import shares_text
from gate.core.transitions import (
    CONFLICTS_MAX,
    READ_WITHIN_S,
    again,
    clean,
    conflict,
    enter,
    finish,
    hold,
)
from gate.core.verdict import Decision, Verdict, judge, unready

APPEAR_WITHIN_S = 30.0


def not_placed(r: Rollout, failed: CallFailed) -> Rollout:
    """DEPLOYING or TAGGING failed; without an answer we look whether it happened."""
    match failed.failure:
        case Failure.CONFLICT if r.conflicts < CONFLICTS_MAX:
            return conflict(r, Phase.READING, failed.at)
        case Failure.LOST:
            note = f"no answer to the update, so we look whether it happened: {failed.message}"
            waiting = enter(r, Phase.WAITING, failed.at, r.plan.ready_within_s)
            return replace(waiting, notes=(*r.notes, note))
        case _:
            return finish(r, Ending.FAILED, failed.message)


def waiting(r: Rollout, service: Service, at: datetime) -> Rollout:
    """WAITING, seen: on to the probes once the candidate is ready and its URL is served."""
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
        return clean(r, Ending.FAILED, at, note=note)
    return again(r)


def _is_ours(r: Rollout, tag: str, revision: str | None) -> bool:
    return tag == r.plan.tag and revision in {None, r.candidate}


def cannot_wait(r: Rollout, failed: CallFailed) -> Rollout:
    """WAITING, but the service could not be read."""
    if failed.failure is Failure.NOT_FOUND:
        return finish(r, Ending.HELD, f"the service was deleted meanwhile: {failed.message}")
    if failed.at >= min(r.limit_at, r.deadline_at):
        return clean(r, Ending.FAILED, failed.at, note=failed.message)
    return again(r)


def explained(r: Rollout, lines: tuple[str, ...], at: datetime) -> Rollout:
    """EXPLAINING: the verdict on a candidate that did not become ready."""
    revision = r.revisions[r.candidate]
    verdict = unready(r.candidate, revision.ready, lines)
    if revision.ready.state is not ConditionState.FAILED:
        verdict = Verdict.reject(
            "readiness",
            f"{r.candidate} and its URL were not ready within {r.plan.ready_within_s:g} s "
            f"({revision.ready})",
            " | ".join(lines),
        )
    return clean(r, _ending_of(verdict), at, verdict)


def _ending_of(verdict: Verdict) -> Ending:
    return Ending.REJECTED if verdict.decision is Decision.REJECT else Ending.HELD


def probed(r: Rollout, probed: Probed) -> Rollout:
    """PROBING: the evidence is judged."""
    verdict = judge(r.plan.probes, probed.evidence)
    r = replace(r, evidence=probed.evidence, verdict=verdict)
    if verdict.decision is Decision.PROMOTE:
        return enter(r, Phase.CONFIRMING, probed.at, READ_WITHIN_S)
    if probed.at >= r.deadline_at:
        late = Verdict.hold("deadline", f"{r.plan.deadline_s:g} s were over before all had run")
        verdict = replace(verdict, reasons=verdict.reasons + late.reasons)
    return clean(r, _ending_of(verdict), probed.at, verdict)


def confirmed(r: Rollout, service: Service, at: datetime) -> Rollout:
    """CONFIRMING, seen: all required probes passed; had anything changed since, we step back."""
    if at >= r.deadline_at:
        return hold(r, at, "deadline", f"{r.plan.deadline_s:g} s were over before the promotion")
    changed = _interference(r, service)
    if changed:
        by = f" by {service.last_modifier}" if service.last_modifier else ""
        hint = "their change is left alone; run the rollout again if it is still wanted"
        return hold(r, at, "traffic", f"{changed}{by}", hint)
    goal = service.traffic.moved_to(r.candidate).without_tag(r.plan.tag)
    return replace(r, phase=Phase.MOVING, goal=goal)


def _interference(r: Rollout, service: Service) -> str:
    placed = r.placed
    if placed is None or service.traffic.shares != placed.shares:
        was = shares_text(placed.shares) if placed else "nothing"
        return f"was changed while we probed (was {was}, is {shares_text(service.traffic.shares)})"
    if service.traffic.tags.get(r.plan.tag) != r.candidate:
        return f"tag {r.plan.tag} was taken from the candidate while we probed"
    if r.plan.image and service.latest_created != r.candidate:
        return f"another revision, {service.latest_created}, was deployed while we probed"
    return ""
