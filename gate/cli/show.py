"""Where output goes: a live view on a terminal, plain lines elsewhere, documents for machines.

With a document the messages go to standard error, so that standard output holds that alone.
"""

import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from gate.ports import Narrator

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.lines import Block


WIDTH = 100
"""Columns where nothing says how many there are."""


def is_terminal(stream: TextIO) -> bool:
    """Whether a person watches this stream on something that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def is_coloured(stream: TextIO) -> bool:
    """Whether colours are wanted there; FORCE_COLOR wants them in a build's log, too."""
    return is_terminal(stream) or os.environ.get("FORCE_COLOR", "") not in {"", "0", "false"}


def width() -> int:
    """Columns to write for: COLUMNS, else the terminal's, or 100 where there is none."""
    said = os.environ.get("COLUMNS", "")
    if said.isascii() and said.isdigit() and int(said):
        return int(said)
    try:  # shutil asks sys.__stdout__, from which `steady` has taken its descriptor
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


def say(lines: Sequence[str]) -> None:
    """Prints lines to standard output."""
    for line in lines:
        print(line)


def say_json(value: object) -> None:
    """Prints one JSON document to standard output."""
    from gate.report.machine import to_json  # noqa: PLC0415 - only where JSON is asked for

    print(to_json(value))  # type: ignore[arg-type]


@contextlib.contextmanager
def narrating(output: str) -> Iterator[Narrator]:
    """Who tells what goes on while a rollout works."""
    if output == "text" and is_terminal(sys.stdout):
        from rich.console import Console  # noqa: PLC0415 - not on the way of `--yes` in a pipe

        from gate.report.progress.live import LiveNarrator  # noqa: PLC0415

        with LiveNarrator(Console()) as live:
            yield live
        return
    yield plain(output)


def plain(output: str) -> Narrator:
    """Plain lines, on standard error where standard output is for a document."""
    from gate.report.progress.plain import PlainNarrator  # noqa: PLC0415

    stream = sys.stdout if output == "text" else sys.stderr

    def write(line: str) -> None:
        print(line, file=stream, flush=True)

    return PlainNarrator(write)


def draw(blocks: Sequence["Block"]) -> None:
    """Prints lines and tables, in colour on a terminal, where NO_COLOR leaves weights alone."""
    if is_coloured(sys.stdout):
        from rich.console import Console  # noqa: PLC0415

        from gate.report.terminal import draw  # noqa: PLC0415

        draw(Console(width=width(), force_terminal=True), blocks)
    else:
        from gate.report.lines import plain  # noqa: PLC0415

        say(plain(blocks, width()))
