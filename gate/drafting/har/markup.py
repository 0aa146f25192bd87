"""What of an HTML page a journey needs: hidden fields, tokens, the next page, and what it shows."""

import re
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\[\]-]{0,60}")
_ACTION = re.compile(r"/[A-Za-z0-9/_.-]{0,100}")
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
    """What there is in a page, whatever it is."""
    from lxml import etree  # noqa: PLC0415 - only `gate init --har` needs it

    parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
    text = body.replace("\0", "")
    if not text.strip():
        return Markup()
    root = etree.fromstring(text.encode(errors="replace"), parser)
    if root is None:
        return Markup()
    following = root.xpath('//*[self::a or self::link][contains(@rel, "next")]/@href')
    return Markup(
        tuple(_filled(root)),
        tuple(filter(None, map(str, root.xpath('//input[@type="password"]/@name')))),
        tuple(_metas(root)),
        str(following[0]) if following else "",
        next(iter(_texts(root, "//title")), ""),
        tuple(_texts(root, "//h1")),
        tuple(_texts(root, "//p | //td | //dd | //output")[:TEXTS_MAX]),
        len(root.xpath("//li | //tbody/tr")),
    )


def _filled(root: Any) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for one in root.xpath("//input[@value]"):
        if (one.get("type") or "").lower() in _CHOSEN:
            continue
        name, value = one.get("name") or "", one.get("value") or ""
        if not _NAME.fullmatch(name) or not value:
            continue
        selector = f'input[name="{name}"]@value'
        if any(known == name for known, _, _ in found):
            forms = one.xpath("ancestor::form/@action")
            if not forms or not _ACTION.fullmatch(forms[0]):
                continue
            selector = f'form[action="{forms[0]}"] {selector}'
        found.append((name, value, selector))
    return found


def _metas(root: Any) -> list[tuple[str, str, str]]:
    metas = ((one.get("name") or "", one.get("content") or "") for one in root.xpath("//meta"))
    return [
        (name, value, f'meta[name="{name}"]@content')
        for name, value in metas
        if _NAME.fullmatch(name) and value
    ]


def _texts(root: Any, xpath: str) -> list[str]:
    return [" ".join("".join(one.itertext()).split()) for one in root.xpath(xpath)]
