"""A ledger in a file: one entry a line (JSON Lines), each in canonical form, the oldest first."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import IO

from gate.core.policy import Json
from gate.ledger.canonical import canonical
from gate.ledger.seen import LINE_MAX_BYTES


def read_lines(file: IO[bytes]) -> Iterator[bytes]:
    """The lines of a file, without their ends and without blank ones.

    One that is longer than any entry is given up after LINE_MAX_BYTES + 1: nobody has to hold it.

    Raises:
        OSError: the file cannot be read.
    """
    limit = LINE_MAX_BYTES + 2
    for line in iter(partial(file.readline, limit), b""):
        if len(line) == limit and not line.endswith(b"\n"):
            while (rest := file.readline(limit)) and not rest.endswith(b"\n"):
                pass
        if stripped := line.strip():
            yield stripped


def write_lines(entries: Iterable[dict[str, Json]], file: IO[bytes]) -> int:
    """Writes entries, one a line; returns how many.

    Args:
        entries: the oldest first.
        file: open for writing.

    Raises:
        OSError: it cannot be written.
        TypeError, ValueError: an entry has no canonical form; none that the gate wrote has none.
    """
    count = 0
    for entry in entries:
        file.write(canonical(entry) + b"\n")
        count += 1
    return count
