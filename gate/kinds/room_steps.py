"""The steps of `websocket` with `parties`: who says what, whom it must reach, and whom not."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from gate.core import template
from gate.core.expectations import Pattern
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.checks import Within
from gate.kinds.collections import OneOrMany
from gate.kinds.forms import KEY, AnyJson, Whole
from gate.kinds.records import Checked, Key, Record, slots_of
from gate.kinds.templates import Templated, texts
from gate.kinds.two_forms import TwoForms, by_type
from gate.kinds.values import NAME, Pairs, Seconds, SomeSeconds, pattern_keys
from gate.kinds.websocket import Await

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

PARTY = Annotated[str, NAME]
PARTIES = OneOrMany(item=PARTY)
HEARD = Record(
    "what must be heard",
    Await,
    tuple(slot for slot in slots_of(Await) if slot.name != "within"),
    some_of=("json", "schema", "sequence"),
)
"""As the `expect` of a script, but for its limit, which is the step's."""
Reached = tuple[tuple[str, Await | None], ...]
"""Who must hear something, and what; None for what was said last."""


@dataclass(frozen=True, slots=True)
class Reaches(TwoForms):
    """Who must hear what was said last, or a mapping from who to what each must hear."""

    says: str = "the name of a party, a list of names, or a mapping from names to what each hears"

    def text(self, value: Any) -> Json:
        """As Form.text."""
        if all(heard is None for _, heard in value):
            return [name for name, _ in value]
        return {name: HEARD.text(heard) for name, heard in value}

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

        def whoever(given: object, check: Callable[[object], Any]) -> Reached:
            return tuple((name, None) for name in check(given))

        names = handler.generate_schema(Annotated[object, PARTIES])
        each = Pairs(name=NAME, item=Annotated[Await, HEARD], least=1)
        mapping = handler.generate_schema(Annotated[object, each])
        return by_type(dict, mapping, core_schema.no_info_wrap_validator_function(whoever, names))


CODE = Whole(low=1000, high=4999, what="a close code")


@dataclass(frozen=True, slots=True)
class Step(Checked):
    """One step: at most one thing is done, and then it is looked at who has heard of it."""

    sender: Annotated[PARTY, Key("which party says what stands under `send`", "from")] = ""
    send: Annotated[
        Json,
        AnyJson(),
        Templated(user=True),
        Key("a text as it is, anything else as JSON; may hold templates", absent="nothing"),
    ] = field(default=None, hash=False)
    join: Annotated[
        tuple[str, ...],
        PARTIES,
        Key("parties that connect now; all that no step lets join are there from the start"),
    ] = ()
    leave: Annotated[tuple[str, ...], PARTIES, Key("parties that close their connections now")] = ()
    reaches: Annotated[
        Reached,
        Reaches(),
        Key(
            "who must hear of it. Names: each hears a message that carries what was said last. A "
            "mapping from names: what each hears, as below"
        ),
    ] = ()
    within_s: Annotated[SomeSeconds, Key("limit for all of `reaches`")] = 10.0
    silent: Annotated[
        tuple[str, ...],
        PARTIES,
        Key("who must not hear of it, and shows afterwards that its connection lives"),
    ] = ()
    matching: Annotated[
        Pattern,
        pattern_keys(user=True),
        Key(
            "`json` and `schema` of what `silent` parties must not hear",
            absent="any message that carries what was said last",
        ),
    ] = field(default_factory=Pattern)
    for_s: Annotated[
        Seconds,
        Within(0.1, 600),
        Key("how long `silent` parties are listened to once `reaches` is done, 100ms to 10m"),
    ] = 1.0
    closed: Annotated[
        tuple[tuple[str, tuple[int, ...]], ...],
        Pairs(name=NAME, item=Annotated[tuple[int, ...], OneOrMany(item=Annotated[int, CODE])]),
        Key(
            "parties whose connections the server must close, each with one close code or a list "
            "of those that will do",
            absent="none: a connection that the server closes fails the probe",
        ),
    ] = ()

    def agree(self) -> None:
        """As Checked.agree."""
        if bool(self.sender) != (self.send is not None):
            there, missing = ("from", "send") if self.sender else ("send", "from")
            raise ValueProblem("", f"has {there} and no {missing} (expected both)")
        done = {"send": self.send is not None, "join": self.join, "leave": self.leave}
        acts = [key for key, is_done in done.items() if is_done]
        if len(acts) > 1:
            raise ValueProblem("", f"does two things (got {' and '.join(acts)}, expected one)")
        if not (acts or self.reaches or self.silent or self.closed):
            raise ValueProblem("", "does nothing and asks for nothing")
        if not self.matching.empty and not self.silent:
            raise ValueProblem("matching", "says nothing without silent parties")

    @property
    def hearing(self) -> tuple[str, ...]:
        """Those that must hear something."""
        return tuple(name for name, _ in self.reaches)


STEP = Record("step", Step, slots_of(Step))


def marks(message: Json) -> tuple[str, ...]:
    """The texts of a message by which it is known again: those that hold `${nonce}`.

    A text that is itself JSON is looked into.
    """
    if isinstance(message, str):
        try:
            inner = json.loads(message)
        except (ValueError, RecursionError):
            inner = None
        message = inner if isinstance(inner, dict | list) else message
    found = (text for place, text in texts(message) if KEY not in place)
    return tuple(text for text in found if template.NONCE in template.names(text))


def latecomers(steps: Sequence[Step]) -> frozenset[str]:
    """Parties that a step lets join before any lets them leave."""
    first: dict[str, bool] = {}
    for step in steps:
        for name in step.join:
            first.setdefault(name, True)
        for name in step.leave:
            first.setdefault(name, False)
    return frozenset(name for name, joins in first.items() if joins)
