"""How a file writes single values: what is expected in words, and how texts become values.

Forms stand in `Annotated` types. pydantic checks what is written and makes the JSON Schema of it;
the words in which a refusal is told, and what a value means, are here. Nothing imports pydantic
before a file is read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from gate.core.checks import within
from gate.core.questions import Json
from gate.errors import ValueProblem

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema, PydanticCustomError

FORM, NOTE, UNKNOWN, WRONG_NAME, VALUE = "form", "note", "unknown", "name", "value"
"""Types of refusals: not what was expected; wrong in another way; an unknown key; a name that is
none; and a value that a JSON Schema cannot tell from a right one."""
KEY = "[key]"
"""The last part of a place that is the key itself, as pydantic has it."""


def shown(value: object, most: int = 60) -> str:
    """A value for a message: quoted, escaped and bounded."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 4]}...{text[-1]}"


def refusal(expected: str, hint: str = "") -> "PydanticCustomError":
    """What is there is not what was expected."""
    from pydantic_core import PydanticCustomError  # noqa: PLC0415 - only where a file is read

    return PydanticCustomError(FORM, "refused", {"expected": expected, "hint": hint})


def note(message: str, hint: str = "") -> "PydanticCustomError":
    """What is there is wrong, as this message says."""
    from pydantic_core import PydanticCustomError  # noqa: PLC0415

    return PydanticCustomError(NOTE, "refused", {"message": message, "hint": hint})


def unfit(message: str, hint: str = "", path: str = "") -> "PydanticCustomError":
    """What is there has its form and still cannot be meant; `path` is told in place of its own."""
    from pydantic_core import PydanticCustomError  # noqa: PLC0415

    return PydanticCustomError(VALUE, "refused", {"message": message, "hint": hint, "path": path})


def noted(check: Callable[[Any], Any], value: object) -> Any:
    """The result of a check; a ValueProblem is told as a refusal."""
    try:
        return check(value)
    except ValueProblem as problem:
        raise unfit(problem.message, problem.hint) from None


@dataclass(frozen=True, slots=True)
class Form:
    """A single value.

    Attributes:
        says: what is expected, in words.
    """

    says: str = ""

    def written(self) -> "CoreSchema":
        """What may stand in the file."""
        raise NotImplementedError

    def value(self, written: Any) -> Any:
        """What it means."""
        return written

    def text(self, value: Any) -> Json:
        """How a value is written: the way back, for defaults."""
        return value  # type: ignore[no-any-return]

    def expected(self, _: object) -> str:
        """What is expected, where this was given."""
        return self.says

    def hint(self, _: object) -> str:
        """What to do where this was given."""
        return ""

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import ValidationError, core_schema  # noqa: PLC0415

        def read(given: object, check: Callable[[object], object]) -> object:
            try:
                return self.value(check(given))
            except ValidationError:
                raise refusal(self.expected(given), self.hint(given)) from None

        return core_schema.no_info_wrap_validator_function(read, self.written())


def form_of(annotation: object) -> Form:
    """The form that an annotated type has."""
    given = get_args(annotation)[1:] if get_origin(annotation) is Annotated else (annotation,)
    return next(one for one in reversed(given) if isinstance(one, Form))


@dataclass(frozen=True, slots=True)
class Text(Form):
    """Text that a pattern matches as a whole."""

    says: str = "text"
    pattern: str = r"[^\x00-\x1f\x7f]+"
    most: int = 2000
    advice: str = ""

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        pattern = f"^(?:{self.pattern})$"
        return core_schema.str_schema(strict=True, pattern=pattern, max_length=self.most)

    def hint(self, given: object) -> str:
        """As Form.hint."""
        quote = (
            "" if given is None or isinstance(given, str | dict | list) else "put it into quotes"
        )
        return self.advice or quote


@dataclass(frozen=True, slots=True)
class Choice(Form):
    """One of a few words, each with what it means; without one it means itself."""

    words: tuple[str, ...] = ()
    means: type[Enum] | None = None

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.literal_schema(list(self.words))

    def expected(self, _: object) -> str:
        """As Form.expected."""
        return self.says or " or ".join(self.words)

    def value(self, written: Any) -> Any:
        """As Form.value."""
        return written if self.means is None else self.means(written)

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return value.value if isinstance(value, Enum) else value  # type: ignore[no-any-return]


def one_of(means: type[Enum]) -> Choice:
    """One of an enumeration's words."""
    return Choice(words=tuple(one.value for one in means), means=means)


@dataclass(frozen=True, slots=True)
class Either(Choice):
    """One of two words: yes and no."""

    def value(self, written: Any) -> bool:
        """Whether it is the first one."""
        return bool(written == self.words[0])

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return self.words[0 if value else 1]


@dataclass(frozen=True, slots=True)
class Flag(Form):
    """true or false."""

    says: str = "true or false"

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.bool_schema(strict=True)


@dataclass(frozen=True, slots=True)
class Whole(Form):
    """A whole number within bounds; `also` is a second range, as of a status or a close code."""

    low: int = 0
    high: int = 0
    what: str = "a whole number"
    also: tuple[int, int] | None = None

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def no_text(given: object) -> object:
            if isinstance(given, bool | str):
                raise refusal(self.says)
            return given

        ranges = [(self.low, self.high), *([self.also] if self.also else [])]
        whole = [core_schema.int_schema(ge=low, le=high) for low, high in ranges]
        inner = whole[0] if len(whole) == 1 else core_schema.union_schema([*whole])
        return core_schema.no_info_before_validator_function(no_text, inner)

    def expected(self, _: object) -> str:
        """As Form.expected."""
        if self.low == self.high:
            return str(self.low)
        more = f" or {self.also[0]} to {self.also[1]}" if self.also else ""
        return f"{self.what}, {self.low} to {self.high}{more}"

    def refuse(self, key: str, value: Any) -> None:
        """Refuses a number out of bounds, however it came.

        Raises:
            ValueProblem: with the key.
        """
        if value is not None and self.also is None:
            within(key, value, self.low, self.high)

    def hint(self, given: object) -> str:
        """As Form.hint."""
        return "leave out the quotes" if isinstance(given, str) and given.isdecimal() else ""


@dataclass(frozen=True, slots=True)
class Measure(Form):
    """A number with its unit.

    Attributes:
        units: what one of each is worth, by unit.
        pattern: of the whole text.
        lacking: the hint where a bare number stands, with `{}` for it.
        advice: the hint for another text.
    """

    units: tuple[tuple[str, str], ...] = ()
    pattern: str = ""
    lacking: str = ""
    advice: str = ""

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.str_schema(strict=True, pattern=f"^(?:{self.pattern})$")

    def value(self, written: Any) -> float:
        """As Form.value."""
        unit, worth = next(one for one in self.units if written.endswith(one[0]))
        return float(Decimal(written[: -len(unit)]) * Decimal(worth))

    def text(self, value: Any) -> Json:
        """In the largest unit that leaves a whole number."""
        for unit, worth in reversed(self.units):
            number = Decimal(str(value)) / Decimal(worth)
            if number == int(number) and (number or unit == "s"):
                return f"{int(number)}{unit}"
        return f"{value:g}{self.units[-1][0]}"

    def hint(self, given: object) -> str:
        """As Form.hint."""
        if isinstance(given, int | float) and not isinstance(given, bool):
            return self.lacking.format(given)
        return self.advice if isinstance(given, str) else ""


@dataclass(frozen=True, slots=True)
class AnyJson(Form):
    """Any JSON value but null: a key without a value is more often a slip than a wish."""

    says: str = "a JSON value"

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def no_null(given: object) -> object:
            if given is None:
                raise refusal(self.says)
            return given

        return core_schema.no_info_before_validator_function(no_null, core_schema.any_schema())

    def __get_pydantic_json_schema__(
        self, core: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """As pydantic asks for it."""
        return {"type": ["object", "array", "string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Anything(Form):
    """Any JSON value, for somebody else to read."""

    says: str = "a JSON value"

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415

        return core_schema.any_schema()
