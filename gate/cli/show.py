"""Where output goes: a live view on a terminal, plain lines elsewhere, JSON for machines.

With JSON the story goes to standard error, so that standard output holds the document alone.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from gate.core.policy import Capability
from gate.core.state import Rollout
from gate.ports import Narrator


def is_terminal(stream: TextIO) -> bool:
    """Whether a person watches this stream on something that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def width() -> int:
    """Columns to write for: the terminal's, or 100 where there is none."""
    return shutil.get_terminal_size((100, 24)).columns


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

        from gate.report.live import LiveNarrator  # noqa: PLC0415

        with LiveNarrator(Console()) as live:
            yield live
        return
    yield plain(output)


def plain(output: str) -> Narrator:
    """Plain lines, on standard error where standard output is for JSON."""
    from gate.report.plain import PlainNarrator  # noqa: PLC0415

    stream = sys.stderr if output == "json" else sys.stdout

    def write(line: str) -> None:
        print(line, file=stream, flush=True)

    return PlainNarrator(write)


def summarize(rollout: Rollout, capabilities: Mapping[str, Capability]) -> None:
    """Prints how a rollout ended, in colour on a terminal."""
    from gate.report import summary  # noqa: PLC0415

    if is_terminal(sys.stdout):
        from rich.console import Console  # noqa: PLC0415

        summary.print_summary(rollout, capabilities, Console())
    else:
        say(summary.summary_lines(rollout, capabilities, width()))
