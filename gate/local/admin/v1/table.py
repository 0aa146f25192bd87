"""Annotations that stand for fields: a table of entries, each written both ways."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gate.local.admin.v1.fields import whole
from gate.local.api.errors import invalid
from gate.local.ports import JsonValue

Message = Any  # a protobuf message: the library gives them no types


@dataclass(frozen=True, slots=True)
class Entry:
    """One annotation and the field that it stands for.

    Attributes:
        name: the annotation's key.
        show: gives its value for a message; "" is no annotation.
        put: sets the field to what a value says; "" clears it. Raises ApiError or ValueError.
    """

    name: str
    show: Callable[[Message], str]
    put: Callable[[Message, str], None]


def shown(entries: Sequence[Entry], message: Message) -> dict[str, str]:
    """Gives the annotations that a message's fields stand for."""
    values = ((entry.name, entry.show(message)) for entry in entries)
    return {name: value for name, value in values if value}


def apply(
    entries: Sequence[Entry], message: Message, before: Mapping[str, str], asked: dict[str, str]
) -> None:
    """Sets the fields whose annotations changed; takes every known annotation out of `asked`.

    A field whose annotation is as before stays, with what the annotation cannot express.

    Raises:
        ApiError: INVALID_ARGUMENT: not a value of that annotation.
    """
    for entry in entries:
        value = asked.pop(entry.name, "")
        if value == before.get(entry.name, ""):
            continue
        try:
            entry.put(message, value)
        except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            what = f"not a value of it (got {value[:100]!r})"
            raise invalid(f"annotations[{entry.name}]", what) from error


def text(name: str, path: str) -> Entry:
    """An annotation that is a text field."""
    return Entry(
        name,
        lambda message: str(_get(message, path)),
        lambda message, value: _set(message, path, value),
    )


def number(name: str, path: str) -> Entry:
    """An annotation that is a number; 0 is no annotation."""
    return Entry(
        name,
        lambda message: str(_get(message, path) or ""),
        lambda message, value: _set(message, path, whole(name, value or 0)),
    )


def optional_number(name: str, field: str) -> Entry:
    """An annotation that is a number which may be set to 0."""

    def put(message: Message, value: str) -> None:
        if value:
            setattr(message, field, whole(name, value))
        else:
            message.ClearField(field)

    return Entry(
        name,
        lambda message: str(getattr(message, field)) if message.HasField(field) else "",
        put,
    )


def flag(name: str, path: str) -> Entry:
    """An annotation that is "true" where a field is set."""
    return Entry(
        name,
        lambda message: "true" if _get(message, path) else "",
        lambda message, value: _set(message, path, truth(value)),
    )


def choice(name: str, path: str, words: Mapping[int, str]) -> Entry:
    """An annotation that is one of some words, each a value of an enum."""
    numbers = {word: value for value, word in words.items()} | {"": 0}
    return Entry(
        name,
        lambda message: words.get(_get(message, path), ""),
        lambda message, value: _set(message, path, numbers[value]),
    )


def truth(value: str) -> bool:
    """Reads true or false; no value is false.

    Raises:
        KeyError: neither.
    """
    return {"true": True, "false": False, "": False}[value.lower()]


def compact(value: JsonValue) -> str:
    """Writes JSON into an annotation; what is empty is no annotation."""
    return json.dumps(value, separators=(",", ":")) if value else ""


def _get(message: Message, path: str) -> Any:
    for name in path.split("."):
        message = getattr(message, name)
    return message


def _set(message: Message, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    inner = message
    for parent in parents:
        inner = getattr(inner, parent)
    setattr(inner, name, value)
    if parents and not inner.ByteSize():
        message.ClearField(parents[0])
