"""What is drawn is safe, however the text came there, and is never taken for markup."""

import io

from rich.console import Console

from gate.report.columns import Column
from gate.report.lines import Block, Cell, Grid, Line, plain
from gate.report.terminal import draw
from tests.unit.report.scenes import HOSTILE, SHOWN, assert_safe

BLOCKS: list[Block] = [
    Line(HOSTILE),
    Line(HOSTILE, indent=4),
    Grid((Column("one"), Column("two")), ((Cell(HOSTILE), Cell("[red]x[/red]")),)),
]


def drawn(width: int) -> list[str]:
    """The blocks on a terminal without colours."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    draw(console, BLOCKS)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_text_is_made_safe_where_it_is_drawn() -> None:
    for lines in (plain(BLOCKS, 300), drawn(300)):
        assert_safe(lines)
        assert sum(SHOWN in line for line in lines) == 3
        assert any("[red]x[/red]" in line for line in lines)


def test_a_line_wraps_two_columns_further_in() -> None:
    assert plain([Line("one two three", indent=2)], 10) == ["  one two", "    three"]


def test_a_command_is_never_wrapped() -> None:
    assert plain([Line("gate status --service backend", indent=2, whole=True)], 10) == [
        "  gate status --service backend"
    ]
