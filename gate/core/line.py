"""Stopping the line for a service, and resuming it: a word in the annotation, and nothing else.

Whoever is at work keeps the lease; traffic stays as it is.
"""

from dataclasses import replace
from datetime import datetime

from gate.core.annotation import Stopped, UnreadableAnnotation
from gate.core.lease import REASON_MAX, stopped_on
from gate.core.messages import SetTraffic
from gate.core.service import Service
from gate.core.state import Ending, Kind, Plan, Rollout
from gate.core.transitions import finish

UNREADABLE = "the gate's own annotation cannot be read; `gate unlock --reason` writes a new one"
HIDDEN = "what the service says changes with each look: somebody else goes on writing"


def line_write(r: Rollout, service: Service) -> SetTraffic | Rollout:
    """The write that stops the line or lets it go on; the ended rollout where none is needed.

    Args:
        r: what was asked for, with the time of the last look.
        service: as just read.
    """
    now = service.traffic.pinned(service.latest_ready)
    r = replace(r, service=service, before=service.traffic, placed=now)
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation:
        return finish(r, Ending.REFUSED, f"{service.ref}: {UNREADABLE}")
    wanted = _wanted(r.plan, r.started_at)
    if r.sent is not None and annotation.stopped == wanted:
        return finish(r, _ENDINGS[r.plan.kind])
    if bool(annotation.stopped) is bool(wanted):
        told = "the line is not stopped"
        if wanted:
            told = f"nothing is changed, since the line is already {annotation.stopped}"
        return finish(r, Ending.UNCHANGED, f"{service.ref}: {told}")
    why = "stop the line" if wanted else f"resume the line, which was {stopped_on(service)}"
    written = replace(annotation, stopped=wanted)
    return SetTraffic(service.traffic, service.etag, why, wanted is not None, written)


def unsettled(r: Rollout) -> Rollout:
    """The end where no look shows what was written, after all tries."""
    return finish(r, Ending.FAILED, HIDDEN)


def _wanted(plan: Plan, at: datetime) -> Stopped | None:
    if plan.kind is Kind.RESUME:
        return None
    return Stopped(plan.actor, plan.reason[:REASON_MAX], at)


_ENDINGS = {Kind.STOP: Ending.STOPPED, Kind.RESUME: Ending.RESUMED}
