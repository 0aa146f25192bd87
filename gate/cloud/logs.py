"""A service's logs in Cloud Logging: implements ports.Logs."""

import json
from datetime import UTC
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote

from google.cloud.logging_v2.types import log_entry

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.decisions import LOG_ID
from gate.cloud.entries import json_object, newest_entries, quoted, since
from gate.cloud.wire import Patience, Wire
from gate.core.policy import Severity
from gate.core.service import ServiceRef
from gate.ports import LogEntry, LogQuery

TEXT_MAX = 8_192
"""Longer texts are cut: an entry may be 256 KiB."""

PATIENCE = Patience(budget_s=30.0, first_wait_s=1.0, max_wait_s=10.0)
"""Reading has a quota a minute, and being refused for it comes without a Retry-After."""


class CloudLogs:
    """Reads what one service and its revisions logged.

    Args:
        ref: the service.
        endpoint: where the Logging API is.
        patience: how long failures that may pass are borne, for each call.
    """

    def __init__(self, ref: ServiceRef, endpoint: Endpoint, patience: Patience = PATIENCE) -> None:
        self._ref = ref
        self._wire = Wire(Place(Api.LOGGING, endpoint), patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the channel."""
        await self._wire.close()

    async def entries(self, query: LogQuery) -> tuple[LogEntry, ...]:
        """As ports.Logs; the gate's own decisions are not among them."""
        found = await newest_entries(
            self._wire,
            self._ref.project,
            self._clauses(query),
            query.limit,
            f"logs of {query.revision or self._ref}",
        )
        return tuple(entry_value(message) for message in found)

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
        if query.min_severity is not None:
            clauses.append(f"severity>={query.min_severity.name}")
        if query.text:
            clauses.append(quoted(query.text))  # a value alone looks in every field
        return clauses


def entry_value(message: log_entry.LogEntry) -> LogEntry:
    """A log entry, reduced; a severity that has no name counts as the named one below it."""
    pb = log_entry.LogEntry.pb(message)
    return LogEntry(
        at=pb.timestamp.ToDatetime(tzinfo=UTC),
        severity=_severity(pb.severity),
        text=_text(pb)[:TEXT_MAX],
        log_id=unquote(message.log_name.partition("/logs/")[2]),
        trace=message.trace.rpartition("/")[2],
        insert_id=message.insert_id,
        revision=message.resource.labels.get("revision_name", ""),
    )


def _severity(number: int) -> Severity:
    return max((one for one in Severity if one.value <= number), key=lambda one: one.value)


def _text(pb: Any) -> str:
    """What a reader would see; of an object its message first, then the rest as JSON."""
    match pb.WhichOneof("payload"):
        case "text_payload":
            text: str = pb.text_payload
            return text
        case "json_payload":
            rest = json_object(pb.json_payload)
            message = rest.pop("message", "")
            if not isinstance(message, str):
                rest["message"], message = message, ""
            as_json = json.dumps(rest, ensure_ascii=False) if rest else ""
            return " ".join(part for part in (message, as_json) if part)
        case "proto_payload":
            return f"({pb.proto_payload.type_url})"
        case _:
            return _request_line(pb.http_request)


def _request_line(http: Any) -> str:
    return f"{http.request_method} {http.request_url} -> {http.status}" if http.request_url else ""
