"""Reads the events of a rollout back from its outcome. Pure.

Whoever may write to the log could have put anything there: sizes are bounded, and what is not as
gate.ledger.events writes it is refused with a reason.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gate.core.fields import Entry, number, text
from gate.core.messages import Event
from gate.core.policy import Json
from gate.core.recorded import moment
from gate.core.state import Phase, Plan
from gate.ledger.decoded import NotUnderstood, decoded, of_several
from gate.ledger.encoded import IS
from gate.ledger.events import (
    ENCODING,
    EVENTS_MAX,
    FORMAT,
    PACKED_MAX_BYTES,
    RAW_MAX_BYTES,
    whole,
)

NO_EVENTS = "the record has no events of it"
NO_ROOM = "the record has not its events, only how many there were"
NODES_MAX = 2_000_000
"""Most values in all of them together: a small change may stand for a large event."""
_ENCODED_MAX = PACKED_MAX_BYTES * 4 // 3 + 4


@dataclass(frozen=True, slots=True)
class Recording:
    """What happened in a rollout.

    Attributes:
        plan: what was asked for.
        started_at: when it began.
        steps: each event, and the phase that it led to then.
    """

    plan: Plan
    started_at: datetime
    steps: tuple[tuple[Event, Phase], ...]


def unpacked(events: Entry, rollout: str) -> Recording:
    """What is in the field `events` of an outcome.

    Args:
        events: the field's value, where it is in a bundle that of the bundle.
        rollout: id of the rollout whose outcome it is.

    Raises:
        NotUnderstood: there is nothing, or nothing that this gate can read: says why.
    """
    if not events:
        raise NotUnderstood(NO_EVENTS)
    if events.get("format") != FORMAT:
        raise NotUnderstood(f"its events are of another format (got {events.get('format')!r:.20})")
    if "data" not in events:
        why = text(events, "why")
        raise NotUnderstood(f"{NO_ROOM}{f': {why:.200}' if why else ''}")
    try:
        return _read(events, rollout)
    except NotUnderstood as error:
        raise NotUnderstood(f"its events cannot be read: {error}") from None
    except RecursionError:
        raise NotUnderstood("its events cannot be read: they are nested too deep") from None
    except ValueError as error:
        raise NotUnderstood(f"its events cannot be read: {str(error)[:200]}") from None


def _read(events: Entry, rollout: str) -> Recording:
    lines = _lines(events)
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise NotUnderstood("they have no beginning")
    if text(head, "rollout") != rollout:
        raise NotUnderstood(f"they are those of {text(head, 'rollout')!r:.80}")
    at = moment(text(head, "started_at"))
    if at is None:
        raise NotUnderstood("they have no time at which it began")
    steps = tuple(_steps(lines))
    if len(steps) != number(events, "count"):
        raise NotUnderstood(f"there are {len(steps)} of them (expected {events.get('count')!r})")
    return Recording(decoded(head.get("plan"), Plan), at, steps)


def _lines(events: Entry) -> Iterator[Json]:
    if events.get("encoding") != ENCODING:
        raise NotUnderstood(f"unknown encoding (got {events.get('encoding')!r:.40})")
    data = text(events, "data")
    if len(data) > _ENCODED_MAX:
        raise NotUnderstood(f"they are too large (got {len(data)} characters)")
    try:
        packed = base64.b64decode(data, validate=True)
        unpack = zlib.decompressobj()
        content = unpack.decompress(packed, RAW_MAX_BYTES + 1)
    except (binascii.Error, zlib.error):
        raise NotUnderstood("they are no base64 of compressed data") from None
    if len(content) > RAW_MAX_BYTES:
        raise NotUnderstood(f"they are too large (more than {RAW_MAX_BYTES >> 20} MiB)")
    if not unpack.eof or unpack.unused_data:
        raise NotUnderstood("they are cut off, or something follows them")
    for count, line in enumerate(content.splitlines()):
        if count > EVENTS_MAX:
            raise NotUnderstood(f"there are too many (more than {EVENTS_MAX})")
        yield json.loads(line)


def _steps(lines: Iterator[Json]) -> Iterator[tuple[Event, Phase]]:
    before: dict[str, Json] = {}
    nodes = 0
    for count, line in enumerate(lines, 1):
        try:
            value = _value(line, before)
            nodes += _nodes(value, NODES_MAX - nodes)
            yield _step(line, value)
        except (NotUnderstood, ValueError) as error:
            raise NotUnderstood(f"event {count}: {str(error)[:200]}") from None


def _nodes(value: Json, most: int) -> int:
    """How many values there are in one, itself included.

    Raises:
        NotUnderstood: there are more than `most`.
    """
    waiting, count = [value], 0
    while waiting:
        if count >= most:
            raise NotUnderstood(f"there is too much in them (over {NODES_MAX} values)")
        one = waiting.pop()
        count += 1
        match one:
            case list():
                waiting += one
            case dict():
                waiting += one.values()
            case _:
                pass
    return count


def _value(line: Json, before: dict[str, Json]) -> Json:
    """An event whole, which is remembered for the next one of its class."""
    if not isinstance(line, dict):
        raise NotUnderstood("is no object")
    name = text(line, "event")
    value = whole(line.get("change"), before.get(name))
    if not isinstance(value, dict) or value.get(IS) != name:
        raise NotUnderstood(f"is no {name[:40]!r}")
    before[name] = value
    return value


def _step(line: Json, value: Json) -> tuple[Event, Phase]:
    kinds: Any = Event
    event: Event = of_several(value, kinds)
    phase = line.get("phase") if isinstance(line, dict) else None
    return event, decoded(phase, Phase)
