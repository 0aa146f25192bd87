"""What the answers to a step, in the visit and when it was played, allow the next to be held to.

Each answer is read with its own captured values, new texts and secrets back in their names; what
differs between two answers after that is held to nothing but its kind.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gate.core import template
from gate.core.questions import Json
from gate.drafting.har.journeys import Planned, expect_status
from gate.drafting.har.markup import ITEMS, Markup
from gate.drafting.har.queries import Course, queries
from gate.drafting.har.samples import HIDDEN, Sample
from gate.drafting.schemas import schema_of

QUERIES_MAX = 20
"""Most queries, and most texts, of one step."""
TEXT_MAX = 120
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9/+.;= _-]{1,100}")
_CHALLENGE = re.compile(r"[A-Za-z][A-Za-z0-9-]*( [A-Za-z0-9=\", _-]{1,100})?")
_PAGE_MIN = 200
"""A page of fewer bytes has no size worth holding."""


@dataclass(slots=True)
class Held:
    """What is asked of the next answer, and the schema that it names."""

    expect: dict[str, Json]
    schemas: dict[str, Json] = field(default_factory=dict)


def held(one: Planned, samples: Sequence[Sample], course: Course, schema: str) -> Held:
    """What can be asked of the answer to a step.

    Args:
        one: the step.
        samples: the answer of the visit first.
        course: what is known by then.
        schema: path of the schema file, if there is to be one.
    """
    found = Held(expect_status(one))
    if one.exchange.answer.status in range(300, 400):
        return found
    if headers := _headers(samples):
        found.expect["headers"] = headers
    bodies = [sample for sample in samples if sample.seen.body]
    if not bodies or one.exchange.method == "HEAD":
        return found
    holding = _Holding(one, bodies, course)
    if all(sample.json is not None for sample in bodies):
        holding.json(found, schema)
    elif all(sample.is_html for sample in bodies):
        holding.page(found)
    if holding.is_absent():
        found.expect["absent_text"] = "${nonce}"
    return found


def _headers(samples: Sequence[Sample]) -> dict[str, Json]:
    """Headers that say what an answer is, where they were always the same."""
    headers: dict[str, Json] = {}
    for name, plain in (("Content-Type", _CONTENT_TYPE), ("WWW-Authenticate", _CHALLENGE)):
        said = {sample.seen.header(name.lower()) for sample in samples}
        if len(said) == 1 and plain.fullmatch(value := said.pop()):
            headers[name] = value
    return headers


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
        for query, wanted in queries(self._one, self._samples, self._course):
            if len(paths) < QUERIES_MAX:
                paths.setdefault(query, wanted)
        if paths:
            found.expect["path"] = paths

    def page(self, found: Held) -> None:
        """Title, heading, size and what the page says of this journey."""
        pages = [sample.page for sample in self._samples]
        own = self._one.exchange.path in self._course.written
        if self._course.played and (selectors := dict(self._selectors(pages, own=own))):
            found.expect["selector"] = selectors
        if texts := [*dict.fromkeys(self._texts(pages, own=own))][:QUERIES_MAX]:
            found.expect["text"] = [*texts]
        size = min(len((sample.seen.body or "").encode()) for sample in self._samples)
        if size >= _PAGE_MIN:
            found.expect["min_size"] = size // 2

    def _selectors(self, pages: Sequence[Markup], *, own: bool) -> Iterator[tuple[str, Json]]:
        """Title and heading, and how much is listed where the journey changes something."""
        titles = {page.title for page in pages}
        if len(titles) == 1 and self._shows(title := titles.pop()):
            yield "title", title
        headings = {page.headings for page in pages}
        if len(headings) == 1 and len(several := headings.pop()) == 1 and self._shows(several[0]):
            yield "h1", several[0]
        items = {page.items for page in pages}
        listing = self._one.exchange.path in self._course.listing
        if own and listing and len(items) == 1:
            yield ITEMS, {"count": items.pop()}

    def _texts(self, pages: Sequence[Markup], *, own: bool) -> Iterator[str]:
        for text in pages[0].texts if pages else ():
            whole = all(text in page.texts for page in pages[1:])
            raw = all(text in sample.text for sample in self._samples)
            if not (whole and raw and self._shows(text)) or len(text) > TEXT_MAX:
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
