"""What a healthy service said while one probe asked it: what mutants are made of."""

from dataclasses import dataclass, field

from gate.mutation.faults import path_of
from gate.mutation.http_faults import Answer
from gate.mutation.websocket_faults import kind_of

PAGES_MAX = 50
KINDS_MAX = 40
"""Most pages, and most types of message at one path, that are kept of one probe."""
BODY_KEPT_MAX = 1 << 18
TEXT_MAX = 1 << 16
"""Most bytes of a body, and characters of a message, that are kept; more is not taken apart."""
_DISMISSALS = (1002, 1003, 1008, *range(4000, 5000))
"""Close codes with which a server shows somebody the door."""


@dataclass(frozen=True, slots=True)
class Page:
    """One answer, and what it was an answer to.

    Attributes:
        part: whether only its beginning is known: it streams, or was not read to its end.
        step: of which step of a journey, as it calls itself; "" of none.
        sent: the request as text, as far as it is kept.
    """

    method: str
    target: str
    answer: Answer
    part: bool = False
    step: str = ""
    sent: str = ""

    @property
    def path(self) -> str:
        """As path_of has it."""
        return path_of(self.target)


def _key(page: Page) -> tuple[str, str, int]:
    """What makes it equal to another one: a step, or else the path, asked in the same way."""
    return page.method, page.step or page.path, page.answer.status


@dataclass(slots=True)
class Sessions:
    """All WebSocket sessions at one path.

    Attributes:
        opened, denied: handshakes that succeeded, and that did not.
        dismissed: sessions that the server ended for who they were.
        most_open: how many were open at the same time.
        most_said: most messages that the service said in one.
        asked: messages of the probe.
        longest_s: how long the longest one lasted.
        offered, selected: most subprotocols that were offered; one that was selected, or "".
        relayed: messages that carried what another session had said.
        recalled: messages that carried what was said before their session began.
        samples: by type, the first message of that type.
        first: the first message of a session, "" where none came.
    """

    opened: int = 0
    denied: int = 0
    dismissed: int = 0
    most_open: int = 0
    most_said: int = 0
    asked: int = 0
    longest_s: float = 0.0
    offered: int = 0
    selected: str = ""
    relayed: int = 0
    recalled: int = 0
    samples: dict[str, str] = field(default_factory=dict)
    first: str = ""

    def heard(self, text: str, number: int) -> None:
        """Notes a message of the service, the `number`-th of its session."""
        self.most_said = max(self.most_said, number)
        self.first = self.first or text[:TEXT_MAX]
        if len(self.samples) < KINDS_MAX and len(text) <= TEXT_MAX:
            self.samples.setdefault(kind_of(text), text)

    def closed(self, code: int) -> None:
        """Notes that the service began to close."""
        self.dismissed += code in _DISMISSALS


@dataclass(slots=True)
class Streams:
    """All streams of one question.

    Attributes:
        most_open: how many were open at the same time.
        most_said: most events that the service said in one.
        resumed: how many went on after a `Last-Event-ID`.
        samples: by name or type, what the first event of it said.
    """

    most_open: int = 0
    most_said: int = 0
    resumed: int = 0
    samples: dict[str, str] = field(default_factory=dict)

    def heard(self, kind: str, text: str, number: int) -> None:
        """Notes an event of the service, the `number`-th of its stream."""
        self.most_said = max(self.most_said, number)
        if len(self.samples) < KINDS_MAX and len(text) <= TEXT_MAX:
            self.samples.setdefault(kind, text)


@dataclass(slots=True)
class ServiceProfile:
    """What one probe was told; streams by method and path."""

    pages: list[Page] = field(default_factory=list)
    sockets: dict[str, Sessions] = field(default_factory=dict)
    streams: dict[tuple[str, str], Streams] = field(default_factory=dict)

    def page(self, page: Page) -> None:
        """Notes an answer; of equal questions with equal outcomes, the first that is whole."""
        keys = [_key(one) for one in self.pages]
        key = _key(page)
        if key not in keys and len(keys) < PAGES_MAX:
            self.pages.append(page)
        elif key in keys and self.pages[keys.index(key)].part:
            self.pages[keys.index(key)] = page

    def streams_of(self, method: str, target: str) -> Streams:
        """The streams of this question."""
        return self.streams.setdefault((method, target.partition("?")[0]), Streams())

    def sessions(self, target: str) -> Sessions:
        """The sessions at this target's path."""
        return self.sockets.setdefault(path_of(target), Sessions())

    @property
    def empty(self) -> bool:
        """Whether the probe was never seen talking to the service."""
        return not self.pages and not self.sockets
