"""What a proxy does, as values. What each does to bytes is for answers, conversation and proxy."""

from dataclasses import dataclass
from enum import Enum

from gate.core.template import ISSUED
from gate.mutation.edits import Edit


class Family(Enum):
    """What kind of fault a mutant is.

    The first three say nothing of a probe: a dead connection, an answer that comes too late and one
    from another revision stop every question, also one that takes any answer for a right one.
    """

    CONNECTION = "connection"
    SPEED = "speed"
    IDENTITY = "identity"
    ANSWER = "answer"
    CONTRACT = "contract"
    STRANGER = "stranger"
    HANDSHAKE = "handshake"
    SESSION = "session"
    CROWD = "crowd"
    EVENTS = "events"

    @property
    def judged(self) -> bool:
        """Whether a probe that notices it has judged an answer."""
        return self not in (Family.CONNECTION, Family.SPEED, Family.IDENTITY)


# To connections: HTTP and WebSocket alike.


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing listens."""


@dataclass(frozen=True, slots=True)
class Silent:
    """Accepts, and never answers."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """Answers with bytes that are not HTTP."""


@dataclass(frozen=True, slots=True)
class CutOff:
    """The connection ends in the middle of the body."""


@dataclass(frozen=True, slots=True)
class Late:
    """Every answer, and every message, comes this much later."""

    delay_s: float


# To the heads of answers, the handshake's included.


@dataclass(frozen=True, slots=True)
class HeaderGone:
    """A header is missing."""

    name: str


@dataclass(frozen=True, slots=True)
class HeaderSet:
    """A header has another value."""

    name: str
    value: str


# To HTTP answers.


@dataclass(frozen=True, slots=True)
class Status:
    """Another status, with an error in JSON."""

    status: int


@dataclass(frozen=True, slots=True)
class Redirect:
    """307 to the same path with a slash, by http."""


@dataclass(frozen=True, slots=True)
class Blank:
    """The right status and nothing in it."""


@dataclass(frozen=True, slots=True)
class Html:
    """200 and a page for people: what a front end answers for every path that it does not know."""


@dataclass(frozen=True, slots=True)
class Fieldless:
    """An HTML page without its form fields."""


@dataclass(frozen=True, slots=True)
class OtherValues:
    """An HTML page whose form fields have other values: a token that nobody gave out."""


@dataclass(frozen=True, slots=True)
class Unrendered:
    """An HTML page with a template in it that nobody rendered."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """The JSON value in one more object, under this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """Only what the JSON object has under this name."""

    name: str


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the JSON value is changed."""

    edit: Edit


@dataclass(frozen=True, slots=True)
class LetIn:
    """A refusal (401, 403) becomes 200 with this body."""

    body: bytes


# To WebSocket sessions.


@dataclass(frozen=True, slots=True)
class Denied:
    """The handshake is answered with this status."""

    status: int


class Choice(Enum):
    """Which subprotocol is selected instead."""

    NONE = "none"
    UNKNOWN = "one that was not offered"
    OTHER = "another of those offered"


@dataclass(frozen=True, slots=True)
class Subprotocol:
    """The server selects differently."""

    choice: Choice


@dataclass(frozen=True, slots=True)
class Muted:
    """Opens, and says nothing.

    Attributes:
        frozen: not even pings, or answers to them: nobody is there but the connection.
    """

    frozen: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """Closed with this code once so many messages have come.

    1005 is a close without a code, 1006 an end without a close.

    Attributes:
        error: an error frame comes before.
    """

    code: int
    after: int = 0
    error: bool = False


@dataclass(frozen=True, slots=True)
class Dying:
    """Broken off without a close after so long."""

    after_s: float


@dataclass(frozen=True, slots=True)
class Crowded:
    """Every session that begins while `at` - 1 others are open is closed with 1011."""

    at: int


@dataclass(frozen=True, slots=True)
class Worn:
    """From the `at`-th session on, each is closed with 1011: something leaks."""

    at: int


@dataclass(frozen=True, slots=True)
class Crossed:
    """Messages reach another open session: as well, or instead."""

    instead: bool


@dataclass(frozen=True, slots=True)
class Unheard:
    """What one session says reaches no other one."""


@dataclass(frozen=True, slots=True)
class Overheard:
    """Whatever carries what a session said reaches every open session.

    Attributes:
        known: only those that have heard that session before: its room, as far as can be seen.
    """

    known: bool = False


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was said before a session began never reaches it."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Messages of this type never come."""

    kind: str


@dataclass(frozen=True, slots=True)
class Swapped:
    """Messages of this type come after the one that should follow them."""

    kind: str


@dataclass(frozen=True, slots=True)
class Doubled:
    """Every message comes twice."""


@dataclass(frozen=True, slots=True)
class Parrot:
    """Says what it is told, and never asks the service."""


@dataclass(frozen=True, slots=True)
class Fallback:
    """What an agent says is replaced by what its stand-in would say."""


@dataclass(frozen=True, slots=True)
class Degraded:
    """A first message says that a stand-in is at work."""


@dataclass(frozen=True, slots=True)
class MessageField:
    """One field of the messages of this type is changed."""

    kind: str
    edit: Edit


@dataclass(frozen=True, slots=True)
class MessageWrapped:
    """Messages of this type come in one more object."""

    kind: str


@dataclass(frozen=True, slots=True)
class MessageFlat:
    """What messages of this type hold under this name stands beside it instead."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Welcomed:
    """Whoever is refused is let in, and hears this."""

    greeting: str


# To streams of events; what is said of messages above holds for events, too.


@dataclass(frozen=True, slots=True)
class Buffered:
    """Everything comes at once, at the end."""


@dataclass(frozen=True, slots=True)
class FirstLate:
    """The head comes in time, the first event this much later."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class StreamCut:
    """It ends after so many events.

    Attributes:
        broken: the connection breaks off; else the answer ends whole.
    """

    after: int
    broken: bool


@dataclass(frozen=True, slots=True)
class Forgetful:
    """`Last-Event-ID` is not heeded: the service never sees it."""


ConnectionFault = Refused | Silent | Garbled | CutOff | Late
HeadFault = HeaderGone | HeaderSet
HtmlFault = Fieldless | OtherValues | Unrendered
AnswerFault = Status | Redirect | Blank | Html | HtmlFault | Wrapped | Unwrapped | Field | LetIn
SocketFault = (
    Denied
    | Subprotocol
    | Muted
    | Ended
    | Dying
    | Crowded
    | Worn
    | Crossed
    | Unheard
    | Overheard
    | Forgotten
    | Lost
    | Swapped
    | Doubled
    | Parrot
    | Fallback
    | Degraded
    | MessageField
    | MessageWrapped
    | MessageFlat
    | Welcomed
)
StreamFault = Buffered | FirstLate | StreamCut | Forgetful
Fault = ConnectionFault | HeadFault | AnswerFault | SocketFault | StreamFault


def path_of(target: str) -> str:
    """The path of a target, without the query; one that holds a nonce is the same each time."""
    return ISSUED.sub("${nonce}", target.partition("?")[0])


@dataclass(frozen=True, slots=True)
class Place:
    """Where a proxy strikes; nothing given means everywhere.

    Attributes:
        path: as path_of has it, "" for every one.
        method: of the request, "" for every one.
        websocket: only at handshakes (True), only elsewhere (False), or at both (None).
        step: of a journey, as it calls itself, "" for every request.
    """

    path: str = ""
    method: str = ""
    websocket: bool | None = None
    step: str = ""

    def covers(self, method: str, target: str, *, websocket: bool, step: str = "") -> bool:
        """Whether a request is struck."""
        return (
            (not self.step or step == self.step)
            and (not self.path or path_of(target) == self.path)
            and (not self.method or method == self.method)
            and self.websocket in (None, websocket)
        )

    def __str__(self) -> str:
        if self.step:
            return self.step
        what = "WebSocket" if self.websocket else self.method
        return " ".join(part for part in (what, self.path) if part) or "everywhere"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A named fault in a healthy service.

    Attributes:
        name: unique; says where and what.
        caught_by: what in a policy would notice it.
    """

    name: str
    family: Family
    place: Place
    fault: Fault
    caught_by: str
