"""What a written value means beside a field's type, and how the two are compared."""

import operator
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from google.protobuf.descriptor import EnumDescriptor

from gate.local.logging.entry import unix_ns
from gate.local.logging.filter.syntax import Literal, Op
from gate.local.logging.wire import NANOS

COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
    Op.HAS: operator.eq,  # on anything that is not text, "has" is equality
}
_NUMBER = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]?inf(?:inity)?|nan", re.IGNORECASE
)
_INTEGER = re.compile(r"[+-]?\d{1,19}")
_DURATION = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d{1,9}))?(ns|us|ms|s|m|h)")
_UNITS_NS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": NANOS, "m": 60 * NANOS, "h": 3600 * NANOS}
_TIMESTAMP = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt](\d{2}:\d{2})(:\d{2})?(?:\.(\d{1,9}))?([Zz]|[+-]\d{2}:?\d{2})?)?"
)


def fold(text: str) -> str:
    """Normalises text for comparison: compatibility forms and letter case do not count."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def integer(text: str) -> int:
    """Reads an integer field's value.

    Raises:
        ValueError: the text is none.
    """
    if _INTEGER.fullmatch(text) is None:
        raise ValueError(f"not an integer (got {text!r})")
    return int(text)


def boolean(text: str) -> bool:
    """Reads a Boolean, in any letter case.

    Raises:
        ValueError: the text is none.
    """
    if text.lower() not in {"true", "false"}:
        raise ValueError(f"not a Boolean (got {text!r}, expected true or false)")
    return text.lower() == "true"


def enumeration(text: str, enum: EnumDescriptor) -> int:
    """Reads an enumeration's value by name in any letter case, or by number.

    Raises:
        ValueError: the enumeration has no such value.
    """
    known = enum.values_by_name.get(text.upper())
    if known is not None:
        return known.number
    if _INTEGER.fullmatch(text) is None:
        names = ", ".join(enum.values_by_name)
        raise ValueError(f"not a {enum.name} (got {text!r}, expected a number or one of {names})")
    return int(text)


def duration_ns(text: str) -> int:
    """Reads a duration such as 3.2s or 250ms.

    Raises:
        ValueError: the text is none.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(
            f"not a duration (got {text!r}, expected e.g. 3.2s with ns, us, ms, s, m, h)"
        )
    sign, whole, fraction, unit = match.groups()
    scale = _UNITS_NS[unit]
    value = int(whole) * scale + int((fraction or "").ljust(9, "0")) * scale // NANOS
    return -value if sign == "-" else value


def timestamp_ns(text: str) -> int:
    """Reads a date, or a date and time in RFC 3339 or ISO 8601, UTC unless it says otherwise.

    Raises:
        ValueError: the text is none.
    """
    match = _TIMESTAMP.fullmatch(text)
    if match is None:
        raise ValueError(f"not a timestamp (got {text!r}, expected e.g. 2026-11-22T15:04:05Z)")
    date, minutes, seconds, fraction, zone = match.groups()
    zone = "+00:00" if zone in {None, "Z", "z"} else zone
    try:
        at = datetime.fromisoformat(f"{date}T{minutes or '00:00'}{seconds or ':00'}{zone}")
    except ValueError as error:
        raise ValueError(f"not a timestamp (got {text!r}: {error})") from None
    return unix_ns(at.astimezone(UTC)) + int((fraction or "").ljust(9, "0"))


def number(text: str) -> float | None:
    """Reads a number; None if the text is none."""
    return float(text) if _NUMBER.fullmatch(text) else None


@dataclass(frozen=True, slots=True)
class Loose:
    """A value beside a field whose type only the entry knows: converted to each type it can be."""

    folded: str
    number: float | None
    boolean: bool | None
    null: bool

    @classmethod
    def of(cls, literal: Literal) -> "Loose":
        """Converts a literal."""
        lowered = literal.text.lower()
        return cls(
            folded=fold(literal.text),
            number=number(literal.text),
            boolean=lowered == "true" if lowered in {"true", "false"} else None,
            null=not literal.quoted and literal.text == "NULL_VALUE",
        )

    def compare(self, op: Op, value: Any) -> bool:
        """Compares a scalar of a payload with it; a conversion that fails matches nothing."""
        if isinstance(value, str):
            return text_compare(op, fold(value), self.folded)
        if value is None:
            return self.null and op in {Op.EQ, Op.HAS}
        if self.null:
            return op is Op.NE
        if isinstance(value, bool):
            return self.boolean is not None and COMPARE[op](value, self.boolean)
        if isinstance(value, float | int):
            return self.number is not None and COMPARE[op](value, self.number)
        return False


def text_compare(op: Op, field: str, value: str) -> bool:
    """Compares folded text; "has" looks for a part."""
    return value in field if op is Op.HAS else COMPARE[op](field, value)
