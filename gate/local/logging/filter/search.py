"""Looks for text in a whole log entry."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct

from gate.local.logging.filter.fields import is_map, json_of
from gate.local.logging.filter.syntax import Op
from gate.local.logging.filter.values import Loose, fold

_JSON = {"google.protobuf.Struct", "google.protobuf.Any"}
_MOMENTS = {"google.protobuf.Timestamp", "google.protobuf.Duration"}


def anywhere(entry: Message, wanted: Loose) -> bool:
    """Tells whether some field of an entry, or of its payload, has a value (the `:` comparison)."""
    return any(wanted.compare(Op.HAS, value) for value in _scalars(entry))


def texts(entry: Message) -> Iterator[str]:
    """Gives every text in an entry, folded."""
    return (fold(value) for value in _scalars(entry) if isinstance(value, str))


def within(value: Any, wanted: Loose) -> bool:
    """Tells whether a value of a payload is, or holds somewhere below it, a value."""
    return any(wanted.compare(Op.HAS, scalar) for scalar in json_scalars(value))


def json_scalars(value: Any) -> Iterator[Any]:
    """Gives every scalar in a value of a payload."""
    if isinstance(value, Struct | dict):
        for key in value:
            yield from json_scalars(value[key])
    elif isinstance(value, ListValue | list):
        for item in value:
            yield from json_scalars(item)
    else:
        yield value


def _scalars(message: Message) -> Iterator[Any]:
    for field, value in message.ListFields():
        if is_map(field):
            yield from value.values()
        elif field.message_type is None:
            yield _scalar(field, value)
        elif field.message_type.full_name in _JSON:
            yield from json_scalars(json_of(value))
        elif field.message_type.full_name not in _MOMENTS:
            yield from _scalars(value)


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is None:
        return value
    known = field.enum_type.values_by_number.get(value)
    return known.name if known else value
