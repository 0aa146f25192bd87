"""The forms of values that several kinds, or the policy itself, have: durations, paths, headers."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

from gate.core import checks
from gate.core.expectations import Pattern, Schema
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.checks import MoreThan0, NotEmpty, OnCandidate, OwnHeaders
from gate.kinds.collections import ListOf, Mapped, OneOrMany
from gate.kinds.forms import AnyJson, Measure, Text, Whole, noted, refusal, shown, unfit
from gate.kinds.records import Expected, Key, Record, slots_from
from gate.kinds.templates import Plain, Reading, Templated

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema

LABEL = r"[a-z](?:[a-z0-9-]*[a-z0-9])?"
TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"  # noqa: S105 - RFC 9110's token, no password
DURATION_MAX_S = 86_400.0

_DURATION = r"[0-9]{1,8}(?:\.[0-9]{1,6})?(?:ms|s|m|h)"
_LONG = re.compile(r"[0-9]{9,}(?:\.[0-9]*)?(?:ms|s|m|h)")


@dataclass(frozen=True, slots=True)
class Duration(Measure):
    """A duration with its unit, at most 24h; read as seconds."""

    says: str = "a duration such as 500ms, 15s, 4m or 1h"
    units: tuple[tuple[str, str], ...] = (("ms", "0.001"), ("s", "1"), ("m", "60"), ("h", "3600"))
    pattern: str = _DURATION
    lacking: str = "give the unit, e.g. {}s"
    advice: str = "one number and one unit; write 1h30m as 90m"

    def value(self, written: Any) -> float:
        """As Form.value."""
        seconds = Measure.value(self, written)
        if seconds > DURATION_MAX_S:
            raise refusal("a duration of at most 24h")
        return seconds

    def expected(self, given: object) -> str:
        """As Form.expected."""
        long = isinstance(given, str) and _LONG.fullmatch(given)
        return "a duration of at most 24h" if long else self.says

    def hint(self, given: object) -> str:
        """As Form.hint."""
        long = isinstance(given, str) and _LONG.fullmatch(given)
        return "" if long else Measure.hint(self, given)


def seconds_of(text: str) -> float | None:
    """The seconds of a duration such as 500ms, 15s, 4m or 1h; None if it is none up to 24h."""
    if not re.fullmatch(_DURATION, text):
        return None
    seconds = Measure.value(Duration(), text)
    return seconds if seconds <= DURATION_MAX_S else None


@dataclass(frozen=True, slots=True)
class Rate(Measure):
    """So many a second or a minute; read as so many a second."""

    says: str = "a rate such as 50/s or 30/m"
    units: tuple[tuple[str, str], ...] = (("/s", "1"), ("/m", "60"))
    pattern: str = r"[0-9]{1,5}(?:\.[0-9]{1,3})?/(?:s|m)"
    lacking: str = "give the unit, e.g. {}/s"

    def value(self, written: Any) -> float:
        """As Form.value."""
        number, slash, unit = written.partition("/")
        return float(Decimal(number) / Decimal(dict(self.units)[slash + unit]))


@dataclass(frozen=True, slots=True)
class Percent(Measure):
    """A share with its sign: 100%, 99.5%."""

    says: str = "a percentage from 0% to 100%"
    units: tuple[tuple[str, str], ...] = (("%", "1"),)
    pattern: str = r"(?:100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%"
    lacking: str = "write {}%"

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return f"{value:g}%"


@dataclass(frozen=True, slots=True)
class More(Percent):
    """How much more than something else, which may be more than all of it: 20%, 250%."""

    says: str = "a percentage such as 20% or 250%"
    pattern: str = r"[0-9]{1,5}(?:\.[0-9]{1,3})?%"


Seconds = Annotated[float, Duration()]
SomeSeconds = Annotated[float, Duration(), MoreThan0()]
"""A duration that is more than none: a limit."""
Limit = Annotated[float | None, Duration(), MoreThan0()]

NAME = Text(
    "a name of lowercase letters, digits and hyphens", r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", 60
)
PATH = Text(
    "a path such as /health that starts with one /",
    r"/(?:[!\"$-.0-~][!\"$-~]*)?",
    advice="the address is the candidate's own; a policy cannot name another host",
)
Path = Annotated[str, PATH, Plain(), OnCandidate()]
TemplatedPath = Annotated[str, PATH, Templated(), OnCandidate()]
"""A path in which names are replaced, percent-encoded, when a probe asks (gate.probes.paths)."""
UserPath = Annotated[str, PATH, Templated(user=True), OnCandidate()]
"""The same where connections have users, whose secret is `${user}`."""
Name = Annotated[str, Text(most=2000), Plain()]

STATUS = Whole(low=200, high=599, what="an HTTP status")
Statuses = Annotated[
    tuple[int, ...],
    OneOrMany(item=Annotated[int, STATUS]),
    NotEmpty("at least one status code"),
]
"""One status, or those that will do."""


@dataclass(frozen=True, slots=True)
class Pairs(Mapped):
    """A mapping read as pairs, in its order."""

    def value(self, written: Any) -> Any:
        """As Form.value."""
        return tuple(written.items())


@dataclass(frozen=True, slots=True)
class Headers(Pairs):
    """Names of headers to texts.

    Attributes:
        received: whether they are the answer's, of which any may be asked for.
    """

    name: Text = Text("a header name", rf"{TOKEN}+", 100)  # noqa: RUF009 - frozen
    received: bool = False

    def value(self, written: Any) -> Any:
        """As Form.value; refuses those that the client itself sends."""
        from pydantic_core import ValidationError  # noqa: PLC0415 - only where a file is read

        wrong = []
        seen: set[str] = set()
        for name in written:
            if not self.received and (hint := checks.sent_by_client(name)) is not None:
                told = unfit("is for the client itself to send", hint)
                wrong.append({"type": told, "loc": (name,), "input": name})
            if name.lower() in seen:
                told = unfit("is given twice, in another case")
                wrong.append({"type": told, "loc": (name,), "input": name})
            seen.add(name.lower())
        if wrong:
            raise ValidationError.from_exception_data("headers", wrong)  # type: ignore[arg-type]
        return Pairs.value(self, written)


def header_texts(*, user: bool = False, later: bool = False, received: bool = False) -> Headers:
    """Headers whose values may hold templates."""
    text = Text("text of printable ASCII characters", r"[!-~](?:[ -~]*[!-~])?", 8000)
    return Headers(item=Annotated[str, text, Templated(user, later)], received=received)


RequestHeaders = Annotated[tuple[tuple[str, str], ...], header_texts(), OwnHeaders()]
AnswerHeaders = Annotated[tuple[tuple[str, str], ...], header_texts(received=True)]


@dataclass(frozen=True, slots=True)
class Offers(ListOf):
    """Subprotocols to offer, each once."""

    def value(self, written: Any) -> Any:
        """As Form.value."""
        from pydantic_core import ValidationError  # noqa: PLC0415 - only where a file is read

        hint = "each subprotocol may be offered once (RFC 6455, section 4.1)"
        twice = [
            {
                "type": unfit(f"is offered twice (got {shown(one)})", hint),
                "loc": (at,),
                "input": one,
            }
            for at, one in enumerate(written)
            if one in written[:at]
        ]
        if twice:
            raise ValidationError.from_exception_data("offers", twice)  # type: ignore[arg-type]
        return tuple(written)


OFFERED = Text(
    "a subprotocol (a token, which may hold templates)", rf"(?:\$\{{[^{{}}]*\}}|{TOKEN})+"
)
NONE_SELECTED, ANY_SELECTED = "none", "any"
"""What may stand in place of a subprotocol that must be selected."""
Selected = Annotated[
    str,
    OFFERED,
    Expected(
        "which of the offered subprotocols the server must select; `none`: none of them, which "
        "browsers never accept; `any`: one of them or none",
        absent="any of those offered, but one of them",
    ),
]


def not_offered(
    selected: str, offered: tuple[str, ...], reading: Reading
) -> Iterator[ValueProblem]:
    """What is wrong with the subprotocol that must be selected."""
    if not selected or selected in offered:
        return
    if selected not in (NONE_SELECTED, ANY_SELECTED):
        hint = reading.guess(selected, frozenset(offered), "add it to subprotocols")
        yield ValueProblem("subprotocol", f"is not offered (got {shown(selected)})", hint)
    elif not offered:
        hint = "offer some under subprotocols, or leave it out"
        yield ValueProblem("subprotocol", "says nothing where none is offered", hint)


def offers(*, user: bool = False) -> Offers:
    """Subprotocols, which may hold templates."""
    return Offers(item=Annotated[str, OFFERED, Templated(user=user)], least=0, most=20)


@dataclass(frozen=True, slots=True)
class SchemaFile(Text):
    """The name of a JSON Schema file, read as the schema."""

    says: str = "a JSON Schema file below the policy's folder, such as schemas/a.json"
    most: int = 300

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def read(name: str, info: Any) -> Schema:
            reading: Reading | None = info.context
            return Schema(name, {}) if reading is None else noted(reading.schema, name)

        text = Text.__get_pydantic_core_schema__(self, source, handler)
        return core_schema.with_info_after_validator_function(read, text)


def pattern_keys(*, user: bool = False, later: bool = False) -> Record:
    """The keys that say what one JSON value must look like."""
    json = (
        "values that it must have: objects may have more keys than given, lists match item by item"
    )
    return Record(
        "pattern",
        Pattern,
        slots_from(
            Pattern,
            {
                "json": Annotated[
                    Json, AnyJson(), Templated(user, later), Key(f"{json}; may hold templates")
                ],
                "schema": Annotated[
                    Schema | None, SchemaFile(), Key("a JSON Schema file that it must satisfy")
                ],
            },
        ),
        some_of=("json", "schema"),
    )


@dataclass(frozen=True, slots=True)
class Known:
    """A name that the policy defines.

    Attributes:
        names: those that it defines.
        lacking: what is said of another one.
        otherwise: the hint where none is like it.
    """

    names: Callable[[Reading], frozenset[str]]
    lacking: str
    otherwise: str

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def check(name: str, info: Any) -> str:
            reading: Reading | None = info.context
            known = frozenset((name,)) if reading is None else self.names(reading)
            if reading is not None and name not in known:
                hint = reading.guess(name, known, self.otherwise)
                raise unfit(f"{self.lacking} (got {shown(name)})", hint)
            return name

        return core_schema.with_info_after_validator_function(check, handler(source))
