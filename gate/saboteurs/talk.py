"""What an act does to one WebSocket conversation. Pure: what is heard leads to effects."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gate.core.policy import Json
from gate.saboteurs import acts
from gate.saboteurs.edits import CHANGED_TO, NAME_MAX, edited

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
class Wait:
    """Go on after a while."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class End:
    """Close with this code; 1006: break off."""

    code: int


Effect = ToClient | ToServer | ToOther | Wait | End
Effects = tuple[Effect, ...]


@dataclass
class Crowd:
    """All sessions of one saboteur: how many are open, and how many there were."""

    open: int = 0
    ever: int = 0


class Talk:
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


class _Through(Talk):
    """Each message of the service becomes what a function makes of it."""

    def __init__(self, changed: Callable[[str], Effects]) -> None:
        self._changed = changed

    def said(self, text: str) -> Effects:
        return self._changed(text)


class _Muted(Talk):
    def __init__(self, *, frozen: bool) -> None:
        self.keeps_pings = not frozen

    def said(self, text: str) -> Effects:  # noqa: ARG002 - whatever it says
        return ()


class _Ended(Talk):
    def __init__(self, act: acts.Ended) -> None:
        self._act = act
        self._heard = 0

    def opened(self) -> Effects:
        return () if self._act.after else self._end()

    def said(self, text: str) -> Effects:
        self._heard += 1
        through = (ToClient(text),)
        return (*through, *self._end()) if self._heard == self._act.after else through

    def _end(self) -> Effects:
        error = (ToClient(_ERROR),) if self._act.error else ()
        return (*error, End(self._act.code))


class _Dying(Talk):
    def __init__(self, after_s: float) -> None:
        self._after_s = after_s

    def opened(self) -> Effects:
        return (Wait(self._after_s), End(1006))


class _Swapped(Talk):
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


class _Late(Talk):
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


class _Parrot(Talk):
    def asked(self, text: str) -> Effects:
        return (ToClient(text),)


class _Degraded(Talk):
    def opened(self) -> Effects:
        return (ToClient(_DEGRADED),)


class _Welcomed(Talk):
    keeps_close = False


def talk_of(act: acts.Act | None, crowd: Crowd) -> Talk:
    """The conversation of a session that has just begun and is counted in the crowd."""
    match act:
        case acts.Ended():
            return _Ended(act)
        case acts.Crowded() | acts.Worn():
            number = crowd.open if isinstance(act, acts.Crowded) else crowd.ever
            return _Ended(acts.Ended(1011, error=True)) if number >= act.at else Talk()
        case _ if act is not None and type(act) in _KINDS:
            return _KINDS[type(act)](act)
        case _:
            changed = _changing(act, crowd)
            return Talk() if changed is None else _Through(changed)


_KINDS: Mapping[type[acts.Act], Callable[[Any], Talk]] = {
    acts.Muted: lambda act: _Muted(frozen=act.frozen),
    acts.Dying: lambda act: _Dying(act.after_s),
    acts.Swapped: lambda act: _Swapped(act.kind),
    acts.Late: lambda act: _Late(act.delay_s),
    acts.Parrot: lambda _: _Parrot(),
    acts.Degraded: lambda _: _Degraded(),
    acts.Welcomed: lambda _: _Welcomed(),
}


def _changing(act: acts.Act | None, crowd: Crowd) -> Callable[[str], Effects] | None:
    """What becomes of each message, for acts that look at one message alone."""
    match act:
        case acts.Lost(lost):
            return lambda text: () if kind_of(text) == lost else (ToClient(text),)
        case acts.Doubled():
            return lambda text: (ToClient(text), ToClient(text))
        case acts.Crossed(instead):
            return lambda text: _crossed(text, crowd, instead=instead)
        case acts.Fallback() | acts.MessageField() | acts.MessageWrapped() | acts.MessageFlat():
            return lambda text: (ToClient(changed_message(text, act)),)
        case _:
            return None


def _crossed(text: str, crowd: Crowd, *, instead: bool) -> Effects:
    if crowd.open < 2:
        return (ToClient(text),)
    return (ToOther(text),) if instead else (ToClient(text), ToOther(text))


def kind_of(text: str) -> str:
    """The message's type, "" without one."""
    value = _value(text)
    kind = value.get("type") if isinstance(value, dict) else None
    return kind if isinstance(kind, str) and len(kind) <= NAME_MAX else ""


def changed_message(
    text: str,
    act: acts.Fallback | acts.MessageField | acts.MessageWrapped | acts.MessageFlat,
) -> str:
    """The message after the act; as it was where the act finds nothing to do."""
    value = _value(text)
    if not isinstance(value, dict):
        return text
    try:
        match act:
            case acts.Fallback():
                changed = _canned(value)
                return text if changed == value else json.dumps(changed)
            case acts.MessageField(kind, edit) if kind_of(text) == kind:
                return json.dumps(edited(value, edit))
            case acts.MessageWrapped(kind) if kind_of(text) == kind:
                return json.dumps({"payload": value})
            case acts.MessageFlat(kind, name) if kind_of(text) == kind:
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
