"""Where one event of a stream ends and the next one begins. Bytes only; nothing is decoded here."""

import re
from enum import Enum

_COMMENT = re.compile(rb"^:[^\n]*\n", re.MULTILINE)
"""A line of server-sent events that says nothing: some keep a stream alive by nothing else."""
_MARK = b"\xef\xbb\xbf"  # a byte order mark, which may come first


class Between(Enum):
    """What stands between two parts of a stream."""

    EMPTY_LINE = b"\n\n"  # server-sent events
    LINE_END = b"\n"  # JSON lines


class TooLargeError(ValueError):
    """A part is larger than any may be.

    Args:
        most: most bytes of one.
    """

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most} bytes")
        self.most = most


class Cutter:
    """Cuts a stream into its parts.

    A line ends with LF, CRLF or CR (html.spec.whatwg.org, parsing an event stream); parts come out
    with LF alone, and without what stands between them.

    Args:
        between: what stands between parts.
        most: most bytes of one part.
    """

    def __init__(self, between: Between, most: int) -> None:
        self._between = between.value
        self._most = most
        self._kept = bytearray()
        self._looked_at = 0
        self._after_cr = False
        self._first = True

    def feed(self, data: bytes) -> list[bytes]:
        """The parts that are whole with this; empty ones are left out.

        Raises:
            TooLargeError: a part has no end within the bound.
        """
        self._kept += self._with_line_feeds(data)
        found = []
        while (end := self._kept.find(self._between, self._looked_at)) >= 0:
            found.append(self._part(bytes(self._kept[:end])))
            del self._kept[: end + len(self._between)]
            self._looked_at = 0
        if len(self._kept) > self._most and self._between == Between.EMPTY_LINE.value:
            begun = self._kept.rfind(b"\n") + 1  # of a line that may go on
            self._kept[:begun] = _COMMENT.sub(b"", self._kept[:begun])
        self._looked_at = max(0, len(self._kept) - len(self._between) + 1)
        if max([len(self._kept), *map(len, found)]) > self._most:
            raise TooLargeError(self._most)
        return [part for part in found if part]

    @property
    def rest(self) -> bytes:
        """What has come of a part that is not whole."""
        return bytes(self._kept).strip(b"\n")

    def _with_line_feeds(self, data: bytes) -> bytes:
        if self._after_cr and data:
            data = data.removeprefix(b"\n")  # of the CRLF whose CR has counted already
            self._after_cr = False
        self._after_cr = self._after_cr or data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _part(self, part: bytes) -> bytes:
        if self._first:
            part, self._first = part.removeprefix(_MARK), False
        return part.strip(b"\n")
