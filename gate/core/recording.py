"""What stable answered when it was only listened to: samples that a policy can be drafted from.

Values only. Several samples of each answer, since one alone cannot tell what is fixed in it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from gate.core.questions import Json

GARBLED = ("\u00c3", "\u00e2\u20ac", "\ufffd")
"""What UTF-8 looks like that was read as Latin-1 or Windows-1252, or could not be read at all."""
_USER = re.compile(r"\$\{user(\|[^}]*)?\}")


class Form(Enum):
    """What a body or a message is."""

    JSON = "JSON"
    TEXT = "no JSON"
    EMPTY = "empty"
    SECRET = "something that holds a secret or a token"  # noqa: S105 - what it is, in words


class How(Enum):
    """How a page came to be asked."""

    NAMED = "named"  # by whoever records, or as a path that many services have
    LISTED = "listed"  # in the OpenAPI document
    LINKED = "linked"  # from another page
    ITEM = "item"  # one of those that another page lists
    LAST = "last item"
    NEXT = "next"  # the page after another one
    LED = "led"  # where another page's redirect leads
    ASSET = "asset"  # a style sheet or a script of another page


@dataclass(frozen=True, slots=True)
class Items:
    """Links of one page to what it lists: several to the same folder.

    Attributes:
        folder: what their paths begin with, e.g. `/products/`.
        first, last: paths of the first and of another one.
        first_text, last_text: what they are called.
        last_selector: what finds the other one as its first, "" where nothing simple does.
        texts: what all of them are called.
    """

    folder: str
    first: str
    first_text: str = ""
    last: str = ""
    last_text: str = ""
    last_selector: str = ""
    texts: tuple[str, ...] = ()

    @property
    def said(self) -> tuple[str, ...]:
        """All that it took from the page."""
        return (self.first, self.first_text, self.last, self.last_text, *self.texts)

    @property
    def selector(self) -> str:
        """What finds them."""
        return f"a[href*='{self.folder}']"


@dataclass(frozen=True, slots=True)
class Look:
    """What of an HTML page a question can be made of.

    Attributes:
        headings: of the first rank.
        fields: names of the fields of its forms.
        sent: where its forms are sent to that change something.
        links: paths on the same host, each once, in their order.
        next_path: where its link to the next page leads, "" without one.
        next_selector: what finds that link, "" where its path must be written down.
        assets: selector of the first style sheet and of the first script, to its path.
        lists: what it lists, None where it lists nothing.
        prices: how many amounts of money it shows.
        braces: whether it holds what template languages leave behind.
        empty: whether it shows nothing.
    """

    title: str = ""
    headings: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    sent: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    next_path: str = ""
    next_selector: str = ""
    assets: Mapping[str, str] = field(default_factory=dict, hash=False)
    lists: Items | None = None
    prices: int = 0
    braces: bool = False
    empty: bool = False

    def without(self, hidden: Callable[[str], bool]) -> "Look":
        """The same without texts that are not to be kept."""

        def kept(texts: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(text for text in texts if not hidden(text))

        return replace(
            self,
            title="" if hidden(self.title) else self.title,
            headings=kept(self.headings),
            fields=kept(self.fields),
            sent=kept(self.sent),
            links=kept(self.links),
            next_path="" if hidden(self.next_path) else self.next_path,
            assets={name: path for name, path in self.assets.items() if not hidden(path)},
            lists=None if self.lists and any(map(hidden, self.lists.said)) else self.lists,
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer.

    Attributes:
        headers: lower-case names and values, in order.
        value: its JSON value; None where `form` is another.
        took_s: how long a page took to answer; 0 of a message.
        size_bytes: of the body.
        look: of an HTML page, None of anything else.
        garbled: whether it holds text that was decoded as it was not encoded.
        letters: whether it holds letters beyond ASCII.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    form: Form
    value: Json = field(default=None, hash=False)
    took_s: float = 0.0
    size_bytes: int = 0
    look: Look | None = None
    garbled: bool = False
    letters: bool = False

    def header(self, name: str) -> str:
        """The value of a header, "" where it is not there."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Page:
    """One path and every answer that it gave.

    Attributes:
        fault: why there are fewer answers than questions, "" where there are not.
        reached: whether any question reached whoever answers there.
        how: how it came to be asked.
        parent: the path of the page that led to it, "" without one.
    """

    path: str
    samples: tuple[Sample, ...]
    fault: str = ""
    reached: bool = True
    how: How = How.NAMED
    parent: str = ""

    @property
    def status(self) -> int:
        """The one that it always answered, 0 where there is none."""
        found = {sample.status for sample in self.samples}
        return found.pop() if len(found) == 1 and not self.fault else 0


@dataclass(frozen=True, slots=True)
class Heard:
    """One WebSocket session.

    Attributes:
        refused: status or close code that it was refused with, 0 where it was let in.
        headers: of the answer to the handshake.
        messages: what came unasked, in order; what was new in this session is `${nonce}` again.
        replies: what came after something was said.
        close_code: what answered our close, 0 where nothing did.
        opened_s: how long the handshake took, 0 where that is not known.
        fault: why there is nothing to tell, "" otherwise.
    """

    refused: int = 0
    subprotocol: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    messages: tuple[Sample, ...] = ()
    replies: tuple[Sample, ...] = ()
    close_code: int = 0
    fault: str = ""
    opened_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Gathering:
    """What three parties of one room heard of each other, and one elsewhere.

    Texts that were new in each gathering are `${nonce}` again.

    Attributes:
        second_came: what the first one heard when the second one came.
        came_elsewhere: what the one elsewhere heard then.
        welcome: what the second one heard then.
        said: what each party heard of what the first one said.
        late: what the third one heard when it came after that.
        late_elsewhere: what one heard that came elsewhere after that.
        answered: what each party heard of what the second one said then.
        left: what the first one heard when the second one left.
    """

    second_came: tuple[Sample, ...] = ()
    came_elsewhere: tuple[Sample, ...] = ()
    welcome: tuple[Sample, ...] = ()
    said: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict, hash=False)
    answered: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict, hash=False)
    late: tuple[Sample, ...] = ()
    late_elsewhere: tuple[Sample, ...] = ()
    left: tuple[Sample, ...] = ()


FIRST, SECOND, THIRD, ELSEWHERE = "first", "second", "third", "elsewhere"
"""The parties of a gathering."""


@dataclass(frozen=True, slots=True)
class Socket:
    """A WebSocket path: sessions as whoever records is, as a stranger, and of several together."""

    path: str
    sessions: tuple[Heard, ...]
    strangers: tuple[Heard, ...] = ()
    gatherings: tuple[Gathering, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that was recorded of one address.

    Attributes:
        strangers: pages that need the headers asked with, asked without them.
        writes: methods and paths of the OpenAPI document that change something.
        revisions: names of the revisions that serve there, () where nobody knows.
        openapi: path of the OpenAPI document, "" without one.
        first_s: how long the very first answer took, 0 where none came; that of an instance which
            had to start, if there was none.
        start_s: how long the slowest of the revisions takes to start at most, 0 where nobody knows.
    """

    pages: tuple[Page, ...]
    socket: Socket | None = None
    revisions: tuple[str, ...] = ()
    openapi: str = ""
    first_s: float = 0.0
    start_s: float = 0.0
    strangers: tuple[Page, ...] = ()
    writes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked while recording, and with what.

    Attributes:
        paths: pages, beside those of the OpenAPI document.
        headers, subprotocols: templates, which may hold secrets by name, or `${user}`.
        users: names of the secrets that are `${user}`, the first one's for whatever has one user.
        websocket: a path, "" for none.
        say: a template, sent to the WebSocket once it is quiet; "" for nothing.
        openapi: where an OpenAPI document may be.
        times: how often each page is asked, so that what changes can be told from what does not.
        apart_s: between one round and the next.
        timeout_s: for one page.
        start_within_s: for the very first answer, which may have to wait for an instance.
    """

    paths: tuple[str, ...]
    headers: tuple[tuple[str, str], ...] = ()
    websocket: str = ""
    subprotocols: tuple[str, ...] = ()
    say: str = ""
    openapi: str = "/openapi.json"
    times: int = 3
    apart_s: float = 0.7
    timeout_s: float = 5.0
    start_within_s: float = 60.0
    users: tuple[str, ...] = ()

    @property
    def own_headers(self) -> tuple[tuple[str, str], ...]:
        """The headers as the first user sends them."""
        return tuple((name, self.as_first(value)) for name, value in self.headers)

    def as_first(self, text: str) -> str:
        """A template with the first user's secret for `${user}`."""
        return _USER.sub(rf"${{{self.users[0]}\1}}", text) if self.users else text
