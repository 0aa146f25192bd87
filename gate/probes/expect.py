"""Judges one JSON value against what a policy expects of it.

Two ways to expect, alone or together: values that must be there (a subset: extra keys are fine),
and a JSON Schema. Mismatches carry whole texts; Words makes them fit to show.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from gate.core.evidence import Symptom
from gate.core.expectations import Pattern, Schema
from gate.core.patterns import place_of
from gate.core.policy import Json
from gate.core.template import parse_json
from gate.probes.limits import Budget, TooMuchWork
from gate.probes.outcome import CannotAskError
from gate.probes.patterns import TooSlowError
from gate.probes.quoting import quoted

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

MISMATCHES_MAX = 3
"""Most mismatches reported of one value: the first ones say what is wrong."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One place where a value is not as expected; `path` is a JSON Pointer, "" the value itself."""

    symptom: Symptom
    path: str
    seen: str
    expected: str
    hint: str = ""


class _UncheckedError(Exception):
    """Nobody knows whether the answer fits: checking it would take too long."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_refuse)


class _Errors(Protocol):
    """What is used of a jsonschema validator."""

    def iter_errors(self, instance: Json) -> Iterator["ValidationError"]: ...


@dataclass(frozen=True, slots=True)
class _Validator:
    """A compiled schema, and what one answer may cost it."""

    schema: _Errors
    budget: Budget
    source: Schema


class Expectation:
    """A pattern with its templates parsed and its schema compiled; bound once for each answer.

    Args:
        pattern: what is expected.

    Raises:
        CannotAskError: its schema is none.
        ValueProblem: a template in it is malformed.
    """

    def __init__(self, pattern: Pattern) -> None:
        self._json = parse_json(pattern.json)
        self._schema = pattern.schema
        self._validator = _compile(pattern.schema) if pattern.schema else None
        self._constant = Bound(pattern.json, pattern.schema, self._validator)

    @property
    def names(self) -> frozenset[str]:
        """Names that its templates refer to."""
        return self._json.names

    def bind(self, values: Mapping[str, str]) -> "Bound":
        """The expectation with its references replaced.

        Raises:
            KeyError: a name has no value.
        """
        if self._json.constant:
            return self._constant
        return Bound(self._json.render(values), self._schema, self._validator)

    def __str__(self) -> str:
        parts = [compact(self._json.source)] if self._json.source is not None else []
        return " and ".join(parts + ([self._schema.path] if self._schema else []))


class Bound:
    """An expectation that can judge: everything in it is known.

    Args:
        expected: values that must be there, None to ask for none.
        schema: what `validator` was compiled from.
        validator: checks the schema.
    """

    def __init__(self, expected: Json, schema: Schema | None, validator: _Validator | None) -> None:
        self._expected = expected
        self._schema = schema
        self._validator = validator
        self.asks_nothing = expected is None and schema is None

    def matches(self, value: Json) -> bool:
        """Whether every part holds, as far as it can be told.

        Raises:
            CannotAskError: the schema refers to what cannot be found.
        """
        return self._fits(value, unchecked=False)

    def may_match(self, value: Json) -> bool:
        """Whether every part holds, or could hold: for what must not be.

        Raises:
            CannotAskError: the schema refers to what cannot be found.
        """
        return self._fits(value, unchecked=True)

    def _fits(self, value: Json, *, unchecked: bool) -> bool:
        if self._expected is not None and not _holds(self._expected, value):
            return False
        try:
            return self._validator is None or not _errors(self._validator, value, 1)
        except _UncheckedError:
            return unchecked

    def mismatches(self, value: Json) -> tuple[Mismatch, ...]:
        """The first places where the value is not as expected; empty if it is.

        Raises:
            CannotAskError: the schema refers to what cannot be found.
        """
        found = (
            []
            if self._expected is None
            else list(islice(_differences(self._expected, value, ""), MISMATCHES_MAX))
        )
        if self._validator is not None:
            found += _against_schema(self._validator, value)
        return tuple(found[:MISMATCHES_MAX])


def read_json(text: str | bytes) -> Json:
    """Reads JSON strictly: no NaN, no infinity, no nesting that would break us.

    Raises:
        ValueError: it is not JSON.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    try:
        value: Json = _STRICT.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def compact(value: Json) -> str:
    """A JSON value as one short line."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _holds(expected: Json, value: Json) -> bool:
    return next(_differences(expected, value, ""), None) is None


def _differences(expected: Json, value: Json, path: str) -> Iterator[Mismatch]:
    """Depth first; recursion is bounded by the policy's own value."""
    match expected, value:
        case dict(), dict():
            for key, wanted in expected.items():
                where = f"{path}/{_escape(key)}"
                if key in value:
                    yield from _differences(wanted, value[key], where)
                else:
                    yield Mismatch(Symptom.BODY, where, f"{where} missing", _equals(where, wanted))
        case list(), list():
            if len(expected) != len(value):
                yield Mismatch(
                    Symptom.BODY,
                    path,
                    f"{_name(path)} with {len(value)} items",
                    f"{len(expected)} items",
                )
            for index, (wanted, item) in enumerate(zip(expected, value, strict=False)):
                yield from _differences(wanted, item, f"{path}/{index}")
        case _:
            if not _same(expected, value):
                yield Mismatch(Symptom.BODY, path, _holds_now(path, value), _equals(path, expected))


def _same(expected: Json, value: Json) -> bool:
    """Equality as JSON has it: 1 is 1.0, but true is not 1."""
    if isinstance(expected, bool) or isinstance(value, bool):
        return expected is value
    return expected == value


def _equals(path: str, value: Json) -> str:
    match value:
        case dict():
            shown = f"an object with {len(value)} keys"
        case list():
            shown = f"a list of {len(value)} items"
        case _:
            shown = compact(value)
    return f"{_name(path)} = {shown}"


def _holds_now(path: str, value: Json) -> str:
    """As _equals, of what the candidate said."""
    if isinstance(value, dict | list):
        return _equals(path, value)
    return f"{_name(path)} = {quoted(compact(value), 'another value')}"


def _name(path: str) -> str:
    return path or "the answer"


def _escape(key: str | int) -> str:
    return str(key).replace("~", "~0").replace("/", "~1")


def _compile(schema: Schema) -> _Validator:
    """A validator of the schema's own draft, Draft 2020-12 where it names none.

    It can refer to its own parts only: nothing is ever fetched.
    """
    # lazy: jsonschema takes about 60 ms to import, and most probes need none of it
    from jsonschema import Draft202012Validator  # noqa: PLC0415
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415
    from jsonschema.validators import validator_for  # noqa: PLC0415

    document = schema.document
    if not isinstance(document, dict | bool):
        raise _no_schema(schema, "it is neither an object nor a boolean")
    kind = validator_for(document, default=Draft202012Validator)
    try:
        if isinstance(document, dict):  # true and false are schemas, too
            kind.check_schema(document)
    except SchemaError as error:
        raise _no_schema(schema, error.message) from None
    except RecursionError:
        raise _no_schema(schema, "it is nested too deeply") from None
    budget = Budget()
    if isinstance(document, dict):  # else a reference to the whole would name an unlimited class
        document = {key: part for key, part in document.items() if key != "$schema"}
    return _Validator(budget.validator(kind, document), budget, schema)


def _no_schema(schema: Schema, why: str) -> CannotAskError:
    return CannotAskError(f"{schema.path} is no JSON Schema: {why}", "a JSON Schema")


def _against_schema(validator: _Validator, value: Json) -> Iterator[Mismatch]:
    expected = validator.source.path
    try:
        for path, message in _errors(validator, value, MISMATCHES_MAX):
            yield Mismatch(Symptom.SCHEMA, path, message, expected)
    except _UncheckedError as why:
        yield Mismatch(Symptom.SCHEMA, "", why.message, expected, why.hint)


def _errors(validator: _Validator, value: Json, count: int) -> list[tuple[str, str]]:
    """The first errors as (JSON Pointer, message), each the most telling one of its kind.

    Raises:
        CannotAskError: the schema refers to what cannot be found.
        _UncheckedError: it takes too long to tell.
    """
    from jsonschema.exceptions import best_match  # noqa: PLC0415 - as in _compile
    from referencing.exceptions import Unresolvable  # noqa: PLC0415

    try:
        validator.budget.renew()
        first = list(islice(validator.schema.iter_errors(value), count))
    except Unresolvable as error:
        raise CannotAskError(
            f"a schema that refers to what is not in it ({error})",
            "a schema that is whole",
            "nothing is fetched: put what it refers to under its $defs",
        ) from None
    except RecursionError:
        raise _UncheckedError("the answer is nested too deeply to be checked") from None
    except TooMuchWork:
        raise _UncheckedError(
            "the answer is too large, or too wrong, to be checked whole"
        ) from None
    except TooSlowError as slow:
        raise _too_slow(validator.source, slow) from None
    found = []
    for one in first:
        telling = best_match([one]) or one  # of its context: which branch of an anyOf is nearest
        path = "".join(f"/{_escape(part)}" for part in telling.absolute_path)
        message = quoted(telling.message, f"does not meet `{telling.validator}`")
        found.append((path, f"{_name(path)}: {message}"))
    return found


def _too_slow(source: Schema, slow: TooSlowError) -> _UncheckedError:
    parts = (*place_of(slow.schema, source.document), *slow.place)
    where = "".join(f"/{_escape(part)}" for part in parts)
    return _UncheckedError(
        "the answer holds a text on which a pattern takes too long",
        f"write the pattern at {source.path}#{where} without a repeat inside a repeat",
    )
