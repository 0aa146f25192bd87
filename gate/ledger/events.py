"""What happened in a rollout, event by event, for its outcome to hold: packed small. Pure.

Lines of JSON, compressed: what was asked for, then each event with the phase that it led to. Of an
event only what differs from the last one of its class is written, so that looking at a service that
stays as it is costs next to nothing.
"""

import base64
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from gate.core.annotation import KEY
from gate.core.evidence import Evidence
from gate.core.messages import Event, LogsRead, Probed, Seen
from gate.core.policy import Bodies, Json
from gate.core.service import Revision
from gate.core.shapes import Shape
from gate.core.stable import IRREVERSIBLE
from gate.core.state import Phase, Plan
from gate.ledger.canonical import digest
from gate.ledger.encoded import IS, encoded

FORMAT = 1
ENCODING = "zlib+base64"
EVENTS_MAX = 20_000
"""Most events of one rollout: a watch of two days."""
RAW_MAX_BYTES = 64 << 20
"""Most bytes that they may be before they are compressed."""
PACKED_MAX_BYTES = 3 << 20
"""Most bytes once they are, wherever they are kept."""
IN_ENTRY_MAX_BYTES = 48_000
"""Most characters of them that an entry holds."""
_AT_ONCE = 50
_AT_REST = frozenset({Phase.READING, Phase.WAITING, Phase.PROBING, Phase.DWELLING, Phase.WATCHING})
"""Phases in which no write comes next, which might take users to safety."""
_AROUND_BYTES = 200
"""What is around the data of events in an entry."""
_OF_THE_GATE = frozenset({KEY, IRREVERSIBLE})
"""The annotations that the core reads; those of others are not copied into a record."""

Redact = Callable[[Json], Json]


class EventLog:
    """Takes a rollout's events in, one after the other.

    Args:
        plan: what was asked for.
        rollout: its id.
        started_at: RFC 3339, as it began by the gate's clock.
        redact: takes secrets out.
    """

    def __init__(self, plan: Plan, rollout: str, started_at: str, redact: Redact) -> None:
        self._redact = redact
        self._silent = frozenset(one.name for one in plan.probes if one.bodies is Bodies.NONE)
        self._waiting: list[tuple[Event, Phase]] = []
        self._before: dict[str, Json] = {}
        self._shapes: dict[tuple[str, str], tuple[Shape, Json]] = {}
        self._problem = ""
        self._pack = zlib.compressobj(9)
        self._packed: list[bytes] = []
        self._size_bytes = self._raw_bytes = self.count = 0
        asked = plan_kept(plan)
        head: dict[str, Json] = {"format": FORMAT, "rollout": rollout, "started_at": started_at}
        self._head: Callable[[], dict[str, Json]] = lambda: {**head, "plan": encoded(asked)}

    def add(self, event: Event, phase: Phase) -> None:
        """Takes in an event, and the phase that it led to.

        Nothing is worked out before the end, or before there are many and nobody waits for a write.
        """
        self.count += 1
        self._waiting.append((event, phase))
        if len(self._waiting) >= _AT_ONCE and phase in _AT_REST:
            self._take_in()

    def value(self) -> dict[str, Json]:
        """All of them: {format, count, encoding, data}; or {format, count, why} without any."""
        self._take_in()
        value: dict[str, Json] = {"format": FORMAT, "count": self.count}
        if self._problem:
            return {**value, "why": self._problem}
        packed = b"".join([*self._packed, self._pack.copy().flush()])
        return {**value, "encoding": ENCODING, "data": base64.b64encode(packed).decode()}

    def _take_in(self) -> None:
        """Packs what is waiting; a decision is recorded whether its events can be or not."""
        waiting, self._waiting = self._waiting, []
        try:
            if not self._problem:
                self._pack_all(waiting)
        except Exception as error:  # noqa: BLE001 - a record without them is better than none
            self._problem = f"they could not be written ({type(error).__name__})"
        sizes = (self._size_bytes, self._raw_bytes, self.count)
        most = (PACKED_MAX_BYTES, RAW_MAX_BYTES, EVENTS_MAX)
        if any(size > limit for size, limit in zip(sizes, most, strict=True)):
            self._problem = "they are too many or too large"
        if self._problem:
            self._packed, self._before = [], {}

    def _pack_all(self, waiting: Sequence[tuple[Event, Phase]]) -> None:
        if not self._raw_bytes:
            self._write(self._redact(self._head()))
        for event, phase in waiting:
            name, now = type(event).__name__, self._encoded(event)
            change = self._redact(changes(now, self._before.get(name)))
            self._before[name] = now
            self._write({"phase": phase.value, "event": name, "change": change})

    def _write(self, line: Json) -> None:
        content = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        packed = self._pack.compress(content)
        self._raw_bytes += len(content)
        self._size_bytes += len(packed)
        self._packed.append(packed)

    def _kept(self, event: Event) -> Event:
        """An event without what the core does not read, or what a policy wants nothing kept of."""
        match event:
            case Seen(service=service, revisions=revisions):
                read = replace(service, annotations=_own(service.annotations))
                return replace(
                    event,
                    service=read,
                    revisions={name: revision_kept(one) for name, one in revisions.items()},
                )
            case Probed(evidence=evidence) | LogsRead(evidence=evidence):
                return replace(event, evidence=tuple(map(_judged, evidence)))
            case _:
                return event

    def _encoded(self, event: Event) -> Json:
        """An event as JSON."""
        now = encoded(self._kept(event))
        match event, now:
            case Probed(evidence=evidence) | LogsRead(evidence=evidence), {"evidence": [*items]}:
                for one, item in zip(evidence, items, strict=True):
                    assert isinstance(item, dict)
                    item["shape"] = self._shape(one)
            case _:
                pass
        return now

    def _shape(self, item: Evidence) -> Json:
        """The form of an answer, which is large and seldom another one than in the round before.

        Of a probe whose answers nothing is kept of, not even which keys they had.
        """
        if item.shape is None or item.probe in self._silent:
            return None
        place = (item.probe, item.address)
        known = self._shapes.get(place)
        if known is None or known[0] != item.shape:
            known = self._shapes[place] = (item.shape, encoded(item.shape))
        return known[1]


def _judged(item: Evidence) -> Evidence:
    """Evidence as far as it is judged by: the rest is for reports, which read it elsewhere."""
    return replace(item, shape=None, took=(), cases=(), tests=(), log_lines=())


def plan_kept(plan: Plan) -> Plan:
    """A plan without what others have written on revisions."""
    return replace(plan, revisions=tuple(map(revision_kept, plan.revisions)))


def revision_kept(revision: Revision) -> Revision:
    """A revision without what others have written on it."""
    return replace(revision, annotations=_own(revision.annotations))


def _own(annotations: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(pair for pair in annotations if pair[0] in _OF_THE_GATE)


def changes(now: Json, before: Json) -> Json:
    """What of a value is not as it was before; `whole` puts it together again.

    An object of the same class as before has no `is`, and those keys alone that differ.
    """
    match now, before:
        case dict(), dict() if now.get(IS) == before.get(IS) and now.keys() == before.keys():
            differ = (name for name, item in now.items() if item != before[name])
            return {name: changes(now[name], before[name]) for name in differ}
        case list(), list() if len(now) == len(before):
            return [changes(one, other) for one, other in zip(now, before, strict=True)]
        case _:
            return now


def whole(change: Json, before: Json) -> Json:
    """The value that `changes` was made of.

    Raises:
        ValueError: there is nothing that it could be a change of.
    """
    match change:
        case dict() if IS not in change:
            if not isinstance(before, dict) or change.keys() - before.keys():
                raise ValueError("something is the same as before, and there is nothing before")
            changed = {name: whole(item, before[name]) for name, item in change.items()}
            return {**before, **changed}
        case dict():
            return {name: whole(item, None) for name, item in change.items()}
        case list():
            known = before if isinstance(before, list) and len(before) == len(change) else None
            pairs = zip(change, known or [None] * len(change), strict=True)
            return [whole(one, other) for one, other in pairs]
        case _:
            return change


def in_entry(value: dict[str, Json], room_bytes: int) -> dict[str, Json]:
    """The events as an entry holds them: all of them, or how many they are and their hash.

    Args:
        value: as EventLog.value makes it.
        room_bytes: how much room the entry has.
    """
    size_bytes = len(str(value.get("data", "")))
    if "data" not in value or size_bytes + _AROUND_BYTES <= min(IN_ENTRY_MAX_BYTES, room_bytes):
        return value
    return {"format": FORMAT, "count": value["count"], "bundle": "", "digest": digest(value)}
