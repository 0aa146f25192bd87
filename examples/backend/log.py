"""Logs as Cloud Run reads them: a JSON object a line, with severity and trace.

Nothing here or in the callers logs a header, a query or a frame: tokens travel in all three.
"""

import json
import logging
import re
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
# uvicorn logs this after each refusal of a handshake by an answer of our own
_NO_ERROR = "ASGI callable returned without completing handshake."
_CLOUD_TRACE = re.compile(r"([0-9a-fA-F]{32})(?:/(\d{1,20}))?(?:;o=([01]))?")


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace that a request belongs to: hexadecimal ids as in traceparent."""

    trace_id: str
    span_id: str = ""
    sampled: bool = False


current: ContextVar[Trace | None] = ContextVar("current_trace", default=None)


def trace_of(headers: Mapping[str, str]) -> Trace | None:
    """Reads the trace context of a request: traceparent first, as Google's libraries do."""
    found = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if found:
        return Trace(found[1], found[2], sampled=bool(int(found[3], 16) & 1))
    found = _CLOUD_TRACE.fullmatch(headers.get("x-cloud-trace-context", ""))
    if found:
        span = int(found[2] or 0) & (1 << 64) - 1
        return Trace(found[1].lower(), f"{span:016x}" if span else "", sampled=found[3] == "1")
    return None


class CloudFormatter(logging.Formatter):
    """Writes a record as one line of JSON.

    Args:
        project: the project that traces belong to; without one their bare ids are written.
    """

    def __init__(self, project: str = "") -> None:
        super().__init__()
        self._prefix = f"projects/{project}/traces/" if project else ""

    def format(self, record: logging.LogRecord) -> str:
        """Gives the line."""
        line: dict[str, object] = {
            "severity": record.levelname,
            "message": record.getMessage().rstrip(),
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "logger": record.name,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["stack_trace"] = self.formatException(record.exc_info)
        trace = current.get()
        if trace is not None:
            line["logging.googleapis.com/trace"] = self._prefix + trace.trace_id
            line["logging.googleapis.com/trace_sampled"] = trace.sampled
            if trace.span_id:
                line["logging.googleapis.com/spanId"] = trace.span_id
        return json.dumps(line, default=str)


def configure(project: str = "") -> None:
    """Sends what is below ERROR to stdout and the rest to stderr."""
    out, err = logging.StreamHandler(sys.stdout), logging.StreamHandler(sys.stderr)
    out.addFilter(lambda record: record.levelno < logging.ERROR)
    err.setLevel(logging.ERROR)
    for handler in (out, err):
        handler.setFormatter(CloudFormatter(project))
    logging.basicConfig(level=logging.INFO, handlers=[out, err])
    server = logging.getLogger("uvicorn.error")
    server.setLevel(logging.WARNING)  # at INFO it writes a WebSocket's path with the query
    server.addFilter(lambda record: record.getMessage() != _NO_ERROR)


def fields(**values: object) -> dict[str, dict[str, object]]:
    """Gives `extra` for a log call: fields beside the message."""
    return {"fields": values}
