"""What a value in a policy may look like: one vocabulary for the reader and for the JSON Schema.

A shape reads a node into a plain value and describes itself as a JSON Schema. Structure only:
whether names exist and values make sense together is judged later (build). Single values live
here, lists and mappings in records.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeVar

from gate.core.policy import Json
from gate.policyfile.problems import Problems, shown
from gate.policyfile.tree import Mapping, Node, Scalar, Sequence, as_json

T_co = TypeVar("T_co", covariant=True)

_SILENT = re.compile(r"(^|\.)(secrets|headers|suite\.env)(\.|$)")
_DURATION = r"[0-9]{1,8}(?:\.[0-9]{1,6})?(?:ms|s|m|h)"
_LONG = r"[0-9]{9,}(?:\.[0-9]*)?(?:ms|s|m|h)"
_PERCENT = r"(?:100(?:\.0{1,6})?|[0-9]{1,2}(?:\.[0-9]{1,6})?)%"
DURATION_MAX_S = 86_400.0
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}


class Refused(Exception):  # noqa: N818 - says "noted already" to the shape around; never escapes
    """A value that was refused; the problem has been noted."""


class Shape(Protocol[T_co]):
    """What a value may look like."""

    @property
    def says(self) -> str:
        """What is expected, for messages."""
        ...

    def read(self, node: Node, problems: Problems) -> T_co:
        """The value.

        Raises:
            Refused: it does not have this shape; every reason is in `problems`.
        """
        ...

    def schema(self) -> dict[str, Json]:
        """The same shape as a JSON Schema (Draft 2020-12)."""
        ...


def refuse(node: Node, problems: Problems, expected: str, hint: str = "") -> Refused:
    """Notes that the node is not what was expected; what was got stays unsaid near secrets."""
    article = "has" if node.path else "the policy has"
    problems.add(
        node.mark,
        f"{named(node)}{article} the wrong form (got {got(node)}, expected {expected})",
        hint,
    )
    return Refused()


def named(node: Node) -> str:
    """The node's path as the beginning of a message."""
    return f"{node.path}: " if node.path else ""


def got(node: Node) -> str:
    """What a node is, in words; a value is not shown where secrets may stand."""
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar(None):
            return "nothing"
        case Scalar(str()) if _SILENT.search(node.path):
            return "some text"
        case Scalar(bool()):
            return str(node.value).lower()
        case Scalar(str() as text):
            return shown(text)
        case Scalar(value):
            return "a number" if _SILENT.search(node.path) else f"the number {value}"


def seconds_of(text: str) -> float | None:
    """The seconds of a duration such as 500ms, 15s, 4m or 1h; None if it is none up to 24h."""
    if not re.fullmatch(_DURATION, text):
        return None
    number = text.rstrip("mhs")
    seconds = float(Decimal(number) * _SECONDS[text[len(number) :]])
    return seconds if seconds <= DURATION_MAX_S else None


@dataclass(frozen=True, slots=True)
class Text:
    """Text that a pattern matches as a whole."""

    says: str = "text"
    pattern: str = r"[^\x00-\x1f\x7f]+"
    most: int = 2000
    hint: str = ""

    def read(self, node: Node, problems: Problems) -> str:
        """As Shape.read."""
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            quote = (
                "put it into quotes" if isinstance(node, Scalar) and node.value is not None else ""
            )
            raise refuse(node, problems, self.says, self.hint or quote)
        if len(node.value) > self.most or not re.fullmatch(self.pattern, node.value):
            raise refuse(node, problems, self.says, self.hint)
        return node.value

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "maxLength": self.most}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def says(self) -> str:
        """As Shape.says."""
        return " or ".join(self.words)

    def read(self, node: Node, problems: Problems) -> str:
        """As Shape.read."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value in self.words:
                return node.value
            raise refuse(node, problems, self.says, problems.guess(node.value, self.words, " "))
        raise refuse(node, problems, self.says)

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    says: str = "true or false"

    def read(self, node: Node, problems: Problems) -> bool:
        """As Shape.read."""
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        raise refuse(node, problems, self.says)

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number within bounds; several ranges make a value like a status or a close code."""

    low: int
    high: int
    what: str = "a whole number"
    low_too: int = 0
    high_too: int = -1

    @property
    def says(self) -> str:
        """As Shape.says."""
        if self.low == self.high:
            return str(self.low)
        more = f" or {self.low_too} to {self.high_too}" if self.high_too >= 0 else ""
        return f"{self.what}, {self.low} to {self.high}{more}"

    def read(self, node: Node, problems: Problems) -> int:
        """As Shape.read."""
        number = node.value if isinstance(node, Scalar) else None
        if isinstance(number, bool) or not isinstance(number, int | float) or number != int(number):
            quoted = isinstance(number, str) and number.isdecimal()
            raise refuse(node, problems, self.says, "leave out the quotes" if quoted else "")
        if self.low <= number <= self.high or self.low_too <= number <= self.high_too:
            return int(number)
        raise refuse(node, problems, self.says)

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        first: dict[str, Json] = {"type": "integer", "minimum": self.low, "maximum": self.high}
        if self.high_too < 0:
            return first
        second: Json = {"type": "integer", "minimum": self.low_too, "maximum": self.high_too}
        return {"anyOf": [first, second]}


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration with its unit, read as seconds: 500ms, 15s, 4m, 1h."""

    says: str = "a duration such as 500ms, 15s, 4m or 1h"

    def read(self, node: Node, problems: Problems) -> float:
        """As Shape.read."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise refuse(node, problems, self.says, f"give the unit, e.g. {value}s")
        if isinstance(value, str) and re.fullmatch(_LONG, value):
            raise refuse(node, problems, "a duration of at most 24h")
        if not isinstance(value, str) or not re.fullmatch(_DURATION, value):
            raise refuse(node, problems, self.says, "one number and one unit; write 1h30m as 90m")
        seconds = seconds_of(value)
        if seconds is None:
            raise refuse(node, problems, "a duration of at most 24h")
        return seconds

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"type": "string", "pattern": f"^(?:{_DURATION})$"}


@dataclass(frozen=True, slots=True)
class Percent:
    """A share with its sign: 100%, 99.5%."""

    says: str = "a percentage from 0% to 100%"

    def read(self, node: Node, problems: Problems) -> float:
        """As Shape.read."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise refuse(node, problems, self.says, f"write {value}%")
        if not isinstance(value, str) or not re.fullmatch(_PERCENT, value):
            raise refuse(node, problems, self.says)
        return float(value[:-1])

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"type": "string", "pattern": f"^(?:{_PERCENT})$"}


@dataclass(frozen=True, slots=True)
class AnyJson:
    """Any JSON value but null: a key without a value is more often a slip than a wish."""

    says: str = "a JSON value"

    def read(self, node: Node, problems: Problems) -> Json:
        """As Shape.read."""
        if node == Scalar(None, node.mark, node.path):
            raise refuse(node, problems, self.says)
        return as_json(node)

    def schema(self) -> dict[str, Json]:
        """As Shape.schema."""
        return {"type": ["object", "array", "string", "number", "boolean"]}
