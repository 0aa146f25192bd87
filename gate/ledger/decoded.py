"""Reads back what gate.ledger.encoded wrote, by the types of fields. Pure.

Strict: what this gate does not know is refused, and never guessed. A field that the record lacks is
one that its gate did not have, and has its default.
"""

import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

from gate.core.policy import Json
from gate.core.questions import ProbeSpec
from gate.errors import ValueProblem
from gate.ledger.encoded import IS, RecordedSpec

T = TypeVar("T")


class NotUnderstood(ValueError):  # noqa: N818 - told, not raised to a user
    """JSON that is no value of this type: says what is wrong with it."""


def decoded(value: Json, kind: type[T]) -> T:
    """A value of this type.

    Raises:
        NotUnderstood: it is none that this gate knows.
        RecursionError: it is nested too deep.
    """
    return cast("T", _value(value, kind))


def of_several(value: Json, kinds: Any) -> Any:
    """A value of one of the classes of a union; errors as in `decoded`."""
    return _value(value, kinds)


def _value(value: Json, kind: Any) -> Any:
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return _one_of(value, inner)
    if reader := _GENERIC.get(origin):
        return reader(value, inner)
    if plain := _PLAIN.get(origin):
        return plain(value)
    if kind is ProbeSpec:
        return _object(value, RecordedSpec)
    if is_dataclass(kind):
        return _object(value, kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _word(value, kind)
    if isinstance(kind, type) and issubclass(kind, tuple):
        hints = get_type_hints(kind)
        return kind(*_row(value, [hints[name] for name in kind._fields]))  # type: ignore[attr-defined]
    raise NotUnderstood(f"nothing of the type {kind} can be read")


def _one_of(value: Json, kinds: Sequence[Any]) -> Any:
    """A class is found by its name; of anything else there is one that it can be, besides None."""
    if value is None and NoneType in kinds:
        return None
    if isinstance(value, dict):
        named = {one.__name__: one for one in kinds if isinstance(one, type) and is_dataclass(one)}
        found = [named[name] for name in named if name == value.get(IS)]
    else:
        found = [one for one in kinds if one is not NoneType and not is_dataclass(one)]
    if len(found) != 1:
        raise NotUnderstood(f"is nothing that this gate knows (got {_told(value)})")
    return _value(value, found[0])


def _object(value: Json, kind: Any) -> Any:
    if not isinstance(value, dict) or value.get(IS) != kind.__name__:
        raise NotUnderstood(f"is no {kind.__name__} (got {_told(value)})")
    types, defaults = _fields(kind)
    if unknown := sorted(value.keys() - types.keys() - {IS}):
        raise NotUnderstood(f"this gate knows no {unknown[0]!r} of a {kind.__name__}")
    if missing := sorted(types.keys() - value.keys() - defaults):
        raise NotUnderstood(f"a {kind.__name__} has no {missing[0]!r}")
    given = {name: _value(item, types[name]) for name, item in value.items() if name != IS}
    try:
        return kind(**given)
    except (ValueProblem, TypeError, ValueError) as error:
        raise NotUnderstood(f"is no {kind.__name__}: {error}") from None


@cache
def _fields(kind: Any) -> tuple[Mapping[str, Any], frozenset[str]]:
    """The types of a class's fields, and those that have a default."""
    hints = get_type_hints(kind)
    known = fields(kind)
    optional = (
        one.name
        for one in known
        if one.default is not MISSING or one.default_factory is not MISSING
    )
    return {one.name: hints[one.name] for one in known}, frozenset(optional)


def _word(value: Json, kind: type[Enum]) -> Enum:
    try:
        return kind(value)
    except ValueError:
        raise NotUnderstood(f"{_told(value)} is no word of {kind.__name__}") from None


def _list(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise NotUnderstood(f"is no list (got {_told(value)})")
    return value


def _row(value: Json, kinds: Sequence[Any]) -> tuple[Any, ...]:
    """As many values as there are types."""
    items = _list(value)
    if len(items) != len(kinds):
        raise NotUnderstood(f"a list of {len(items)} (expected {len(kinds)})")
    return tuple(_value(item, kind) for item, kind in zip(items, kinds, strict=True))


def _tuple(value: Json, kinds: Sequence[Any]) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_value(item, kinds[0]) for item in _list(value))
    return _row(value, kinds)


def _set(value: Json, kinds: Sequence[Any]) -> frozenset[Any]:
    return frozenset(_value(item, kinds[0]) for item in _list(value))


def _mapping(value: Json, kinds: Sequence[Any]) -> dict[Any, Any]:
    pairs = [_row(item, kinds) for item in _list(value)]
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotUnderstood("a key is there twice")
    return found


def _exactly(kind: type) -> Callable[[Json], Any]:
    def read(value: Json) -> Any:
        if type(value) is not kind:
            raise NotUnderstood(f"is no {kind.__name__} (got {_told(value)})")
        return value

    return read


def _number(value: Json) -> float | int:
    """Whole numbers stay whole: some fields hold what a policy wrote."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotUnderstood(f"is no number (got {_told(value)})")
    return value


def _from_text(read: Callable[[str], T]) -> Callable[[Json], T]:
    def found(value: Json) -> T:
        try:
            return read(_exactly(str)(value))
        except (ValueError, KeyError, OSError) as error:
            if isinstance(error, NotUnderstood):
                raise
            raise NotUnderstood(f"is no time, or no zone of one (got {_told(value)})") from None

    return found


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _span(value: Json) -> timedelta:
    try:
        return timedelta(seconds=_number(value))
    except (OverflowError, ValueError):
        raise NotUnderstood(f"is no span of time (got {_told(value)})") from None


def _told(value: Json) -> str:
    """What is there instead, in a few characters."""
    if isinstance(value, dict):
        return repr(value.get(IS, "an object"))[:60]
    return "a list" if isinstance(value, list) else repr(value)[:60]


_PLAIN: Mapping[Any, Callable[[Json], Any]] = {
    str: _exactly(str),
    bool: _exactly(bool),
    int: _exactly(int),
    float: _number,
    datetime: _from_text(datetime.fromisoformat),
    time: _from_text(time.fromisoformat),
    timedelta: _span,
    tzinfo: _from_text(_zone),
}
_GENERIC: Mapping[Any, Callable[[Json, Sequence[Any]], Any]] = {
    tuple: _tuple,
    frozenset: _set,
    dict: _mapping,
    Mapping: _mapping,
    typing.Mapping: _mapping,
}
