"""The first and the last frames of one connection, bounded in number and size."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from gate.probes.words import Words


class _Line(NamedTuple):
    at_s: float
    mark: str  # > sent, < received, = said of the connection itself
    text: str
    cut: bool


class Record:
    """Keeps what is worth showing of a connection.

    Args:
        reach: characters kept of each frame: as many as Words needs, since a text must be
            redacted before it is cut.
        first, last: frames kept from the beginning and from the end.
    """

    def __init__(self, reach: int, first: int, last: int) -> None:
        self._reach = reach
        self._room = first
        self._first: list[_Line] = []
        self._last: deque[_Line] = deque(maxlen=last)
        self._count = 0

    def add(self, at_s: float, mark: str, text: str) -> None:
        """Keeps one line, and may drop one from the middle."""
        line = _Line(at_s, mark, text[: self._reach], len(text) > self._reach)
        self._count += 1
        if len(self._first) < self._room:
            self._first.append(line)
        else:
            self._last.append(line)

    def lines(self, words: Words, began_s: float, label: str, count: int) -> Iterator[str]:
        """At most `count` (2 or more) lines, fit to show: the last ones, and how many more."""
        kept = [*self._first, *self._last]
        whole = self._count == len(kept) <= count
        shown = kept if whole else kept[1 - count :]
        if not whole:
            yield f"{label} ({self._count - len(shown)} more frames)"
        for line in shown:
            text = words.line(
                f"{label} +{line.at_s - began_s:.2f} s {line.mark} {line.text}", cut=line.cut
            )
            yield text
