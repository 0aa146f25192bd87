"""Unpacks gzip bodies: of one member or several, never more than asked for."""

import zlib

from gate.core.evidence import Symptom
from gate.probes.outcome import Fault

_GZIP = zlib.MAX_WBITS | 16
_PIECE = 1 << 14
"""Members are looked for in pieces: what follows one is copied each time."""


class UnpackError(Exception):
    """A body that cannot be unpacked within its bounds.

    Args:
        fault: why.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.seen)
        self.fault = fault


def decoded(raw: bytes, encoding: str, most: int) -> bytes:
    """A body as it was meant, by its Content-Encoding; gzip is the one that was offered.

    Raises:
        UnpackError: another encoding, no whole gzip body, or one of more than `most` bytes.
    """
    named = [name for part in encoding.split(",") if (name := part.strip().lower())]
    named = [name for name in named if name != "identity"]
    if not raw or not named:
        return raw
    if named not in (["gzip"], ["x-gzip"]):
        fault = Fault(Symptom.HEADER, f"content-encoding {encoding}", "gzip, or none, as offered")
        raise UnpackError(fault)
    return unpacked(raw, most)


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
            raise UnpackError(Fault(Symptom.TOO_LARGE, what, f"at most {most} bytes"))
        rest = inflater.unused_data
    if not inflater.eof:
        raise UnpackError(Fault(Symptom.PROTOCOL, "a gzip body cut short", "a whole gzip body"))
    return bytes(body)


def beginning(raw: bytes, most: int) -> bytes:
    """What can be unpacked of the beginning of a body that may be cut, at most so many bytes."""
    try:
        return zlib.decompressobj(_GZIP).decompress(raw, most)
    except zlib.error:
        return b""


def _inflated(inflater: "zlib._Decompress", piece: bytes, most: int) -> bytes:
    try:
        return inflater.decompress(piece, most)
    except zlib.error as error:
        what = f"a gzip body that is none ({error})"
        raise UnpackError(Fault(Symptom.PROTOCOL, what, "a gzip body")) from None
