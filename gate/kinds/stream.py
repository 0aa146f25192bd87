"""`stream`: answers that come piece by piece, as server-sent events, JSON lines or plain pieces."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, ClassVar, Self

from gate.core import template
from gate.core.expectations import Pattern
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds import sampling
from gate.kinds.checks import CanFail, OwnHeaders, Within
from gate.kinds.collections import ListOf
from gate.kinds.forms import AnyJson, Flag, Text, Whole, one_of
from gate.kinds.http import METHODS, SAFE_METHODS
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Kind
from gate.kinds.records import Expected, Key, Record, slots_of
from gate.kinds.templates import Plain, Templated
from gate.kinds.values import (
    Limit,
    Path,
    Percent,
    Seconds,
    SomeSeconds,
    Statuses,
    header_texts,
    pattern_keys,
)
from gate.kinds.websocket import Await, User

_REQUEST_TIMEOUT_S = 300.0
"""Cloud Run's own (cloud.google.com/run/docs/configuring/request-timeout)."""


class Format(Enum):
    """How a stream is written."""

    EVENTS = "events"  # text/event-stream (html.spec.whatwg.org, server-sent events)
    LINES = "lines"  # a JSON value a line
    PIECES = "pieces"  # whatever comes at once


class Ids(Enum):
    """What the ids of events must be."""

    ANY = "any"
    UNIQUE = "unique"
    CONSECUTIVE = "consecutive"


@dataclass(frozen=True, slots=True)
class AwaitEvent(Await):
    """Waits for one event that matches, or for a sequence of events by name."""

    event: Annotated[
        str,
        Text("the name of an event"),
        Plain(),
        Key(
            "only events of this name count: the field `event`, or `type` in the JSON data of one "
            "without it",
            absent="any",
        ),
    ] = ""

    def agree(self) -> None:
        """As Checked.agree."""
        if self.answer.empty and not self.sequence and not self.event:
            raise ValueProblem("", "asks for nothing (expected event, json, schema or sequence)")
        if self.once and not self.sequence:
            raise ValueProblem(
                "once", "says nothing without a sequence", hint="name the names under `sequence`"
            )


AWAIT_EVENT = Record(
    "step",
    AwaitEvent,
    slots_of(AwaitEvent),
    some_of=("event", "json", "schema", "sequence"),
)


@dataclass(frozen=True, slots=True)
class StreamProbe(Keys):
    """Streams from one path: what comes in them, when, and how they end.

    `${user}` is the secret of the connection's user; where users are given and neither headers nor
    body name it, the header `Authorization: Bearer ${user}` is sent.
    """

    facts: ClassVar[Kind] = Kind(
        "stream",
        "Server-sent events and other answers that come piece by piece",
        "gate.probes.stream.probe:ask",
        again=True,
        rank=3,
    )

    path: Annotated[Path, Key("path and query on the candidate's own URL")]
    method: Annotated[str, METHODS, Key("the HTTP method")] = "GET"
    headers: Annotated[
        tuple[tuple[str, str], ...],
        header_texts(user=True),
        OwnHeaders(),
        Key("name to text; may hold templates"),
    ] = ()
    body: Annotated[
        Json,
        AnyJson(),
        Templated(user=True),
        Key("a text is sent as it is, anything else as JSON; may hold templates"),
    ] = field(default=None, hash=False)
    format: Annotated[
        Format,
        one_of(Format),
        Key(
            "`events` (server-sent events), `lines` (a JSON value a line) or `pieces` (whatever "
            "comes at once, of which only number and time are looked at)"
        ),
    ] = Format.EVENTS
    users: Annotated[
        tuple[str, ...],
        ListOf(item=User),
        Key("names of secrets; connection i is user i modulo their number"),
    ] = ()
    connections: Annotated[
        int,
        Whole(low=1, high=1000),
        Key("how many streams are open together, 1 to 1000"),
    ] = 1
    first_within_s: Annotated[
        SomeSeconds, Key("limit from the request to the first event, its answer's head included")
    ] = 10.0
    gap_s: Annotated[
        Limit,
        Key("longest time from one event to the next; comments count as none", absent="any"),
    ] = None
    silence_s: Annotated[
        Limit,
        Key(
            "longest time in which nothing comes at all, comments (`: ping`) included, once the "
            "answer's head has come",
            absent="any",
        ),
    ] = None
    for_s: Annotated[
        Seconds,
        Within(0, 3600),
        Key(
            "how long it must stay open, up to 1h; then we hang up",
            absent="until all has come that is expected",
        ),
    ] = 0.0
    within_s: Annotated[
        SomeSeconds,
        Key("limit for all that is expected, from the request on; says nothing with `for`"),
    ] = 30.0
    resume_after: Annotated[
        int,
        Whole(low=0, high=100_000),
        Key(
            "hang up after so many events and ask again with `Last-Event-ID`: the stream must go "
            "on from there, without a gap and without a repeat",
            absent="no cut",
        ),
    ] = 0
    status: Annotated[Statuses, Expected("one status, or a list of those that will do")] = (200,)
    content_type: Annotated[
        str,
        Text("a media type such as text/event-stream", r"[!#$%&'*+.^_`|~0-9A-Za-z/-]+", 200),
        Expected(
            "the media type of the answer",
            absent="the format's: `text/event-stream`, one for JSON lines, or any for pieces",
        ),
    ] = ""
    events: Annotated[
        tuple[AwaitEvent, ...],
        ListOf(item=Annotated[AwaitEvent, AWAIT_EVENT], most=1000),
        Expected("what must come, in this order, others between them"),
    ] = ()
    each: Annotated[
        Pattern,
        pattern_keys(user=True),
        Expected("`json` and `schema` of every event's data", absent="anything"),
    ] = field(default_factory=Pattern)
    never: Annotated[
        Pattern,
        pattern_keys(user=True),
        Expected("`json` and `schema` of an event's data that must not come", absent="nothing"),
    ] = field(default_factory=Pattern)
    least: Annotated[
        int,
        Whole(low=0, high=1_000_000),
        Expected("least number of events that must come; 0 for a stream that may say nothing"),
    ] = 1
    ids: Annotated[
        Ids,
        one_of(Ids),
        Expected(
            "`unique`: no id comes twice; `consecutive`: each is a whole number, one more than the "
            "one before; with `resume_after`, no id may come twice in any case"
        ),
    ] = Ids.ANY
    spread_s: Annotated[
        Seconds,
        Within(0, 3600),
        Expected(
            "least time from the first event to the last one. A stream that something buffers "
            "until its end comes at once",
            absent="none",
        ),
    ] = 0.0
    end: Annotated[
        bool,
        Flag(),
        Expected(
            "whether the server must end the stream itself and whole within `within`; otherwise "
            "we hang up once all has come"
        ),
    ] = False
    success_percent: Annotated[
        float,
        Percent(),
        Within(0, 100),
        CanFail(),
        Expected("share of the streams that must go right"),
    ] = 100.0
    foreign_events: Annotated[
        int,
        Whole(low=0, high=1_000_000),
        Expected("how many events may carry another connection's nonce"),
    ] = 0

    def agree(self) -> None:
        """As Checked.agree."""
        if self.method == "HEAD":
            raise ValueProblem("method", "gets no body (got HEAD, expected e.g. GET or POST)")
        self._agree_on_time()
        if self.format is not Format.EVENTS and (self.resume_after or self.ids is not Ids.ANY):
            key = "resume_after" if self.resume_after else "ids"
            raise ValueProblem(
                key, f"needs ids (got the format {self.format.value}, expected events)"
            )
        if self.format is Format.PIECES and self._looks_inside:
            raise ValueProblem(
                "format",
                "has no borders to look between (got pieces, with events, each or never)",
                hint="write lines if every line is a JSON value",
            )

    def _agree_on_time(self) -> None:
        if self.for_s and (self.end or self.resume_after):
            key = "end" if self.end else "resume_after"
            raise ValueProblem(key, "excludes for: it must stay open so long, or be over before")
        limit_s, name = (self.for_s, "for") if self.for_s else (self.within_s, "within")
        if not self.for_s and self.first_within_s > limit_s:
            raise ValueProblem(
                "first_within",
                f"is longer than within (got {self.first_within_s:g} s, expected at most "
                f"{limit_s:g} s)",
                hint="raise within, the limit for the whole of it",
            )
        if self.spread_s >= limit_s:
            raise ValueProblem(
                "spread",
                f"leaves no time (got {self.spread_s:g} s, expected less than {name}, "
                f"{limit_s:g} s)",
            )

    @property
    def _looks_inside(self) -> bool:
        return bool(self.events) or not (self.each.empty and self.never.empty)

    def unfit(self, reading: object) -> Iterator[ValueProblem]:
        """As Keys.unfit."""
        del reading
        if template.USER in self.names and not self.users:
            yield ValueProblem(
                "",
                "uses ${user}, but has no users",
                "name the secrets that the connections take turns with: users: [alice, bob]",
            )

    @property
    def asked(self) -> str:
        """As Keys.asked."""
        return f"{self.method} {self.path}"

    @property
    def least_s(self) -> float:
        """As Keys.least_s."""
        return max(self.for_s, self.spread_s)

    @property
    def sessions(self) -> int:
        """As Keys.sessions."""
        return self.connections

    @property
    def expects(self) -> tuple[Json, ...]:
        """As Keys.expects."""
        patterns = [self.each, self.never]
        patterns += [one for step in self.events for one in (step.answer, step.never)]
        return (*(one.json for one in patterns), *(dict(step.where) for step in self.events))

    @property
    def names(self) -> frozenset[str]:
        """As Keys.names, with the secrets of its users."""
        return self.names_in_templates() | frozenset(self.users)

    def remarks(self, *, stable: bool) -> Iterator[Remark]:
        """As Keys.remarks."""
        del stable
        if self.success_percent < 100:
            yield Remark(
                "expect.success",
                f"{100 - self.success_percent:g}% of the streams may fail and the probe still "
                "passes",
            )
        if self.for_s >= _REQUEST_TIMEOUT_S:
            yield Remark(
                "stream.for",
                "is as long as Cloud Run's request timeout, which ends every stream",
                "ask for less than that, or raise the timeout of the service (60m at most)",
            )
        said = template.names([self.body, *(value for _, value in self.headers)])
        if len(set(self.users)) > 1 and template.NONCE not in said:
            yield Remark(
                "stream",
                "sends no ${nonce}, so that an event for another user would not be recognised",
                "send the nonce in a header or in the body",
            )
        if told := sampling.of_budget(self.success_percent, self.sessions):
            yield Remark("expect.success", told[0], "raise connections")

    @property
    def writes(self) -> bool:
        """As Keys.writes."""
        return self.method not in SAFE_METHODS

    @classmethod
    def remarks_on_all(cls, asked: Sequence[Self], *, secrets: bool) -> Iterator[Remark]:
        """As Keys.remarks_on_all."""
        del secrets
        if not any(one.spread_s or one.for_s for one in asked):
            yield Remark(
                "",
                "no stream probe asks for a spread: a stream that something buffers until its end "
                "would pass, unless that takes longer than first_within",
                "give one of them expect: {spread: …}, somewhat less than the stream takes",
            )
