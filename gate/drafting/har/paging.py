"""A list and its next page: what the first one begins with is not in the second one."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from gate.core.questions import Json
from gate.drafting.har.answers import json_of
from gate.drafting.har.journeys import Planned
from gate.drafting.har.samples import Sample

_PAGING = frozenset({"page", "p", "offset", "start", "skip", "cursor", "after", "from", "before"})
_NAMES = ("id", "uuid", "guid", "key", "slug", "_id", "number")


@dataclass(slots=True)
class Pages:
    """What shows that a next page is another one.

    Attributes:
        captures: what the first page is captured for, by the number of its step.
        absent: what the next page must not hold, by the number of its step.
    """

    captures: dict[int, dict[str, Mapping[str, str]]] = field(default_factory=dict)
    absent: dict[int, str] = field(default_factory=dict)


def next_pages(steps: Sequence[Planned], samples: Sequence[Sequence[Sample]]) -> Pages:
    """What shows of each next page among these steps that it is one.

    Args:
        steps: of a journey.
        samples: the answers to each step.
    """
    found = Pages()
    for at, one in enumerate(steps):
        first = next((place for place in range(at - 1, -1, -1) if _leads(steps[place], one)), None)
        if first is None:
            continue
        told = next(_differing(samples[first], samples[at]), None)
        if told is not None:
            name = f"first_on_page_{len(found.absent) + 1}"
            path, text = told
            found.captures.setdefault(first, {})[name] = {"json": path}
            found.absent[at] = text.replace("\x00", f"${{{name}}}")
    return found


def _leads(first: Planned, then: Planned) -> bool:
    """Whether two steps read two pages of one list."""
    one, other = first.exchange, then.exchange
    if one.method != "GET" or other.method != "GET" or one.path != other.path:
        return False
    asked, asked_then = parse_qs(one.parts.query), parse_qs(other.parts.query)
    turned = {key for key in asked_then if asked.get(key) != asked_then[key]}
    return bool(turned & _PAGING) and not turned - _PAGING - {"size", "limit", "per_page"}


def _differing(first: Sequence[Sample], then: Sequence[Sample]) -> Iterator[tuple[str, str]]:
    """JSONPath of what the first page begins with, and how it is written there."""
    for place, name in _names(json_of(first[0].seen.body)):
        forms = [_form(sample, place, name) for sample in first]
        if not all(forms):
            continue
        there = any(
            form.replace("\x00", json.dumps(value)) in (sample.seen.body or "")
            for (form, value), sample in zip(filter(None, forms), then, strict=True)
        )
        if not there and len({form for form, _ in filter(None, forms)}) == 1:
            form, value = forms[0] or ("", "")
            quote = '"' if isinstance(value, str) else ""
            yield f"{place}[0].{name}", form.replace("\x00", f"{quote}\x00{quote}")


def _names(value: Json) -> Iterator[tuple[str, str]]:
    """Lists of an answer, and what tells their items apart."""
    inner = value.items() if isinstance(value, dict) else [("", value)]
    for key, items in inner:
        if isinstance(items, list) and len(items) > 1 and isinstance(items[0], dict):
            for name in _NAMES:
                if isinstance(items[0].get(name), str | int) and (not key or key.isidentifier()):
                    yield (f"$.{key}" if key else "$"), name


def _form(sample: Sample, place: str, name: str) -> tuple[str, str | int] | None:
    """How the first item's id is written in an answer, with a mark for its value."""
    value = json_of(sample.seen.body)
    items = value.get(place[2:]) if isinstance(value, dict) else value
    first = items[0] if isinstance(items, list) and items else None
    told = first.get(name) if isinstance(first, dict) else None
    if isinstance(told, bool) or not isinstance(told, str | int):
        return None
    pattern = rf'("{re.escape(name)}"\s*:\s*){re.escape(json.dumps(told))}(\s*[,}}])'
    match = re.search(pattern, sample.seen.body or "")
    return (f"{match[1]}\x00{match[2]}", told) if match else None
