"""Reads JSON documents of Google's APIs without trusting their form. Pure.

Whatever is missing, or of another kind than it should be, reads as empty: "", 0, {}, []. What that
means is for the reader to say; it is never taken for a success.
"""

from datetime import datetime

from gate.core.policy import Json

Document = dict[str, Json]


def value(document: Document, *path: str) -> Json:
    """What is at a path of objects; None where there is nothing."""
    found: Json = document
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def part(document: Document, *path: str) -> Document:
    """An object."""
    found = value(document, *path)
    return found if isinstance(found, dict) else {}


def items(document: Document, *path: str) -> list[Json]:
    """A list."""
    found = value(document, *path)
    return found if isinstance(found, list) else []


def parts(document: Document, *path: str) -> list[Document]:
    """The objects of a list."""
    return [one for one in items(document, *path) if isinstance(one, dict)]


def text(document: Document, *path: str) -> str:
    """A text."""
    found = value(document, *path)
    return found if isinstance(found, str) else ""


def number(document: Document, *path: str) -> int:
    """A whole number, also where it comes as text, as 64-bit numbers do."""
    found = value(document, *path)
    if isinstance(found, str) and found.isdecimal():
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def texts(document: Document, *path: str) -> dict[str, str]:
    """An object's texts by name, sorted, e.g. labels."""
    found = part(document, *path)
    return {name: one for name, one in sorted(found.items()) if isinstance(one, str)}


def moment(document: Document, *path: str) -> datetime | None:
    """A time; None where there is none, or none with a zone."""
    try:
        at = datetime.fromisoformat(text(document, *path))
    except ValueError:
        return None
    return at if at.tzinfo is not None else None
