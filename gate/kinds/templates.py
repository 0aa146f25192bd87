"""Where texts of a policy may hold templates, where they may not, and what names they may use."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from gate.core import template
from gate.core.expectations import Schema
from gate.core.questions import Json
from gate.errors import ValueProblem
from gate.kinds.forms import KEY, shown, unfit

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema, InitErrorDetails

Place = tuple[str | int, ...]


class Reading(Protocol):
    """What is known of the file while its values are read."""

    secrets: frozenset[str]
    capabilities: frozenset[str]

    def guess(self, name: str, known: frozenset[str], otherwise: str) -> str:
        """A hint that names the likeliest of the known names, else says otherwise."""
        ...

    def query(self, language: str, text: str) -> None:
        """Reads a query in one of the languages `jsonpath`, `css` and `regex`.

        Raises:
            ValueProblem: it is none.
        """
        ...

    def schema(self, name: str) -> Schema:
        """The JSON Schema of this file, read once.

        Raises:
            ValueProblem: it cannot be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Templated:
    """Texts in which names are replaced when a probe asks.

    Attributes:
        user: whether there are users, whose secret is `${user}`.
        later: whether other names may come to be known while it is asked, which the kind checks.
    """

    user: bool = False
    later: bool = False

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import ValidationError, core_schema  # noqa: PLC0415

        def check(value: Any, info: Any) -> object:
            wrong = [] if info.context is None else [*self._wrong(value, info.context)]
            if wrong:
                raise ValidationError.from_exception_data("templates", wrong)
            return value

        return core_schema.with_info_after_validator_function(check, handler(source))

    def _wrong(self, value: Json, reading: Reading) -> Iterator["InitErrorDetails"]:
        for place, text in texts(value):
            try:
                used = template.names(text)
            except ValueProblem as problem:
                told = unfit(problem.message, problem.hint)
                yield {"type": told, "loc": place, "input": text}
                continue
            unknown = frozenset() if self.later else used - reading.secrets - template.BUILTINS
            for name in sorted(unknown):
                told = unfit(f"names an unknown secret (got {shown(name)})", _known(name, reading))
                yield {"type": told, "loc": place, "input": text}
            if template.USER in used and not self.user:
                told = unfit(
                    "uses ${user}, which only websocket, stream and journey probes have",
                    "name the secret itself",
                )
                yield {"type": told, "loc": place, "input": text}


def _known(name: str, reading: Reading) -> str:
    builtins = ", ".join(sorted(template.BUILTINS))
    otherwise = f"define it under secrets, or use one of {builtins}"
    return reading.guess(name, reading.secrets | template.BUILTINS, otherwise)


def texts(value: Json, place: Place = ()) -> Iterator[tuple[Place, str]]:
    """Every text of a JSON value with its place, keys included."""
    match value:
        case str():
            yield place, value
        case list():
            for number, item in enumerate(value):
                yield from texts(item, (*place, number))
        case dict():
            for key, item in value.items():
                yield (*place, key, KEY), key
                yield from texts(item, (*place, key))
        case _:
            return


@dataclass(frozen=True, slots=True)
class Plain:
    """Text that is taken as it is: a template would stay unrendered in it."""

    def __get_pydantic_core_schema__(
        self, source: object, handler: "GetCoreSchemaHandler"
    ) -> "CoreSchema":
        """As pydantic asks for it."""
        from pydantic_core import core_schema  # noqa: PLC0415

        def check(value: object) -> object:
            if isinstance(value, str) and "${" in value:
                raise unfit(
                    f"holds a template where none is rendered (got {shown(value)}, "
                    "expected plain text)"
                )
            return value

        return core_schema.no_info_after_validator_function(check, handler(source))
