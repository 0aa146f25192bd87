"""Reads a text file without trusting it: bounded, regular, UTF-8, printable."""

import difflib
import re
import stat
from itertools import islice
from pathlib import Path

from gate.policyfile.problems import Mark

SIZE_MAX_BYTES = 256 * 1024
"""A policy or a schema of more than this is a mistake, not a policy."""
NAMES_MAX = 500
"""Files of a folder that are looked through for the one that may be meant."""

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Unreadable(Exception):  # noqa: N818 - it becomes a Problem once the caller adds the file
    """A file that cannot be read as text.

    Args:
        message: what is wrong, with (got X, expected Y).
        hint: what to do about it, or "".
        mark: where in the file, if there.
    """

    def __init__(self, message: str, hint: str = "", mark: Mark | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.mark = mark


def read_text(path: Path) -> str:
    """The text of a small file.

    Raises:
        Unreadable: it is missing, no regular file, too large, not UTF-8 or not printable.
    """
    return as_text(_read_bytes(path))


def as_text(raw: bytes) -> str:
    """What was read of a file, or given in its place, as text.

    Raises:
        Unreadable: it is too large, not UTF-8 or not printable.
    """
    if len(raw) > SIZE_MAX_BYTES:
        raise _too_large(len(raw))
    if b"\0" in raw[:1024]:
        raise Unreadable(
            "is not text (got NUL bytes, expected UTF-8)", "save the file as UTF-8", Mark()
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        raise Unreadable(
            f"is not UTF-8 (got byte 0x{raw[error.start]:02x}, expected UTF-8)",
            "save the file as UTF-8",
            mark_after(before),
        ) from None
    odd = _UNPRINTABLE.search(text)
    if odd:
        raise Unreadable(
            f"has a control character (got U+{ord(odd[0]):04X}, expected printable text)",
            "remove the character",
            mark_after(text[: odd.start()]),
        )
    return text


def mark_after(text: str) -> Mark:
    """The place where this text ends."""
    line = text.count("\n") + 1
    return Mark(line, len(text) - (text.rfind("\n") + 1) + 1)


def _beside(path: Path) -> str:
    """Which file of the same folder may be meant."""
    try:
        names = [one.name for one in islice(path.parent.iterdir(), NAMES_MAX)]
    except (OSError, ValueError):
        names = []
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.7)
    return f"did you mean {path.with_name(close[0])}?" if close else "check the name and the folder"


def _read_bytes(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "a device or a pipe"
            raise Unreadable(f"is not a file (got {kind}, expected a regular file)")
        with path.open("rb") as file:
            raw = file.read(SIZE_MAX_BYTES + 1)
    except FileNotFoundError:
        raise Unreadable("does not exist (got no file)", _beside(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a possible file name"
        raise Unreadable(f"cannot be read (got {reason!r})", "check name and permissions") from None
    if len(raw) > SIZE_MAX_BYTES:
        raise _too_large(max(status.st_size, len(raw)))
    return raw


def _too_large(size_bytes: int) -> Unreadable:
    most = SIZE_MAX_BYTES // 1024
    return Unreadable(
        f"is too large (got {size_bytes // 1024 + 1} KiB, expected at most {most} KiB)"
    )
