"""HTML as it comes: what selectors find in it, and its shape. Hostile markup included.

lexbor reads anything, as browsers do. Sizes are bounded by what is received (exchange), and what a
selector may cost by how many elements a page has: some look at each of them for each of them.
"""

import re
from collections.abc import Iterator

from gate.core.pages import BRACES_MAX, Page
from gate.probes.web.exchange import Answer

FOUND_MAX = 1000
"""Most elements of one selector that are looked at."""
ELEMENTS_MAX = 20_000
"""Most elements of a page that is read: nested in each other, or searched by the slowest selector,
they take a second or two."""
_BEGINS = re.compile(
    r"\s*(?:<!--.{0,2000}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_BRACES = re.compile(
    r"\{\{[^{}]{1,200}\}\}|\{%[^%\n]{1,200}%\}|[$#]\{[^{}\n]{1,200}\}|<%[^%\n]{1,200}%>"
    r"|%\([A-Za-z_]\w{0,60}\)[sd]|(?<![\w@.])@(?:Model|ViewBag|ViewData)\.\w{1,60}"
)
"""What template languages leave behind where nobody renders them."""
_SOURCE = re.compile(r"<\?(?:php|=)[^?]{0,200}")
"""Source of PHP that nobody ran; browsers take it for a comment."""
_UNSHOWN = frozenset({"script", "style", "template", "textarea", "code", "pre"})
_UNREAD = frozenset({"script", "style", "template", "title", "noscript"})
_SEEN_ATTRIBUTES = ("href", "src", "action", "value", "title", "alt", "content", "placeholder")
"""What people read or follow; others hold code, too, which has braces of its own."""
_COUNTED = (
    *("h1", "form", "input", "a", "img", "script"),
    *("iframe", "svg", "canvas", "video", "object", "embed", "meta[http-equiv=refresh]"),
)
"""What is in a page where it is not empty, though there be nothing to read."""
_TAG = re.compile("<[A-Za-z]")
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)


def is_html(answer: Answer) -> bool:
    """Whether an answer is a page, by its own word or by how it begins."""
    said = (answer.header("content-type") or "").lower()
    if said:
        return "html" in said
    return _BEGINS.match(answer.text[:4096]) is not None


class TooLargeError(ValueError):
    """The page has more elements than may be searched."""


class Markup:
    """One HTML page.

    Args:
        answer: what came; whatever it is, it is read as HTML.

    Attributes:
        searchable: whether it has no more elements than may be looked at.
    """

    def __init__(self, answer: Answer) -> None:
        from selectolax.lexbor import LexborHTMLParser  # noqa: PLC0415 - most probes read no HTML

        text = _text(answer).replace("\0", "\ufffd")
        self._source = _SOURCE.findall(text)[:BRACES_MAX]
        self._size_bytes = len(answer.body) if text.strip() else 0
        self.searchable = sum(1 for _ in _TAG.finditer(text)) <= ELEMENTS_MAX
        self._tree = LexborHTMLParser(text) if self.searchable and text.strip() else None

    def found(self, selector: str) -> list[str]:
        """The texts that a selector finds, white space as one blank; or values of an attribute.

        Args:
            selector: CSS, with `@name` at its end for an attribute.

        Raises:
            TooLargeError: the page has too many elements.
        """
        if not self.searchable:
            raise TooLargeError(f"a page of more than {ELEMENTS_MAX} elements")
        if self._tree is None:
            return []
        css, at, attribute = selector.rpartition("@")
        nodes = self._tree.css(css if at else selector)[:FOUND_MAX]
        if at:
            there = [one.attributes for one in nodes]
            return [one[attribute] or "" for one in there if attribute in one]
        return [" ".join(one.text().split()) for one in nodes]

    def page(self, label: str) -> Page:
        """Its shape."""
        title = self._tree.css_first("title") if self._tree else None
        return Page(
            label,
            self._size_bytes,
            " ".join(title.text().split()) if title else "",
            {name: len(self._tree.css(name)) if self._tree else 0 for name in _COUNTED},
            tuple(dict.fromkeys(" ".join(one.split()) for one in self._braces()))[:BRACES_MAX],
            sum(len(text.strip()) for text in self._texts(_UNREAD)),
        )

    def _texts(self, without: frozenset[str]) -> Iterator[str]:
        """Every text but those right in one of these elements."""
        root = self._tree.root if self._tree else None
        for node in root.traverse(include_text=True) if root else ():
            parent = node.parent
            if node.tag == "-text" and not (parent and parent.tag in without):
                yield node.text_content or ""

    def _braces(self) -> Iterator[str]:
        """What looks like a template that nobody rendered, where people see it, or follow it."""
        yield from self._source
        for text in self._texts(_UNSHOWN):
            yield from _BRACES.findall(text)
        for name in _SEEN_ATTRIBUTES:
            for node in self._tree.css(f"[{name}]") if self._tree else ():
                yield from _BRACES.findall(node.attributes.get(name) or "")


def _text(answer: Answer) -> str:
    """The body by the charset that the answer names, else as UTF-8."""
    named = _CHARSET.search(answer.header("content-type") or "")
    try:
        return answer.body.decode(named[1] if named else "utf-8", errors="replace")
    except (LookupError, ValueError):
        return answer.text
