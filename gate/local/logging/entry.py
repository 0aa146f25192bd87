"""From a line as the platform logs it to the entry that readers see.

The form (resource cloud_run_revision and its labels, log ids, httpRequest without a payload for
requests, trace as a resource name) is the one of google-cloud-logging's own
handlers/_monitored_resources.py and handlers/_helpers.py, and of Cloud Run's logs as `gcloud run
services logs read` queries them.
"""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from google.cloud.audit.audit_log_pb2 import AuditLog
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from gate.local.logging.names import LogName
from gate.local.logging.wire import LogEntry, set_nanoseconds
from gate.local.ports import ACTIVITY_LOG, AUDIT_LOG, HttpRequestLog, JsonValue, LogLine

MAX_ENTRY_BYTES = 256 * 1024
MAX_TEXT_BYTES = MAX_ENTRY_BYTES - 16 * 1024  # leaves room for names and labels
MAX_JSON_DEPTH = 30  # three messages a level; protobuf parsers stop at a hundred
_SEVERITIES = LogEntry.DESCRIPTOR.fields_by_name["severity"].enum_type.values_by_name
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_MAX_DOUBLE = 1 << 1023


def unix_ns(at: datetime) -> int:
    """Gives an aware time as nanoseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND * 1000


def line_log(line: LogLine) -> LogName:
    """Names the log that a line belongs to."""
    return LogName(f"projects/{line.key.service.project}", line.log_id)


def line_size_bytes(line: LogLine) -> int:
    """Estimates what a line costs; cheap, because every request passes here."""
    size = 256
    if line.http is not None:
        size += 256 + len(line.http.url) + len(line.http.user_agent)
    if isinstance(line.payload, str):
        size += len(line.payload)
    elif line.payload is not None:
        size += _json_size(line.payload, MAX_JSON_DEPTH)
    return size


def entry_of(line: LogLine, insert_id: str, received: datetime) -> Message:
    """Gives a line its form as a LogEntry.

    Whatever a container writes becomes a legal entry: text that is not UTF-8 is repaired, text
    that is too long is cut, JSON that is nested deeper than clients can parse loses its depths,
    JSON that is too large becomes text.
    """
    name = line_log(line)
    service = line.key.service
    entry = LogEntry(
        log_name=str(name),
        insert_id=insert_id,
        severity=_severity(line.severity),
        trace=clean(f"{name.parent}/traces/{line.trace}") if line.trace else "",
        span_id=clean(line.span_id),
        trace_sampled=line.trace_sampled,
        labels={clean(key): clean(value) for key, value in line.labels.items()},
    )
    entry.resource.type = "cloud_run_revision"
    entry.resource.labels.update(
        project_id=service.project,
        location=service.location,
        service_name=service.service,
        configuration_name=service.service if line.key.revision else "",
        revision_name=line.key.revision,
    )
    set_nanoseconds(entry.timestamp, unix_ns(line.at))
    set_nanoseconds(entry.receive_timestamp, unix_ns(received))
    if line.http is not None:
        _set_http(entry, line.http)
    if line.log_id in {AUDIT_LOG, ACTIVITY_LOG} and isinstance(line.payload, dict):
        _set_audit(entry, line.payload)
    else:
        _set_payload(entry, line.payload)
    return cast("Message", entry)


def clean(text: str) -> str:
    """Replaces what UTF-8 cannot hold (lone surrogates, which JSON can smuggle in)."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def cut(text: str, size_bytes: int) -> str:
    """Cuts a text to a size in UTF-8, with an ellipsis for what is lost."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= size_bytes:
        return text
    return raw[: size_bytes - 3].decode("utf-8", "ignore") + "…"


def _severity(name: str) -> int:
    known = _SEVERITIES.get(name.upper())
    return 0 if known is None else int(known.number)


def _set_http(entry: Any, http: HttpRequestLog) -> None:
    request = entry.http_request
    request.request_method = clean(http.method)
    request.request_url = cut(clean(http.url), MAX_TEXT_BYTES // 2)
    request.status = http.status
    request.request_size = http.request_size_bytes
    request.response_size = http.response_size_bytes
    request.user_agent = cut(clean(http.user_agent), MAX_TEXT_BYTES // 4)
    request.remote_ip = clean(http.remote_ip)
    request.protocol = clean(http.protocol)
    set_nanoseconds(request.latency, max(0, round(http.latency_s * 1e9)))


def _set_payload(entry: Any, payload: str | dict[str, JsonValue] | None) -> None:
    if payload is None:
        return
    if isinstance(payload, str):
        entry.text_payload = cut(clean(payload), MAX_TEXT_BYTES)
        return
    struct = Struct()
    struct.update(_tame_object(payload, MAX_JSON_DEPTH))
    if struct.ByteSize() <= MAX_TEXT_BYTES:
        entry.json_payload.CopyFrom(struct)
    else:
        text = json.dumps(payload, default=str)
        entry.text_payload = cut(text, MAX_TEXT_BYTES)


def _set_audit(entry: Any, payload: dict[str, JsonValue]) -> None:
    fields = {name: value for name, value in payload.items() if name != "@type"}
    audit = json_format.ParseDict(_tame_object(fields, MAX_JSON_DEPTH), AuditLog())
    entry.proto_payload.Pack(audit)


def _tame_object(value: dict[str, JsonValue], depth: int) -> dict[str, JsonValue]:
    return {clean(key): _tame(item, depth - 1) for key, item in value.items()}


def _tame(value: JsonValue, depth: int) -> JsonValue:
    match value:
        case str():
            return clean(value)
        case bool() | None:
            return value
        case int():
            return value if abs(value) < _MAX_DOUBLE else f"{value:#x}"
        case float():
            return value if math.isfinite(value) else str(value)
        case _ if depth <= 0:
            return "…"
        case list():
            return [_tame(item, depth - 1) for item in value]
        case dict():
            return _tame_object(value, depth)


def _json_size(value: JsonValue, depth: int) -> int:
    match value:
        case str():
            return 16 + len(value)
        case dict() if depth > 0:
            return 16 + sum(len(k) + _json_size(v, depth - 1) for k, v in value.items())
        case list() if depth > 0:
            return 16 + sum(_json_size(item, depth - 1) for item in value)
        case _:
            return 16
