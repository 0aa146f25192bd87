"""An append file of log entries: what was acknowledged survives the end of the process.

The form: a line that names it, then for each entry four bytes of length (big endian) and a
serialized google.logging.v2.LogEntry. A write that SIGKILL tore in two is cut off at the next
start; a file that is damaged otherwise is set aside, and what could be read of it goes on.
"""

import shutil
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from google.protobuf.message import DecodeError, Message

from gate.local.logging.wire import LogEntry

_HEADER = b"gate local log entries 1\n"
_LENGTH = struct.Struct(">I")
_MAX_FRAME_BYTES = 1024 * 1024


class Journal:
    """Keeps entries in one file.

    Args:
        path: the file; made with its folder when the first entry comes.
        max_bytes: from this size on it asks to be rewritten.
    """

    def __init__(self, path: Path, max_bytes: int = 128 * 1024 * 1024) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._file: BinaryIO | None = None
        self._size_bytes = 0

    def restore(self) -> Iterator[Message]:
        """Gives every entry that the file holds, in the order in which they were kept."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            good, damaged = 0, file.readline(len(_HEADER)) != _HEADER
            if not damaged:
                good = file.tell()
                while frame := _read_frame(file):
                    entry = _parse(frame)
                    if entry is None:
                        damaged = True
                        break
                    good = file.tell()
                    yield entry
        self._cut_at(good, damaged=damaged)

    def keep(self, entries: Iterable[Message]) -> None:
        """Adds entries; they are with the operating system when this returns."""
        data = b"".join(_frame(entry) for entry in entries)
        if not data:
            return
        file = self._open()
        file.write(data)
        file.flush()
        self._size_bytes += len(data)

    def rewrite(self, entries: Iterable[Message]) -> None:
        """Replaces everything by these entries, all or nothing."""
        self.close()
        fresh = self._path.with_name(self._path.name + ".new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            file.write(_HEADER)
            for entry in entries:
                file.write(_frame(entry))
        fresh.replace(self._path)

    def overgrown(self) -> bool:
        """Tells whether the file is larger than it should be."""
        return self._size_bytes > self._max_bytes

    def close(self) -> None:
        """Lets go of the file; the next entry opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab")
            self._size_bytes = self._file.tell()
            if self._size_bytes == 0:
                self._size_bytes = self._file.write(_HEADER)
        return self._file

    def _cut_at(self, good: int, *, damaged: bool) -> None:
        if damaged:
            shutil.copyfile(self._path, self._path.with_name(self._path.name + ".damaged"))
        with self._path.open("r+b") as file:
            file.truncate(good)


def _frame(entry: Message) -> bytes:
    data = entry.SerializeToString()
    return _LENGTH.pack(len(data)) + data


def _read_frame(file: BinaryIO) -> bytes | None:
    """Reads one frame; None at the end of the file and for a frame that was torn."""
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    if size > _MAX_FRAME_BYTES:
        return b"\xff"  # no message begins like this, so it counts as damage
    data = file.read(size)
    return data if len(data) == size else None


def _parse(frame: bytes) -> Message | None:
    try:
        entry: Message = LogEntry.FromString(frame)
    except DecodeError:
        return None
    return entry if entry.log_name else None  # type: ignore[attr-defined]
