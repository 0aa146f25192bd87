"""Rules for people, to be seen: a stopped line, and what was set aside."""

from collections.abc import Iterator

from gate.core.lease import stopped_on
from gate.core.policy import Json
from gate.core.service import Service
from gate.report.evidence import TEXT_MAX
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


def stopped_value(service: Service) -> Json:
    """The same for machines: null while the line runs."""
    stopped = stopped_on(service)
    if stopped is None:
        return None
    since = stopped.since.isoformat() if stopped.since else ""
    return {"actor": stopped.actor, "reason": stopped.reason, "since": since}
