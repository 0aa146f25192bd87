"""What a fault does to one WebSocket conversation. Pure: what is heard leads to effects."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gate.core.policy import Json
from gate.core.template import ISSUED
from gate.mutation import faults
from gate.mutation.edits import CHANGED_TO, NAME_MAX, edited

CANNED = "Agent processed your message: 'sabotaged'"
"""What the stand-in of an agent says (an incident of the corpus: five events, no agent)."""
_DEGRADED = json.dumps(
    {
        "type": "service_info",
        "fallback_active": True,
        "emergency_mode": True,
        "data": {"fallback_active": True, "emergency_mode": True},
    }
)
_ERROR = json.dumps(
    {"type": "error_message", "error_code": "FACTORY_INIT_FAILED", "error_message": CHANGED_TO}
)
_SPOKEN = frozenset(
    {"final_response", "response", "answer", "reply", "content", "text", "output", "completion"}
)
"""Names of fields that hold what an agent says."""
SAID_MAX = 2000
MARK_LEAST = 8
"""Messages of probes that are kept, and the shortest text by which one is known again."""


@dataclass(frozen=True, slots=True)
class ToClient:
    """Let the probe hear this."""

    text: str


@dataclass(frozen=True, slots=True)
class ToServer:
    """Let the service hear this."""

    text: str


@dataclass(frozen=True, slots=True)
class ToOther:
    """Let another open session's probe hear this."""

    text: str


@dataclass(frozen=True, slots=True)
class ToOthers:
    """Let all other open sessions hear this that do not hear it anyway.

    Attributes:
        known: only those that have heard whoever said it before.
    """

    text: str
    known: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after a while."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class End:
    """Close with this code; 1006: break off."""

    code: int


Effect = ToClient | ToServer | ToOther | ToOthers | Wait | End
Effects = tuple[Effect, ...]


@dataclass
class Crowd:
    """All sessions of one proxy.

    Attributes:
        open, ever: how many are open, and how many there were.
        said: which session said what, by the text by which it is known again.
        met: which session has heard which: speaker, listener.
    """

    open: int = 0
    ever: int = 0
    said: list[tuple[int, str]] = field(default_factory=list)
    met: set[tuple[int, int]] = field(default_factory=set)

    def enter(self) -> "Seat":
        """Counts a session that begins."""
        self.open += 1
        self.ever += 1
        return Seat(self, self.ever, len(self.said))


@dataclass(frozen=True)
class Seat:
    """One session among those of its proxy, by what it said and what the others said.

    Attributes:
        number: 1 for the first session of the proxy.
        began: how much had been said before it began.
    """

    crowd: Crowd
    number: int
    began: int

    def says(self, text: str) -> None:
        """Notes what its probe said, by the text by which it is known again."""
        if len(self.crowd.said) < SAID_MAX and (mark := _mark(text)):
            self.crowd.said.append((self.number, mark))

    def hears(self, text: str) -> None:
        """Notes whom its probe hears."""
        self.crowd.met |= {(who, self.number) for who, mark in self.crowd.said if mark in text}

    def knows(self, text: str) -> bool:
        """Whether it has heard before whoever said what a message carries, or said it itself."""
        return any(
            mark in text and (who == self.number or (who, self.number) in self.crowd.met)
            for who, mark in self.crowd.said
        )

    def carries(self, text: str) -> bool:
        """Whether a message carries what some session has said."""
        return any(mark in text for _, mark in self.crowd.said)

    def relays(self, text: str) -> bool:
        """Whether it carries what another session has said."""
        return any(mark in text for who, mark in self.crowd.said if who != self.number)

    def recalls(self, text: str) -> bool:
        """Whether it carries what was said before this session began."""
        return any(mark in text for _, mark in self.crowd.said[: self.began])


class Conversation:
    """One conversation, left as it is. Subclasses change one thing each.

    Attributes:
        keeps_close: whether the server's close frame reaches the client.
        keeps_pings: whether its pings and pongs do.
    """

    keeps_close = True
    keeps_pings = True

    def opened(self) -> Effects:
        """The handshake has succeeded."""
        return ()

    def said(self, text: str) -> Effects:
        """The service said this."""
        return (ToClient(text),)

    def asked(self, text: str) -> Effects:
        """The probe said this."""
        return (ToServer(text),)


class _Through(Conversation):
    """Each message of the service becomes what a function makes of it."""

    def __init__(self, changed: Callable[[str], Effects]) -> None:
        self._changed = changed

    def said(self, text: str) -> Effects:
        return self._changed(text)


class _Muted(Conversation):
    def __init__(self, *, frozen: bool) -> None:
        self.keeps_pings = not frozen

    def said(self, text: str) -> Effects:  # noqa: ARG002 - whatever it says
        return ()


class _Ended(Conversation):
    def __init__(self, fault: faults.Ended) -> None:
        self._fault = fault
        self._heard = 0

    def opened(self) -> Effects:
        return () if self._fault.after else self._end()

    def said(self, text: str) -> Effects:
        self._heard += 1
        through = (ToClient(text),)
        return (*through, *self._end()) if self._heard == self._fault.after else through

    def _end(self) -> Effects:
        error = (ToClient(_ERROR),) if self._fault.error else ()
        return (*error, End(self._fault.code))


class _Dying(Conversation):
    def __init__(self, after_s: float) -> None:
        self._after_s = after_s

    def opened(self) -> Effects:
        return (Wait(self._after_s), End(1006))


class _Swapped(Conversation):
    """Keeps a message of the type until the next one has passed."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._kept: str | None = None

    def said(self, text: str) -> Effects:
        if self._kept is not None:
            kept, self._kept = self._kept, None
            return (ToClient(text), ToClient(kept))
        if kind_of(text) == self._kind:
            self._kept = text
            return ()
        return (ToClient(text),)


class _Late(Conversation):
    """The first message, and the first after each question, comes late."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._due = True

    def said(self, text: str) -> Effects:
        wait = (Wait(self._delay_s),) if self._due else ()
        self._due = False
        return (*wait, ToClient(text))

    def asked(self, text: str) -> Effects:
        self._due = True
        return (ToServer(text),)


class _Apart(Conversation):
    """Some of what comes from other sessions is not heard."""

    def __init__(self, gone: Callable[[str], bool]) -> None:
        self._gone = gone

    def said(self, text: str) -> Effects:
        return () if self._gone(text) else (ToClient(text),)


class _Overheard(Conversation):
    def __init__(self, carries: Callable[[str], bool], *, known: bool) -> None:
        self._carries = carries
        self._known = known

    def said(self, text: str) -> Effects:
        also = (ToOthers(text, self._known),) if self._carries(text) else ()
        return (ToClient(text), *also)


class _Parrot(Conversation):
    def asked(self, text: str) -> Effects:
        return (ToClient(text),)


class _Degraded(Conversation):
    def opened(self) -> Effects:
        return (ToClient(_DEGRADED),)


class _Welcomed(Conversation):
    keeps_close = False


def conversation_of(fault: faults.Fault | None, seat: Seat) -> Conversation:
    """The conversation of a session that has just begun."""
    crowd = seat.crowd
    match fault:
        case faults.Unheard():
            return _Apart(seat.relays)
        case faults.Forgotten():
            return _Apart(seat.recalls)
        case faults.Overheard(known):
            return _Overheard(seat.carries, known=known)
        case faults.Ended():
            return _Ended(fault)
        case faults.Crowded() | faults.Worn():
            number = crowd.open if isinstance(fault, faults.Crowded) else crowd.ever
            return _Ended(faults.Ended(1011, error=True)) if number >= fault.at else Conversation()
        case _ if fault is not None and type(fault) in _KINDS:
            return _KINDS[type(fault)](fault)
        case _:
            changed = _changing(fault, crowd)
            return Conversation() if changed is None else _Through(changed)


_KINDS: Mapping[type[faults.Fault], Callable[[Any], Conversation]] = {
    faults.Muted: lambda fault: _Muted(frozen=fault.frozen),
    faults.Dying: lambda fault: _Dying(fault.after_s),
    faults.Swapped: lambda fault: _Swapped(fault.kind),
    faults.Late: lambda fault: _Late(fault.delay_s),
    faults.Parrot: lambda _: _Parrot(),
    faults.Degraded: lambda _: _Degraded(),
    faults.Welcomed: lambda _: _Welcomed(),
}


def _changing(fault: faults.Fault | None, crowd: Crowd) -> Callable[[str], Effects] | None:
    """What becomes of each message, for faults that look at one message alone."""
    match fault:
        case faults.Lost(lost):
            return lambda text: () if kind_of(text) == lost else (ToClient(text),)
        case faults.Doubled():
            return lambda text: (ToClient(text), ToClient(text))
        case faults.Crossed(instead):
            return lambda text: _crossed(text, crowd, instead=instead)
        case (
            faults.Fallback()
            | faults.MessageField()
            | faults.MessageWrapped()
            | faults.MessageFlat()
        ):
            return lambda text: (ToClient(changed_message(text, fault)),)
        case _:
            return None


def _crossed(text: str, crowd: Crowd, *, instead: bool) -> Effects:
    if crowd.open < 2:
        return (ToClient(text),)
    return (ToOther(text),) if instead else (ToClient(text), ToOther(text))


def _mark(text: str) -> str:
    """The text by which a message is known again: its longest with a nonce, else its longest."""
    value = _value(text)
    found = [*_texts(value)] if isinstance(value, dict | list) else [text]
    own = [one for one in found if ISSUED.search(one)] or found
    longest = max(own, key=len, default="")
    return longest if len(longest) >= MARK_LEAST else ""


def _texts(value: Json) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case _:
            return


def kind_of(text: str) -> str:
    """The message's type, "" without one."""
    value = _value(text)
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and len(kind) <= NAME_MAX else ""


def changed_message(
    text: str,
    fault: faults.Fallback | faults.MessageField | faults.MessageWrapped | faults.MessageFlat,
) -> str:
    """The message after the fault; as it was where the fault finds nothing to do."""
    value = _value(text)
    if not isinstance(value, dict):
        return text
    try:
        match fault:
            case faults.Fallback():
                changed = _canned(value)
                return text if changed == value else json.dumps(changed)
            case faults.MessageField(kind, edit) if kind_of(text) == kind:
                return json.dumps(edited(value, edit))
            case faults.MessageWrapped(kind) if kind_of(text) == kind:
                return json.dumps({"payload": value})
            case faults.MessageFlat(kind, name) if kind_of(text) == kind:
                flat = _flat(value, name)
                return text if flat == value else json.dumps(flat)
            case _:
                return text
    except (LookupError, ValueError, RecursionError):
        return text


def _flat(value: dict[str, Json], name: str) -> Json:
    match value[name]:
        case dict() as inner:
            return {key: item for key, item in value.items() if key != name} | inner
        case _:
            return value


def _canned(value: Json) -> Json:
    match value:
        case dict():
            return {
                key: CANNED if key in _SPOKEN and isinstance(item, str) else _canned(item)
                for key, item in value.items()
            }
        case list():
            return [_canned(item) for item in value]
        case _:
            return value


def _value(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value
