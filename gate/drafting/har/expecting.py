"""What the answers to a step, in the visit and when it was played, allow the next to be held to.

Each answer is read with its own captured values, new texts and secrets back in their names; what
differs between two answers after that is held to nothing but its kind.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from urllib.parse import parse_qsl, unquote_plus

from gate.core import template
from gate.core.questions import Json
from gate.core.visits import Seen
from gate.drafting.har.answers import json_of, leaves
from gate.drafting.har.markup import Markup, markup_of
from gate.drafting.har.plan import Planned, expect_status
from gate.drafting.schemas import schema_of

HIDDEN = "[hidden]"
QUERIES_MAX = 20
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9/+.;= _-]{1,100}")
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
_IS_TIME = re.compile(rf"{_TIME}.*")
_INDEX = re.compile(r"\[[0-9]+\]")
_SEARCH = re.compile(r"(?i)q|query|search|s|term|keywords?|text|filter|name|title")
ORDERED_MIN = 4
"""So many items at least show an order that is no chance."""
_LONG = 6
"""Shorter values are told by being the whole text alone."""


class Reading:
    """How the answers of one run are read: with what names stand for in it.

    Args:
        named: the name, or the template, of each value.
        hidden: values that are never shown.
    """

    def __init__(self, named: Mapping[str, str], hidden: Collection[str]) -> None:
        self._whole = {**named, **dict.fromkeys(hidden, HIDDEN)}
        self._within = sorted(filter(lambda one: len(one) >= _LONG, self._whole), key=len)[::-1]

    def text(self, text: str) -> str:
        """A text with values as the templates that stand for them."""
        if text in self._whole:
            return self._whole[text]
        text = text.replace("${", "$${")
        for value in self._within:
            text = text.replace(value, self._whole[value])
        return text

    def json(self, value: Json) -> Json:
        """A JSON value with all texts in it read."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.json(one) for one in value]
            case dict():
                return {name: self.json(one) for name, one in value.items()}
            case _:
                return value


@dataclass(frozen=True)
class Sample:
    """One answer, read."""

    seen: Seen
    reading: Reading

    @cached_property
    def text(self) -> str:
        """Its body."""
        return self.reading.text(self.seen.body or "")

    @cached_property
    def json(self) -> Json:
        """Its JSON value; None where it is none."""
        return self.reading.json(json_of(self.seen.body))

    @cached_property
    def leaves(self) -> dict[str, tuple[str, Json]]:
        """Key and value by JSONPath."""
        return {path: (key, value) for path, key, value in leaves(self.json)}

    @cached_property
    def shows_new(self) -> bool:
        """Whether it shows anything that the journey made."""
        texts = [str(value) for _, value in self.leaves.values()]
        return any("${nonce}" in text for text in (self.text, *texts))

    @cached_property
    def page(self) -> Markup:
        """It as HTML."""
        return markup_of(self.text)


@dataclass(slots=True)
class Held:
    """What is asked of the next answer, and the schema that it names."""

    expect: dict[str, Json]
    schemas: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of the journey at a step.

    Attributes:
        names: that have a value by then, without those that the step itself captures.
        typed: texts that were sent by then, and are no secrets.
        written: paths that the journey changes something at.
        showed: paths of answers that show what the journey made, if it has made something by then.
        clean: whether a text may be written down.
        played: whether samples are there from more than the visit.
    """

    names: frozenset[str]
    typed: frozenset[str]
    written: frozenset[str]
    showed: frozenset[str]
    clean: Callable[[str], bool]
    played: bool


def held(one: Planned, samples: Sequence[Sample], course: Course, schema: str) -> Held:
    """What can be asked of the answer to a step.

    Args:
        one: the step.
        samples: the answer of the visit first.
        course: what is known by then.
        schema: path of the schema file, if there is to be one.
    """
    found = Held(expect_status(one))
    kinds = {sample.seen.header("content-type") for sample in samples}
    if len(kinds) == 1 and _CONTENT_TYPE.fullmatch(kind := kinds.pop()):
        found.expect["headers"] = {"Content-Type": kind}
    bodies = [sample for sample in samples if sample.seen.body]
    if one.exchange.answer.status in range(300, 400) or not bodies or one.exchange.method == "HEAD":
        return found
    holding = _Holding(one, bodies, course)
    if all(sample.json is not None for sample in bodies):
        holding.json(found, schema)
    elif all("html" in sample.seen.header("content-type") for sample in bodies):
        holding.page(found)
    if holding.is_absent():
        found.expect["absent_text"] = "${nonce}"
    return found


class _Holding:
    def __init__(self, one: Planned, samples: Sequence[Sample], course: Course) -> None:
        self._one = one
        self._samples = samples
        self._course = course

    def json(self, found: Held, schema: str) -> None:
        """A schema, and what queries must find."""
        values = [sample.json for sample in self._samples]
        if not self._course.played:
            values += [_other(value) for value in values]  # so that no word is held to
        if any(isinstance(value, dict | list) and value for value in values):
            shape = schema_of(values)
            if shape is not None:
                found.expect["schema"] = schema
                found.schemas[schema] = shape
        paths: dict[str, Json] = {}
        asked = (
            *self._echoes(),
            *self._counts(),
            *self._searched(),
            *self._orders(),
            *self._times(),
        )
        for query, wanted in asked:
            if len(paths) < QUERIES_MAX:
                paths.setdefault(query, wanted)
        if paths:
            found.expect["path"] = paths

    def _echoes(self) -> Iterator[tuple[str, Json]]:
        """Values that were sent, or captured, or new, and are shown again."""
        first = self._samples[0].leaves
        several: dict[str, Json] = {}
        for path, (_, value) in first.items():
            if not isinstance(value, str) or not self._tells(value):
                continue
            if _INDEX.search(path) and "[0]" not in path:
                anywhere = _INDEX.sub("[*]", path)
                if all(value in sample.found(anywhere) for sample in _gathered(self._samples)):
                    several.setdefault(anywhere, {"some": value})
            elif all(sample.leaves.get(path, ("", None))[1] == value for sample in self._samples):
                yield path, value
        yield from several.items()

    def _tells(self, value: str) -> bool:
        """Whether a text says something of this journey, and may be written."""
        names = template.names(value)
        if HIDDEN in value or not self._course.clean(value):
            return False
        if names:
            return names <= self._course.names | {template.NONCE}
        return value in self._course.typed

    def _searched(self) -> Iterator[tuple[str, Json]]:
        """Fields that have the word in every item that a search found."""
        query = str(next(iter(self._one.request.values()))).partition("?")[2]
        words = [text for key, text in parse_qsl(query) if _SEARCH.fullmatch(key)]
        for word in words:
            if "$" in word or len(word) < 2:
                continue
            for path, values in _gathered_values(self._samples).items():
                texts = [value.lower() for value in values if isinstance(value, str)]
                whole = len(texts) == len(values) and "[*]" in path
                if whole and all(word.lower() in text for text in texts):
                    yield path, {"matches": f"(?i){re.escape(word)}"}

    def _orders(self) -> Iterator[tuple[str, Json]]:
        """By which time or number a list falls or rises: no item may come before the first."""
        several = [dict(_ordered(sample.json)) for sample in self._samples]
        for place, sign in several[0].items():
            if all(one.get(place) == sign for one in several):
                items, _, name = place.rpartition(".")
                yield f"{items}[?@.{name} {sign} {items}[0].{name}]", {"count": 0}

    def _times(self) -> Iterator[tuple[str, Json]]:
        """Fields that are always a time, as machines write it."""
        for path, values in _gathered_values(self._samples).items():
            texts = [value for value in values if isinstance(value, str)]
            if len(texts) == len(values) and all(map(_IS_TIME.fullmatch, texts)):
                yield path, {"matches": f"^{_TIME}"}

    def _counts(self) -> Iterator[tuple[str, Json]]:
        """How many items there are, where the request asks for so many, or for what is new."""
        query = str(next(iter(self._one.request.values()))).partition("?")[2]
        asked = {text for _, text in parse_qsl(query.replace("${", "").replace("}", ""))}
        own = "${nonce}" in unquote_plus(query)
        lists = [{at: len(one) for at, one in _lists(sample.json)} for sample in self._samples]
        for place, count in lists[0].items() if lists else ():
            if any(one.get(place) != count for one in lists):
                continue
            if own or (count > 1 and str(count) in asked):
                yield f"{place}[*]", {"count": count}
        if own:
            for place, (_, value) in self._samples[0].leaves.items():
                same = all(one.leaves.get(place, ("", None))[1] == value for one in self._samples)
                if same and isinstance(value, int) and "[" not in place and self._course.played:
                    yield place, value

    def page(self, found: Held) -> None:
        """Title, heading, size and what the page says of this journey."""
        pages = [sample.page for sample in self._samples]
        selectors: dict[str, Json] = {}
        if self._course.played:
            titles = {page.title for page in pages}
            headings = {page.headings for page in pages}
            if len(titles) == 1 and self._shows(title := titles.pop()):
                selectors["title"] = title
            if len(headings) == 1 and len(several := headings.pop()) == 1:
                selectors |= {"h1": several[0]} if self._shows(several[0]) else {}
        own = self._one.exchange.path in self._course.written
        items = {page.items for page in pages}
        if own and self._course.played and len(items) == 1:
            selectors["li, tbody tr"] = {"count": items.pop()}
        if selectors:
            found.expect["selector"] = selectors
        if texts := [*dict.fromkeys(self._texts(pages, own=own))][:QUERIES_MAX]:
            found.expect["text"] = [*texts]
        size = min(len((sample.seen.body or "").encode()) for sample in self._samples)
        if size >= 200:
            found.expect["min_size"] = size // 2

    def _texts(self, pages: Sequence[Markup], *, own: bool) -> Iterator[str]:
        for text in pages[0].texts if pages else ():
            whole = all(text in page.texts for page in pages[1:])
            raw = all(text in sample.text for sample in self._samples)
            if not (whole and raw and self._shows(text)) or len(text) > 120:
                continue
            names = template.names(text)
            typed = any(len(word) > 3 and word in text for word in self._course.typed)
            if names or (self._course.played and (own or typed)):
                yield text

    def _shows(self, text: str) -> bool:
        names = template.names(text)
        known = names <= self._course.names | {template.NONCE}
        return bool(text) and known and HIDDEN not in text and self._course.clean(text)

    def is_absent(self) -> bool:
        """Whether what the journey made is not shown where it has been."""
        here = self._one.exchange.path in self._course.showed
        right = 200 <= self._one.exchange.answer.status < 300
        reads = not self._one.exchange.writes
        return reads and here and right and not any(one.shows_new for one in self._samples)


class _Gathered:
    """All values of an answer by JSONPath with `[*]` for each place in a list."""

    def __init__(self, sample: Sample) -> None:
        self.values: dict[str, list[Json]] = {}
        for path, (_, value) in sample.leaves.items():
            self.values.setdefault(_INDEX.sub("[*]", path), []).append(value)

    def found(self, path: str) -> list[Json]:
        return self.values.get(path, [])


def _gathered(samples: Sequence[Sample]) -> list[_Gathered]:
    return [_Gathered(one) for one in samples]


def _gathered_values(samples: Sequence[Sample]) -> dict[str, list[Json]]:
    """Of all answers together, where each of them has some."""
    several = _gathered(samples)
    common = [path for path in several[0].values if all(one.found(path) for one in several)]
    return {path: [value for one in several for value in one.found(path)] for path in common}


def _lists(value: Json, path: str = "$", depth: int = 0) -> Iterator[tuple[str, list[Json]]]:
    """Each list that is not within another one."""
    if isinstance(value, list):
        yield path, value
    elif isinstance(value, dict) and depth < 6:
        for name, one in value.items():
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,60}", name):
                yield from _lists(one, f"{path}.{name}", depth + 1)


def _ordered(value: Json) -> Iterator[tuple[str, str]]:
    """Each time and id by which a list is ordered, with the sign of what would be out of order."""
    for place, items in _items_of(value):
        if len(items) < ORDERED_MIN:
            continue
        for name in items[0]:
            values = [item.get(name) for item in items]
            times = all(isinstance(one, str) and _IS_TIME.fullmatch(one) for one in values)
            numbers = all(type(one) is int for one in values) and name.lower() in ("id", "number")
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,60}", name) and (times or numbers):
                pairs = [*pairwise(values)]
                if all(a > b for a, b in pairs):  # type: ignore[operator]
                    yield f"{place}.{name}", ">"
                elif all(a < b for a, b in pairs):  # type: ignore[operator]
                    yield f"{place}.{name}", "<"


def _items_of(value: Json) -> Iterator[tuple[str, list[dict[str, Json]]]]:
    """Each list of objects that is not within another list."""
    for place, items in _lists(value):
        objects = [one for one in items if isinstance(one, dict)]
        if objects and len(objects) == len(items):
            yield place, objects


def _other(value: Json) -> Json:
    """A value of the same shape with other words in it."""
    match value:
        case bool():
            return not value
        case str():
            return f"{value} ~1"
        case list():
            return [_other(one) for one in value]
        case dict():
            return {name: _other(one) for name, one in value.items()}
        case _:
            return value
