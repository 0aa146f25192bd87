"""One change of a JSON value, and which changes a healthy value allows. Pure."""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gate.core.policy import Json

FIELDS_MAX = 60
"""Most fields of one value that are edited, the outer ones first; more are counted and said."""
NAME_MAX = 80
"""Names of fields that are longer than this are data, not names: they are left as they are."""
CHANGED_TO = "sabotaged"
FAR = 1_000_000
"""So far from a number that was given out is one that was not: others may have the next one."""
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}")

Path = tuple[str, ...]
FIRST = "[]"
"""In a path: the first item of a list. Further items are taken to be of the same kind."""


class How(Enum):
    """What is done to a field."""

    DROPPED = "dropped"
    RENAMED = "renamed"
    RETYPED = "retyped"
    CHANGED = "changed"  # a word or a truth value: to one that nobody knows, or to the opposite
    EMPTIED = "emptied"  # a list
    REPLACED = "replaced"  # a text or a number: by one that nobody gave out


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one field."""

    path: Path
    how: How

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.how.value}"


def edits_of(value: Json) -> tuple[tuple[Edit, ...], int]:
    """Every edit that a value allows, outer fields first, and how many fields were left out."""
    edits: list[Edit] = []
    waiting = deque(_children(value, ()))
    seen = 0
    while waiting:
        path, child = waiting.popleft()
        waiting.extend(_children(child, path))
        if path[-1] == FIRST and isinstance(child, dict | list):
            continue  # its own fields are edited
        seen += 1
        if seen <= FIELDS_MAX:
            edits += [Edit(path, how) for how in _hows(path, child)]
    return tuple(edits), max(0, seen - FIELDS_MAX)


def edited(value: Json, edit: Edit) -> Json:
    """The value with one field changed; the one that is given stays as it is.

    Raises:
        LookupError: the value has no such field, or the edit would not change it.
    """
    return _edited(value, edit.path, edit.how)


def _edited(value: Json, path: Path, how: How) -> Json:
    name, rest = path[0], path[1:]
    match value:
        case list() if name == FIRST and value:
            first: list[Json] = [_edited(value[0], rest, how) if rest else _other(value[0], how)]
            return first + value[1:]
        case dict() if name in value and rest:
            return {**value, name: _edited(value[name], rest, how)}
        case dict() if name in value and how in (How.DROPPED, How.RENAMED):
            into = {name: f"{name}_{CHANGED_TO}"} if how is How.RENAMED else {}
            named = {key: into.get(key, key) for key in value if key != name or into}
            return {new: value[key] for key, new in named.items()}
        case dict() if name in value:
            return {**value, name: _other(value[name], how)}
        case _:
            raise LookupError(".".join(path))


def _other(value: Json, how: How) -> Json:
    if how is How.RETYPED:
        return _retyped(value)
    match value:
        case str() | int() | float() if how is How.REPLACED and not isinstance(value, bool):
            return CHANGED_TO if isinstance(value, str) else value + FAR
        case list() if how is How.EMPTIED and value:
            return []
        case bool() if how is How.CHANGED:
            return not value
        case str() if how is How.CHANGED and value != CHANGED_TO:
            return CHANGED_TO
        case _:
            raise LookupError(how.value)


def _retyped(value: Json) -> Json:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str() | None:
            return 0
        case list():
            return {"items": value}
        case dict():
            return [value]


def _children(value: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    match value:
        case dict():
            names = (name for name in value if len(name) <= NAME_MAX)
            yield from (((*path, name), value[name]) for name in names)
        case list() if value:
            yield (*path, FIRST), value[0]
        case _:
            return


def _hows(path: Path, value: Json) -> Iterator[How]:
    if path[-1] != FIRST:
        yield from (How.DROPPED, How.RENAMED)
    yield How.RETYPED
    if isinstance(value, bool) or (isinstance(value, str) and _WORD.fullmatch(value)):
        yield How.CHANGED
    if isinstance(value, list) and value:
        yield How.EMPTIED


def by_schema(edit: Edit) -> str:
    """What in a policy would notice the edit."""
    name = ".".join(part for part in edit.path if part != FIRST) or "the items"
    wanted = {
        How.DROPPED: f"a schema that requires {name}",
        How.RENAMED: f"a schema that requires {name}",
        How.RETYPED: f"a schema with the type of {name}",
        How.CHANGED: f"a schema with the values that {name} may have (enum, const), or json",
        How.EMPTIED: f"a schema with minItems for {name}",
        How.REPLACED: f"json, or a later step that needs {name}",
    }
    return wanted[edit.how]
