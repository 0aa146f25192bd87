"""How much work, and how many errors, one answer may cost a JSON Schema.

A candidate chooses what a schema is applied to. An `anyOf` over a list keeps an error for each
item, and `uniqueItems` compares each item with each: a megabyte of either would take minutes and a
gigabyte, with the event loop held and every deadline past. So steps and errors are counted, items
are told apart by what they hold, and patterns stop in time.
"""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gate.core.policy import Json
from gate.probes.patterns import Patterns

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

STEPS_MAX = 100_000
"""Most keywords applied to parts of one answer: some tenths of a second."""
ERRORS_MAX = 2_000
"""Most errors looked at for one answer, those of branches that are given up included."""

_Keyword = Callable[[Any, Any, Any, Any], "Iterator[ValidationError] | None"]


class TooMuchWork(Exception):  # noqa: N818 - says what happened, and is caught where it means something
    """The answer costs more than an answer may."""


@dataclass(slots=True)
class Budget:
    """What is left for one answer; `renew` for the next."""

    steps: int = field(default=STEPS_MAX)
    errors: int = field(default=ERRORS_MAX)
    patterns: Patterns = field(default_factory=Patterns)

    def renew(self) -> None:
        """Begins with another answer."""
        self.steps, self.errors = STEPS_MAX, ERRORS_MAX
        self.patterns.renew()

    def validator(self, kind: Any, document: Json) -> Any:
        """A validator of a schema within this budget; it looks up nothing outside of the schema.

        Args:
            kind: a validator class of jsonschema.
            document: the schema.
        """
        from jsonschema.validators import extend  # noqa: PLC0415 - lazy: takes about 60 ms
        from referencing.jsonschema import EMPTY_REGISTRY, specification_with  # noqa: PLC0415

        whole = specification_with(kind.META_SCHEMA["$schema"]).create_resource(document)
        resolver = EMPTY_REGISTRY.with_resource("", whole).resolver("")
        self.patterns.target = lambda reference: resolver.lookup(reference).contents
        ours = {"uniqueItems": _unique, **self.patterns.keywords}
        keywords = {
            name: self._counted(ours.get(name, keyword))
            for name, keyword in kind.VALIDATORS.items()
        }
        limited = extend(kind, keywords)  # type: ignore[no-untyped-call]
        return limited(document, registry=EMPTY_REGISTRY)

    def _counted(self, keyword: _Keyword) -> _Keyword:
        def counted(
            validator: Any, value: Any, instance: Any, schema: Any
        ) -> "Iterator[ValidationError]":
            self.steps -= 1
            if self.steps < 0:
                raise TooMuchWork
            for error in keyword(validator, value, instance, schema) or ():
                self.errors -= 1
                if self.errors < 0:
                    raise TooMuchWork
                yield error

        return counted


def _unique(_: Any, wanted: Any, instance: Any, __: Any) -> "Iterator[ValidationError]":
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - as above

    if not wanted or not isinstance(instance, list):
        return
    seen: set[Hashable] = set()
    for item in instance:
        key = _key(item)
        if key in seen:
            yield ValidationError("has non-unique elements")
            return
        seen.add(key)


def _key(value: Json) -> Hashable:
    """Equal for values that are equal in JSON: 1 and 1.0 are, 1 and true are not."""
    match value:
        case dict():
            return ("object", frozenset((name, _key(one)) for name, one in value.items()))
        case list():
            return ("list", tuple(map(_key, value)))
        case bool():
            return ("flag", value)
        case _:
            return value
