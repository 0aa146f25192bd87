"""Reads the ledger's entries as they come back: fields may be missing, or of another type.

Whoever may write to the log could have put anything there, and numbers come back from some stores
as floats. What is not as expected reads as empty; nothing here raises.
"""

from collections.abc import Mapping

from gate.core.policy import Json

Entry = Mapping[str, Json]


def text(entry: Entry, key: str) -> str:
    """A string, "" where there is none."""
    value = entry.get(key)
    return value if isinstance(value, str) else ""


def number(entry: Entry, key: str) -> int | None:
    """An integer, None where there is none."""
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if value == value and abs(value) < 2**53 else None  # noqa: PLR0124 - NaN


def flag(entry: Entry, key: str) -> bool | None:
    """Whether something is so, None where that is not there."""
    value = entry.get(key)
    return value if isinstance(value, bool) else None


def child(entry: Entry, key: str) -> Entry:
    """An object, an empty one where there is none."""
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def children(entry: Entry, key: str) -> list[Entry]:
    """A list's objects; anything else in it is left out."""
    value = entry.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(entry: Entry, key: str) -> list[str]:
    """A list's strings; anything else in it is left out."""
    value = entry.get(key)
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
