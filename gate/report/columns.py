"""Plain text in columns: wrapped and aligned by the cells that a terminal gives each character.

Rich does the same and more, but takes tens of milliseconds to import; a rollback and a build log
do without it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import combining, east_asian_width

GAP = "  "
LEAST = 6
"""No column gets narrower than this, whatever the width."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading.
        keep: it is not narrowed below this many cells for the sake of other columns.
    """

    title: str
    keep: int = 0


def cells(text: str) -> int:
    """How many cells a terminal gives this text: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_cells(character) for character in text)


def _cells(character: str) -> int:
    if combining(character):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def wrap(text: str, width: int, further: str = "") -> list[str]:
    """Breaks a text at spaces, and a word that is too long anywhere; at least one line.

    Args:
        text: one line; its leading spaces stay.
        width: cells of a line; at least LEAST are taken.
        further: put before each line but the first.
    """
    width = max(width, LEAST)
    if cells(text) <= width:
        return [text]
    lines: list[str] = []
    line: str | None = None
    for word in text.split(" "):
        for i, piece in enumerate(_pieces(word, width - len(further))):
            if line is not None and i == 0 and cells(line) + 1 + cells(piece) <= width:
                line += f" {piece}"
                continue
            if line is not None:
                lines.append(line)
            line = further + piece if lines else piece
    return lines if line is None else [*lines, line]


def _pieces(word: str, width: int) -> list[str]:
    """A word, cut wherever it must be."""
    if cells(word) <= width:
        return [word]
    pieces, piece, taken = [], "", 0
    for character in word:
        size = _cells(character)
        if taken + size > width:
            pieces.append(piece)
            piece, taken = "", 0
        piece += character
        taken += size
    return [*pieces, piece]


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """A table with a heading and a rule under it; cells wrap within their column."""
    widths = fit(columns, rows, width - len(GAP) * (len(columns) - 1))
    titles = [column.title for column in columns]
    rule = ["-" * each for each in widths]
    return [line for row in [titles, rule, *rows] for line in _row(row, widths)]


def fit(columns: Sequence[Column], rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """The width of each column: what it needs, or what it can get of the room for all."""
    titles = [column.title for column in columns]
    natural = [max(cells(row[i]) for row in [titles, *rows]) for i in range(len(columns))]
    kept = [min(wanted, column.keep) for wanted, column in zip(natural, columns, strict=True)]
    if sum(max(width, LEAST) for width in kept) > room:
        kept = [0] * len(columns)
    return _shared(natural, kept, room)


def _shared(natural: Sequence[int], kept: Sequence[int], room: int) -> list[int]:
    """What a column keeps first, then an equal share of the rest for each that needs more."""
    widths = list(kept)
    growing = [i for i, wanted in enumerate(natural) if wanted > kept[i]]
    growing.sort(key=lambda i: natural[i])
    left = room - sum(width for i, width in enumerate(widths) if i not in growing)
    for rank, i in enumerate(growing):
        later = sum(widths[other] for other in growing[rank + 1 :])
        share = min(left // (len(growing) - rank), left - later)
        widths[i] = min(natural[i], max(share, widths[i], LEAST))
        left -= widths[i]
    return widths


def _row(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    columns = [wrap(cell, width) for cell, width in zip(row, widths, strict=True)]
    height = max(len(column) for column in columns)
    lines = []
    for i in range(height):
        parts = [
            _pad(column[i] if i < len(column) else "", width)
            for column, width in zip(columns, widths, strict=True)
        ]
        lines.append(GAP.join(parts).rstrip())
    return lines


def _pad(text: str, width: int) -> str:
    return text + " " * max(0, width - cells(text))
