"""Values that may be written in either of two forms, which their type tells apart."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from gate.core.questions import Json
from gate.kinds.forms import Form, form_of, refusal

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic_core import CoreSchema


def by_type(kind: type, one: "CoreSchema", other: "CoreSchema") -> "CoreSchema":
    """The schema `one` for what is of this type as it stands in the file, else `other`."""
    from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

    return core_schema.tagged_union_schema(
        {"<other>": other, "<one>": one},
        discriminator=lambda given: "<one>" if isinstance(given, kind) else "<other>",
    )


@dataclass(frozen=True, slots=True)
class TwoForms(Form):
    """A value in one of two forms."""

    def __get_pydantic_json_schema__(
        self, core: "CoreSchema", handler: "GetJsonSchemaHandler"
    ) -> dict[str, Any]:
        """As pydantic asks for it: which of the two it is, JSON Schema sees by itself."""
        schema = dict(handler(core))
        return {"anyOf": schema.pop("oneOf")} if "oneOf" in schema else schema


@dataclass(frozen=True, slots=True)
class TextOrMapping(TwoForms):
    """A text or a mapping, each with a form of its own."""

    one: object = None
    mapping: object = None

    def expected(self, given: object) -> str:
        """As Form.expected."""
        return " or ".join(form_of(one).expected(given) for one in (self.one, self.mapping))

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

        def either(given: object, check: Callable[[object], object]) -> object:
            if not isinstance(given, str | dict):
                raise refusal(self.expected(given))
            return check(given)

        mapping = handler.generate_schema(Annotated[object, self.mapping])
        both = by_type(dict, mapping, handler.generate_schema(self.one))
        return core_schema.no_info_wrap_validator_function(either, both)


@dataclass(frozen=True, slots=True)
class FlagOrMapping(TwoForms):
    """false for None, true for a value with all its defaults, or a mapping that says more."""

    mapping: Any = None

    def expected(self, given: object) -> str:
        """As Form.expected."""
        return f"true, false or {form_of(self.mapping).expected(given)}"

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return False if value is None else form_of(self.mapping).text(value) or True

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

        def either(given: object, check: Callable[[object], object]) -> object:
            if not isinstance(given, bool | dict):
                raise refusal(self.expected(given))
            read = check(given)
            return read if isinstance(given, dict) else self.mapping.value({}) if read else None

        mapping = handler.generate_schema(Annotated[object, self.mapping])
        both = by_type(dict, mapping, core_schema.bool_schema(strict=True))
        return core_schema.no_info_wrap_validator_function(either, both)
