"""What stable answered when it was only listened to: samples that a policy can be drafted from.

Values only. Several samples of each answer, since one alone cannot tell what is fixed in it.
"""

from dataclasses import dataclass, field
from enum import Enum

from gate.core.questions import Json


class Form(Enum):
    """What a body or a message is."""

    JSON = "JSON"
    TEXT = "no JSON"
    EMPTY = "empty"
    SECRET = "something that holds a secret or a token"  # noqa: S105 - what it is, in words


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer.

    Attributes:
        headers: lower-case names and values, in order.
        value: its JSON value; None where `form` is another.
        took_s: how long a page took to answer; 0 of a message.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    form: Form
    value: Json = field(default=None, hash=False)
    took_s: float = 0.0

    def header(self, name: str) -> str:
        """The value of a header, "" where it is not there."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Page:
    """One path and every answer that it gave.

    Attributes:
        fault: why there are fewer answers than questions, "" where there are not.
        reached: whether any question reached whoever answers there.
    """

    path: str
    samples: tuple[Sample, ...]
    fault: str = ""
    reached: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """One WebSocket session.

    Attributes:
        refused: status or close code that it was refused with, 0 where it was let in.
        headers: of the answer to the handshake.
        messages: what came unasked, in order.
        replies: what came after something was said.
        close_code: what answered our close, 0 where nothing did.
        fault: why there is nothing to tell, "" otherwise.
    """

    refused: int = 0
    subprotocol: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    messages: tuple[Sample, ...] = ()
    replies: tuple[Sample, ...] = ()
    close_code: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Socket:
    """A WebSocket path: sessions as whoever records is, and as a stranger."""

    path: str
    sessions: tuple[Heard, ...]
    strangers: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class Recording:
    """Everything that was recorded of one address.

    Attributes:
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked while recording, and with what.

    Attributes:
        paths: pages, beside those of the OpenAPI document.
        headers, subprotocols: templates, which may hold secrets by name.
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
