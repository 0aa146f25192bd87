"""What of an HTML page a question can be made of: its title, forms, links, and what it lists."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from gate.core.recording import Items, Look
from gate.probes.web.exchange import Answer
from gate.probes.web.markup import Markup, is_html

LINKS_MAX = 300
"""Most links of one page that are looked at."""
LISTED_MIN = 3
"""So many links into one folder are a list of what is in it."""
_LOCAL = "[href^='/']:not([href^='//'])"
_ASSETS = (
    f"link[rel~='stylesheet']{_LOCAL}@href",
    "script[src^='/']:not([src^='//'])@src",
)
_FIELDS = ("input[name]@name", "select[name]@name", "textarea[name]@name")
_PRICE = re.compile(r"(?<![0-9.,])[0-9]{1,6}[.,][0-9]{2}(?![0-9.,]*[0-9])")
_SECOND = re.compile(r"[?&](?:page|p)=2(?:&|$)")
_FOLDER = re.compile(r"/(?:[A-Za-z0-9._~-]+/)+")
_LAST = ("li:last-child ", "tr:last-child ", "article:last-of-type ", "div:last-child > ", "")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:\[\]-]{0,60}")

Link = tuple[str, str]
"""A path with its query, and what it is called."""


def look(answer: Answer) -> Look | None:
    """What a page shows; None of an answer that is none."""
    if not 200 <= answer.status < 300 or not is_html(answer):
        return None
    markup = Markup(answer)
    page = markup.page("$")
    links = [*_links(markup)]
    next_path, next_selector = _next(markup, links)
    return Look(
        title=page.title,
        headings=tuple(markup.found("h1"))[:3],
        fields=_fields(markup),
        sent=tuple(dict.fromkeys(_sent(markup))),
        links=tuple(dict.fromkeys(path for path, _ in links)),
        next_path=next_path,
        next_selector=next_selector,
        assets=_assets(markup),
        lists=_listed(markup, links),
        prices=sum(len(_PRICE.findall(text)) for text in markup.found("body")[:1]),
        braces=bool(page.braces) or "{{" in answer.text or "{%" in answer.text,
        empty=page.empty,
    )


def _links(markup: Markup) -> Iterator[Link]:
    """Links to the same host that begin with a slash; the part after # is nothing to ask."""
    found = zip(markup.found("a[href]@href"), markup.found("a[href]"), strict=True)
    for href, text in list(found)[:LINKS_MAX]:
        if href.startswith("/") and not href.startswith("//"):
            yield href.partition("#")[0], text


def _next(markup: Markup, links: Sequence[Link]) -> tuple[str, str]:
    """Where the next page is, and what finds the link to it."""
    selector = f"[rel~='next']{_LOCAL}@href"
    if named := markup.found(selector):
        return named[0], selector
    return next((path for path, _ in links if _SECOND.search(path)), ""), ""


def _fields(markup: Markup) -> tuple[str, ...]:
    names = (name for selector in _FIELDS for name in markup.found(f"form {selector}"))
    return tuple(dict.fromkeys(name for name in names if _NAME.fullmatch(name)))


def _sent(markup: Markup) -> Iterator[str]:
    """Where forms are sent that change something, "" for the page itself."""
    forms = markup.found('form[method="post"]@method') + markup.found('form[method="POST"]@method')
    actions = markup.found('form[method="post"]@action') + markup.found(
        'form[method="POST"]@action'
    )
    yield from (urlsplit(action).path for action in actions)
    if len(actions) < len(forms):
        yield ""


def _assets(markup: Markup) -> Mapping[str, str]:
    found = {selector: markup.found(selector) for selector in _ASSETS}
    return {selector: paths[0] for selector, paths in found.items() if paths}


def _listed(markup: Markup, links: Sequence[Link]) -> Items | None:
    """The folder that most links lead into, with the first of them and another one."""
    folders = Counter(
        folder for path in dict.fromkeys(path for path, _ in links) if (folder := _folder(path))
    )
    for folder, times in folders.most_common(1):
        if times >= LISTED_MIN:
            return _items(markup, folder)
    return None


def _folder(path: str) -> str:
    plain = path.partition("?")[0]
    folder = plain.rpartition("/")[0] + "/"
    return folder if _FOLDER.fullmatch(folder) and plain != folder else ""


def _items(markup: Markup, folder: str) -> Items:
    base = Items(folder, "").selector
    paths, texts = markup.found(f"{base}@href"), markup.found(base)
    first = Items(folder, paths[0], texts[0], texts=tuple(dict.fromkeys(texts)))
    for around in _LAST:
        selector = f"{around}{base}" + ("" if around else ":last-of-type")
        found, named = markup.found(f"{selector}@href"), markup.found(selector)
        if found and found[0] != first.first:
            return Items(
                folder, first.first, first.first_text, found[0], named[0], selector, first.texts
            )
    return first
