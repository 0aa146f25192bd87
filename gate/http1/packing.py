"""Unpacks gzip bodies: of one member or several, never more than asked for. Pure."""

import zlib
from enum import Enum

_GZIP = zlib.MAX_WBITS | 16
_PIECE = 1 << 14
"""Members are looked for in pieces: what follows one is copied each time."""


class Why(Enum):
    """Why a body is not unpacked."""

    ENCODING = "encoding"  # another one than was offered
    TOO_LARGE = "too large"
    BROKEN = "broken"


class UnpackError(ValueError):
    """A body that cannot be unpacked within its bounds.

    Args:
        why: in one word.
        seen: what came.
        expected: what should have come.
    """

    def __init__(self, why: Why, seen: str, expected: str) -> None:
        super().__init__(seen)
        self.why = why
        self.seen = seen
        self.expected = expected


def decoded(raw: bytes, encoding: str, most: int) -> bytes:
    """A body as it was meant, by its Content-Encoding; gzip is the one that was offered.

    Raises:
        UnpackError: another encoding, no whole gzip body, or one of more than `most` bytes.
    """
    return unpacked(raw, most) if raw and _is_gzip(encoding) else raw


def unpacked(raw: bytes, most: int) -> bytes:
    """The members of a gzip body, one after the other (RFC 1952, 2.2); zeros after them are none.

    Raises:
        UnpackError: no whole gzip body, or one of more than `most` bytes.
    """
    body, rest, at, inflater = bytearray(), b"", 0, zlib.decompressobj(_GZIP)
    while rest or at < len(raw):
        if not rest:
            rest, at = raw[at : at + _PIECE], at + _PIECE
        if inflater.eof:
            if not any(rest) and not any(raw[at:]):
                break
            inflater = zlib.decompressobj(_GZIP)
        body += _inflated(inflater, rest, most + 1 - len(body))
        if len(body) > most:
            what = f"a gzip body of {len(raw)} bytes that unpacks to more than {most} bytes"
            raise UnpackError(Why.TOO_LARGE, what, f"at most {most} bytes")
        rest = inflater.unused_data
    if not inflater.eof:
        raise UnpackError(Why.BROKEN, "a gzip body cut short", "a whole gzip body")
    return bytes(body)


class Unpacker:
    """Unpacks the pieces of a body as they come.

    Args:
        encoding: its Content-Encoding; gzip is the one that was offered.
        most: most bytes that one piece may unpack to.

    Raises:
        UnpackError: another encoding.
    """

    def __init__(self, encoding: str, most: int) -> None:
        self._packed = _is_gzip(encoding)
        self._inflater = zlib.decompressobj(_GZIP)
        self._most = most

    def feed(self, raw: bytes) -> bytes:
        """What a piece unpacks to.

        Raises:
            UnpackError: no gzip, or too much of it.
        """
        if not self._packed:
            return raw
        body = b""
        while raw:
            if self._inflater.eof:
                self._inflater = zlib.decompressobj(_GZIP)
            body += _inflated(self._inflater, raw, self._most + 1 - len(body))
            if len(body) > self._most:
                what = f"a gzip piece of {len(raw)} bytes that unpacks to more than {self._most}"
                raise UnpackError(Why.TOO_LARGE, what, f"at most {self._most} bytes")
            raw = self._inflater.unused_data
        return body


def beginning(raw: bytes, most: int) -> bytes:
    """What can be unpacked of the beginning of a body that may be cut, at most so many bytes."""
    try:
        return zlib.decompressobj(_GZIP).decompress(raw, most)
    except zlib.error:
        return b""


def _is_gzip(encoding: str) -> bool:
    named = [name for part in encoding.split(",") if (name := part.strip().lower())]
    named = [name for name in named if name != "identity"]
    if named and named not in (["gzip"], ["x-gzip"]):
        seen = f"content-encoding {encoding}"
        raise UnpackError(Why.ENCODING, seen, "gzip, or none, as offered")
    return bool(named)


def _inflated(inflater: "zlib._Decompress", piece: bytes, most: int) -> bytes:
    try:
        return inflater.decompress(piece, most)
    except zlib.error as error:
        what = f"a gzip body that is none ({error})"
        raise UnpackError(Why.BROKEN, what, "a gzip body") from None
