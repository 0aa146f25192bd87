"""How a rollout changes phase: the few moves that every arm of the state machine is made of."""

from dataclasses import replace
from datetime import datetime, timedelta

from gate.core.service import Service
from gate.core.state import Ending, Phase, Rollout
from gate.core.traffic import shares_text
from gate.core.verdict import Decision, Verdict

READ_WITHIN_S = 60.0
SAFE_WITHIN_S = 5.0
CONFLICTS_MAX = 5
PATIENT_LOOKS = 3
"""Looks before a write that does not show counts as not having happened."""
NOTHING_BEFORE = "it is the service's first revision: there is nothing to go back to"
STILL_CHANGING = "the service is still being changed, with traffic where it should be"


def enter(r: Rollout, phase: Phase, at: datetime, within_s: float) -> Rollout:
    """Into a phase that waits for at most this long (less once a person wants us gone)."""
    if r.interrupted:
        within_s = min(within_s, SAFE_WITHIN_S)
    return replace(r, phase=phase, looks=0, limit_at=at + timedelta(seconds=within_s))


def written(r: Rollout, phase: Phase, at: datetime, within_s: float) -> Rollout:
    """A write was accepted, or its answer was lost: on to looking what became of it."""
    guard = r.service.generation if r.service else 0
    return replace(enter(r, phase, at, within_s), guard=guard)


def again(r: Rollout) -> Rollout:
    """The same phase, one look later."""
    return replace(r, looks=r.looks + 1)


def noted(r: Rollout, *notes: str) -> Rollout:
    """With these notes, each of which is told once."""
    return replace(r, notes=tuple(dict.fromkeys((*r.notes, *notes))))


def finish(r: Rollout, ending: Ending, note: str = "", verdict: Verdict | None = None) -> Rollout:
    """On to the record, with nothing of ours to take back."""
    return replace(
        r,
        phase=Phase.RECORDING,
        ending=ending,
        verdict=verdict or r.verdict,
        notes=r.notes + ((note,) if note else ()),
    )


def clean(
    r: Rollout, ending: Ending, at: datetime, verdict: Verdict | None = None, note: str = ""
) -> Rollout:
    """On to taking our tag back; traffic stays where it is."""
    if r.first and ending is not Ending.PROMOTED:
        note = "; ".join(part for part in (note, NOTHING_BEFORE) if part)
        ending = Ending.STUCK
    finished = finish(r, ending, note, verdict)
    return enter(finished, Phase.CLEANING, at, r.plan.verify_within_s)


def ending_of(verdict: Verdict) -> Ending:
    """The ending of a rollout that its verdict stops."""
    return Ending.REJECTED if verdict.decision is Decision.REJECT else Ending.HELD


def hold(r: Rollout, at: datetime, subject: str, text: str, hint: str = "") -> Rollout:
    """On to taking our tag back or keeping it, with a verdict of hold for one reason."""
    return clean(r, Ending.HELD, at, Verdict.hold(subject, text, hint))


def unwritten(r: Rollout, service: Service) -> bool:
    """Whether nobody has written since our last write was decided on: ours did not happen (yet)."""
    return service.generation <= r.guard


def changed_again(service: Service) -> Verdict:
    """Somebody has written after us: whatever they want is left alone, also if it is the old."""
    by = f" by {service.mover}" if service.mover else ""
    now = shares_text(service.traffic.shares)
    return Verdict.hold("traffic", f"was changed again{by} (is {now}) and is left alone")


def left_undone(r: Rollout, service: Service) -> bool:
    """Whether traffic is not as asked for, Cloud Run has given up, and another try may help.

    Tries are bounded, and each waits longer for the last one than the one before.
    """
    patient = r.looks >= PATIENT_LOOKS * (r.conflicts + 1)
    tries_left = r.conflicts < CONFLICTS_MAX and not _hopeless(service)
    return patient and tries_left and service.gave_up and not service.obeyed


def given_up(r: Rollout, service: Service) -> bool:
    """Whether traffic is not as asked for and neither waiting nor another try can help."""
    return r.looks >= PATIENT_LOOKS and service.gave_up and _hopeless(service)


def _hopeless(service: Service) -> bool:
    """Whether no revision of the service has ever been able to serve."""
    return not service.latest_ready


def conflict(r: Rollout, phase: Phase, at: datetime) -> Rollout:
    """Back to a phase that reads, because the service is no longer what we decided on."""
    return replace(enter(r, phase, at, READ_WITHIN_S), conflicts=r.conflicts + 1, wanted=())
