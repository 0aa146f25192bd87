"""The keywords of JSON Schema that run patterns, within the time that one answer may cost.

jsonschema runs them with Python's engine, which nothing can stop. What these say is what the
library's say; `unevaluatedProperties` is here since it runs the patterns of its neighbours.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gate.core.patterns import Place, compiled
from gate.core.policy import Json

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SECONDS_MAX = 0.5
"""CPU time of all patterns on one answer; honest ones take some microseconds a text."""

Keyword = Callable[[Any, Any, Any, Any], "Iterator[ValidationError]"]


class TooSlowError(Exception):
    """The patterns take longer than they may.

    Args:
        schema: the part of the schema that was at work.
        place: of the pattern within that part.
    """

    def __init__(self, schema: Json, place: Place) -> None:
        super().__init__(place)
        self.schema = schema
        self.place = place


class Patterns:
    """What is left of one answer's time; `renew` for the next.

    Attributes:
        target: what a reference within the schema names.
    """

    def __init__(self) -> None:
        self.left_s = SECONDS_MAX
        self.target: Callable[[str], Json] = lambda _: True

    def renew(self) -> None:
        """Begins with another answer."""
        self.left_s = SECONDS_MAX

    @property
    def keywords(self) -> Mapping[str, Keyword]:
        """Name to keyword, for those drafts that have it."""
        return {
            "pattern": self._pattern,
            "patternProperties": self._pattern_properties,
            "additionalProperties": self._additional,
            "unevaluatedProperties": self._unevaluated,
        }

    def _pattern(
        self, validator: Any, pattern: str, instance: Any, schema: Any
    ) -> "Iterator[ValidationError]":
        if validator.is_type(instance, "string") and not self._found(
            pattern, instance, schema, ("pattern",)
        ):
            yield _error(f"{instance!r} does not match {pattern!r}")

    def _pattern_properties(
        self, validator: Any, parts: dict[str, Any], instance: Any, schema: Any
    ) -> "Iterator[ValidationError]":
        if not validator.is_type(instance, "object"):
            return
        for pattern, part in parts.items():
            for name, value in instance.items():
                if self._fits(pattern, name, schema):
                    yield from validator.descend(value, part, path=name, schema_path=pattern)

    def _additional(
        self, validator: Any, wanted: Any, instance: Any, schema: Any
    ) -> "Iterator[ValidationError]":
        if not validator.is_type(instance, "object"):
            return
        known = schema.get("properties", {})
        others = [
            name for name in instance if name not in known and not self._fits_any(name, schema)
        ]
        if validator.is_type(wanted, "object"):
            for name in others:
                yield from validator.descend(instance[name], wanted, path=name)
        elif not wanted and others:
            yield _error(f"Additional properties are not allowed ({_unexpected(others)})")

    def _unevaluated(
        self, validator: Any, wanted: Any, instance: Any, schema: Any
    ) -> "Iterator[ValidationError]":
        if not validator.is_type(instance, "object"):
            return
        looked_at = self._evaluated(validator, instance, schema)
        others = [
            name
            for name, value in instance.items()
            if name not in looked_at and not _holds(validator, value, wanted)
        ]
        if others:
            yield _error(f"Unevaluated properties are not allowed ({_unexpected(others)})")

    def _evaluated(self, validator: Any, instance: dict[str, Any], schema: Any) -> set[str]:
        """The names that a schema, or a part of it that holds for the same value, looks at."""
        if not isinstance(schema, dict):
            return set()
        found = {name for name in instance if name in schema.get("properties", ())}
        found |= {name for name in instance if self._fits_any(name, schema)}
        for keyword in {"additionalProperties", "unevaluatedProperties"} & schema.keys():
            part = schema[keyword]
            found |= {name for name in instance if _holds(validator, instance[name], part)}
        if "$ref" in schema:
            found |= self._evaluated(validator, instance, self.target(schema["$ref"]))
        for part in _in_place(validator, instance, schema):
            found |= self._evaluated(validator, instance, part)
        return found

    def _fits_any(self, name: str, schema: Any) -> bool:
        patterns = schema.get("patternProperties", ())
        return any(self._fits(pattern, name, schema) for pattern in patterns)

    def _fits(self, pattern: str, name: str, schema: Any) -> bool:
        return self._found(pattern, name, schema, ("patternProperties", pattern))

    def _found(self, pattern: str, text: str, schema: Any, place: Place) -> bool:
        began_s = time.process_time()  # the clock that the engine goes by
        try:
            return compiled(pattern).search(text, timeout=max(0.0, self.left_s)) is not None
        except (TimeoutError, MemoryError):
            raise TooSlowError(schema, place) from None
        finally:
            self.left_s -= time.process_time() - began_s


def _in_place(validator: Any, instance: dict[str, Any], schema: dict[str, Any]) -> Iterator[Any]:
    """The parts of a schema that are applied to the same value, and hold; not what it refers to."""
    dependent = schema.get("dependentSchemas", {})
    yield from (part for name, part in dependent.items() if name in instance)
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from (part for part in schema.get(keyword, ()) if _holds(validator, instance, part))
    if "if" in schema:
        holds = _holds(validator, instance, schema["if"])
        yield from (schema["if"], schema.get("then")) if holds else (schema.get("else"),)


def _holds(validator: Any, value: Json, schema: Any) -> bool:
    return next(validator.descend(value, schema), None) is None


def _unexpected(names: list[str]) -> str:
    shown = ", ".join(map(repr, sorted(names)))
    return f"{shown} {'was' if len(names) == 1 else 'were'} unexpected"


def _error(message: str) -> "ValidationError":
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415 - lazy: takes about 60 ms

    return ValidationError(message)
