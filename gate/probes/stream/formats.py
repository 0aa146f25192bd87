"""Bytes to events: server-sent events, JSON lines, pieces. Pure."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from gate.core.event_stream import Between, Cutter
from gate.kinds.stream import Format
from gate.probes.expect import read_json
from gate.probes.sockets.message import Message, type_of

EVENT_MAX = 1 << 20
"""Most bytes of one event."""
UNNAMED = "message"
"""What the standard calls an event without a name."""
MEDIA_TYPES = {
    Format.EVENTS: ("text/event-stream",),
    Format.LINES: (
        "application/x-ndjson",
        "application/ndjson",
        "application/jsonl",
        "application/x-jsonlines",
        "application/jsonlines",
        "application/json-lines",
        "application/stream+json",
    ),
    Format.PIECES: (),
}


class Event(NamedTuple):
    """One event.

    Attributes:
        message: its data, and its name.
        id: as the server gave it, "" where it gave none.
        known_as: the last id that any event up to this one had.
    """

    message: Message
    id: str = ""
    known_as: str = ""


class Reader(Protocol):
    """Takes the pieces of one answer."""

    def feed(self, piece: bytes) -> list[Event]:
        """The events that are whole with this piece.

        Raises:
            TooLargeError: one has no end within the bound.
        """
        ...

    def end(self) -> list[Event]:
        """The events that are whole only because nothing more comes."""
        ...

    @property
    def rest(self) -> bytes:
        """What has come of an event that is not whole."""
        ...


def reader_of(written: Format) -> Reader:
    """What reads a stream of this format."""
    readers: dict[Format, Callable[[], Reader]] = {
        Format.EVENTS: _Events,
        Format.LINES: _Lines,
        Format.PIECES: _Pieces,
    }
    return readers[written]()


class _Events:
    """Server-sent events: one whose data is missing is none (html.spec.whatwg.org)."""

    def __init__(self) -> None:
        self._cutter = Cutter(Between.EMPTY_LINE, EVENT_MAX)
        self._last_id = ""

    def feed(self, piece: bytes) -> list[Event]:
        found = [self._event(part) for part in self._cutter.feed(piece)]
        return [event for event in found if event is not None]

    def end(self) -> list[Event]:
        return []

    @property
    def rest(self) -> bytes:
        return self._cutter.rest

    def _event(self, part: bytes) -> Event | None:
        """Reads the fields of one event; others than these three say nothing that is asked."""
        name, own, data = "", "", []
        for line in part.decode(errors="replace").split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match field:
                case "event":
                    name = value
                case "data":
                    data.append(value)
                case "id" if "\0" not in value:
                    own = self._last_id = value
        if not data:
            return None
        return Event(_named("\n".join(data), name or UNNAMED), own, self._last_id)


class _Lines:
    def __init__(self) -> None:
        self._cutter = Cutter(Between.LINE_END, EVENT_MAX)

    def feed(self, piece: bytes) -> list[Event]:
        lines = (part.decode(errors="replace").strip() for part in self._cutter.feed(piece))
        return [Event(_named(line)) for line in lines if line]

    def end(self) -> list[Event]:
        return self.feed(b"\n")

    @property
    def rest(self) -> bytes:
        return self._cutter.rest


class _Pieces:
    rest = b""

    def feed(self, piece: bytes) -> list[Event]:
        text = piece.decode(errors="replace")
        return [Event(Message(text, text))]

    def end(self) -> list[Event]:
        return []


def _named(data: str, name: str = UNNAMED) -> Message:
    """An event is called by its name, or, without one, by the type that its data says."""
    try:
        value = read_json(data)
    except ValueError:
        return Message(data, data, kind=name)
    kind = (type_of(value) if name == UNNAMED else "") or name
    return Message(data, value, kind=kind)
