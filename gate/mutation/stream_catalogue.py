"""The mutants of streams of events, fitted to what one said. Pure."""

import json
from collections.abc import Iterator

from gate.core.policy import Json
from gate.mutation import faults
from gate.mutation.edits import by_schema, edits_of
from gate.mutation.faults import Family, Mutant, Place
from gate.mutation.service_profile import Streams
from gate.mutation.stream_faults import changed_data

DELAY_S = 5.0
"""How late a first event is."""


def of_streams(question: tuple[str, str], known: Streams) -> Iterator[Mutant]:
    """The mutants of the streams of one question.

    Args:
        question: method and path.
        known: what was heard in them.
    """
    method, path = question
    place = Place(path, method, websocket=False)
    late, by = f"the first event {DELAY_S:g} s late", f"first_within below {DELAY_S:g} s"
    yield _named(place, late, Family.SPEED, faults.FirstLate(DELAY_S), by)
    buffered = "all events at once, at the end"
    by = "spread, or first_within below the time that it takes"
    yield _named(place, buffered, Family.SPEED, faults.Buffered(), by)
    yield from _of_ends(place)
    twice, by = "every event twice", "ids: unique, or a sequence with once: true"
    yield _named(place, twice, Family.EVENTS, faults.Doubled(), by)
    forgets, by = "Last-Event-ID is not heeded", "resume_after"
    yield _named(place, forgets, Family.EVENTS, faults.Forgetful(), by)
    also, by = "events reach another stream, too", "connections: 2 or more, with ${nonce}"
    yield _named(place, also, Family.CROWD, faults.Crossed(instead=False), by)
    for kind, text in known.samples.items():
        yield from _of_kind(place, kind, text)


def _of_ends(place: Place) -> Iterator[Mutant]:
    for after in (0, 1, 3):
        when = f"after {after} event{'' if after == 1 else 's'}"
        by = "events, least, or for: more than comes before"
        ended, broken = faults.StreamCut(after, broken=False), faults.StreamCut(after, broken=True)
        yield _named(place, f"ends {when}", Family.EVENTS, ended, by)
        yield _named(place, f"breaks off {when}", Family.CONNECTION, broken, by)


def _of_kind(place: Place, kind: str, text: str) -> Iterator[Mutant]:
    shown, events = kind or "(no name)", Family.EVENTS
    by = f"events with {shown}, or ids: consecutive"
    yield _named(place, f"{shown} never comes", events, faults.Lost(kind), by)
    by = f"a sequence with {shown}, or ids: consecutive"
    yield _named(place, f"{shown} comes late by one", events, faults.Swapped(kind), by)
    try:
        value: Json = json.loads(text)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    wrapped = faults.MessageWrapped(kind)
    yield _named(place, f"{shown} in a wrapper", Family.CONTRACT, wrapped, "a schema under each")
    for edit in edits_of(value)[0]:
        fault = faults.MessageField(kind, edit)
        yield _named(place, f"{shown} field {edit}", Family.CONTRACT, fault, by_schema(edit))


def touches_streams(fault: faults.Fault, known: Streams) -> bool:
    """Whether a probe with such streams could meet the fault at all."""
    match fault:
        case faults.FirstLate() | faults.Buffered() | faults.Doubled():
            return bool(known.most_said)
        case faults.StreamCut(after=after):
            return known.most_said > after or (not after and bool(known.most_open))
        case faults.Forgetful():
            return bool(known.resumed)
        case faults.Crossed():
            return known.most_open > 1 and bool(known.most_said)
        case faults.Lost(kind) | faults.Swapped(kind):
            return kind in known.samples
        case faults.MessageField(kind) | faults.MessageWrapped(kind) if kind in known.samples:
            return changed_data(known.samples[kind], fault) != known.samples[kind]
        case _:
            return False


def _named(place: Place, what: str, family: Family, fault: faults.Fault, by: str) -> Mutant:
    return Mutant(f"{place}: {what}", family, place, fault, by)
