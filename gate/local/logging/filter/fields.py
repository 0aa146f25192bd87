"""Finds what a path in a filter means in a LogEntry, and reads it from one.

The fields and their types are those of the LogEntry message itself. A path that names none of them
is refused; below a payload or a label anything may be named, and may be missing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import ListValue, Struct

from gate.local.logging.wire import LogEntry


class Kind(Enum):
    """What kind of value a path leads to."""

    STRING = "a string"
    INT = "an integer"
    BOOL = "a Boolean"
    ENUM = "an enumeration"
    TIMESTAMP = "a timestamp"
    DURATION = "a duration"
    LABEL = "a label"
    JSON = "a value of a payload"
    MAP = "a set of labels"
    MESSAGE = "an object"


_SCALARS = {
    FieldDescriptor.TYPE_STRING: Kind.STRING,
    FieldDescriptor.TYPE_BOOL: Kind.BOOL,
    FieldDescriptor.TYPE_ENUM: Kind.ENUM,
    FieldDescriptor.TYPE_INT32: Kind.INT,
    FieldDescriptor.TYPE_INT64: Kind.INT,
}
_WELL_KNOWN = {
    "google.protobuf.Timestamp": Kind.TIMESTAMP,
    "google.protobuf.Duration": Kind.DURATION,
    "google.protobuf.Struct": Kind.JSON,
    "google.protobuf.Any": Kind.JSON,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A path that was understood.

    Attributes:
        names: the fields to follow, as the messages name them.
        keys: what follows inside a map of labels (one key) or a payload (any number).
        enum: the enumeration, when kind is ENUM.
    """

    kind: Kind
    names: tuple[str, ...]
    keys: tuple[str, ...] = ()
    enum: EnumDescriptor | None = None


def resolve(path: tuple[str, ...]) -> Field:
    """Understands a path.

    Names of fields are taken in any case, as insertId or insert_id; keys of labels and payloads
    only as they are written.

    Raises:
        ValueError: the path names no field of a log entry; says which part.
    """
    descriptor: Any = LogEntry.DESCRIPTOR
    names: list[str] = []
    for index, part in enumerate(path):
        field = _field(descriptor, part)
        if field is None:
            place = ".".join(path[:index]) or "a log entry"
            raise ValueError(f"undefined field: {place} has no field {part!r}")
        names.append(field.name)
        rest = path[index + 1 :]
        kind = _kind(field)
        if kind is not Kind.MESSAGE or not rest:
            return _leaf(field, kind, tuple(names), rest)
        descriptor = field.message_type
    raise ValueError("undefined field: the path is empty")


def read(entry: Message, field: Field) -> Iterable[Any]:
    """Gives the values that a path leads to: none where it is missing, several for a list.

    A field of the message that is not set gives its default, as the language prescribes.
    """
    value: Any = entry
    for name in field.names:
        value = getattr(value, name)
    match field.kind:
        case Kind.LABEL:
            return (value[field.keys[0]],) if field.keys[0] in value else ()
        case Kind.JSON:
            return _below(json_of(value), field.keys)
        case _:
            return (value,)


def is_present(entry: Message, field: Field) -> bool:
    """Tells whether an entry has a field explicitly (the test `field:*`)."""
    value: Any = entry
    for name in field.names[:-1]:
        if not value.HasField(name):
            return False
        value = getattr(value, name)
    if field.keys:
        return any(True for _ in read(entry, field))
    last = value.DESCRIPTOR.fields_by_name[field.names[-1]]
    if last.has_presence:
        return bool(value.HasField(last.name))
    return bool(getattr(value, last.name))


def is_map(field: FieldDescriptor) -> bool:
    """Tells whether a field of a message is a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _field(descriptor: Descriptor, part: str) -> FieldDescriptor | None:
    wanted = part.lower()
    for field in descriptor.fields:
        if wanted in {field.name, field.json_name.lower()}:
            return field
    return None


def _kind(field: FieldDescriptor) -> Kind:
    message = field.message_type
    if message is None:
        return _SCALARS[field.type]
    if is_map(field):
        return Kind.MAP
    return _WELL_KNOWN.get(message.full_name, Kind.MESSAGE)


def _leaf(
    field: FieldDescriptor, kind: Kind, names: tuple[str, ...], rest: tuple[str, ...]
) -> Field:
    if kind is Kind.MAP and len(rest) == 1:
        return Field(Kind.LABEL, names, rest)
    if kind is Kind.JSON:
        return Field(Kind.JSON, names, rest)
    if rest:
        raise ValueError(
            f"undefined field: {field.json_name} is {kind.value} and has no {rest[0]!r}"
        )
    return Field(kind, names, enum=field.enum_type)


def json_of(payload: Any) -> Any:
    """Gives a payload as something with keys: a Struct, or an Any turned into a dict."""
    if payload.DESCRIPTOR.full_name != "google.protobuf.Any":
        return payload
    if not payload.type_url:
        return {}
    try:
        return json_format.MessageToDict(payload)
    except (TypeError, DecodeError):  # a type that is not known here: only its name can be read
        return {"@type": payload.type_url}


def _below(value: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    """Follows keys through objects and, at every step, through each member of a list."""
    if isinstance(value, ListValue | list):
        for item in value:
            yield from _below(item, keys)
    elif not keys:
        yield value
    elif isinstance(value, Struct | dict) and keys[0] in value:
        yield from _below(value[keys[0]], keys[1:])
