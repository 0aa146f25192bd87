"""What a session waits for, and whose sessions they are: WebSockets and streams of events alike."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated

from gate.core import template
from gate.core.expectations import Pattern
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.collections import ListOf
from gate.kinds.forms import AnyJson, Flag, Text
from gate.kinds.keys import Keys, Remark
from gate.kinds.records import Checked, Key, Record, slots_of
from gate.kinds.templates import Plain, Reading, Templated
from gate.kinds.values import Known, Pairs, SomeSeconds, pattern_keys

JSON = Annotated[Json, AnyJson(), Templated(user=True)]
"""A JSON value whose texts may hold templates, `${user}` included."""


def _secrets(reading: Reading) -> frozenset[str]:
    return reading.secrets


USER = Annotated[
    str,
    Text("the name of a secret"),
    Known(_secrets, "is not a secret of this policy", "define it under secrets"),
]
"""Who a session belongs to: the name of a secret."""


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
        Pairs(name=Text("a field name"), item=JSON, least=1),
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
        self.agree_on_once()

    def agree_on_once(self) -> None:
        """Refuses `once` where there is no sequence.

        Raises:
            ValueProblem: with the key.
        """
        if self.once and not self.sequence:
            raise ValueProblem(
                "once", "says nothing without a sequence", hint="name the types under `sequence`"
            )

    @property
    def expects(self) -> tuple[Json, ...]:
        """Values that some message must have, as the policy writes them."""
        return (self.answer.json, self.never.json, dict(self.where))


AWAIT = Record("expect", Await, slots_of(Await), some_of=("json", "schema", "sequence"))


def without_users(keys: Keys, users: tuple[str, ...]) -> Iterator[ValueProblem]:
    """What a file may not say: `${user}` where no session has a user."""
    if template.USER in keys.names and not users:
        yield ValueProblem(
            "",
            "uses ${user}, its own or taken over, but has no users",
            "name the secrets that the connections take turns with: users: [alice, bob]",
        )


def of_failing(success_percent: float) -> Iterator[Remark]:
    """What is to be said of a probe that passes although sessions fail."""
    if success_percent < 100:
        yield Remark(
            "expect.success",
            f"{100 - success_percent:g}% of the sessions may fail and the probe still passes",
        )
