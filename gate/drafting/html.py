"""What an HTML page may be held to, and where it leads: assets, what it lists, its next page.

Texts of a page are data: a title is held where its path names no data, a heading where the title
has it. Of all else only that it is there: fields of forms, links into one folder, amounts of money.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from gate.core.questions import Json
from gate.core.recording import GARBLED, How, Items, Look, Page, Sample
from gate.drafting.question import Question, Way

FIELDS_MAX = 8
PRICES_MIN = 3
"""So many amounts of money are what a page is about."""
PART = 4
"""A page may shrink to a quarter."""
SMALL_BYTES = 200
_BRACES: tuple[Json, ...] = ("{{", "{%")
_PRICE = "[0-9][.,][0-9]{2}(?![0-9])"
_DATA = re.compile(r"[0-9?]")
_WORDS = re.compile(r"[^\x00-\x1f\x7f$0-9]{1,100}")
_SEARCH = ("q", "query", "search", "s", "term")


def looks_of(samples: Sequence[Sample]) -> list[Look]:
    """What each sample shows; none where one of them is no page."""
    looks = [sample.look for sample in samples if sample.look is not None]
    return looks if len(looks) == len(samples) else []


def content_of(samples: Sequence[Sample], path: str) -> dict[str, Json]:
    """What a page, or another text, must hold.

    Args:
        samples: of it.
        path: where it is.
    """
    looks = looks_of(samples)
    least = min(sample.size_bytes for sample in samples)
    wanted: dict[str, Json] = {}
    if least and not any(look.empty for look in looks):
        wanted["min_size"] = max(1, least // PART) if least >= SMALL_BYTES else 1
    if looks and (selector := _selectors(looks, path)):
        wanted["selector"] = selector
    if absent := absent_texts(samples):
        wanted["absent_text"] = absent
    return wanted


def absent_texts(samples: Sequence[Sample]) -> list[Json]:
    """What must not stand in it: what stable never showed, and nobody should see."""
    looks = looks_of(samples)
    absent: list[Json] = [] if not looks or any(one.braces for one in looks) else [*_BRACES]
    if any(one.letters for one in samples) and not any(one.garbled for one in samples):
        absent += [GARBLED[0]]
    return absent


def searched(path: str) -> str:
    """The word that a path searches for, "" without one."""
    given = dict(parse_qsl(path.partition("?")[2]))
    return next(
        (given[name] for name in _SEARCH if re.fullmatch(r"\w{3,40}", given.get(name, ""))), ""
    )


def _selectors(looks: Sequence[Look], path: str) -> dict[str, Json]:
    there: Json = {"exists": True}
    wanted: dict[str, Json] = {}
    fixed = not _DATA.search(path)
    titles = {look.title for look in looks}
    title = min(titles) if len(titles) == 1 else ""
    if all(titles):
        wanted["title"] = title if title and fixed and _WORDS.fullmatch(title) else there
    if all(look.headings for look in looks):
        heads = {look.headings for look in looks}
        head = min(heads)
        named = fixed and len(heads) == 1 and len(head) == 1 and head[0] and head[0] in title
        wanted["h1"] = head[0] if named and _WORDS.fullmatch(head[0]) else there
    for name in _common([look.fields for look in looks])[:FIELDS_MAX]:
        wanted[f"form [name='{name}']"] = there
    if items := common_items(looks):
        word = searched(path)
        named = word and all(word.lower() in text.lower() for text in items.texts)
        wanted[items.selector] = {"matches": f"(?i){word}"} if named else there
    if all(look.prices >= PRICES_MIN for look in looks):
        wanted["body"] = {"matches": _PRICE}
    return wanted


def common_items(looks: Sequence[Look]) -> Items | None:
    """What all of them list in the same folder."""
    lists = [look.lists for look in looks if look.lists is not None]
    same = len(lists) == len(looks) and len({one.folder for one in lists}) == 1
    return lists[0] if same else None


def _common(several: Sequence[tuple[str, ...]]) -> list[str]:
    """Names that each has and that look like no data."""
    names = [name for name in several[0] if not re.search(r"[0-9]{3}|[0-9a-f]{12}", name)]
    return [name for name in names if all(name in one for one in several)]


def assets(way: Way, page: Page, led: Mapping[str, Page], name: str) -> Question | None:
    """The style sheet and the script that a page names: under whatever name it has them."""
    looks = looks_of(page.samples)
    found = looks[0].assets if looks else {}
    names = ("style", "script", "more")
    capture: dict[str, Json] = {}
    steps: list[Json] = []
    samples = [*page.samples]
    for (selector, path), called in zip(found.items(), names, strict=False):
        asset = led.get(path)
        if asset is None or asset.status != 200 or asset.how is not How.ASSET:
            continue
        if asset.parent != page.path:
            continue
        capture[called] = {"css": selector}
        least = min(one.size_bytes for one in asset.samples)
        expect: dict[str, Json] = {"min_size": max(1, least // PART)} if least else {}
        steps.append(way.step(f"${{{called}}}", asset.samples, expect))
        samples += asset.samples
    if not steps:
        return None
    remark = f"The style sheet and the script that {page.path} names, under whatever name."
    first = way.step(page.path, page.samples, capture=capture)
    return Question(name, (remark,), way.journey([first, *steps], samples))


def listed(way: Way, page: Page, led: Mapping[str, Page], name: str) -> Question | None:
    """Two of the pages that a page lists: what they are called there is what they are."""
    items = common_items(looks_of(page.samples))
    if items is None or not _leads(led, items.first, page, How.ITEM):
        return None
    first = led[items.first]
    looks = looks_of(first.samples)
    if first.status != 200 or not looks:
        return None
    capture: dict[str, Json] = {"item": {"css": f"{items.selector}@href"}}
    wanted = content_of(first.samples, "/0")
    steps: list[Json] = [way.step("${item}", first.samples, wanted)]
    last = led.get(items.last)
    if last is not None and last.status == 200 and (others := looks_of(last.samples)):
        unread = absent_texts(last.samples)
        clean: dict[str, Json] = {"absent_text": unread} if unread else {}
        capture["other"] = {"css": f"{items.last_selector}@href"}
        heads = {look.headings[:1] for look in others}
        if heads == {(items.last_text,)} and items.last_text:
            capture["called"] = {"css": items.last_selector}
            other: dict[str, Json] = {"selector": {"h1": "${called}"}, **clean}
        elif not heads & {look.headings[:1] for look in looks} and all(map(any, heads)):
            steps[0] = way.step("${item}", first.samples, wanted, {"head": {"css": "h1"}})
            other = {"selector": {"h1": {"never": "${head}"}}, **clean}
        else:
            other = clean
        steps.append(way.step("${other}", last.samples, other))
    remark = f"Two of those that {page.path} lists, whichever they are by then."
    several = [way.step(page.path, page.samples, capture=capture), *steps]
    return Question(name, (remark,), way.journey(several, [*page.samples, *first.samples]))


def following(way: Way, page: Page, led: Mapping[str, Page], name: str) -> Question | None:
    """The page after this one, which must show others."""
    looks = looks_of(page.samples)
    items = common_items(looks)
    if items is None or not _leads(led, looks[0].next_path, page, How.NEXT):
        return None
    after = led[looks[0].next_path]
    others = looks_of(after.samples)
    if after.status != 200 or not others or any(items.first in look.links for look in others):
        return None
    if any(look.lists is None and not _into(items.folder, look) for look in others):
        return None
    capture: dict[str, Json] = {"item": {"css": f"{items.selector}@href"}}
    path = looks[0].next_path
    if looks[0].next_selector:
        capture["next"], path = {"css": looks[0].next_selector}, "${next}"
    wanted: dict[str, Json] = {"selector": {f"{items.selector}@href": {"never": "${item}"}}}
    unread = absent_texts(after.samples)
    wanted |= {"absent_text": unread} if unread else {}
    steps: list[Json] = [
        way.step(page.path, page.samples, capture=capture),
        way.step(path, after.samples, wanted),
    ]
    remark = f"The page after {page.path} shows others than {page.path} does."
    return Question(name, (remark,), way.journey(steps, [*page.samples, *after.samples]))


def _into(folder: str, look: Look) -> bool:
    return any(path.startswith(folder) for path in look.links)


def _leads(led: Mapping[str, Page], path: str, page: Page, how: How) -> bool:
    """Whether this page was the one that led there."""
    there = led.get(path)
    return there is not None and there.how is how and there.parent == page.path
