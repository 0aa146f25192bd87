"""Who is at work on a service, what a dead rollout left, and what automation leaves alone."""

from collections.abc import Iterator
from datetime import UTC, datetime

from gate.core.annotation import Denied, RolloutAnnotation, UnreadableAnnotation
from gate.core.denylist import BY_OTHER_MEANS, denylist_of
from gate.core.lease import LeaseState, lease_state
from gate.core.policy import Json
from gate.core.recorded import UNFINISHED
from gate.core.rescue import by_hand
from gate.core.service import Service
from gate.report.lines import Line, Tone
from gate.report.safe import WHOLE, safe
from gate.report.words import flags, moment, service_text, shares_text

DENYLIST_SHOWN_MAX = 3


def lease_lines(service: Service, now: datetime) -> Iterator[Line]:
    """Who is at work and since when; a dead rollout and the way out.

    Where nobody is: whether somebody else has moved traffic since the gate did.
    """
    match lease_state(service, now):
        case LeaseState.HELD:
            annotation = service.rollout_annotation
            yield Line(f"at work:     {_holder(annotation)}", indent=2)
            yield Line(f"phase:       {_phase(annotation)}", indent=2)
            yield Line(f"lease:       until {_until(annotation)}, unless it is renewed", indent=2)
        case LeaseState.LAPSED:
            yield from _unfinished(service)
        case LeaseState.UNREADABLE:
            yield from _unreadable(service)
        case LeaseState.FREE:
            yield from _others(service)


def unfinished_means(service: Service, now: datetime) -> str:
    """Why a decision has no outcome, by what the service says of its lease."""
    what = f"{UNFINISHED}: no outcome is recorded;"
    match lease_state(service, now):
        case LeaseState.HELD:
            until = _until(service.rollout_annotation)
            return (
                f"{what} it is at work, or was killed: the lease on the service runs until "
                f"{until}, from when on `gate recover` takes back what a killed one left "
                "(`gate rollback` and `gate unlock` do not wait)"
            )
        case LeaseState.LAPSED:
            return f"{what} the gate was killed half-way: `gate recover` takes back what it left"
        case LeaseState.UNREADABLE:
            return f"{what} whether it is at work cannot be read"
        case LeaseState.FREE:
            return (
                f"{what} the gate was killed half-way; nobody is at work now, and nothing has to "
                "be taken back unless `next:` says so"
            )


def denylist_lines(service: Service) -> Iterator[Line]:
    """The revisions that people moved users away from, newest first, with who and why."""
    denylist = denylist_of(service, {})
    for denied in reversed(denylist[-DENYLIST_SHOWN_MAX:]):
        yield Line(f"barred:      {_denied(denied)}", Tone.UNSURE, indent=2)
    if len(denylist) > DENYLIST_SHOWN_MAX:
        yield Line(f"and {len(denylist) - DENYLIST_SHOWN_MAX} older ones", Tone.FAINT, indent=15)
    if denylist:
        text = "no rollout promotes these again, unless with --again and --reason"
        yield Line(text, Tone.FAINT, indent=15)


def idle_lines(service: Service, now: datetime) -> Iterator[Line]:
    """Why there is nothing to recover."""
    where = service_text(service.ref)
    match lease_state(service, now):
        case LeaseState.HELD:
            annotation = service.rollout_annotation
            text = f"{where}: {_holder(annotation)} is at work, its lease runs until"
            yield Line(f"{text} {_until(annotation)}: left alone")
            yield Line("to undo what it has done and move all users back, whoever is at work:")
            yield Line(safe(by_hand("rollback", service.ref), WHOLE), indent=2, whole=True)
            yield Line("to take its lease away, and what it has done back:")
            yield Line(safe(by_hand("unlock", service.ref), WHOLE), indent=2, whole=True)
        case LeaseState.UNREADABLE:
            yield Line(f"{where}:", Tone.BAD)
            yield from _unreadable(service)
        case _:
            yield Line(f"{where}: nothing to recover")


def lease_value(service: Service, now: datetime) -> Json:
    """The same for machines: see the fields in gate.report.machine."""
    state = lease_state(service, now)
    annotation = (
        RolloutAnnotation() if state is LeaseState.UNREADABLE else service.rollout_annotation
    )
    held = bool(annotation.holder)
    return {
        "state": state.value,
        "rollout": annotation.holder,
        "actor": annotation.actor if held else "",
        "since": _time(annotation.since) if held else "",
        "until": _time(annotation.until) if held else "",
        "phase": annotation.phase if held else "",
        "candidate": annotation.candidate,
        "fence": annotation.fence,
    }


def denylist_value(service: Service) -> Json:
    """The denied revisions for machines, oldest first."""
    return [
        {"revision": one.revision, "image": one.image, "actor": one.actor, "reason": one.reason}
        for one in denylist_of(service, {})
    ]


def _unfinished(service: Service) -> Iterator[Line]:
    annotation = service.rollout_annotation
    yield Line(f"UNFINISHED:  {_holder(annotation)} died: {_phase(annotation)}", Tone.BAD, indent=2)
    yield Line(f"lease:       ran out at {_until(annotation)}", Tone.BAD, indent=2)
    if annotation.safe:
        shares = shares_text(dict(annotation.safe))
        yield Line(f"it leaves:   traffic to go back to {shares}", Tone.BAD, indent=2)
    text = "way out:     the next rollout takes back what it left; at once, that does"
    yield Line(text, indent=2)
    yield Line(f"gate recover {flags(service.ref)}", indent=15, whole=True)


def _unreadable(service: Service) -> Iterator[Line]:
    why = ""
    try:
        _ = service.rollout_annotation
    except UnreadableAnnotation as error:
        why = safe(str(error), 200)
    text = f"lease:       UNREADABLE, the gate's own annotation is {why}"
    yield Line(text, Tone.BAD, indent=2)
    text = "way out:     no rollout starts before a person has looked, and then given"
    yield Line(text, indent=2)
    yield Line(f'gate unlock {flags(service.ref)} --reason "..."', indent=15, whole=True)


def _others(service: Service) -> Iterator[Line]:
    wrote = dict(service.rollout_annotation.wrote)
    now = service.traffic.pinned(service.latest_ready).shares
    if wrote and wrote != now:
        text = f"others:      somebody has moved traffic since the gate set {shares_text(wrote)}"
        yield Line(text, Tone.UNSURE, indent=2)


def _holder(annotation: RolloutAnnotation) -> str:
    by = f" ({safe(annotation.actor, 100)})" if annotation.actor else ""
    since = f", since {moment(annotation.since)}" if annotation.since else ""
    return f"rollout {safe(annotation.holder, 80)}{by}{since}"


def _phase(annotation: RolloutAnnotation) -> str:
    name = f", candidate {safe(annotation.candidate, 80)}" if annotation.candidate else ""
    return f"{safe(annotation.phase, 40) or 'unknown'}{name}"


def _until(annotation: RolloutAnnotation) -> str:
    return moment(annotation.until) if annotation.until else "a time that nobody wrote down"


def _denied(denied: Denied) -> str:
    name, who = safe(denied.revision, 80), safe(denied.actor, 100)
    if denied.reason == BY_OTHER_MEANS:
        by = f" ({who})" if who else ""
        return f"{name}, lost its users by other means than the gate{by}"
    why = f": {safe(denied.reason, 80)}" if denied.reason else ""
    return f"{name}, rolled back by {who or 'somebody'}{why}"


def _time(at: datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
