"""Standard output and error that never stop a command: their reader may leave, now or later.

What a command does is worth more than who listens: a rollout goes on to its end, and the exit code
is that of its ending, also where everything is piped into `true`.
"""

import io
import os
import re
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Buffer


class _Deaf(io.FileIO):
    """A file whose writing never fails: what nobody can take any more is let go."""

    def write(self, data: "Buffer", /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


class _Inert(io.TextIOWrapper):
    """A stream of a build's log in which nothing that is printed becomes a command of the runner.

    A line that begins with `::`, and `##[` anywhere, are such; a candidate's words may hold either.
    """

    def write(self, text: str, /) -> int:
        super().write(_BEGINS.sub(r"\1: :", text).replace("##[", "## ["))
        return len(text)

    def command(self, line: str) -> None:
        """Writes one line that is meant to be a command."""
        super().write(line + "\n")
        self.flush()


_BEGINS = re.compile(r"^(\s*)::", re.MULTILINE)


def unfiltered(line: str) -> None:
    """Gives the runner of a build one command, on standard error."""
    if isinstance(sys.stderr, _Inert):
        sys.stderr.command(line)
    else:
        print(line, file=sys.stderr, flush=True)


def steady() -> None:
    """Makes standard output and error so; to be called before anything is printed.

    What a stream's encoding does not have is printed as an escape of plain ASCII.

    What is printed also arrives whole under PYTHONUNBUFFERED, as images often set it: Python's
    unbuffered streams take no notice of a short write, and a signal, say of a child that has ended,
    makes one of a write to a full pipe, so that a JSON document would end after 64 KiB.
    """
    _fill()
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - as long as the process, and no pathlib on the rollback path
        elif isinstance(stream, io.TextIOWrapper):
            setattr(sys, name, _steady(stream, lines=name == "stderr"))


def _steady(stream: io.TextIOWrapper, *, lines: bool) -> io.TextIOWrapper:
    unbuffered = not isinstance(stream.buffer, io.BufferedWriter)
    lines = lines or unbuffered or stream.line_buffering
    encoding = stream.encoding
    raw = _Deaf(stream.fileno(), "wb", closefd=False)
    stream.detach()
    made = _Inert if os.environ.get("GITHUB_ACTIONS") == "true" else io.TextIOWrapper
    return made(io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=lines)


def _fill() -> None:
    """Opens those of the first three descriptors that are closed.

    Else the next socket would be what the process, or a child, takes for its standard output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
