"""Lists in JSON answers: where they are, what names their items, and how they are ordered. Pure."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gate.core.questions import Json

ORDERED_MIN = 4
"""So many items at least show an order that is no chance."""
_NEXT = ("next", "next_url", "nextPage", "next_page", "nextLink")
_AROUND = ("", "links", "_links", "paging", "pagination", "meta")
_IDS = ("id", "uuid", "guid", "key", "slug", "_id", "number", "name", "title")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{5,20}(?:Z|[+-][0-9:]{4,6})?)?")
"""Texts whose order is that of time, if their zone is the same."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of an answer.

    Attributes:
        place: its JSONPath.
        items: those of it that are objects.
        id_name: the field that tells them apart, "" where none does.
    """

    place: str
    items: tuple[Mapping[str, Json], ...]
    id_name: str

    @property
    def ids(self) -> tuple[Json, ...]:
        """What tells its items apart."""
        return tuple(item[self.id_name] for item in self.items) if self.id_name else ()


def listed(value: Json) -> Listed | None:
    """The list of objects that an answer is, or the only one that it has at its top."""
    if isinstance(value, list):
        return _listed("$", value)
    if not isinstance(value, dict):
        return None
    lists = [
        (name, one)
        for name, one in value.items()
        if isinstance(one, list) and one and isinstance(one[0], dict) and _NAME.fullmatch(name)
    ]
    return _listed(f"$.{lists[0][0]}", lists[0][1]) if len(lists) == 1 else None


def _listed(place: str, given: Sequence[Json]) -> Listed | None:
    items = tuple(one for one in given if isinstance(one, dict))
    if not items or len(items) < len(given):
        return None
    named = (name for name in _IDS if all(_tells(item.get(name)) for item in items))
    fit = (name for name in named if len({str(item[name]) for item in items}) == len(items))
    return Listed(place, items, next(fit, ""))


def _tells(value: Json) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool) and value != ""


def following(value: Json) -> tuple[str, str] | None:
    """Where an answer says that the next page is: the JSONPath of it, and the path itself."""
    if not isinstance(value, dict):
        return None
    for around in _AROUND:
        inner = value.get(around) if around else value
        if not isinstance(inner, dict):
            continue
        for name in _NEXT:
            said, place = inner.get(name), ".".join(filter(None, ("$", around, name)))
            if isinstance(said, dict):
                said, place = said.get("href"), f"{place}.href"
            if isinstance(said, str) and said.startswith("/") and not said.startswith("//"):
                return place, said
    return None


def orders(one: Listed) -> Iterator[tuple[str, str]]:
    """Fields by which a list is ordered, each with `>` for falling or `<` for rising values.

    An item for which `item.field <sign> first.field` holds would be out of order.
    """
    if len(one.items) < ORDERED_MIN:
        return
    for name in one.items[0]:
        values = [item.get(name) for item in one.items]
        if _NAME.fullmatch(name) and (sign := _sign(values)):
            yield name, sign


def _sign(values: Sequence[Json]) -> str:
    if all(isinstance(one, int | float) and not isinstance(one, bool) for one in values):
        keys: list[float] | list[str] = [one for one in values if isinstance(one, int | float)]
    elif all(isinstance(one, str) and _DATE.fullmatch(one) for one in values):
        keys = [one for one in values if isinstance(one, str)]
    else:
        return ""
    pairs = [*pairwise(keys)]
    if all(a > b for a, b in pairs):  # type: ignore[operator]
        return ">"
    return "<" if all(a < b for a, b in pairs) else ""  # type: ignore[operator]
