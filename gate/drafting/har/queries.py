"""What queries must find in JSON answers, and must not."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import parse_qsl, unquote_plus

from gate.core import template
from gate.core.questions import Json
from gate.drafting.har.answers import INDEX
from gate.drafting.har.journeys import Planned
from gate.drafting.har.samples import HIDDEN, Sample, gathered, gathered_values

ORDERED_MIN = 4
"""So many items at least show an order that is no chance."""
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}"
_IS_TIME = re.compile(rf"{_TIME}.*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_SEARCH = re.compile(r"(?i)q|query|search|s|term|keywords?|text|filter|name|title")
_SIZE = re.compile(r"(?i).*(?:size|limit|count|per|first|top|max|rows|take|num).*|n")


@dataclass(frozen=True, slots=True)
class Course:
    """What is known of the journey at a step.

    Attributes:
        names: that have a value by then, without those that the step itself captures.
        typed: texts that were sent by then, and are no secrets.
        written: paths that the journey changes something at.
        listing: paths of pages that list anything.
        showed: paths of answers that show what the journey made, if it has made something by then.
        clean: whether a text may be written down.
        played: whether samples are there from more than the visit.
    """

    names: frozenset[str]
    typed: frozenset[str]
    written: frozenset[str]
    listing: frozenset[str]
    showed: frozenset[str]
    clean: Callable[[str], bool]
    played: bool


def queries(one: Planned, samples: Sequence[Sample], course: Course) -> Iterator[tuple[str, Json]]:
    """What JSONPath queries must find in the answer to a step, what says most first.

    Args:
        one: the step.
        samples: its answers, all of them JSON.
        course: what is known by then.
    """
    asking = _Asking(one, samples, course)
    yield from asking.echoes()
    yield from asking.counts()
    yield from asking.searched()
    yield from asking.orders()
    yield from asking.times()


class _Asking:
    def __init__(self, one: Planned, samples: Sequence[Sample], course: Course) -> None:
        self._query = one.path.partition("?")[2]
        self._own = "${nonce}" in unquote_plus(self._query)
        self._samples = samples
        self._course = course

    def echoes(self) -> Iterator[tuple[str, Json]]:
        """Values that were sent, or captured, or new, and are shown again."""
        first = self._samples[0].leaves
        several: dict[str, Json] = {}
        for path, (_, value) in first.items():
            if not isinstance(value, str) or not self._tells(value):
                continue
            if INDEX.search(path) and not self._own:
                anywhere = INDEX.sub("[*]", path)
                if all(value in sample.found(anywhere) for sample in gathered(self._samples)):
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

    def searched(self) -> Iterator[tuple[str, Json]]:
        """Fields that have the word in every item that a search found."""
        words = [text for key, text in parse_qsl(self._query) if _SEARCH.fullmatch(key)]
        for word in words:
            if "$" in word or len(word) < 2:
                continue
            for path, values in gathered_values(self._samples).items():
                texts = [value.lower() for value in values if isinstance(value, str)]
                whole = len(texts) == len(values) and "[*]" in path
                if whole and all(word.lower() in text for text in texts):
                    yield path, {"matches": f"(?i){re.escape(word)}"}

    def orders(self) -> Iterator[tuple[str, Json]]:
        """By which time or number a list falls or rises: no item may come before the first."""
        several = [dict(_ordered(sample.json)) for sample in self._samples]
        for place, sign in several[0].items():
            if all(one.get(place) == sign for one in several):
                items, _, name = place.rpartition(".")
                yield f"{items}[?@.{name} {sign} {items}[0].{name}]", {"count": 0}

    def times(self) -> Iterator[tuple[str, Json]]:
        """Fields that are always a time, as machines write it."""
        for path, values in gathered_values(self._samples).items():
            texts = [value for value in values if isinstance(value, str)]
            if len(texts) == len(values) and all(map(_IS_TIME.fullmatch, texts)):
                yield path, {"matches": f"^{_TIME}"}

    def counts(self) -> Iterator[tuple[str, Json]]:
        """How many items there are, where the request asks for so many, or for what is new."""
        asked = {text for key, text in parse_qsl(self._query) if _SIZE.fullmatch(key)}
        lists = [{at: len(one) for at, one in _lists(sample.json)} for sample in self._samples]
        for place, count in lists[0].items() if lists else ():
            if any(one.get(place) != count for one in lists):
                continue
            if self._own or (count > 1 and str(count) in asked):
                yield f"{place}[*]", {"count": count}
        if self._own and self._course.played:
            yield from self._numbers()

    def _numbers(self) -> Iterator[tuple[str, Json]]:
        """Numbers that are the same each time, such as how many there are."""
        for place, (_, value) in self._samples[0].leaves.items():
            same = all(one.leaves.get(place, ("", None))[1] == value for one in self._samples)
            if same and isinstance(value, int) and "[" not in place:
                yield place, value


def _lists(value: Json, path: str = "$", depth: int = 0) -> Iterator[tuple[str, list[Json]]]:
    """Each list that is not within another one."""
    if isinstance(value, list):
        yield path, value
    elif isinstance(value, dict) and depth < 6:
        for name, one in value.items():
            if _NAME.fullmatch(name):
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
            if _NAME.fullmatch(name) and (times or numbers):
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
