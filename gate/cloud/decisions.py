"""The gate's decisions as structured entries in Cloud Logging: implements ports.Ledger.

Entries are written under the monitored resource of the service itself (`cloud_run_revision` with
the service's name and location, without a revision), because that is what the service's own Logs
page in the console shows: whoever looks there why traffic moved finds the answer between the
requests. The `global` resource would show them nowhere near the service.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from google.api.monitored_resource_pb2 import MonitoredResource
from google.cloud.logging_v2.types import log_entry, logging
from google.protobuf.struct_pb2 import Struct

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.entries import json_object, newest_entries, quoted, since
from gate.cloud.wire import Method, Patience, Wire
from gate.core.policy import Json, Severity
from gate.core.service import ServiceRef
from gate.errors import ExitCode, InfrastructureError
from gate.ports import LedgerQuery

LOG_ID = "gate-decisions"
ENTRY_MAX_BYTES = 256 * 1024
"""https://cloud.google.com/logging/quotas: size of a LogEntry."""

_WRITE = Method(
    "/google.logging.v2.LoggingServiceV2/WriteLogEntries",
    logging.WriteLogEntriesRequest.serialize,
    logging.WriteLogEntriesResponse.deserialize,
    timeout_s=10.0,
    writes=True,
)
_SEVERITIES: dict[int, Severity] = {
    ExitCode.DONE: Severity.NOTICE,
    ExitCode.REJECTED: Severity.WARNING,
    ExitCode.HELD: Severity.WARNING,
    ExitCode.INTERRUPTED: Severity.WARNING,
}


class CloudLedger:
    """Keeps entries about one service in the log `gate-decisions` of its project.

    Args:
        ref: the service.
        endpoint: where the Logging API is.
        patience: how long failures that may pass are borne, for each call.
    """

    def __init__(
        self, ref: ServiceRef, endpoint: Endpoint, patience: Patience | None = None
    ) -> None:
        self._ref = ref
        self._log_name = f"projects/{ref.project}/logs/{LOG_ID}"
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

    async def append(self, entry: dict[str, Json], rollout: str, sequence: int) -> None:
        """As ports.Ledger.

        The entry's `at` is its timestamp: Cloud Logging drops a second entry with the same
        project, timestamp and insert_id, so that a repeated write leaves one entry.

        Raises:
            InfrastructureError: also when the entry is larger than Cloud Logging takes, or
                carries no `at`.
        """
        subject = f"ledger entry {rollout}/{sequence}"
        message = self._message(entry, rollout, sequence, subject)
        size_bytes = log_entry.LogEntry.pb(message).ByteSize()
        if size_bytes > ENTRY_MAX_BYTES:
            raise InfrastructureError(
                f"{subject}: too large for Cloud Logging "
                f"(got {size_bytes} bytes, expected at most {ENTRY_MAX_BYTES})"
            )
        request = logging.WriteLogEntriesRequest(entries=[message], partial_success=False)
        await self._wire.call(_WRITE, request, subject=subject)

    async def entries(self, query: LedgerQuery) -> tuple[dict[str, Json], ...]:
        """As ports.Ledger; entries of the same moment come in the order of their sequence."""
        clauses = [f"logName={quoted(self._log_name)}"]
        if query.service:
            clauses.append(f"labels.service={quoted(query.service)}")
            clauses.append(f"resource.labels.location={quoted(self._ref.region)}")
        if query.rollout:
            clauses.append(f"labels.rollout={quoted(query.rollout)}")
        if query.since is not None:
            clauses.append(since(query.since))
        subject = f"ledger of {query.service or self._ref.project}"
        found = await newest_entries(self._wire, self._ref.project, clauses, query.limit, subject)
        found.sort(key=_newness, reverse=True)
        return tuple(_entry(message) for message in found)

    def _message(
        self, entry: dict[str, Json], rollout: str, sequence: int, subject: str
    ) -> log_entry.LogEntry:
        payload = Struct()
        payload.update(entry)
        return log_entry.LogEntry(
            log_name=self._log_name,
            resource=MonitoredResource(
                type="cloud_run_revision",
                labels={
                    "project_id": self._ref.project,
                    "location": self._ref.region,
                    "service_name": self._ref.name,
                    "configuration_name": self._ref.name,
                },
            ),
            timestamp=_timestamp(entry, subject),
            severity=_severity(entry).value,
            insert_id=f"{rollout}-{sequence:06d}",
            labels={"service": self._ref.name, "rollout": rollout, "sequence": str(sequence)},
            json_payload=payload,
        )


def _timestamp(entry: Mapping[str, Json], subject: str) -> datetime:
    at = entry.get("at")
    try:
        moment = datetime.fromisoformat(at if isinstance(at, str) else "")
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InfrastructureError(f"{subject}: has no time (got {at!r}, expected ISO 8601 in `at`)")
    return moment.astimezone(UTC)


def _severity(entry: Mapping[str, Json]) -> Severity:
    """NOTICE for what went well, WARNING where traffic is safe, ERROR for trouble, else INFO."""
    code = entry.get("exit_code")
    if not isinstance(code, int):
        return Severity.INFO
    return _SEVERITIES.get(code, Severity.ERROR)


def _newness(message: log_entry.LogEntry) -> tuple[int, int]:
    sequence = message.labels.get("sequence", "")
    moment = log_entry.LogEntry.pb(message).timestamp
    return moment.ToNanoseconds(), int(sequence) if sequence.isdecimal() else 0


def _entry(message: log_entry.LogEntry) -> dict[str, Json]:
    return json_object(log_entry.LogEntry.pb(message).json_payload)
