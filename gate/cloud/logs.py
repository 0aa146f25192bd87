"""A service's logs in Cloud Logging: implements ports.Logs."""

import json
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.decisions import LOG_ID
from gate.cloud.documents import Document, moment, part, text, value
from gate.cloud.entries import json_object, newest_entries, quoted, since
from gate.cloud.levels import declared
from gate.cloud.wire import OverWire, Patience, Ways, Wire
from gate.core.policy import Json
from gate.core.service import ServiceRef
from gate.core.severity import Severity
from gate.ports import LogEntry, LogQuery

TEXT_MAX = 8_192
"""Longer texts are cut: an entry may be 256 KiB."""

_EPOCH = datetime.fromtimestamp(0, UTC)

PATIENCE = Patience(budget_s=30.0, first_wait_s=1.0, max_wait_s=10.0)
"""Reading has a quota a minute, and being refused for it comes without a Retry-After."""


class CloudLogs(OverWire):
    """Reads what one service and its revisions logged.

    Args:
        ref: the service.
        endpoint: where the Logging API is.
        patience: how long failures that may pass are borne, for each call.
        ways: how the wire reaches the world.
    """

    def __init__(
        self,
        ref: ServiceRef,
        endpoint: Endpoint,
        patience: Patience = PATIENCE,
        ways: Ways | None = None,
    ) -> None:
        self._ref = ref
        self._wire = Wire(Place(Api.LOGGING, endpoint), patience, ways)

    async def entries(self, query: LogQuery) -> tuple[LogEntry, ...]:
        """As ports.Logs; the gate's own decisions are not among them."""
        found = await newest_entries(
            self._wire,
            self._ref.project,
            self._clauses(query),
            query.limit,
            f"logs of {query.revision or self._ref}",
        )
        return tuple(entry_value(one) for one in found)

    def _clauses(self, query: LogQuery) -> list[str]:
        """Labels as https://cloud.google.com/run/docs/logging lists them."""
        ref = self._ref
        clauses = [
            'resource.type="cloud_run_revision"',
            f"resource.labels.service_name={quoted(ref.name)}",
            f"resource.labels.location={quoted(ref.region)}",
            since(query.since),
        ]
        if query.revision:
            clauses.append(f"resource.labels.revision_name={quoted(query.revision)}")
        else:
            clauses.append(f"logName!={quoted(f'projects/{ref.project}/logs/{LOG_ID}')}")
        if query.not_revision:
            clauses.append(f"resource.labels.revision_name!={quoted(query.not_revision)}")
        if query.log_id:
            name = f"projects/{ref.project}/logs/{quote(query.log_id, safe='')}"
            clauses.append(f"logName={quoted(name)}")
        if query.traces:
            names = (quoted(f"projects/{ref.project}/traces/{one}") for one in query.traces)
            clauses.append(f"trace=({' OR '.join(names)})")
        if query.unrated:
            clauses.append("severity=DEFAULT")
        if query.min_severity is not None:
            clauses.append(f"severity>={query.min_severity.name}")
        if query.text:
            clauses.append(quoted(query.text))  # a value alone looks in every field
        return clauses


def entry_value(entry: Document) -> LogEntry:
    """A log entry, reduced; a severity that has no name counts as the named one below it."""
    severity = _severity(value(entry, "severity"))
    if severity is Severity.DEFAULT:
        severity = declared(part(entry, "jsonPayload"))
    return LogEntry(
        at=moment(entry, "timestamp") or _EPOCH,
        severity=severity,
        text=_text(entry)[:TEXT_MAX],
        log_id=unquote(text(entry, "logName").partition("/logs/")[2]),
        trace=text(entry, "trace").rpartition("/")[2],
        insert_id=text(entry, "insertId"),
        revision=text(entry, "resource", "labels", "revision_name"),
    )


def _severity(given: Json) -> Severity:
    """By its name, or by its number where the API had no name for it."""
    if isinstance(given, str):
        return Severity.__members__.get(given.upper(), Severity.DEFAULT)
    number = given if isinstance(given, int) else 0
    return max((one for one in Severity if one.value <= number), key=lambda one: one.value)


def _text(entry: Document) -> str:
    """What a reader would see; of an object its message first, then the rest as JSON."""
    if plain := text(entry, "textPayload"):
        return plain
    if "jsonPayload" in entry:
        rest = json_object(part(entry, "jsonPayload"))
        message = rest.pop("message", "")
        if not isinstance(message, str):
            rest["message"], message = message, ""
        as_json = json.dumps(rest, ensure_ascii=False) if rest else ""
        return " ".join(piece for piece in (message, as_json) if piece)
    if "protoPayload" in entry:
        told = text(entry, "protoPayload", "status", "message")
        return told or f"({text(entry, 'protoPayload', '@type')})"
    return _request_line(part(entry, "httpRequest"))


def _request_line(http: Document) -> str:
    url = text(http, "requestUrl")
    return f"{text(http, 'requestMethod')} {url} -> {value(http, 'status') or 0}" if url else ""
