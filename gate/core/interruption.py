"""Ctrl-C: the shortest way to safety from each phase."""

from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.interference import stop
from gate.core.state import Ending, Phase, Rollout
from gate.core.transitions import SAFE_WITHIN_S, finish

_NOTHING_WRITTEN = frozenset({Phase.READING, Phase.DEPLOYING, Phase.TAGGING})
"""A recovery that has begun is carried out: it is the way to safety, unless it was forced."""
_CANDIDATE_PLACED = frozenset(
    {
        Phase.WAITING,
        Phase.EXPLAINING,
        Phase.PROBING,
        Phase.CONFIRMING,
        Phase.DWELLING,
        Phase.WATCHING,
    }
)


def interrupted(r: Rollout, at: datetime) -> Rollout:
    """Ctrl-C before the pending command was carried out: the shortest way to safety."""
    first = not r.interrupted
    r = replace(r, interrupted=True)
    forced = r.phase is Phase.RECOVERING and r.plan.force and not r.guard
    if forced or r.phase in _NOTHING_WRITTEN or (r.phase is Phase.MOVING and not r.asks_first):
        return finish(replace(r, goal=None), Ending.INTERRUPTED)
    if r.phase in _CANDIDATE_PLACED or r.phase is Phase.MOVING:
        return stop(replace(r, goal=None), at, Ending.INTERRUPTED, r.verdict)
    if first:
        soon = at + timedelta(seconds=SAFE_WITHIN_S)
        return replace(r, limit_at=min(r.limit_at, soon))
    return r
