"""Values of the core as JSON: what a rollout was asked for and what happened to it. Pure.

By the fields of their classes, so that a new field needs nothing here. gate.ledger.decoded reads it
back, by the types that the fields have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, time, timedelta, tzinfo
from enum import Enum
from functools import cache
from typing import Any, Self

from gate.core.policy import Json, Probe
from gate.core.questions import ProbeSpec
from gate.core.secret import SHOWN, Secret

IS = "is"
"""The key that names a value's class."""


@dataclass(frozen=True, slots=True)
class RecordedFacts:
    """What decides when a question is asked: as gate.core.questions.Facts."""

    asks_users: bool
    once: bool
    compares: bool
    quick: bool


@dataclass(frozen=True, slots=True)
class RecordedSpec:
    """All that the core knows of a question, and nothing of what it asks.

    So no body, header or address of a policy is copied into a record, and a decision can be made
    again where the package that brought a kind of probe is gone.
    """

    facts: RecordedFacts
    long: bool
    writes: bool

    @property
    def expects(self) -> tuple[Json, ...]:
        """As ProbeSpec: values are looked up before a rollout begins, and not in it."""
        return ()

    def alone(self) -> Self:
        """As ProbeSpec."""
        return self

    def proven(self, can_fail: frozenset[str], untried: frozenset[str]) -> Self:
        """As ProbeSpec: which tests count is up to whoever asks it."""
        del can_fail, untried
        return self


def recorded_spec(spec: ProbeSpec) -> RecordedSpec:
    """What is kept of a question."""
    facts = spec.facts
    kept = RecordedFacts(facts.asks_users, facts.once, facts.compares, facts.quick)
    return RecordedSpec(kept, spec.long, spec.writes)


def encoded(value: object) -> Json:
    """A value as JSON; numbers and texts stay as they are.

    An object of a class is an object that names its class under `is`; a mapping is a list of pairs,
    since its keys may be anything; a set is a list in a fixed order. Times are RFC 3339, spans are
    in seconds. A secret is a fixed word.

    Raises:
        TypeError: no value of the core is of this class.
    """
    match value:
        case None | bool() | int() | float() | str():
            return value
        case Enum():
            return encoded(value.value)
        case tuple() | list():
            return [encoded(item) for item in value]
        case Mapping():
            return [[encoded(key), encoded(item)] for key, item in value.items()]
        case frozenset() | set():
            return sorted((encoded(item) for item in value), key=repr)
        case Probe():
            return _object(value, spec=recorded_spec(value.spec))
        case _ if hasattr(value, "__dataclass_fields__"):
            return _object(value)
        case _:
            return _other(value)


def _object(value: Any, **instead: object) -> Json:
    kind: type = type(value)
    named = {name: instead.get(name, getattr(value, name)) for name in _names(kind)}
    return {IS: kind.__name__, **{name: encoded(item) for name, item in named.items()}}


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))


def _other(value: object) -> Json:
    match value:
        case datetime() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case tzinfo():
            return str(value)
        case Secret():
            return SHOWN
        case _:
            raise TypeError(f"cannot be recorded (got {type(value).__name__})")
