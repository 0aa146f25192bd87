"""How a file writes several values of one form: a list, one or a list, a mapping from names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gate.core.questions import Json
from gate.kinds.forms import WRONG_NAME, Form, Text, form_of, note, refusal
from gate.kinds.two_forms import TwoForms, by_type

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


def counted(given: list[Any] | dict[str, Any], least: int, most: int, what: str) -> None:
    """Refuses what has too few or too many entries."""
    if not least <= len(given) <= most:
        raise note(f"has the wrong length (got {len(given)} {what}, expected {least} to {most})")


@dataclass(frozen=True, slots=True)
class ListOf(Form):
    """A list whose items share a form, read as a tuple."""

    item: object = None
    least: int = 1
    most: int = 1000

    def expected(self, _: object) -> str:
        """As Form.expected."""
        return self.says or f"a list, each item {form_of(self.item).expected(None)}"

    def value(self, written: Any) -> Any:
        """As Form.value."""
        return tuple(written)

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return [form_of(self.item).text(one) for one in value]

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def read(given: object, check: Callable[[object], object]) -> object:
            if not isinstance(given, list):
                raise refusal(self.expected(given))
            counted(given, self.least, self.most, "items")
            return self.value(check(given))

        items = core_schema.list_schema(
            handler.generate_schema(self.item), min_length=self.least, max_length=self.most
        )
        return core_schema.no_info_wrap_validator_function(read, items)


@dataclass(frozen=True, slots=True)
class OneOrMany(TwoForms):
    """A single value of one form, or a list; read as a tuple.

    Attributes:
        item: of the list.
        one: of the single value, `item` unless given.
        means: what a single value means, itself alone unless given.
        mappings: whether a single value may be a mapping.
    """

    item: object = None
    one: object = None
    most: int = 1000
    means: Callable[[Any], Any] | None = None
    mappings: bool = False

    def expected(self, _: object) -> str:
        """As Form.expected."""
        return f"{form_of(self.one or self.item).expected(None)}, or a list"

    def text(self, value: Any) -> Json:
        """As Form.text."""
        texts = [form_of(self.item).text(one) for one in value]
        return texts[0] if len(texts) == 1 and self.means is None else [*texts]

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def alone(given: object, check: Callable[[object], object]) -> object:
            if isinstance(given, dict) and not self.mappings:
                raise refusal(self.expected(given))
            read = check(given)
            return (read,) if self.means is None else self.means(read)

        many = ListOf(item=self.item, most=self.most)
        one = handler.generate_schema(self.one or self.item)
        return by_type(
            list,
            many.__get_pydantic_core_schema__(source, handler),
            core_schema.no_info_wrap_validator_function(alone, one),
        )


@dataclass(frozen=True, slots=True)
class Mapped(Form):
    """A mapping from names of one form to values of one form; read as a dict."""

    name: Text = Text()  # noqa: RUF009 - frozen
    item: object = None
    least: int = 0
    most: int = 500

    def expected(self, _: object) -> str:
        """As Form.expected."""
        return f"a mapping, each value {form_of(self.item).expected(None)}"

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return {name: form_of(self.item).text(one) for name, one in dict(value).items()}

    def _known(self, names: "CoreSchema") -> "CoreSchema":
        """What else is asked of the names."""
        return names

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import (  # noqa: PLC0415
            PydanticCustomError,
            ValidationError,
            core_schema,
        )

        def named(given: object, check: Callable[[object], object]) -> object:
            try:
                return check(given)
            except ValidationError:
                context = {"expected": self.name.says, "hint": self.name.advice}
                raise PydanticCustomError(WRONG_NAME, "refused", context) from None

        def read(given: object, check: Callable[[object], object]) -> object:
            if not isinstance(given, dict):
                raise refusal(self.expected(given))
            counted(given, self.least, self.most, "entries")
            return self.value(check(given))

        entries = core_schema.dict_schema(
            self._known(core_schema.no_info_wrap_validator_function(named, self.name.written())),
            handler.generate_schema(self.item),
            min_length=self.least,
            max_length=self.most,
        )
        return core_schema.no_info_wrap_validator_function(read, entries)

    def __get_pydantic_json_schema__(
        self, core: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """As pydantic asks for it: with no names but those of the form."""
        schema = dict(handler(core))
        (values,) = [
            *schema.pop("patternProperties", {}).values(),
            *([schema["additionalProperties"]] if "additionalProperties" in schema else []),
        ] or [{}]
        pattern = f"^(?:{self.name.pattern})$"
        names = {"type": "string", "pattern": pattern, "maxLength": self.name.most}
        return {**schema, "propertyNames": names, "additionalProperties": values}
