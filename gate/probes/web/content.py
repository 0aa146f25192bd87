"""Judges the body of an answer: texts in it, what queries find in it, how large it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from gate.core.evidence import Symptom
from gate.core.expectations import Content, Found
from gate.core.patterns import compiled
from gate.core.policy import Json
from gate.core.template import parse, parse_json
from gate.probes.expect import Bound, compact, read_json
from gate.probes.outcome import CannotAskError, Fault
from gate.probes.quoting import quoted
from gate.probes.web.exchange import Answer
from gate.probes.web.markup import Markup, TooLargeError

PATTERN_WITHIN_S = 0.5
"""CPU time of one pattern on one text."""
_SHOWN_MAX = 120


class Body:
    """The body of one answer, read once in each of the ways that are asked for."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    @cached_property
    def json(self) -> Json:
        """Its JSON value.

        Raises:
            ValueError: it is none.
        """
        return read_json(self.answer.body)

    @cached_property
    def markup(self) -> Markup:
        """It as HTML."""
        return Markup(self.answer)

    @property
    def kind(self) -> str:
        """What it calls itself."""
        return self.answer.header("content-type") or "no content-type"

    def by_path(self, query: str) -> list[Json]:
        """What a JSONPath query finds.

        Raises:
            ValueError: it is no JSON, or too deep to be searched.
        """
        return found_by_path(query, self.json)


def found_by_path(query: str, value: Json) -> list[Json]:
    """What a JSONPath query finds in a value.

    Raises:
        ValueError: the value is too deep to be searched.
        CannotAskError: the query is none.
    """
    import jsonpath_rfc9535  # noqa: PLC0415 - lazy: 60 ms, and most probes have no queries

    try:
        compiled_query = _query(query)
    except jsonpath_rfc9535.JSONPathError as error:
        raise CannotAskError(f"{query} is no JSONPath query: {error}", "a query") from None
    try:
        return [node.value for node in compiled_query.finditer(value)]
    except (jsonpath_rfc9535.JSONPathError, RecursionError) as error:
        raise ValueError(str(error) or "nested too deeply") from None


@lru_cache(maxsize=200)
def _query(text: str) -> Any:
    import jsonpath_rfc9535  # noqa: PLC0415 - as above

    return jsonpath_rfc9535.compile(text)


class Contents:
    """What a body must hold, its templates parsed; bound once for each answer."""

    def __init__(self, content: Content) -> None:
        self._content = content

    def bind(self, values: Mapping[str, str]) -> Content:
        """What it must hold, with its references replaced.

        Raises:
            KeyError: a name has no value.
        """
        one = self._content
        if one.empty:
            return one
        return replace(
            one,
            text=tuple(parse(text).render(values) for text in one.text),
            absent_text=tuple(parse(text).render(values) for text in one.absent_text),
            path=tuple((query, _bound(found, values)) for query, found in one.path),
            selector=tuple((query, _bound(found, values)) for query, found in one.selector),
        )

    def __str__(self) -> str:
        one = self._content
        parts = [f"text {compact(text)}" for text in one.text]
        parts += [f"no text {compact(text)}" for text in one.absent_text]
        parts += [f"{query} {_named(found)}" for query, found in (*one.path, *one.selector)]
        parts += [f"{one.min_size_bytes} bytes or more"] if one.min_size_bytes else []
        return ", ".join(parts)


def _bound(found: Found, values: Mapping[str, str]) -> Found:
    return replace(
        found,
        equals=parse_json(found.equals).render(values),
        some=parse_json(found.some).render(values),
        never=parse_json(found.never).render(values),
        contains=parse(found.contains).render(values),
    )


def wrong_content(expected: Content, body: Body) -> Iterator[Fault]:
    """What a body lacks of what is expected of it.

    Args:
        expected: with its references replaced.
        body: of the answer.
    """
    size = len(body.answer.body)
    if size < expected.min_size_bytes:
        least = f"at least {expected.min_size_bytes} bytes"
        yield Fault(Symptom.BODY, f"a body of {size} bytes", least)
    text = body.answer.text if expected.text or expected.absent_text else ""
    for one in expected.text:
        if one not in text:
            yield Fault(
                Symptom.BODY, f"a body of {size} bytes without that text", f"text {compact(one)}"
            )
    for one in expected.absent_text:
        if one in text:
            yield Fault(Symptom.BODY, f"text {compact(one)}", "a body without that text")
    yield from _wrong_paths(expected, body)
    for query, found in expected.selector:
        try:
            texts = body.markup.found(query)
        except TooLargeError as error:
            yield Fault(Symptom.BODY, f"{query}: {error}", f"{query} {_named(found)}")
            continue
        yield from _wrong(query, _as_text(found), [*texts])


def _wrong_paths(expected: Content, body: Body) -> Iterator[Fault]:
    try:
        value = body.json if expected.path else None
    except ValueError:
        yield Fault(Symptom.BODY, f"a body that is not JSON ({body.kind})", "JSON")
        return
    for query, found in expected.path:
        try:
            values = found_by_path(query, value)
        except ValueError as error:
            seen = f"{query}: a body that cannot be searched ({error})"
            yield Fault(Symptom.BODY, seen, f"{query} {_named(found)}")
            continue
        yield from _wrong(query, found, values)


def _wrong(query: str, found: Found, values: list[Json]) -> Iterator[Fault]:
    for seen in _differences(found, values):
        yield Fault(Symptom.BODY, f"{query}: {seen}", f"{query} {_named(found)}")
        return


def _differences(found: Found, values: list[Json]) -> Iterator[str]:
    wanted = 0 if found.exists is False else found.count
    if wanted is not None and len(values) != wanted:
        yield f"{len(values)} found" if values else "nothing found"
    if wanted is None and not values:
        yield "nothing found"
    checks = _Checks(found)
    for value in values:
        yield from checks.of(value)
    if found.some is not None and not any(_same(found.some, value) for value in values):
        more = f" and {len(values) - 1} more" if len(values) > 1 else ""
        yield f"{_shown(values[0])}{more}, none of them that" if values else "nothing found"
    if found.never is not None and any(_same_text(found.never, value) for value in values):
        yield f"{_shown(found.never)} among {len(values)}"


@dataclass(frozen=True, slots=True)
class _Checks:
    """What each value that was found must be."""

    found: Found

    def of(self, value: Json) -> Iterator[str]:
        found = self.found
        if found.kind and found.kind not in _kinds(value):
            yield f"{_shown(value)} (a value of type {_kind(value)})"
        if found.equals is not None and not _same(found.equals, value):
            yield _shown(value)
        text = value if isinstance(value, str) else compact(value)
        if found.contains not in text:
            yield _shown(value)
        if found.matches:
            yield from self._unmatched(text)

    def _unmatched(self, text: str) -> Iterator[str]:
        try:
            if not compiled(self.found.matches).search(text, timeout=PATTERN_WITHIN_S):
                yield _shown(text)
        except (TimeoutError, MemoryError):
            yield "a text on which the pattern takes too long"


def _same(expected: Json, value: Json) -> bool:
    return Bound(expected, None, None).matches(value)


def _same_text(unwanted: Json, value: Json) -> bool:
    """Whether a value is the one that must not be there: a template's is text, a number as well."""
    if isinstance(unwanted, str) and not isinstance(value, str):
        return unwanted == compact(value)
    return _same(unwanted, value)


def _as_text(found: Found) -> Found:
    """What HTML must hold is text, also where a policy writes a number."""

    def text(value: Json) -> Json:
        return value if value is None or isinstance(value, str) else compact(value)

    equals, some, never = map(text, (found.equals, found.some, found.never))
    return replace(found, equals=equals, some=some, never=never)


def _kind(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case dict():
            return "object"


def _kinds(value: Json) -> tuple[str, ...]:
    """All JSON types of a value, as JSON Schema has them: a number without a fraction is whole."""
    kind = _kind(value)
    whole = kind == "number" and isinstance(value, int | float) and value % 1 == 0
    return (kind, "integer") if whole else (kind,)


def _shown(value: Json) -> str:
    text = compact(value)
    return quoted(text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…", "another value")


def _times(count: int) -> str:
    return "found once" if count == 1 else f"found {count} times"


def _named(found: Found) -> str:
    """What must be found, in words."""
    parts = [f"= {compact(found.equals)}"] if found.equals is not None else []
    parts += [f"with {compact(found.some)} among them"] if found.some is not None else []
    parts += [f"never {compact(found.never)}"] if found.never is not None else []
    parts += [f"with {compact(found.contains)}"] if found.contains else []
    parts += [f"matching {found.matches}"] if found.matches else []
    parts += [f"of type {found.kind}"] if found.kind else []
    parts += [_times(found.count)] if found.count is not None else []
    if found.exists is not None:
        parts += ["there" if found.exists else "not there"]
    return " and ".join(parts)
