"""The shape of HTML pages: title, size, and how much of what is in them. No texts but the title.

Pages of one service differ in their words. A page that is empty, or that shows `{{ name }}` to
people, is broken whatever it was to say; one that has another title, or half of its links, may be
meant so, and is only told.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

BRACES_MAX = 3
"""Most templates that were left in a page that are told."""
PAGES_MAX = 20
"""Most pages of several answers together."""
TITLE_MAX = 80
ONLY = "$"
"""Label of a page that is the only one."""
_TIMES, _LEAST_BYTES = 2.0, 1000
"""A page is of another size if it has so many times as much, or as little, and so many bytes."""
_NAMES: Mapping[str, str] = {
    "h1": "main headings",
    "form": "forms",
    "input": "form fields",
    "a": "links",
    "img": "images",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One HTML page.

    Attributes:
        label: which answer it is; pages with other labels are not compared.
        size_bytes: of the body.
        title: "" without one.
        counts: how many elements of each of a few names are in it.
        letters: how many characters people can read in it, without its title.
        braces: templates that nobody rendered, as they stand there; the first ones.
    """

    label: str
    size_bytes: int
    title: str = ""
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)
    braces: tuple[str, ...] = ()
    letters: int = 1

    @property
    def empty(self) -> bool:
        """Whether there is nothing to see, and no script that could show something."""
        return self.size_bytes == 0 or not (self.letters or any(self.counts.values()))

    def cleaned(self, clean: Callable[[str], str]) -> "Page":
        """The same with its texts made fit to show."""
        braces = tuple(clean(text)[:TITLE_MAX] for text in self.braces)
        return replace(self, title=clean(self.title)[:TITLE_MAX], braces=braces)


def broken_pages(pages: Sequence[Page], before: Sequence[Page]) -> Iterator[tuple[str, str]]:
    """What no reader of a page can do with: (what it is now, what it was).

    Args:
        pages: of the new answers.
        before: of the old ones.
    """
    for page, was in _alike(pages, before):
        if page.empty and not any(one.empty for one in was):
            yield f"{_at(page)}an empty page", f"a page of {_sizes(was)}"
        elif page.braces and not any(one.braces for one in was):
            shown = ", ".join(page.braces)
            told = f"{_at(page)}a template that nobody rendered: {shown}"
            yield told, "a page without any"


def unlike_pages(pages: Sequence[Page], before: Sequence[Page]) -> Iterator[str]:
    """What is different in a page, and may be meant so.

    Args:
        pages: of the new answers.
        before: of the old ones.
    """
    for page, was in _alike(pages, before):
        if not page.empty and not any(one.empty for one in was):
            yield from (f"{_at(page)}{told}" for told in _unlike(page, was))


def _unlike(page: Page, was: Sequence[Page]) -> Iterator[str]:
    titles = [one.title for one in was]
    if not page.title and all(titles):
        yield f'no title (stable: "{titles[0]}")'
    elif page.title and page.title not in titles and len(set(titles)) == 1 and titles[0]:
        yield f'another title: "{page.title}" (stable: "{titles[0]}")'
    sizes = [one.size_bytes for one in was]
    if _far(page.size_bytes, min(sizes), max(sizes)):
        yield f"{page.size_bytes} bytes (stable: {_sizes(was)})"
    yield from _fewer(page, was)


def _at(page: Page) -> str:
    """Which of several answers it is, in words; "" for the only one."""
    return "" if page.label == ONLY else f"{page.label}: "


def _fewer(page: Page, was: Sequence[Page]) -> Iterator[str]:
    for name, words in _NAMES.items():
        now, least = page.counts.get(name, 0), min(one.counts.get(name, 0) for one in was)
        if least and now * 2 < least:
            yield f"{now or 'no'} {words} (stable: {least})"


def _alike(pages: Sequence[Page], before: Sequence[Page]) -> Iterator[tuple[Page, list[Page]]]:
    for page in pages:
        if was := [one for one in before if one.label == page.label]:
            yield page, was


def _far(size: int, low: int, high: int) -> bool:
    if size < low:
        return low - size >= _LEAST_BYTES and size * _TIMES < low
    return size - high >= _LEAST_BYTES and size > high * _TIMES


def _sizes(was: Sequence[Page]) -> str:
    sizes = sorted({one.size_bytes for one in was})
    return f"{sizes[0]} bytes" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]} bytes"
