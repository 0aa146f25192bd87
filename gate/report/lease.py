"""Who is at work on a service, what a dead rollout left, and what automation leaves alone."""

from collections.abc import Iterator
from datetime import UTC, datetime

from gate.core.bars import standing_bars
from gate.core.lease import Standing, standing
from gate.core.mark import Barred, Mark, UnreadableMark
from gate.core.policy import Json
from gate.core.rescue import by_hand
from gate.core.service import Service
from gate.report.lines import Line, Tone
from gate.report.safe import WHOLE, safe
from gate.report.words import flags, moment, service_text, shares_text

BARRED_MAX = 3


def lease_lines(service: Service, now: datetime) -> Iterator[Line]:
    """Who is at work and since when; a dead rollout and the way out.

    Where nobody is: whether somebody else has moved traffic since the gate did.
    """
    match standing(service, now):
        case Standing.HELD:
            mark = service.mark
            yield Line(f"at work:     {_holder(mark)}", indent=2)
            yield Line(f"phase:       {_phase(mark)}", indent=2)
            yield Line(f"lease:       until {_until(mark)}, unless it is renewed", indent=2)
        case Standing.LAPSED:
            yield from _unfinished(service)
        case Standing.UNREADABLE:
            yield from _unreadable(service)
        case Standing.FREE:
            yield from _others(service)


def barred_lines(service: Service) -> Iterator[Line]:
    """The revisions that people moved users away from, newest first, with who and why."""
    bars = standing_bars(service, {})
    for bar in reversed(bars[-BARRED_MAX:]):
        yield Line(f"barred:      {_bar(bar)}", Tone.UNSURE, indent=2)
    if len(bars) > BARRED_MAX:
        yield Line(f"and {len(bars) - BARRED_MAX} older ones", Tone.FAINT, indent=15)
    if bars:
        text = "no rollout promotes these again, unless with --again and --reason"
        yield Line(text, Tone.FAINT, indent=15)


def idle_lines(service: Service, now: datetime) -> Iterator[Line]:
    """Why there is nothing to recover."""
    where = service_text(service.ref)
    match standing(service, now):
        case Standing.HELD:
            mark = service.mark
            text = f"{where}: {_holder(mark)} is at work, its lease runs until {_until(mark)}"
            yield Line(f"{text}: left alone")
            yield Line("to undo what it has done and move all users back, whoever is at work:")
            yield Line(safe(by_hand("rollback", service.ref), WHOLE), indent=2, whole=True)
            yield Line("to take its lease away, and what it has done back:")
            yield Line(safe(by_hand("unlock", service.ref), WHOLE), indent=2, whole=True)
        case Standing.UNREADABLE:
            yield Line(f"{where}:", Tone.BAD)
            yield from _unreadable(service)
        case _:
            yield Line(f"{where}: nothing to recover")


def lease_value(service: Service, now: datetime) -> Json:
    """The same for machines: see the fields in gate.report.machine."""
    stands = standing(service, now)
    mark = Mark() if stands is Standing.UNREADABLE else service.mark
    held = bool(mark.holder)
    return {
        "state": stands.value,
        "rollout": mark.holder,
        "actor": mark.actor if held else "",
        "since": _time(mark.since) if held else "",
        "until": _time(mark.until) if held else "",
        "phase": mark.phase if held else "",
        "candidate": mark.candidate,
        "fence": mark.fence,
    }


def barred_value(service: Service) -> Json:
    """The barred revisions for machines, oldest first."""
    return [
        {"revision": bar.revision, "image": bar.image, "actor": bar.actor, "reason": bar.reason}
        for bar in standing_bars(service, {})
    ]


def _unfinished(service: Service) -> Iterator[Line]:
    mark = service.mark
    yield Line(f"UNFINISHED:  {_holder(mark)} died: {_phase(mark)}", Tone.BAD, indent=2)
    yield Line(f"lease:       ran out at {_until(mark)}", Tone.BAD, indent=2)
    if mark.safe:
        shares = shares_text(dict(mark.safe))
        yield Line(f"it leaves:   traffic to go back to {shares}", Tone.BAD, indent=2)
    text = "way out:     the next rollout takes back what it left; at once, that does"
    yield Line(text, indent=2)
    yield Line(f"gate recover {flags(service.ref)}", indent=15, whole=True)


def _unreadable(service: Service) -> Iterator[Line]:
    why = ""
    try:
        _ = service.mark
    except UnreadableMark as error:
        why = safe(str(error), 200)
    text = f"lease:       UNREADABLE, the gate's own annotation is {why}"
    yield Line(text, Tone.BAD, indent=2)
    text = "way out:     no rollout starts before a person has looked, and then given"
    yield Line(text, indent=2)
    yield Line(f'gate unlock {flags(service.ref)} --reason "..."', indent=15, whole=True)


def _others(service: Service) -> Iterator[Line]:
    wrote = dict(service.mark.wrote)
    now = service.traffic.pinned(service.latest_ready).shares
    if wrote and wrote != now:
        text = f"others:      somebody has moved traffic since the gate set {shares_text(wrote)}"
        yield Line(text, Tone.UNSURE, indent=2)


def _holder(mark: Mark) -> str:
    by = f" ({safe(mark.actor, 100)})" if mark.actor else ""
    since = f", since {moment(mark.since)}" if mark.since else ""
    return f"rollout {safe(mark.holder, 80)}{by}{since}"


def _phase(mark: Mark) -> str:
    name = f", candidate {safe(mark.candidate, 80)}" if mark.candidate else ""
    return f"{safe(mark.phase, 40) or 'unknown'}{name}"


def _until(mark: Mark) -> str:
    return moment(mark.until) if mark.until else "a time that nobody wrote down"


def _bar(bar: Barred) -> str:
    why = f": {safe(bar.reason, 80)}" if bar.reason else ""
    return f"{safe(bar.revision, 80)}, rolled back by {safe(bar.actor, 100) or 'somebody'}{why}"


def _time(at: datetime | None) -> str:
    if at is None:
        return ""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
