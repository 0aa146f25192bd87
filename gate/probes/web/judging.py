"""Judges one answer: its headers and its body, as every probe that asks over HTTP expects them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.core.evidence import Symptom
from gate.core.expectations import Content, Pattern
from gate.core.shapes import Shape, no_json, shape_of
from gate.core.template import Template, parse
from gate.probes.expect import Bound, Expectation
from gate.probes.outcome import Fault
from gate.probes.readiness import says_not_yet
from gate.probes.web.content import Body, Contents, wrong_content
from gate.probes.web.exchange import Answer
from gate.probes.web.markup import is_html
from gate.probes.words import Words

_SHAPED_MAX_BYTES = 1_000_000
"""No shape is made of a larger answer."""

Headers = tuple[tuple[str, str], ...]


class AnswerExpectation:
    """What an answer must be beyond its status, templates parsed; bound once for each answer.

    Args:
        pattern: what its JSON value must look like.
        headers: those that it must have.
        content: what its body must hold.

    Raises:
        CannotAskError: a schema is none.
    """

    def __init__(self, pattern: Pattern, headers: Headers, content: Content) -> None:
        self._pattern = Expectation(pattern)
        self._asks_json = not pattern.empty
        self._sources = headers
        self._headers: tuple[tuple[str, Template], ...] = tuple(
            (name, parse(value)) for name, value in headers
        )
        self._content = Contents(content)

    def bind(self, values: Mapping[str, str]) -> "BoundAnswer":
        """The expectation with its references replaced.

        Raises:
            KeyError: a name has no value.
        """
        headers = tuple((name, value.render(values)) for name, value in self._headers)
        return BoundAnswer(self._pattern.bind(values), headers, self._content.bind(values))

    @property
    def words(self) -> list[str]:
        """What is expected, in words."""
        parts = [f"{name}: {value}" for name, value in self._sources]
        parts += [str(self._pattern)] if self._asks_json else []
        return parts + ([text] if (text := str(self._content)) else [])


@dataclass(frozen=True, slots=True)
class BoundAnswer:
    """What one answer must be."""

    pattern: Bound
    headers: Headers
    content: Content

    def faults(self, answer: Answer) -> Iterator[Fault]:
        """What is wrong with an answer whose status is right."""
        body = Body(answer)
        yield from self._wrong_headers(answer)
        yield from self._wrong_json(body)
        yield from wrong_content(self.content, body)

    def _wrong_headers(self, answer: Answer) -> Iterator[Fault]:
        for name, value in self.headers:
            seen = answer.header(name)
            if seen is None:
                yield Fault(Symptom.HEADER, f"no header {name}", f"{name}: {value}")
            elif seen.strip() != value.strip():
                yield Fault(Symptom.HEADER, f"{name}: {seen}", f"{name}: {value}")

    def _wrong_json(self, body: Body) -> Iterator[Fault]:
        if self.pattern.asks_nothing:
            return
        try:
            value = body.json
        except ValueError:
            yield Fault(Symptom.BODY, f"a body that is not JSON ({body.kind})", "JSON")
            return
        early = says_not_yet(value)
        for one in self.pattern.mismatches(value):
            yield Fault(one.symptom, one.seen, one.expected, one.hint, not_yet=early)


def shape_of_answer(answer: Answer, words: Words, label: str = "$") -> Shape | None:
    """The shape of an answer; None of one that is too large."""
    if len(answer.body) > _SHAPED_MAX_BYTES:
        return None
    body = Body(answer)
    try:
        return shape_of(body.json, label, clean=words.line)
    except ValueError:
        if 300 <= answer.status < 400 or (answer.body.strip() and not is_html(answer)):
            return no_json(label)  # what a redirect says beside its Location, nobody reads
        if not body.markup.searchable:
            return no_json(label)
        return no_json(label, body.markup.page(label).cleaned(words.line))
