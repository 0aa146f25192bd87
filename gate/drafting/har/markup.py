"""What of an HTML page a journey needs: hidden fields, tokens, the next page, and what it shows."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\[\]-]{0,60}")
_ACTION = re.compile(r"/[A-Za-z0-9/_.-]{0,100}")
ELEMENTS_MAX = 20_000
"""Most elements of a page that is read."""
ITEMS = "li, tbody tr"
"""What finds the items of a list."""
NEXT = 'a[rel~="next"]'
"""What finds the link to the next page."""
_TAG = re.compile("<[A-Za-z]")
_CHOSEN = frozenset({"password", "submit", "button", "image", "reset", "checkbox", "radio"})
TEXTS_MAX = 60


@dataclass(frozen=True, slots=True)
class Markup:
    """One page.

    Attributes:
        filled: of each field that comes filled in, as hidden ones do, its name, its value and the
            selector that finds it.
        passwords: names of fields whose text browsers do not show.
        metas: the same of each `meta` with a content.
        following: where the link to the next page leads, "" without one.
        title: "" without one.
        headings: texts of its `h1`.
        texts: of its paragraphs and table cells, in order.
        items: how many list items it has.
    """

    filled: tuple[tuple[str, str, str], ...] = ()
    passwords: tuple[str, ...] = ()
    metas: tuple[tuple[str, str, str], ...] = ()
    following: str = ""
    title: str = ""
    headings: tuple[str, ...] = ()
    texts: tuple[str, ...] = field(default=())
    items: int = 0


def markup_of(body: str) -> Markup:
    """What there is in a page, whatever it is; nothing where it has too many elements."""
    from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - only `gate init --har`

    text = body.replace("\0", "")
    if not text.strip() or sum(1 for _ in _TAG.finditer(text)) > ELEMENTS_MAX:
        return Markup()
    tree = LexborHTMLParser(text)
    following = (one.attributes.get("href") for one in tree.css(NEXT))
    passwords = (one.attributes.get("name") for one in tree.css('input[type="password"]'))
    return Markup(
        tuple(_filled(tree)),
        tuple(filter(None, passwords)),
        tuple(_metas(tree)),
        next(filter(None, following), ""),
        next(iter(_texts(tree, "title")), ""),
        tuple(_texts(tree, "h1")),
        tuple(_texts(tree, "p, td, dd, output")[:TEXTS_MAX]),
        len(tree.css(ITEMS)),
    )


def _filled(tree: "LexborHTMLParser") -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for one in tree.css("input[value]"):
        given = one.attributes
        name, value = given.get("name") or "", given.get("value") or ""
        chosen = (given.get("type") or "").lower() in _CHOSEN
        if chosen or not value or not _NAME.fullmatch(name):
            continue
        selector = f'input[name="{name}"]@value'
        if any(known == name for known, _, _ in found):
            action = _action(one)
            if not action:
                continue
            selector = f'form[action="{action}"] {selector}'
        found.append((name, value, selector))
    return found


def _action(one: "LexborNode") -> str:
    """Where the form leads that an element is in, "" where that cannot be written plainly."""
    parent = one.parent
    while parent is not None and parent.tag != "form":
        parent = parent.parent
    action = (parent.attributes.get("action") or "") if parent is not None else ""
    return action if _ACTION.fullmatch(action) else ""


def _metas(tree: "LexborHTMLParser") -> list[tuple[str, str, str]]:
    given = (one.attributes for one in tree.css("meta[name][content]"))
    metas = ((one.get("name") or "", one.get("content") or "") for one in given)
    return [
        (name, value, f'meta[name="{name}"]@content')
        for name, value in metas
        if _NAME.fullmatch(name) and value
    ]


def _texts(tree: "LexborHTMLParser", selector: str) -> list[str]:
    return [" ".join(one.text().split()) for one in tree.css(selector)]
