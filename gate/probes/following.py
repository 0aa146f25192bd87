"""Which pages to ask beside those that were named: where the answers seen so far lead. Pure.

Only what looks as if it changed nothing, on the same host, and a bounded number of it.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from gate.core.checks import kept_by_front_end
from gate.core.lists import following, listed
from gate.core.recording import How, Page, Sample
from gate.core.template import names
from gate.errors import ValueProblem

LINKED_MAX = 10
"""Most pages that are asked since others link to them."""
PAGE_MIN = 5
"""A list that does not say whether there is more may have a second page from so many items."""
_PATH = re.compile(
    r"/(?!/)[A-Za-z0-9._~!&'()*+,;=:@%/-]{0,200}(?:\?[A-Za-z0-9._~!&'()*+,;=:@%/?\[\]-]{0,300})?"
)
_TEMPLATE = re.compile(r"\$\{[a-z_A-Z0-9|-]{1,80}\}")
_ACTS = re.compile(
    r"(?i)log-?out|sign-?out|log-?off|delet|remov|reset|shutdown|restart|export|download|unsubscrib"
    r"|cancel|destroy|revoke|disable|purge|approve|confirm|impersonat|switch|(?:^|[/?&=_-])(?:add|"
    r"buy|pay|vote|like|set|do|action|run|start|stop|clear|accept|reject|publish|send)(?=[/?&=_-]|$)"
)
_SECRET = re.compile(r"(?i)[?&][^=&]*(?:token|secret|key|sig|password|code|session|auth)[^=&]*=")
_DATA = re.compile(r"/[0-9]+(?:/|$)|/[0-9a-fA-F-]{12,}(?:/|$)|/[^/]*[0-9]{3}[^/]*(?:/|$)")
"""Parts of a path that name one thing of many, which may be gone tomorrow."""
_IDS = frozenset({"id", "_id", "uuid", "guid", "key", "slug"})

Found = tuple[str, How, str]
"""A path, how it was found, and on which page."""


def plain_path(path: str) -> bool:
    """Whether a path holds only what may be written into a policy, and does not end at Google.

    It may have a query, and names in `${...}`.
    """
    plain = _TEMPLATE.sub("x", path)
    if not _PATH.fullmatch(plain) or kept_by_front_end(plain):
        return False
    try:
        names(path)
    except ValueProblem:
        return False
    return True


def harmless(path: str) -> bool:
    """Whether a path that an answer names may be asked: nothing in it looks like an act."""
    fit = bool(_PATH.fullmatch(path)) and not kept_by_front_end(path)
    return fit and not _ACTS.search(path) and not _SECRET.search(path)


def found_in(pages: Sequence[Page], host: str) -> Iterator[Found]:
    """What the answers to these pages lead to, those that are most like a question first.

    Args:
        pages: asked at least once.
        host: of whom they were asked, with its port.
    """
    linked: dict[str, str] = {}
    for page in pages:
        if page.samples and not page.fault:
            yield from _found(page, page.samples[0], host)
            look = page.samples[0].look
            for path in look.links if look and page.how is How.NAMED else ():
                if harmless(path) and "?" not in path and not _DATA.search(path):
                    linked.setdefault(path, page.path)
    for path, parent in [*linked.items()][:LINKED_MAX]:
        yield path, How.LINKED, parent


def _found(page: Page, sample: Sample, host: str) -> Iterator[Found]:
    several = (
        (_led(page, sample, host), How.LED),
        *((path, How.ASSET) for path in (sample.look.assets.values() if sample.look else ())),
    )
    if sample.look is not None and (items := sample.look.lists):
        several += ((items.first, How.ITEM), (items.last, How.LAST))
    several += ((_next(page, sample), How.NEXT), (_item(page, sample), How.ITEM))
    for path, how in several:
        if path and path != page.path and harmless(path):
            yield path, how, page.path


def _led(page: Page, sample: Sample, host: str) -> str:
    """Where a redirect leads on the same host, "" where it leads elsewhere."""
    if not 300 <= sample.status < 400:
        return ""
    return on_host(sample.header("location"), host, page.path)


def on_host(location: str, host: str, asked: str) -> str:
    """The path and query of a relative or absolute address on a host, "" of any other."""
    try:
        parts = urlsplit(location)
    except ValueError:
        return ""
    if parts.netloc and parts.netloc != host:
        return ""
    path = parts.path or "/"
    if not path.startswith("/"):
        path = f"{asked.partition('?')[0].rpartition('/')[0]}/{path}"
    return path + (f"?{parts.query}" if parts.query else "")


def _next(page: Page, sample: Sample) -> str:
    """The page after this one: as it says itself, else with the number in its query."""
    if sample.look is not None:
        return sample.look.next_path
    value = sample.value
    if named := following(value):
        return named[1]
    found = listed(value) if page.how in (How.NAMED, How.LISTED) else None
    if sample.status != 200 or found is None or len(found.items) < PAGE_MIN:
        return ""
    return numbered(page.path)


def _item(page: Page, sample: Sample) -> str:
    """Where the first item of a JSON list would be by itself: below the list."""
    found = listed(sample.value) if page.how in (How.NAMED, How.LISTED) else None
    if found is None or found.id_name not in _IDS:
        return ""
    return f"{page.path.partition('?')[0].rstrip('/')}/{quote(str(found.ids[0]), safe='')}"


def numbered(path: str) -> str:
    """The same path with `page=2`, or with the number that it has plus one."""
    plain, _, query = path.partition("?")
    if "${" in path:
        return ""
    pairs = dict(parse_qsl(query, keep_blank_values=True))
    number = pairs.get("page", "1")
    if not number.isdecimal():
        return ""
    return f"{plain}?{urlencode(pairs | {'page': str(int(number) + 1)})}"
