"""Trace context: the caller's trace goes on, and every request has one.

Both headers that Cloud Run speaks: traceparent (W3C) and X-Cloud-Trace-Context, TRACE/SPAN;o=1
(https://cloud.google.com/trace/docs/trace-context).
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_W3C: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_CLOUD: Final = re.compile(rb"([0-9a-fA-F]{32})(?:/\d{1,20})?(?:;o=(\d+))?")
_IDS: Final = random.Random()  # noqa: S311 - seeded by the system; names, not secrets
_NO_TRACE: Final = b"0" * 32
_NO_SPAN: Final = b"0" * 16


@dataclass(slots=True)
class Trace:
    """A request's place in a trace.

    Attributes:
        trace_id: 32 hexadecimal digits.
        span_id: the front end's own span, 16 hexadecimal digits.
        sampled: the caller wants it recorded.
    """

    trace_id: str
    span_id: str
    sampled: bool

    def request_fields(self) -> bytes:
        """The header lines that the container gets."""
        flag = "1" if self.sampled else "0"
        return (
            f"X-Cloud-Trace-Context: {self.trace_id}/{int(self.span_id, 16)};o={flag}\r\n"
            f"traceparent: 00-{self.trace_id}-{self.span_id}-0{flag}\r\n"
        ).encode()

    def response_field(self) -> bytes:
        """The header line that the caller gets."""
        return f"x-cloud-trace-context: {self.trace_id};o={int(self.sampled)}\r\n".encode()


def follow(found: Mapping[bytes, bytes]) -> Trace:
    """The trace of a request with these headers; traceparent wins over X-Cloud-Trace-Context.

    Args:
        found: lower-case names and values.
    """
    fresh = f"{_IDS.getrandbits(192):048x}"
    span_id = fresh[:16]
    parent = found.get(b"traceparent")
    if parent is not None:
        w3c = _W3C.fullmatch(parent.strip())
        if w3c and w3c[1] != b"ff" and w3c[2] != _NO_TRACE and w3c[3] != _NO_SPAN:
            return Trace(w3c[2].decode(), span_id, bool(int(w3c[4], 16) & 1))
    context = found.get(b"x-cloud-trace-context")
    if context is not None:
        cloud = _CLOUD.fullmatch(context.strip())
        if cloud and cloud[1] != _NO_TRACE:
            sampled = cloud[2] is not None and int(cloud[2]) & 1 == 1
            return Trace(cloud[1].decode().lower(), span_id, sampled)
    return Trace(fresh[16:], span_id, sampled=False)
