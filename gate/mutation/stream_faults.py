"""What a fault does to one stream of events. Pure: each part that comes leads to effects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gate.core.event_stream import Between, Cutter
from gate.mutation import faults
from gate.mutation.edits import NAME_MAX
from gate.mutation.websocket_faults import changed_message, kind_of

PART_MAX = 1 << 22
"""Most bytes of one event that is looked at."""
_EVENTS = "text/event-stream"
_LINES = ("ndjson", "jsonl", "jsonlines", "json-lines", "stream+json")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a stream, without what stands behind it."""

    raw: bytes
    between: Between

    @property
    def whole(self) -> bytes:
        """With what stands behind it."""
        return self.raw + self.between.value

    @property
    def data(self) -> str:
        """What the event says, "" where it is a comment."""
        if self.between is Between.LINE_END:
            return self.raw.decode(errors="replace")
        return "\n".join(self._fields("data"))

    @property
    def event(self) -> bool:
        """Whether it is one; comments are none."""
        return self.between is Between.LINE_END or bool(self._fields("data"))

    @property
    def kind(self) -> str:
        """The event's name, or the type that its data says, "" without either."""
        name = "" if self.between is Between.LINE_END else "".join(self._fields("event")[-1:])
        return name[:NAME_MAX] or kind_of(self.data)

    def saying(self, data: str) -> "Part":
        """The same event with other data."""
        if self.between is Between.LINE_END:
            return replace(self, raw=data.encode())
        lines = [line for line in self._lines if line.partition(":")[0] != "data"]
        lines += [f"data: {line}" for line in data.split("\n")]
        return replace(self, raw="\n".join(lines).encode())

    @property
    def _lines(self) -> list[str]:
        return self.raw.decode(errors="replace").split("\n")

    def _fields(self, name: str) -> list[str]:
        fields = (line.partition(":") for line in self._lines)
        return [value.removeprefix(" ") for key, _, value in fields if key == name]


def between_of(content_type: str) -> Between | None:
    """What stands between the parts of an answer of this type; None where it is no stream."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == _EVENTS:
        return Between.EMPTY_LINE
    return Between.LINE_END if media_type.endswith(_LINES) else None


class Parts:
    """Cuts a stream; one with a part that is too large is not looked at any more."""

    def __init__(self, between: Between) -> None:
        self._between = between
        self._cutter: Cutter | None = Cutter(between, PART_MAX)

    def feed(self, data: bytes) -> list[Part]:
        """The parts that are whole now."""
        if self._cutter is None:
            return []
        try:
            return [Part(raw, self._between) for raw in self._cutter.feed(data)]
        except ValueError:
            self._cutter = None
            return []

    @property
    def rest(self) -> bytes:
        """What has come of a part that is not whole."""
        return b"" if self._cutter is None else self._cutter.rest


@dataclass(frozen=True, slots=True)
class Say:
    """Let the probe have this."""

    part: Part


@dataclass(frozen=True, slots=True)
class SayToOther:
    """Let the probe of another open stream have this, too."""

    part: Part


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after a while."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """End the stream here: whole, or broken off."""

    broken: bool


Effect = Say | SayToOther | Wait | Stop
Effects = tuple[Effect, ...]


class Flow:
    """One stream, left as it is. Subclasses change one thing each."""

    def opened(self) -> Effects:
        """Its head has come."""
        return ()

    def said(self, part: Part) -> Effects:
        """The service said this."""
        return (Say(part),)

    def over(self) -> Effects:
        """The service has ended it."""
        return ()


class _Buffered(Flow):
    def __init__(self) -> None:
        self._kept: list[Part] = []

    def said(self, part: Part) -> Effects:
        self._kept.append(part)
        return ()

    def over(self) -> Effects:
        return tuple(map(Say, self._kept))


class _FirstLate(Flow):
    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    def said(self, part: Part) -> Effects:
        wait = (Wait(self._delay_s),) if part.event and self._delay_s else ()
        self._delay_s = 0.0 if part.event else self._delay_s
        return (*wait, Say(part))


class _Cut(Flow):
    def __init__(self, fault: faults.StreamCut) -> None:
        self._fault = fault
        self._heard = 0

    def opened(self) -> Effects:
        return () if self._fault.after else (Stop(self._fault.broken),)

    def said(self, part: Part) -> Effects:
        self._heard += part.event
        stop = (Stop(self._fault.broken),) if self._heard == self._fault.after else ()
        return (Say(part), *stop)


class _Swapped(Flow):
    """Keeps an event of the name until the next one has passed; the last one is lost."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._kept: Part | None = None

    def said(self, part: Part) -> Effects:
        if self._kept is not None and part.event:
            kept, self._kept = self._kept, None
            return (Say(part), Say(kept))
        if self._kept is None and part.event and part.kind == self._kind:
            self._kept = part
            return ()
        return (Say(part),)


class _Through(Flow):
    """Each event becomes what a function makes of it."""

    def __init__(self, changed: Callable[[Part], Effects]) -> None:
        self._changed = changed

    def said(self, part: Part) -> Effects:
        return self._changed(part) if part.event else (Say(part),)


_FLOWS: Mapping[type[faults.Fault], Callable[[Any], Flow]] = {
    faults.Buffered: lambda _: _Buffered(),
    faults.FirstLate: lambda fault: _FirstLate(fault.delay_s),
    faults.StreamCut: _Cut,
    faults.Swapped: lambda fault: _Swapped(fault.kind),
    faults.Lost: lambda fault: _Through(
        lambda part: () if part.kind == fault.kind else (Say(part),)
    ),
    faults.Doubled: lambda _: _Through(lambda part: (Say(part), Say(part))),
    faults.Crossed: lambda _: _Through(lambda part: (Say(part), SayToOther(part))),
    faults.MessageField: lambda fault: _Through(lambda part: (Say(changed_part(part, fault)),)),
    faults.MessageWrapped: lambda fault: _Through(lambda part: (Say(changed_part(part, fault)),)),
}


def flow_of(fault: faults.Fault | None) -> Flow | None:
    """What happens to a stream; None where the fault is none of streams."""
    make = None if fault is None else _FLOWS.get(type(fault))
    return None if make is None else make(fault)


def changed_part(part: Part, fault: faults.MessageField | faults.MessageWrapped) -> Part:
    """The event after the fault; as it was where the fault finds nothing to do."""
    if part.kind != fault.kind:
        return part
    changed = changed_data(part.data, fault)
    return part if changed == part.data else part.saying(changed)


def changed_data(data: str, fault: faults.MessageField | faults.MessageWrapped) -> str:
    """What an event of the fault's kind says after it."""
    return changed_message(data, replace(fault, kind=kind_of(data)))
