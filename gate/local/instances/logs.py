"""What a container writes becomes log lines: text as it is, JSON objects with their meaning.

Cloud Run turns a line that is a JSON object into jsonPayload and takes severity, trace, span and
labels out of it (structured logging, https://cloud.google.com/run/docs/logging). Plain text has
no severity on either stream: Google's docs say that what is written to stdout or stderr has no
level of its own, so a line on stderr is DEFAULT here, not ERROR.
"""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Final, NoReturn

from gate.local.ports import JsonValue, LogLine, RevisionKey

STDOUT: Final = "run.googleapis.com/stdout"
STDERR: Final = "run.googleapis.com/stderr"
SYSTEM: Final = "run.googleapis.com/varlog/system"

_SEVERITIES: Final = {
    **{name: name for name in (
        "DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY",
    )},
    "TRACE": "DEBUG",
    "WARN": "WARNING",
    "ERR": "ERROR",
    "FATAL": "CRITICAL",
}  # fmt: skip
_TRACE: Final = re.compile(r"(?:projects/[^/]+/traces/)?([0-9a-f]{32})", re.IGNORECASE)
_SPAN: Final = re.compile(r"[0-9a-f]{16}", re.IGNORECASE)
_FIELD: Final = "logging.googleapis.com/"


class LineSplitter:
    """Cuts a stream of bytes into lines; what exceeds the bound is dropped to the line's end.

    Args:
        line_bytes: longest line kept.
    """

    def __init__(self, line_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[str]:
        """The lines that these bytes complete; empty ones are left out."""
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._keep(piece)
            yield from self.flush()
        self._keep(rest)

    def flush(self) -> Iterator[str]:
        """The line begun, at the end of the stream."""
        text = self._rest.decode(errors="replace").rstrip("\r")
        self._rest.clear()
        if text:
            yield text

    def _keep(self, piece: bytes) -> None:
        room = self._line_bytes - len(self._rest)
        if room > 0:
            self._rest += piece[:room]


def parse_line(
    key: RevisionKey, log_id: str, at: datetime, text: str, labels: dict[str, str]
) -> LogLine:
    """One line of a container's output as a log line with these labels, and those it names."""
    fields = _json_object(text)
    if fields is None:
        return LogLine(key, log_id, at, payload=text, labels=labels)
    severity = _SEVERITIES.get(str(fields.pop("severity", "DEFAULT")).upper(), "DEFAULT")
    trace = _TRACE.fullmatch(str(fields.pop(_FIELD + "trace", "")))
    span = _SPAN.fullmatch(str(fields.pop(_FIELD + "spanId", "")))
    sampled = fields.pop(_FIELD + "trace_sampled", False) is True
    more = fields.pop(_FIELD + "labels", {})
    if isinstance(more, dict):
        labels = labels | {name: text for name, text in more.items() if isinstance(text, str)}
    return LogLine(
        key,
        log_id,
        at,
        severity=severity,
        payload=fields,
        labels=labels,
        trace=trace[1].lower() if trace else "",
        span_id=span[0].lower() if span else "",
        trace_sampled=sampled,
    )


def _json_object(text: str) -> dict[str, JsonValue] | None:
    if not (text.startswith("{") and text.rstrip().endswith("}")):
        return None
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
