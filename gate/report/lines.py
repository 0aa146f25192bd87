"""Lines and tables before they are drawn: the same content for plain text and for a terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from gate.report.columns import Column, table, wrap
from gate.report.safe import WHOLE, safe


class Tone(Enum):
    """What a line means to its reader; a terminal shows it as a colour."""

    PLAIN = "plain"
    HEADING = "heading"
    GOOD = "good"
    BAD = "bad"
    UNSURE = "unsure"
    FAINT = "faint"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, `indent` columns from the left; where it wraps, it goes on two columns further.

    Attributes:
        whole: it is never wrapped: a command that somebody will copy.
    """

    text: str
    tone: Tone = Tone.PLAIN
    indent: int = 0
    whole: bool = False


BLANK = Line("")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: its columns and its rows, a cell for each column."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    indent: int = 0


Block = Line | Grid


def plain(blocks: Iterable[Block], width: int) -> list[str]:
    """Draws blocks as plain text, at most `width` columns wide, each line made safe."""
    lines: list[str] = []
    for block in blocks:
        lines += _line(block, width) if isinstance(block, Line) else _grid(block, width)
    return lines


def _line(line: Line, width: int) -> list[str]:
    margin = " " * line.indent
    text = safe(line.text, WHOLE)
    parts = [text] if line.whole else wrap(text, width - line.indent, further="  ")
    return [(margin + part).rstrip() for part in parts]


def _grid(grid: Grid, width: int) -> list[str]:
    rows: list[Sequence[str]] = [[safe(cell.text) for cell in row] for row in grid.rows]
    margin = " " * grid.indent
    return [margin + line for line in table(grid.columns, rows, width - grid.indent)]
