"""What all streams of one probe share: its question, parsed and compiled."""

from collections.abc import Mapping

from gate.core.template import USER, Template, parse, parse_json
from gate.kinds.stream import Format, Ids, StreamProbe
from gate.probes import headers
from gate.probes.expect import Expectation, compact
from gate.probes.inquiry import Run
from gate.probes.outcome import CannotAskError
from gate.probes.sockets.results import Wanted
from gate.probes.sockets.waiting import Listen
from gate.probes.stream.formats import MEDIA_TYPES
from gate.probes.web.asking import named, written
from gate.probes.web.exchange import Request

LOOK_S = 5.0
"""So much longer, or twice as long, a late first event is waited for: what comes says why."""
_ACCEPT = {Format.EVENTS: "text/event-stream"}


class Plan:
    """A probe's spec with everything parsed and compiled.

    Args:
        spec: the probe.
        run: what it runs in.

    Raises:
        CannotAskError: a schema is none.
        ValueProblem: a template is malformed.
    """

    def __init__(self, spec: StreamProbe, run: Run) -> None:
        self.spec = spec
        self.run = run
        self.url = run.target.url + spec.path
        self.trace = headers.Trace()
        self._body = parse_json(spec.body)
        self._headers = _headers(spec, self._body.names)
        self.steps = [Listen(step, step.event, "event") for step in spec.events]
        self.each = Expectation(spec.each)
        self.never = Expectation(spec.never)
        self.media_types = (
            (spec.content_type.lower(),) if spec.content_type else MEDIA_TYPES[spec.format]
        )

    def request(self, values: Mapping[str, str], last_id: str = "") -> Request:
        """The request of one stream.

        Args:
            values: what templates are rendered with.
            last_id: goes on after the event of this id, "" to begin.

        Raises:
            CannotAskError: a value is missing, or is none that a header can carry.
        """
        own = self._headers
        if last_id and not (last_id.isascii() and last_id.isprintable()):
            raise CannotAskError(
                "an id that holds more than printable ASCII", "one that a header can carry"
            )
        if last_id:
            own = (*own, ("Last-Event-ID", parse(last_id.replace("${", "$${"))))
        sent = headers.render(self.trace, self.run.target.headers, own, values)
        body, content_type = written(self._body.render(values))
        extra = {
            "accept": _ACCEPT.get(self.spec.format, "*/*"),
            "accept-encoding": "gzip",
            "cache-control": "no-cache",
        } | content_type
        names = {name.lower() for name, _ in sent}
        sent += tuple((name, value) for name, value in extra.items() if name not in names)
        return Request(self.spec.method, self.url, sent, body)

    @property
    def first(self) -> str:
        """What must come first, in words."""
        return f"the first event within {self.spec.first_within_s:g} s"

    @property
    def look_s(self) -> float:
        """How long is waited at most for anything to come."""
        spec = self.spec
        most_s = spec.first_within_s + max(LOOK_S, spec.first_within_s)
        return most_s if spec.for_s else min(max(spec.within_s, spec.first_within_s), most_s)

    @property
    def asked(self) -> str:
        """The question in one line."""
        spec = self.spec
        parts = [f"{spec.method} {spec.path}, streamed"]
        parts += [f"{spec.connections} together"] if spec.connections > 1 else []
        parts += [f"as {', '.join(spec.users)}"] if spec.users else []
        parts += [f"for {spec.for_s:g} s"] if spec.for_s else []
        parts += [f"cut after {_events(spec.resume_after)}"] if spec.resume_after else []
        return ", ".join(parts)

    @property
    def expected(self) -> str:
        """What must be seen, in one line."""
        spec = self.spec
        wanted = [str(step) for step in self.steps] or [f"at least {_events(spec.least)}"]
        parts = [f"{named(spec.status)} and {', '.join(wanted)}"]
        parts.append(self.first)
        parts += [f"then one every {spec.gap_s:g} s"] if spec.gap_s else []
        parts += [f"spread over {spec.spread_s:g} s"] if spec.spread_s else []
        parts += [f"open for {spec.for_s:g} s"] if spec.for_s else []
        parts += ["after the cut what follows, and nothing twice"] if spec.resume_after else []
        parts += [f"ids {spec.ids.value}"] if spec.ids is not Ids.ANY else []
        parts += ["its end"] if spec.end else []
        who = "" if spec.connections == 1 else f"{spec.success_percent:g}% of the streams: "
        return who + ", ".join(parts)

    @property
    def question(self) -> str:
        """The request as the policy writes it: without a secret."""
        shown = [f"{name}: {template.source}" for name, template in self._headers]
        body = [compact(self._body.source)] if self._body.source is not None else []
        return "; ".join([f"{self.spec.method} {self.url}", *shown, *body])

    def wanted(self) -> Wanted:
        """What is asked of all streams together."""
        spec = self.spec
        return Wanted(
            self.run.words,
            spec.connections,
            spec.success_percent,
            spec.foreign_events,
            self.question,
            self.trace.id,
        )


def _events(count: int) -> str:
    return f"{count} event{'' if count == 1 else 's'}"


def _headers(spec: StreamProbe, in_body: frozenset[str]) -> tuple[tuple[str, Template], ...]:
    """The policy's headers; where nothing says how users show who they are, as bearers."""
    given = tuple((name, parse(value)) for name, value in spec.headers)
    names = in_body | {name for _, template in given for name in template.names}
    if spec.users and USER not in names:
        return (*given, ("Authorization", parse(f"Bearer ${{{USER}}}")))
    return given
