"""Text from outside, made fit to show: nothing in it can act on a terminal or break a line."""

from unicodedata import category

LIMIT = 240
"""Most characters of one piece of text from outside."""
WHOLE = 2000
"""Most characters of one whole line."""

_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def safe(text: str, limit: int = LIMIT) -> str:
    r"""One line of at most `limit` characters in which every character shows as itself.

    Whatever is not plainly printable is written as its escape, `\x1b` or `\u202e`: control
    characters (ANSI escapes begin with one), characters that turn the direction of writing or have
    no width, line separators, lone surrogates. Odd spaces become plain ones. Applying it twice
    changes nothing. Rich markup needs no escape here, since reports hand rich only `Text` values,
    in which it means nothing.
    """
    shown = text[: limit + 1]
    if not shown.isprintable():
        shown = "".join(map(_visible, shown))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    if category(character) == "Zs":
        return " "
    code = ord(character)
    if code < 0x100:
        return _SHORT.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
