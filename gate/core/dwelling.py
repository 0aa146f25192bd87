"""The candidate has users: what is seen under their traffic, and when that is enough."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gate.core.attribution import Attribution, attributed
from gate.core.evidence import SERVICE, Evidence, Symptom
from gate.core.fail_fast import NotAsked, not_asked
from gate.core.interference import stop
from gate.core.messages import Probed
from gate.core.state import Ending, Phase, Rollout
from gate.core.transitions import READ_WITHIN_S, again, clean, enter, noted
from gate.core.user_requests import Source
from gate.core.verdict import Decision, Verdict, judge

UNSURE_ROUNDS = 2
"""So many rounds in a row, with users on it, may show what passes by itself; one more decides."""


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
    return noted(r, note)
