"""Rules for people, to be seen: a stopped line, and what was set aside."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from gate.core.lease import stopped_on
from gate.core.policy import Json
from gate.core.service import Service
from gate.report.attempts import when
from gate.report.evidence import TEXT_MAX
from gate.report.fields import Entry, child, text, texts
from gate.report.lines import BLANK, Line, Tone
from gate.report.safe import WHOLE, safe
from gate.report.words import flags


def stopped_lines(service: Service) -> Iterator[Line]:
    """That people have stopped the line: what leads a status."""
    if stopped := stopped_on(service):
        yield Line(f"THE LINE IS STOPPED: {safe(str(stopped), TEXT_MAX)}", Tone.BAD)
        yield Line("nothing is rolled out nor promoted; rollbacks still work; to go on:")
        yield Line(f'gate resume {safe(flags(service.ref), WHOLE)} --reason "..."', indent=2)
        yield BLANK


def override_lines(entry: Entry) -> Iterator[Line]:
    """What was set aside, of an outcome: seen for ever."""
    override = child(entry, "override")
    if not override:
        return
    until = f"until {when(text(override, 'until'))} UTC"
    if overrode := texts(override, "overrode"):
        yield Line(f"OVERRODE {safe(', '.join(overrode), TEXT_MAX)} {until}", Tone.BAD, indent=2)
    asked = [one for one in texts(override, "rules") if one not in overrode]
    if asked:
        what = safe(", ".join(asked), TEXT_MAX)
        yield Line(f"was to override {what} {until}, which held nothing", Tone.UNSURE, indent=2)


def flags_set_aside(entry: Entry) -> list[str]:
    """What else was set aside, as it was asked for: `--again`, `--no-probe`, `unlock`."""
    rules = texts(child(entry, "override"), "rules")  # told by override_lines
    asked = [one for one in texts(entry, "overrides") if one not in rules]
    return [one if one == "unlock" else f"--{one}" for one in asked]


def overrode(entry: Entry) -> str:
    """Who set which rules aside and why, of an outcome; "" where nobody did."""
    found = texts(child(entry, "override"), "overrode")
    if not found:
        return ""
    by, why = text(entry, "actor"), text(entry, "reason")
    what = f"{', '.join(found)} by {by or 'somebody'}: {why}"
    return f"OVERRODE {safe(what, TEXT_MAX)}"


def in_effect(entries: Iterable[Entry], now: datetime) -> Iterator[Line]:
    """Rules that are set aside at this time, by the ledger."""
    for entry in entries:
        until = text(child(entry, "override"), "until")
        if overrode(entry) and _later(until, now):
            id_ = safe(text(entry, "rollout"))
            yield Line(f"{overrode(entry)} (rollout {id_}, until {when(until)} UTC)", Tone.BAD)


def _later(moment: str, now: datetime) -> bool:
    try:
        return datetime.fromisoformat(moment) > now
    except (ValueError, TypeError):
        return False


def stopped_value(service: Service) -> Json:
    """The same for machines: null while the line runs."""
    stopped = stopped_on(service)
    if stopped is None:
        return None
    since = stopped.since.isoformat() if stopped.since else ""
    return {"actor": stopped.actor, "reason": stopped.reason, "since": since}
