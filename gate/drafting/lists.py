"""What JSON lists may be held to: that they have items, their order, their next page, one item."""

import re
from collections.abc import Mapping, Sequence

from gate.core import lists
from gate.core.questions import Json
from gate.core.recording import How, Page, Sample
from gate.drafting.expectations import held
from gate.drafting.html import searched
from gate.drafting.question import Question, Way

MANY = 2
"""A list that always had so many items is not meant to be empty."""
ORDERS_MAX = 2
_KEYS = re.compile(
    r"(?i)id$|number|date|time|(?:^|_)at$|At$|created|updated|rank|position|order|index"
)


def content_of(samples: Sequence[Sample], path: str) -> dict[str, Json]:
    """What the list of an answer must be, as JSONPath queries.

    Args:
        samples: of the answer.
        path: where it is.
    """
    found = _lists(samples)
    if not found or not all(len(one.items) >= MANY for one in found):
        return {}
    place = found[0].place
    wanted: dict[str, Json] = {f"{place}[0]": {"exists": True}}
    common = set.intersection(*(set(lists.orders(one)) for one in found))
    fit = sorted(one for one in common if _KEYS.search(one[0]) or one[0] == found[0].id_name)
    for name, sign in fit[:ORDERS_MAX]:
        wanted[f"{place}[?@.{name} {sign} {place}[0].{name}]"] = {"count": 0}
    if word := searched(path):
        for name in _holding(found, word)[:1]:
            wanted[f"{place}[*].{name}"] = {"matches": f"(?i){word}"}
    return wanted


def following(way: Way, page: Page, led: Mapping[str, Page], name: str) -> Question | None:
    """The page after this one, which must have other items."""
    found = _lists(page.samples)
    after = next(
        (one for one in led.values() if one.how is How.NEXT and one.parent == page.path), None
    )
    if not found or not found[0].id_name or after is None or after.status != 200:
        return None
    others = _lists(after.samples)
    shown = {str(one) for each in found for one in each.ids}
    if not others or any(each.id_name != found[0].id_name for each in others):
        return None
    if any(shown & {str(one) for one in each.ids} for each in others):
        return None
    place = f"{found[0].place}[0].{found[0].id_name}"
    capture: dict[str, Json] = {"item": {"json": place}}
    path = after.path
    if named := lists.following(page.samples[0].value):
        capture["next"], path = {"json": named[0]}, "${next}"
    every = f"{found[0].place}[*].{found[0].id_name}"
    wanted: dict[str, Json] = {"path": {every: {"never": "${item}"}}}
    steps: list[Json] = [
        way.step(page.path, page.samples, capture=capture),
        way.step(path, after.samples, wanted),
    ]
    remark = f"The page after {page.path} has other items than {page.path}."
    return Question(name, (remark,), way.journey(steps, [*page.samples, *after.samples]))


def item(way: Way, page: Page, led: Mapping[str, Page], name: str) -> Question | None:
    """The first item of a list by itself, whichever it is by then."""
    found = _lists(page.samples)
    one = next(
        (one for one in led.values() if one.how is How.ITEM and one.parent == page.path), None
    )
    if not found or one is None or one.status != 200 or not isinstance(one.samples[0].value, dict):
        return None
    capture: dict[str, Json] = {"item": {"json": f"{found[0].place}[0].{found[0].id_name}"}}
    path = page.path.partition("?")[0].rstrip("/") + "/${item}"
    shape = held(f"{way.folder}/{name}.json", one.samples, data=True)
    steps: list[Json] = [
        way.step(page.path, page.samples, capture=capture),
        way.step(path, one.samples, shape.expect),
    ]
    remark = f"The first item of {page.path} by itself, whichever it is by then."
    ask = way.journey(steps, [*page.samples, *one.samples])
    return Question(name, (remark,), ask, schemas=shape.schemas)


def _lists(samples: Sequence[Sample]) -> list[lists.Listed]:
    """The list of each sample; none where one of them has another, or none."""
    found = [one for sample in samples if (one := lists.listed(sample.value))]
    same = len(found) == len(samples) and len({(one.place, one.id_name) for one in found}) == 1
    return found if same else []


def _holding(found: Sequence[lists.Listed], word: str) -> list[str]:
    """Fields that hold a word in each item."""
    items = [item for one in found for item in one.items]
    return [
        name
        for name in items[0]
        if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)
        and all(word.lower() in str(item.get(name, "")).lower() for item in items)
    ]
