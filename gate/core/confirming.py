"""The candidate has passed: nothing may have changed and people must agree before users move."""

from dataclasses import replace
from datetime import datetime

from gate.core.interference import interfered, interference, placed_of, shares_set, stop
from gate.core.lease import moved
from gate.core.messages import CallFailed, Failure
from gate.core.rescue import approving
from gate.core.rules import held_by_people, still_waits, waits_for_approval
from gate.core.service import Service
from gate.core.state import Ending, Phase, Rollout
from gate.core.traffic import Split
from gate.core.transitions import again, enter, noted
from gate.core.verdict import Verdict


def confirmed(r: Rollout, service: Service, at: datetime) -> Rollout:
    """CONFIRMING: nothing may have changed since the probes passed, or we step back."""
    if moved(r, service) and r.goal and service.traffic.shares == r.goal.shares != shares_set(r):
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
    r = noted(
        r, f"{r.candidate} has passed and waits for people ({held.reasons[0].text}): {command}"
    )
    return replace(again(r), awaiting_since=at)


def unconfirmed(r: Rollout, failed: CallFailed) -> Rollout:
    """CONFIRMING failed: who waits for people looks again, anybody else is done."""
    if failed.failure is Failure.LOST and still_waits(r, failed.at):
        return again(r)
    return stop(replace(r, notes=(*r.notes, failed.message)), failed.at, Ending.FAILED, r.verdict)


def _approvable(r: Rollout, held: Verdict) -> Rollout:
    """With the way on where nothing but approvals is lacking."""
    if any(reason.subject != "approve" for reason in held.reasons):
        return r
    return replace(r, way_out=approving(r.plan.service, r.id, r.candidate, r.plan.policy_file))


def _next_goal(r: Rollout, service: Service) -> Split:
    """The split of the next step; at the last one our tag goes, unless a watch still needs it."""
    percent = r.plan.steps[r.stepped]
    if percent < 100:
        return service.traffic.with_canary(placed_of(r), r.candidate, percent)
    goal = service.traffic.moved_to(r.candidate)
    return goal if r.plan.watch_s else goal.without_tag(r.plan.tag)
