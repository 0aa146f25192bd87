"""Answers to one step, read: with names in the place of what differs from run to run."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from gate.core.questions import Json
from gate.core.visits import Seen
from gate.drafting.har.answers import INDEX, json_of, leaves
from gate.drafting.har.markup import Markup, markup_of

HIDDEN = "[hidden]"
"""Stands for what is never shown."""
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

    @property
    def is_html(self) -> bool:
        """Whether it calls itself a page."""
        return "html" in self.seen.header("content-type")

    @cached_property
    def page(self) -> Markup:
        """It as HTML."""
        return markup_of(self.text)


class Gathered:
    """All values of an answer by JSONPath with `[*]` for each place in a list."""

    def __init__(self, sample: Sample) -> None:
        self.values: dict[str, list[Json]] = {}
        for path, (_, value) in sample.leaves.items():
            self.values.setdefault(INDEX.sub("[*]", path), []).append(value)

    def found(self, path: str) -> list[Json]:
        """The values at a path."""
        return self.values.get(path, [])


def gathered(samples: Sequence[Sample]) -> list[Gathered]:
    """Of each answer."""
    return [Gathered(one) for one in samples]


def gathered_values(samples: Sequence[Sample]) -> dict[str, list[Json]]:
    """Of all answers together, where each of them has some."""
    several = gathered(samples)
    common = [path for path in several[0].values if all(one.found(path) for one in several)]
    return {path: [value for one in several for value in one.found(path)] for path in common}
