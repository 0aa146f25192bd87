"""HTML as it comes: what selectors find in it, and its shape. Hostile markup included.

libxml2 reads anything, bounded in depth; sizes are bounded by what is received (exchange).
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from gate.core.pages import BRACES_MAX, Page
from gate.probes.web.exchange import Answer

FOUND_MAX = 1000
"""Most elements of one selector that are looked at."""
_BEGINS = re.compile(
    r"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_BRACES = re.compile(
    r"\{\{[^{}\n]{1,200}\}\}|\{%[^%\n]{1,200}%\}|\$\{[^{}\n]{1,200}\}|<%[^%\n]{1,200}%>"
)
"""What template languages leave behind where nobody renders them."""
_UNSHOWN = frozenset({"script", "style", "template", "textarea", "code", "pre"})
_UNREAD_TEXT = frozenset({"script", "style", "template", "title", "noscript"})
_SEEN_ATTRIBUTES = ("href", "src", "action", "value", "title", "alt", "content", "placeholder")
"""What people read or follow; others hold code, too, which has braces of its own."""
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)


def is_html(answer: Answer) -> bool:
    """Whether an answer is a page, by its own word or by how it begins."""
    said = (answer.header("content-type") or "").lower()
    if said:
        return "html" in said
    return _BEGINS.match(answer.text[:4096]) is not None


class Markup:
    """One HTML page.

    Args:
        answer: what came; whatever it is, it is read as HTML.
    """

    def __init__(self, answer: Answer) -> None:
        from lxml import etree  # noqa: PLC0415 - lazy: 60 ms, and most probes read no HTML

        parser = etree.HTMLParser(encoding="utf-8", no_network=True, huge_tree=False)
        text = _text(answer).replace("\0", "\ufffd")
        self._size_bytes = len(answer.body)
        self._root: Any = None
        if text.strip():
            self._root = etree.fromstring(text.encode(errors="replace"), parser)

    def found(self, selector: str) -> list[str]:
        """The texts that a selector finds, white space as one blank; or values of an attribute.

        Args:
            selector: CSS, with `@name` at its end for an attribute.
        """
        if self._root is None:
            return []
        css, at, attribute = selector.rpartition("@")
        elements = _compiled(css if at else selector)(self._root)[:FOUND_MAX]
        if at:
            return [value for one in elements if (value := one.get(attribute)) is not None]
        return [" ".join("".join(one.itertext()).split()) for one in elements]

    def page(self, label: str) -> Page:
        """Its shape."""
        return Page(
            label,
            self._size_bytes if self._root is not None else 0,
            next(iter(self.found("title")), ""),
            {name: self._count(name) for name in ("h1", "form", "input", "a", "img", "script")},
            tuple(dict.fromkeys(self._braces()))[:BRACES_MAX],
            self._letters(),
        )

    def _count(self, name: str) -> int:
        return 0 if self._root is None else sum(1 for _ in self._root.iter(name))

    def _letters(self) -> int:
        """How many characters people can read, without the title."""
        if self._root is None:
            return 0
        hidden = _UNREAD_TEXT
        elements = (one for one in self._root.iter() if isinstance(one.tag, str))
        texts = (one.text for one in elements if one.tag not in hidden)
        tails = (one.tail for one in self._root.iter())
        return sum(len(text.strip()) for several in (texts, tails) for text in several if text)

    def _braces(self) -> Iterator[str]:
        """What looks like a template that nobody rendered, where people see it, or follow it."""
        if self._root is None:
            return
        for element in self._root.iter():
            if not isinstance(element.tag, str):
                if (tail := element.tail) and _shown(element.getparent()):
                    yield from _BRACES.findall(tail)
                continue
            texts = [element.text] if element.tag not in _UNSHOWN else []
            texts += [element.tail, *map(element.get, _SEEN_ATTRIBUTES)]
            for text in filter(None, texts):
                yield from _BRACES.findall(text)


def _shown(element: Any) -> bool:
    return element is not None and element.tag not in _UNSHOWN


@lru_cache(maxsize=200)
def _compiled(css: str) -> Any:
    from cssselect import HTMLTranslator  # noqa: PLC0415 - lazy, as above
    from lxml import etree  # noqa: PLC0415

    return etree.XPath(HTMLTranslator().css_to_xpath(css))


def _text(answer: Answer) -> str:
    """The body by the charset that the answer names, else as UTF-8."""
    named = _CHARSET.search(answer.header("content-type") or "")
    try:
        return answer.body.decode(named[1] if named else "utf-8", errors="replace")
    except (LookupError, ValueError):
        return answer.text
