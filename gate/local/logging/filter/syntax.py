"""What a filter says, as values."""

from dataclasses import dataclass, field
from enum import Enum


class Op(Enum):
    """How a field is compared."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    HAS = ":"
    MATCHES = "=~"
    MATCHES_NOT = "!~"


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as written; whether it stood in quotes decides what NULL_VALUE means."""

    text: str
    quoted: bool = True
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Compare:
    """field op value."""

    path: tuple[str, ...]
    op: Op
    value: Literal
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Present:
    """field:* — the entry has the field."""

    path: tuple[str, ...]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AnyField:
    """A value alone: some field of the entry has it."""

    value: Literal


@dataclass(frozen=True, slots=True)
class Call:
    """A function; arguments are literals, or paths for field names."""

    name: str
    arguments: tuple[Literal | tuple[str, ...], ...]
    offset: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Not:
    """Every entry that the term does not match."""

    term: "Expression"


@dataclass(frozen=True, slots=True)
class All:
    """AND of at least two terms."""

    terms: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """OR of at least two terms."""

    terms: tuple["Expression", ...]


Expression = Compare | Present | AnyField | Call | Not | All | AnyOf
