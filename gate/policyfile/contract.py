"""Reads the JSON Schema files that a policy names.

They lie below its folder, are valid, and hold all that they refer to: no probe ever fetches, or
loops, because of one.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import jsonschema
import referencing
import referencing.exceptions
from jsonschema.validators import validator_for
from referencing import Resource, Specification
from referencing.jsonschema import UnknownDialect, specification_with

from gate.core.expectations import Schema
from gate.core.patterns import compiled, patterns_of, place_of
from gate.core.policy import Json
from gate.policyfile.problems import shown
from gate.policyfile.source import Unreadable, mark_after, read_text

DEPTH_MAX = 60
CHAIN_MAX = 60
WORK_MAX = 10_000
"""Subschemas that one value may have to satisfy; more is a bomb, or has no end."""

_NEWEST = "https://json-schema.org/draft/2020-12/schema"


class BadSchemaError(Exception):
    """A schema file that cannot be used; the message says why.

    Args:
        message: what is wrong, with (got X, expected Y).
        hint: what to do about it, or "".
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def read_schema(folder: Path, name: str) -> Schema:
    """Reads one schema.

    Args:
        folder: the policy's folder.
        name: the file's path, relative to the folder.

    Raises:
        BadSchemaError: the file is outside the folder, unreadable, no JSON, no valid JSON Schema
            of Draft 2020-12, or refers to what it does not hold.
    """
    path = _inside(folder, name)
    try:
        text = read_text(path)
    except Unreadable as error:
        place = f":{error.mark.line}:{error.mark.column}" if error.mark else ""
        raise BadSchemaError(f"{name}{place} {error.message}", error.hint) from None
    document = _parse(name, text)
    _check(name, text, document)
    return Schema(name, document)


def _inside(folder: Path, name: str) -> Path:
    given = PurePosixPath(name)
    if given.is_absolute() or ".." in given.parts or "\\" in name:
        raise BadSchemaError(
            f"{shown(name)} leaves the policy's folder (expected a path below it)",
            "keep schemas beside the policy, e.g. schemas/answer.json",
        )
    try:
        path = (folder / name).resolve()
        inside = path.is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        raise BadSchemaError(f"{shown(name)} is not a possible path") from None
    if not inside:
        raise BadSchemaError(
            f"{shown(name)} is a link that leaves the policy's folder (expected a file below it)",
            "copy the file there",
        )
    return path


def _parse(name: str, text: str) -> Json:
    try:
        document: Json = json.loads(
            text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant
        )
    except json.JSONDecodeError as error:
        mark = mark_after(text[: error.pos])
        raise BadSchemaError(
            f"{name}:{mark.line}:{mark.column} is not JSON ({error.msg})"
        ) from None
    except RecursionError:
        raise BadSchemaError(f"{name} is nested too deeply") from None
    except ValueError as error:
        raise BadSchemaError(f"{name} is not JSON ({error})") from None
    if _depth(document) > DEPTH_MAX:
        raise BadSchemaError(f"{name} is nested too deeply (expected at most {DEPTH_MAX} levels)")
    return document


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    document = dict(pairs)
    if len(document) < len(pairs):
        counts = Counter(key for key, _ in pairs)
        raise ValueError(f"key {shown(counts.most_common(1)[0][0])} is given twice")
    return document


def _no_constant(word: str) -> Json:
    raise ValueError(f"{word} is no JSON number")


def _depth(document: Json) -> int:
    deepest = 0
    waiting: list[tuple[Json, int]] = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        deepest = max(deepest, depth)
        if depth > DEPTH_MAX:
            break
        if isinstance(value, dict | list):
            inner = value.values() if isinstance(value, dict) else value
            waiting += [(item, depth + 1) for item in inner]
    return deepest


def _check(name: str, text: str, document: Json) -> None:
    if not isinstance(document, dict):
        raise BadSchemaError(f"{name} is not a JSON Schema (expected an object)")
    dialect = document.get("$schema", _NEWEST)
    try:
        meaning = specification_with(str(dialect))
    except UnknownDialect:
        raise BadSchemaError(
            f"{name} is of an unknown dialect (got {shown(dialect)}, expected e.g. {_NEWEST})",
            "leave $schema out for Draft 2020-12",
        ) from None
    try:
        no_formats = jsonschema.FormatChecker(())  # patterns are looked at below
        validator_for(document, default=jsonschema.Draft202012Validator).check_schema(
            document,
            format_checker=no_formats,  # type: ignore[call-arg]  # unknown to the stubs
        )
    except jsonschema.SchemaError as error:
        place = "/".join(str(part) for part in error.absolute_path) or "the top"
        raise BadSchemaError(
            f"{name} is not a valid JSON Schema (at {place}: {error.message[:200]})"
        ) from None
    _References(name, document, meaning).check()
    for schema in _parts(meaning.create_resource(document)):
        _check_patterns(name, text, document, schema)


def _parts(root: "Resource[Json]") -> Iterator[dict[str, Json]]:
    waiting = [root]
    while waiting:
        resource = waiting.pop()
        if isinstance(resource.contents, dict):
            yield resource.contents
        waiting += list(resource.subresources())


def _check_patterns(name: str, text: str, document: Json, schema: dict[str, Json]) -> None:
    for within, pattern in patterns_of(schema):
        try:
            compiled(pattern)
        except ValueError as error:
            place = "/".join(str(part) for part in (*place_of(schema, document), *within))
            raise BadSchemaError(
                f"{name}{_mark_of(pattern, text)} is not a valid JSON Schema "
                f"(at {place[:200]}: {shown(pattern)} is no regular expression: {error})"
            ) from None


def _mark_of(pattern: str, text: str) -> str:
    """Where in a JSON text this string comes first."""
    for match in re.finditer(r'"(?:[^"\\]|\\.)*"', text):
        if json.loads(match[0]) == pattern:
            mark = mark_after(text[: match.start()])
            return f":{mark.line}:{mark.column}"
    return ""


class _References:
    """Follows what is applied to one and the same value: such a path may not be endless.

    Args:
        name: the file's name, for messages.
        document: the whole schema.
        dialect: what its keywords mean.
    """

    def __init__(
        self, name: str, document: dict[str, Json], dialect: "Specification[Json]"
    ) -> None:
        self._name = name
        self._root = dialect.create_resource(document)
        base = self._root.id() or "urn:gate:schema"
        self._resolver = referencing.Registry().with_resource(base, self._root).resolver(base)
        self._work: dict[int, int] = {}

    def check(self) -> None:
        """Checks every subschema.

        Raises:
            BadSchemaError: a reference leads out of the file or nowhere, or has no end.
        """
        for schema in _parts(self._root):
            self._check_keywords(schema, is_root=schema is self._root.contents)
            self._work_of(schema, 1)

    def _check_keywords(self, schema: dict[str, Json], *, is_root: bool) -> None:
        for keyword in ("$dynamicRef", "$recursiveRef", *(() if is_root else ("$id",))):
            if keyword in schema:
                raise BadSchemaError(f"{self._name} has a {keyword}", "use $defs and $ref alone")

    def _work_of(self, schema: Json, depth: int) -> int:
        """How many subschemas apply to a value that this schema is applied to, itself included."""
        if depth > CHAIN_MAX:
            raise BadSchemaError(
                f"{self._name} refers to itself without end, or through too many references "
                f"(expected at most {CHAIN_MAX} in a row)"
            )
        known = self._work.get(id(schema))
        if known is None:
            known = 1 + sum(self._work_of(part, depth + 1) for part in self._in_place(schema))
            self._work[id(schema)] = known
        if known > WORK_MAX:
            raise BadSchemaError(
                f"{self._name} applies too many subschemas to one value "
                f"(expected at most {WORK_MAX})"
            )
        return known

    def _in_place(self, schema: Json) -> Iterator[Json]:
        if not isinstance(schema, dict):
            return
        for keyword in ("not", "if", "then", "else"):
            if keyword in schema:
                yield schema[keyword]
        for keyword in ("allOf", "anyOf", "oneOf"):
            many = schema.get(keyword)
            yield from many if isinstance(many, list) else ()
        dependent = schema.get("dependentSchemas")
        yield from dependent.values() if isinstance(dependent, dict) else ()
        reference = schema.get("$ref")
        if isinstance(reference, str):
            yield self._target(reference)

    def _target(self, reference: str) -> Json:
        if not reference.startswith("#"):
            raise BadSchemaError(
                f"{self._name} refers to another document (got {shown(reference)})",
                "copy what is needed into its $defs; the gate fetches nothing",
            )
        try:
            target: Json = self._resolver.lookup(reference).contents
        except referencing.exceptions.Unresolvable:
            raise BadSchemaError(
                f"{self._name} refers to what it does not hold (got {shown(reference)})"
            ) from None
        return target
