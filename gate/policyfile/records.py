"""Shapes with shapes inside: lists, mappings from names, and records with known keys."""

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from gate.core.policy import Json
from gate.policyfile.problems import Mark, Problems, shown
from gate.policyfile.shapes import Refused, Shape, Text, named, refuse
from gate.policyfile.tree import Mapping, Node, Sequence

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
U_co = TypeVar("U_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Read(Generic[T_co]):
    """A value and the node that it was read from."""

    value: T_co
    node: Node


@dataclass(frozen=True, slots=True)
class Listed(Generic[T_co]):
    """A list whose items share a shape."""

    item: Shape[T_co]
    least: int = 1
    most: int = 1000

    @property
    def says(self) -> str:
        """As Shape.says."""
        return f"a list, each item {self.item.says}"

    def read(self, node: Node, problems: Problems) -> tuple[Read[T_co], ...]:
        """The items; a bad one is noted and left out."""
        if not isinstance(node, Sequence):
            raise refuse(node, problems, self.says)
        if not self.least <= len(node.items) <= self.most:
            problems.add(
                node.mark,
                f"{named(node)}has the wrong length "
                f"(got {len(node.items)} items, expected {self.least} to {self.most})",
            )
            raise Refused
        read = (attempt(self.item, item, problems) for item in node.items)
        return tuple(item for item in read if item is not None)

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {
            "type": "array",
            "items": self.item.schema(),
            "minItems": self.least,
            "maxItems": self.most,
        }


@dataclass(frozen=True, slots=True)
class Either(Generic[T_co, U_co]):
    """A list of one shape, or else a single value of another."""

    many: Listed[U_co]
    one: Shape[T_co]

    @property
    def says(self) -> str:
        """As Shape.says."""
        return f"{self.one.says}, or a list"

    def read(self, node: Node, problems: Problems) -> T_co | tuple[Read[U_co], ...]:
        """As Shape.read."""
        if isinstance(node, Sequence):
            return self.many.read(node, problems)
        if isinstance(node, Mapping):
            raise refuse(node, problems, self.says)
        return self.one.read(node, problems)

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"anyOf": [self.one.schema(), self.many.schema()]}


@dataclass(frozen=True, slots=True)
class Named(Generic[T_co]):
    """A mapping from names of one form to values of one shape."""

    name: Text
    item: Shape[T_co]
    least: int = 0
    most: int = 500

    @property
    def says(self) -> str:
        """As Shape.says."""
        return f"a mapping, each value {self.item.says}"

    def read(self, node: Node, problems: Problems) -> MappingOf[str, Read[T_co]]:
        """The entries; a bad name is noted, a bad value is noted and left out."""
        if not isinstance(node, Mapping):
            raise refuse(node, problems, self.says)
        if not self.least <= len(node.entries) <= self.most:
            problems.add(
                node.mark,
                f"{named(node)}has the wrong length "
                f"(got {len(node.entries)} entries, expected {self.least} to {self.most})",
            )
            raise Refused
        read: dict[str, Read[T_co]] = {}
        for name, (mark, value) in node.entries.items():
            self._check_name(name, mark, node, problems)
            item = attempt(self.item, value, problems)
            if item is not None:
                read[name] = item
        return read

    def _check_name(self, name: str, mark: Mark, node: Node, problems: Problems) -> None:
        if len(name) > self.name.most or not re.fullmatch(self.name.pattern, name):
            problems.add(
                mark,
                f"{named(node)}has a wrong name (got {shown(name)}, expected {self.name.says})",
                self.name.hint,
            )

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {
            "type": "object",
            "propertyNames": self.name.schema(),
            "additionalProperties": self.item.schema(),
            "minProperties": self.least,
            "maxProperties": self.most,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Key(Generic[T_co]):
    """One key of a record: its name, its shape and a sentence for editors."""

    name: str
    shape: Shape[T_co]
    about: str
    required: bool = False


class Fields:
    """What a record read: typed access to its values by key. A refused value counts as absent.

    Args:
        node: the record's mapping.
        reads: name to value, of those that had their shape.
    """

    def __init__(self, node: Mapping, reads: MappingOf[str, Read[object]]) -> None:
        self._node = node
        self._reads = reads

    def get(self, key: Key[T], default: T) -> T:
        """The key's value, or the default where it is absent or was refused."""
        read = self._reads.get(key.name)
        return default if read is None else cast("T", read.value)

    def find(self, key: Key[T]) -> Read[T] | None:
        """The key's value with its node, or None where it is absent or was refused."""
        return cast("Read[T] | None", self._reads.get(key.name))

    def given(self, key: Key[T]) -> bool:
        """Whether the key is in the file, even if its value was refused."""
        return key.name in self._node.entries

    def node(self) -> Mapping:
        """The record's own node."""
        return self._node

    def entry(self, name: str) -> Node | None:
        """The node of a key's value, refused or not; None where the key is absent."""
        entry = self._node.entries.get(name)
        return None if entry is None else entry[1]


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys.

    Attributes:
        title: what it is called in messages.
        one_of: exactly one of these keys must be there.
        some_of: at least one of these keys must be there.
        others: whether there may be other keys, for somebody else to read.
    """

    title: str
    keys: tuple[Key[object], ...]
    one_of: tuple[str, ...] = ()
    some_of: tuple[str, ...] = ()
    others: bool = False

    @property
    def says(self) -> str:
        """As Shape.says."""
        names = [key.name for key in self.keys]
        return f"a mapping with {', '.join(names[:6])}{', ...' if len(names) > 6 else ''}"

    def read(self, node: Node, problems: Problems) -> Fields:
        """As Shape.read; refuses only what is no mapping, other problems are noted on the way."""
        if not isinstance(node, Mapping):
            raise refuse(node, problems, self.says)
        shapes = {key.name: key.shape for key in self.keys}
        reads: dict[str, Read[object]] = {}
        for name, (_, value) in node.entries.items():
            if name in shapes:
                item = attempt(shapes[name], value, problems)
                if item is not None:
                    reads[name] = item
            elif not self.others:
                self._unknown(name, node, problems)
        self._missing(node, problems)
        return Fields(node, reads)

    def _unknown(self, name: str, node: Mapping, problems: Problems) -> None:
        mark, _ = node.entries[name]
        known = [key.name for key in self.keys]
        problems.add(
            mark,
            f"{named(node) or 'the policy '}has an unknown key (got {shown(name)})",
            problems.guess(name, known),
        )

    def _missing(self, node: Mapping, problems: Problems) -> None:
        for key in self.keys:
            if key.required and key.name not in node.entries:
                problems.add(
                    node.mark,
                    f"{named(node)}{key.name} is missing (expected {key.shape.says})",
                )
        there = [name for name in (*self.one_of, *self.some_of) if name in node.entries]
        if self.one_of and len(there) != 1:
            self._note_count(node, "exactly one", self.one_of, there, problems)
        if self.some_of and not there:
            self._note_count(node, "at least one", self.some_of, there, problems)

    def _note_count(
        self, node: Mapping, wish: str, names: tuple[str, ...], there: list[str], problems: Problems
    ) -> None:
        problems.add(
            node.mark,
            f"{named(node)}{self.title} needs {wish} of {', '.join(names)} "
            f"(got {' and '.join(there) or 'none'})",
        )

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        properties: dict[str, Json] = {
            key.name: {**key.shape.schema(), "description": key.about} for key in self.keys
        }
        schema: dict[str, Json] = {
            "type": "object",
            "properties": properties,
            "additionalProperties": self.others,
        }
        required: list[Json] = [key.name for key in self.keys if key.required]
        if required:
            schema["required"] = required
        if self.one_of:
            schema["oneOf"] = [{"required": [name]} for name in self.one_of]
        if self.some_of:
            schema["anyOf"] = [{"required": [name]} for name in self.some_of]
        return schema


def attempt(shape: Shape[T], node: Node, problems: Problems) -> Read[T] | None:
    """The node read as this shape, or None where it was refused."""
    try:
        return Read(shape.read(node, problems), node)
    except Refused:
        return None
