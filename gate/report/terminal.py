"""Draws blocks on a terminal, in colour."""

from collections.abc import Iterable, Mapping

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gate.report.columns import fit
from gate.report.lines import Block, Cell, Grid, Line, Tone, plain
from gate.report.safe import safe

BETWEEN = 3
"""Cells that rich puts between two columns: padding, divider, padding."""

STYLES: Mapping[Tone, str] = {
    Tone.PLAIN: "",
    Tone.HEADING: "bold",
    Tone.GOOD: "green",
    Tone.BAD: "bold red",
    Tone.UNSURE: "yellow",
    Tone.FAINT: "dim",
}


def draw(console: Console, blocks: Iterable[Block]) -> None:
    """Prints blocks; text means itself, whatever brackets or escapes it holds."""
    for block in blocks:
        if isinstance(block, Line):
            draw_line(console, block)
        else:
            console.print(Padding(_table(block, console.width), (0, 0, 0, block.indent)))


def draw_line(console: Console, line: Line) -> None:
    """Prints one line, wrapped as in plain text."""
    for part in plain([line], console.width):
        console.print(Text(part, STYLES[line.tone]), overflow="ignore", no_wrap=True, crop=False)


def _table(grid: Grid, width: int) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    rows = [[safe(cell.text) for cell in row] for row in grid.rows]
    room = width - grid.indent - BETWEEN * (len(grid.columns) - 1)
    for column, size in zip(grid.columns, fit(grid.columns, rows, room), strict=True):
        table.add_column(column.title, width=size, overflow="fold")
    for row in grid.rows:
        table.add_row(*map(_text, row))
    return table


def _text(cell: Cell) -> Text:
    return Text(safe(cell.text), STYLES[cell.tone])
