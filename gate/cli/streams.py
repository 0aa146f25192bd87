"""Standard output and error that never stop a command: their reader may leave, now or later.

What a command does is worth more than who listens: a rollout goes on to its end, and the exit code
is that of its ending, also where everything is piped into `true`.
"""

import io
import os
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


def steady() -> None:
    """Makes standard output and error so; to be called before anything is printed.

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
    encoding, errors = stream.encoding, stream.errors
    raw = _Deaf(stream.fileno(), "wb", closefd=False)
    stream.detach()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=lines)


def _fill() -> None:
    """Opens those of the first three descriptors that are closed.

    Else the next socket would be what the process, or a child, takes for its standard output.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
