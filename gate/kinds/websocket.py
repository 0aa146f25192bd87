"""`websocket`: sessions, and how they must go and end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Self

from gate.core import template
from gate.core.expectations import Pattern
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds import sampling
from gate.kinds.checks import CanFail, OwnHeaders, Within
from gate.kinds.collections import ListOf, OneOrMany
from gate.kinds.forms import AnyJson, Flag, Text, Whole
from gate.kinds.keys import Keys, Remark
from gate.kinds.kind import Kind
from gate.kinds.records import Checked, Expected, Key, Record, Slot, slots_of
from gate.kinds.templates import Plain, Reading, Templated
from gate.kinds.values import (
    Known,
    Pairs,
    Percent,
    Seconds,
    Selected,
    SomeSeconds,
    UserPath,
    header_texts,
    not_offered,
    offers,
    pattern_keys,
)

_JSON = Annotated[Json, AnyJson(), Templated(user=True)]


@dataclass(frozen=True, slots=True)
class Send:
    """A script step: send this JSON value (or text, as it is) after rendering its templates."""

    message: Json = field(hash=False)


@dataclass(frozen=True, slots=True)
class Await(Checked):
    """A script step: wait for one message that matches, or for a sequence of messages by type."""

    answer: Annotated[Pattern, pattern_keys(user=True), Key("")] = field(default_factory=Pattern)
    sequence: Annotated[
        tuple[str, ...],
        ListOf(item=Annotated[str, Text("a message type"), Plain()], most=100),
        Key(
            "message types (the field `type`, or a server-sent event's name) that must come in "
            "this order, others between them; `json` and `schema` are then asked of the last one"
        ),
    ] = ()
    where: Annotated[
        tuple[tuple[str, Json], ...],
        Pairs(name=Text("a field name"), item=_JSON, least=1),
        Key("only messages with these fields count; may hold templates", absent="every message"),
    ] = field(default=(), hash=False)
    never: Annotated[
        Pattern,
        pattern_keys(user=True),
        Key("`json` and `schema` of a message that fails the step at once", absent="nothing"),
    ] = field(default_factory=Pattern)
    within_s: Annotated[SomeSeconds, Key("limit for the step")] = 10.0
    once: Annotated[
        bool,
        Flag(),
        Key(
            "with `sequence`: whether a type of it that has come must not come again before the "
            "last one. Leave it out where an agent may, say, execute several tools"
        ),
    ] = False

    def agree(self) -> None:
        """As Checked.agree."""
        if self.answer.empty and not self.sequence:
            raise ValueProblem("expect", "asks for nothing (expected json, schema or sequence)")
        if self.once and not self.sequence:
            raise ValueProblem(
                "once", "says nothing without a sequence", hint="name the types under `sequence`"
            )


Step = Send | Await

AWAIT = Record("expect", Await, slots_of(Await), some_of=("json", "schema", "sequence"))
_SEND = "what to send: a text as it is, anything else as JSON; may hold templates"


def _step(send: Json = None, expect: Await | None = None) -> Step:
    return Send(send) if expect is None else expect


@dataclass(frozen=True, slots=True)
class Steps(Record):
    """One step, by which of its two keys is there."""

    def text(self, value: Any) -> Json:
        """As Form.text."""
        if isinstance(value, Send):
            return {"send": value.message}
        return {"expect": AWAIT.text(value)}


STEP = Steps(
    "step",
    _step,
    (
        Slot("send", _JSON, Key(_SEND), None),
        Slot("expect", Annotated[Await, AWAIT], Key("what to wait for, passing over others"), None),
    ),
    one_of=("send", "expect"),
)


def _taken_over(_: str) -> tuple[Step, ...]:
    """Another probe's script stands in its place before it is read."""
    return ()


def _secrets(reading: Reading) -> frozenset[str]:
    return reading.secrets


User = Annotated[
    str,
    Text("the name of a secret"),
    Known(_secrets, "is not a secret of this policy", "define it under secrets"),
]
_REFUSAL = Whole(low=200, high=599, what="an HTTP status or a close code", also=(1000, 4999))


@dataclass(frozen=True, slots=True)
class WebSocketProbe(Keys):
    """Sessions against one WebSocket path, and how they must go and end.

    `${user}` is the secret of the connection's user; where users are given and neither
    path, subprotocols nor headers name it, the header `Authorization: Bearer ${user}` is sent.
    """

    facts: ClassVar[Kind] = Kind(
        "websocket",
        "WebSocket sessions",
        "gate.probes.websocket.probe:ask",
        elsewhere=(
            "has no meaning where parties are given",
            "say it in steps, or ask it in a probe of its own, without parties",
        ),
        again=True,
        rank=3,
        script="script",
        along=("subprotocols", "headers"),
    )

    path: Annotated[UserPath, Key("path and query on the candidate's own URL; may hold templates")]
    subprotocols: Annotated[
        tuple[str, ...],
        offers(user=True),
        Key("what is offered; may hold templates, secrets with `base64url`"),
    ] = ()
    headers: Annotated[
        tuple[tuple[str, str], ...],
        header_texts(user=True),
        OwnHeaders(),
        Key("headers of the handshake; may hold templates"),
    ] = ()
    users: Annotated[
        tuple[str, ...],
        ListOf(item=User),
        Key("names of secrets; connection i is user i modulo their number"),
    ] = ()
    connections: Annotated[
        int,
        Whole(low=1, high=10_000),
        Key("how many sessions are open together in one round, 1 to 10000"),
    ] = 1
    hold_s: Annotated[
        Seconds,
        Within(0, 86_400),
        Key("how long all of them stay open after the last script has ended"),
    ] = 0.0
    repeat: Annotated[
        int,
        Whole(low=1, high=100_000),
        Key("rounds, one after the other, each with new connections, 1 to 100000"),
    ] = 1
    open_within_s: Annotated[SomeSeconds, Key("limit for one handshake")] = 10.0
    script: Annotated[
        tuple[Step, ...],
        OneOrMany(
            item=Annotated[Step, STEP],
            one=Annotated[str, Text("a list of steps, or another probe's name")],
            means=_taken_over,
        ),
        Key("steps, or the name of another websocket probe", absent="none: open, hold, close"),
    ] = ()
    success_percent: Annotated[
        float,
        Percent(),
        Within(0, 100),
        CanFail(),
        Expected("share of the sessions that must go right"),
    ] = 100.0
    close_code: Annotated[
        int | None,
        Whole(low=1000, high=4999, what="a close code"),
        Expected("the code with which the server must answer our close with 1000", absent="any"),
    ] = None
    refused: Annotated[
        tuple[int, ...],
        OneOrMany(item=Annotated[int, _REFUSAL]),
        Expected(
            "one number or a list: every session must be refused, with one of these HTTP statuses "
            "at the handshake or one of these close codes after it. Excludes a script"
        ),
    ] = ()
    subprotocol: Selected = ""
    foreign_messages: Annotated[
        int,
        Whole(low=0, high=1_000_000),
        Expected("how many messages may carry another connection's nonce"),
    ] = 0

    def agree(self) -> None:
        """As Checked.agree."""
        if self.refused and self.script:
            raise ValueProblem("refused", "excludes a script: a refused session has none to run")

    def unfit(self, reading: Reading) -> Iterator[ValueProblem]:
        """As Keys.unfit."""
        if template.USER in self.names and not self.users:
            yield ValueProblem(
                "",
                "uses ${user}, its own or taken over, but has no users",
                "name the secrets that the connections take turns with: users: [alice, bob]",
            )
        yield from not_offered(self.subprotocol, self.subprotocols, reading)

    @property
    def least_s(self) -> float:
        """As Keys.least_s."""
        return self.hold_s * self.repeat

    @property
    def held_s(self) -> float:
        """As Keys.held_s: of one round."""
        return self.hold_s

    @property
    def sessions(self) -> int:
        """As Keys.sessions."""
        return self.connections * self.repeat

    @property
    def expects(self) -> tuple[Json, ...]:
        """As Keys.expects."""
        awaited = [step for step in self.script if isinstance(step, Await)]
        return tuple(
            value
            for step in awaited
            for value in (step.answer.json, step.never.json, dict(step.where))
        )

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
                f"{100 - self.success_percent:g}% of the sessions may fail and the probe still "
                "passes",
            )
        fixed = self._handshake - template.BUILTINS
        if self.users and fixed:
            yield Remark(
                "websocket",
                f"has users, and every connection still offers {', '.join(sorted(fixed))}",
                "write ${user} where the connection's own user is meant",
            )
        sent: list[Json] = [step.message for step in self.script if isinstance(step, Send)]
        if len(set(self.users)) > 1 and template.NONCE not in template.names(sent):
            yield Remark(
                "websocket",
                "sends no ${nonce}, so that a message for another user would not be recognised",
                "send the nonce in a message of the script",
            )
        if self.refused and (self.hold_s or self.close_code is not None or self.subprotocol):
            yield Remark("expect.refused", "leaves hold, close and subprotocol without a meaning")
        if told := sampling.of_budget(self.success_percent, self.sessions):
            yield Remark("expect.success", *told)

    @property
    def _handshake(self) -> frozenset[str]:
        return template.names([*self.subprotocols, *(value for _, value in self.headers)])

    @classmethod
    def remarks_on_all(cls, asked: Sequence[Self], *, secrets: bool) -> Iterator[Remark]:
        """As Keys.remarks_on_all."""
        if all(one.connections == 1 for one in asked):
            yield Remark(
                "",
                "no websocket probe holds several connections open: what fails only then stays "
                "unseen",
                "give one probe connections: 7 or more, and a hold",
            )
        if secrets and not any(one.refused for one in asked):
            yield Remark(
                "",
                "no probe checks that strangers are refused",
                "add one with expect: {refused: [401, 403, 1008]}",
            )
        strict = [one for one in asked if not one.refused]
        exact = all(one.success_percent == 100 for one in strict)
        if strict and exact and (told := sampling.of_all(max(one.sessions for one in strict))):
            yield Remark("", *told)
