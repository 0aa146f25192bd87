"""Where a body ends: by length, by chunks, at the end of the connection, or at once.

Bodies are passed on as the bytes they came in; a Body only says how many of them belong to it.
"""

import re
from typing import Final, Protocol

_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})(?:[\t ]*;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n")
_MAX_LINE_BYTES: Final = 4096
_MAX_TRAILER_BYTES: Final = 16 * 1024


class FramingError(Exception):
    """The bytes are not the body that the head announced."""


class Body(Protocol):
    """Follows one body.

    Attributes:
        done: its last byte has been seen.
        at_eof: the end of the connection is its proper end.
    """

    done: bool
    at_eof: bool

    def take(self, data: bytes, start: int = 0) -> int:
        """Where in `data` the body ends, if it begins or goes on at `start`.

        Raises:
            FramingError: a chunk is malformed.
        """
        ...


class LengthBody:
    """A body of so many bytes; 0 is no body at all."""

    __slots__ = ("_left", "at_eof", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = not length
        self.at_eof = False

    def take(self, data: bytes, start: int = 0) -> int:
        """As `Body.take`."""
        size = len(data) - start
        if size < self._left:
            self._left -= size
            return start + size
        end = start + self._left
        self._left = 0
        self.done = True
        return end


class EndlessBody:
    """A body that ends with the connection."""

    __slots__ = ("at_eof", "done")

    def __init__(self) -> None:
        self.done = False
        self.at_eof = True

    def take(self, data: bytes, start: int = 0) -> int:  # noqa: ARG002 - as Body.take
        """As `Body.take`: everything."""
        return len(data)


class ChunkedBody:
    """A body in chunks, trailers included (RFC 9112, section 7.1), read strictly."""

    __slots__ = ("_expect", "_left", "_line", "_trailer_bytes", "at_eof", "done")

    def __init__(self) -> None:
        self._left = 0
        self._line = b""
        self._expect = self._size
        self._trailer_bytes = 0
        self.done = False
        self.at_eof = False

    def take(self, data: bytes, start: int = 0) -> int:
        """As `Body.take`."""
        size = len(data)
        while start < size and not self.done:
            if self._left:
                step = min(self._left, size - start)
                self._left -= step
                start += step
            else:
                start = self._take_line(data, start)
        return start

    def _take_line(self, data: bytes, start: int) -> int:
        end = data.find(b"\n", start, start + _MAX_LINE_BYTES) + 1
        self._line += data[start : end or start + _MAX_LINE_BYTES]
        if len(self._line) > _MAX_LINE_BYTES or (not end and len(self._line) == _MAX_LINE_BYTES):
            raise FramingError("line too long")
        if not end:
            return len(data)
        line, self._line = self._line, b""
        self._expect(line)
        return end

    def _size(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise FramingError("chunk size is malformed")
        self._left = int(match[1], 16)
        self._expect = self._end if self._left else self._trailer

    def _end(self, line: bytes) -> None:
        if line != b"\r\n":
            raise FramingError("chunk is longer than its size")
        self._expect = self._size

    def _trailer(self, line: bytes) -> None:
        if line == b"\r\n":
            self.done = True
            return
        self._trailer_bytes += len(line)
        if _TRAILER.fullmatch(line) is None or self._trailer_bytes > _MAX_TRAILER_BYTES:
            raise FramingError("trailer is malformed")
