"""Texts made fit to show: cut to a length, with every character showing as itself. Pure."""

from datetime import UTC, datetime
from unicodedata import category

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def shortened(text: str, limit: int) -> str:
    """The text, or its beginning and an ellipsis: at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def visible(text: str) -> str:
    r"""The text with whatever is not plainly printable as its escape, `\x1b` or `\u202e`.

    That is control characters (ANSI escapes begin with one), characters that turn the direction of
    writing or have no width, line separators, lone surrogates. Odd spaces become plain ones.
    """
    return text if text.isprintable() else "".join(map(_shown, text))


def moment_text(at: datetime) -> str:
    """A time for a message, to the minute: `2026-11-30 16:00 UTC`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _shown(character: str) -> str:
    if character.isprintable():
        return character
    if category(character) == "Zs":
        return " "
    code = ord(character)
    if code < 0x100:
        return _SHORT.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
