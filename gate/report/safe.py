"""Text from outside, made fit to show: nothing in it can act on a terminal or break a line."""

from gate.core.texts import shortened, visible

LIMIT = 240
"""Most characters of one piece of text from outside."""
WHOLE = 2000
"""Most characters of one whole line."""


def safe(text: str, limit: int = LIMIT) -> str:
    """One line of at most `limit` characters in which every character shows as itself.

    Applying it twice changes nothing. Rich markup needs no escape here, since reports hand rich
    only `Text` values, in which it means nothing.
    """
    return shortened(visible(text[: limit + 1]), limit)
