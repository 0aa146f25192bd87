"""The places of an answer from which a step can capture a value for later ones."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from gate.core.questions import Json
from gate.drafting.har.exchange import Exchange
from gate.drafting.har.markup import NEXT as NEXT_LINK
from gate.drafting.har.markup import markup_of

LOCATION, SEGMENT, NEXT = "location", "segment", "next"
META, HIDDEN, COOKIE, FIELD, HEADER = "meta", "hidden", "cookie", "field", "header"
"""Kinds of places: a whole address, a segment of one, a link to the next page, and so on."""
LEAVES_MAX = 2000
DEPTH_MAX = 12
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}")
_ANY_NAME = re.compile(r"[^'\\\x00-\x1f\x7f]{1,60}")
_LEADS = re.compile(r"(?i)(?:.*_)?(?:next|prev|previous|href|url|uri|link|self|location|path)")
INDEX = re.compile(r"\[[0-9]+\]")
"""A place in a list, in a JSONPath."""
_COOKIE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_ANSWERED = frozenset({"etag", "x-csrf-token", "x-xsrf-token", "x-auth-token", "authorization"})
VARIES = re.compile(r".*\d.*|[A-Za-z0-9_-]{20,}")
"""A segment of an address that is made by the service."""


@dataclass(frozen=True, slots=True)
class Source:
    """One value of an answer, and how a step captures it.

    Attributes:
        how: the kind of its place.
        key: what it is called there.
        text: the value.
        capture: as a step has it.
        number: whether it is a number in JSON.
    """

    how: str
    key: str
    text: str
    capture: tuple[tuple[str, str], ...] = field(default=())
    number: bool = False


def sources(one: Exchange) -> Iterator[Source]:
    """All values of an answer that may be sent later, the most specific places first."""
    yield from _from_headers(one)
    body = one.answer.body
    if not body:
        return
    if one.answered_as.endswith("html"):
        yield from _from_page(one, body)
    elif one.answered_as.endswith("json"):
        yield from _from_json(one, body)


def json_of(body: str | None) -> Json:
    """The JSON value of a body, None where it is none."""
    try:
        value: Json = json.loads(body or "")
    except (ValueError, RecursionError):
        return None
    return value


def leaves(value: Json) -> Iterator[tuple[str, str, Json]]:
    """Each value within a JSON value: its JSONPath, its key and the value itself; bounded."""
    waiting: list[tuple[str, str, Json, int]] = [("$", "", value, 0)]
    told = 0
    while waiting and told < LEAVES_MAX:
        path, key, item, depth = waiting.pop()
        if isinstance(item, dict) and depth < DEPTH_MAX:
            inner = [(step(name), name, one) for name, one in item.items() if step(name)]
            waiting += [(path + at, name, one, depth + 1) for at, name, one in reversed(inner)]
        elif isinstance(item, list) and depth < DEPTH_MAX:
            several = [(f"{path}[{at}]", key, one, depth + 1) for at, one in enumerate(item)]
            waiting += reversed(several)
        else:
            told += 1
            yield path, key, item


def step(name: str) -> str:
    """A name as a part of a JSONPath, "" where it cannot be written plainly."""
    if _NAME.fullmatch(name):
        return f".{name}"
    return f"['{name}']" if _ANY_NAME.fullmatch(name) else ""


def _from_headers(one: Exchange) -> Iterator[Source]:
    yield from _from_location(one)
    for name, value in one.answer.headers:
        if name in _ANSWERED:
            yield Source(HEADER, name, value, (("header", name),))
        if name == "set-cookie":
            key, _, text = value.partition(";")[0].partition("=")
            if _COOKIE.fullmatch(key.strip()):
                yield Source(COOKIE, key.strip(), text.strip(), (("cookie", key.strip()),))


def _from_location(one: Exchange) -> Iterator[Source]:
    """The whole address, and the segments of it that the service has made up."""
    address = one.local(one.answer.header("location"))
    if not address:
        return
    yield Source(LOCATION, _last_word(address), address, (("header", "Location"),))
    before = ""
    for raw in address.partition("?")[0].split("/"):
        if before and VARIES.fullmatch(raw):
            pattern = f"/{re.escape(before)}/([^/?#]+)"
            capture = (("header", "Location"), ("regex", pattern))
            yield Source(SEGMENT, before, unquote(raw), capture)
        before = raw


def _from_page(one: Exchange, body: str) -> Iterator[Source]:
    page = markup_of(body)
    for name, value, selector in page.filled:
        yield Source(HIDDEN, name, value, (("css", selector),))
    for name, value, selector in page.metas:
        yield Source(META, name, value, (("css", selector),))
    if address := one.local(page.following):
        yield Source(NEXT, "next", address, (("css", f"{NEXT_LINK}@href"),))


def _from_json(one: Exchange, body: str) -> Iterator[Source]:
    for path, key, value in leaves(json_of(body)):
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            continue
        capture = (("json", path),)
        if isinstance(value, str) and _LEADS.fullmatch(key) and (address := one.local(value)):
            yield Source(NEXT, key, address, capture)
        yield Source(FIELD, key, str(value), capture, isinstance(value, int))


def _last_word(address: str) -> str:
    words = [one for one in address.partition("?")[0].split("/") if re.fullmatch(r"[a-z_-]+", one)]
    return words[-1] if words else "page"
