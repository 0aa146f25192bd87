"""DWELLING or WATCHING: what users' own requests say, where the step asks for some of them."""

from dataclasses import replace

from gate.core.attribution import Attribution
from gate.core.canary import StepWord, Word, judge_requests
from gate.core.dwelling import too_late
from gate.core.interference import stop
from gate.core.messages import Counted
from gate.core.state import Ending, Phase, Rollout, StepCount
from gate.core.transitions import READ_WITHIN_S, again, clean, enter
from gate.core.user_requests import RequestCounts, Source
from gate.core.verdict import Verdict

SUBJECT = "users' requests"


def counted(r: Rollout, event: Counted) -> Rollout:
    """On, back, or round again: never on without as many requests as the step asks for."""
    step = _step_count(r, event)
    r = replace(r, counted=(*(one for one in r.counted if one.percent != step.percent), step))
    match step.said.word:
        case Word.WORSE:
            verdict = Verdict.reject(SUBJECT, step.said.text, _HINT)
            return stop(r, event.at, Ending.REGRESSED, verdict.blaming(Attribution.REGRESSION))
        case Word.UNSERVED:
            verdict = Verdict.hold(SUBJECT, step.said.text, _UNSERVED_HINT)
            return stop(r, event.at, Ending.HELD, verdict.blaming(Attribution.ENVIRONMENT))
        case _ if event.forbidden:
            verdict = Verdict.hold(SUBJECT, step.said.text, event.hint)
            return stop(r, event.at, Ending.HELD, verdict.blaming(Attribution.PROBE_FAULT))
        case Word.ON if event.at >= min(r.limit_at, r.deadline_at):
            if r.phase is Phase.WATCHING:
                return clean(r, Ending.PROMOTED, event.at)
            return enter(r, Phase.CONFIRMING, event.at, READ_WITHIN_S)
        case _ if event.at >= r.deadline_at:
            return too_late(r, event.at)
        case _:
            return replace(again(r), counting=r.plan.metrics.source is Source.MONITORING)


_HINT = "look at what the candidate logged with these requests; nothing has to be undone"
_UNSERVED_HINT = "look at max instances, concurrency and how long the candidate takes to start"


def _step_count(r: Rollout, event: Counted) -> StepCount:
    least = r.least_requests
    if event.counts is None:
        said = StepWord(Word.WAIT, f"could not be counted: {event.problem}")
        return StepCount(r.share, least, None, said, f"{SUBJECT} {said.text}")
    said = judge_requests(event.counts, r.plan.metrics, least)
    return StepCount(r.share, least, event.counts, said, missing(event.counts, least, said))


def missing(counts: RequestCounts, least: int, said: StepWord) -> str:
    """What is missing before users' requests tell, and how long that takes at this rate.

    Args:
        counts: what was counted.
        least: how many the step asks for.
        said: what follows from them.

    Returns:
        "" where they tell.
    """
    if said.word is not Word.WAIT:
        return ""
    own, partial = counts.candidate.total, f" ({counts.partial})" if counts.partial else ""
    took_s = (counts.until - counts.since).total_seconds()
    if took_s <= 0:
        return f"none of users' requests can be counted yet{partial}"
    in_time = f"in {_span(took_s)}{partial}"
    if not said.thin:
        more = f"; about {said.more} more good ones would{_rate(own, said.more, took_s)}"
        return f"{said.text} {in_time}{more if said.more else ''}"
    rate = _rate(own, said.more, took_s)
    beside = counts.beside
    none = NO_DATA if beside.total + beside.front_end else NOBODY
    return (
        f"traffic is too thin to tell: {own} of {least} requests {in_time}{rate or none}, or "
        "send traffic, or ask for fewer (`requests` in the policy)"
    )


NO_DATA = "; none is no pass: wait for users"
NOBODY = "; none is no pass, and stable has none either: wait for users, see that they are counted"


def _rate(own: int, more: int, took_s: float) -> str:
    if not own or took_s <= 0:
        return ""
    return f"; at this rate {_span(more * took_s / own)} more are needed"


def _span(seconds: float) -> str:
    """A time in words, rounded up: it is an estimate."""
    if seconds < 100:
        return f"{max(round(seconds), 1)} s"
    minutes = -(-seconds // 60)
    return f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.0f} h"
