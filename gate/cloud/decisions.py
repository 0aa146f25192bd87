"""The gate's decisions as structured entries in Cloud Logging: implements ports.Ledger.

Entries are written under the monitored resource of the service itself (`cloud_run_revision` with
the service's name and location, without a revision), because that is what the service's own Logs
page in the console shows: whoever looks there why traffic moved finds the answer between the
requests. The `global` resource would show them nowhere near the service.
"""

import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, moment, part, text
from gate.cloud.entries import json_object, newest_entries, oldest_entries, quoted, since
from gate.cloud.wire import OverWire, Patience, Query, Ways, Wire
from gate.core.policy import Json
from gate.core.service import ServiceRef
from gate.core.severity import Severity
from gate.errors import ExitCode, InfrastructureError
from gate.ports import LedgerQuery

LOG_ID = "gate-decisions"
ENTRY_MAX_BYTES = 256 * 1024
"""https://cloud.google.com/logging/quotas: size of a LogEntry."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_SEVERITIES: dict[int, Severity] = {
    ExitCode.DONE: Severity.NOTICE,
    ExitCode.REJECTED: Severity.WARNING,
    ExitCode.HELD: Severity.WARNING,
    ExitCode.INTERRUPTED: Severity.WARNING,
}


class CloudLedger(OverWire):
    """Keeps entries about one service in the log `gate-decisions` of its project.

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
        patience: Patience | None = None,
        ways: Ways | None = None,
    ) -> None:
        self._ref = ref
        self._log_name = f"projects/{ref.project}/logs/{LOG_ID}"
        self._wire = Wire(Place(Api.LOGGING, endpoint), patience, ways)

    async def append(self, entry: dict[str, Json], rollout: str, sequence: int) -> None:
        """As ports.Ledger.

        The entry's `at` is its timestamp: Cloud Logging drops a second entry with the same
        project, timestamp and insert_id, so that a repeated write leaves one entry.

        Raises:
            InfrastructureError: also when the entry is larger than Cloud Logging takes, or
                carries no `at`.
        """
        subject = f"ledger entry {rollout}/{sequence}"
        made = self._entry(entry, rollout, sequence, subject)
        size_bytes = _size_bytes(made, subject)
        if size_bytes > ENTRY_MAX_BYTES:
            raise InfrastructureError(
                f"{subject}: too large for Cloud Logging "
                f"(got {size_bytes} bytes, expected at most {ENTRY_MAX_BYTES})"
            )
        body: Document = {"entries": [made], "partialSuccess": False}
        await self._wire.call(Query("POST", "/v2/entries:write", subject, body, writes=True))

    async def entries(self, query: LedgerQuery) -> tuple[dict[str, Json], ...]:
        """As ports.Ledger; entries of the same moment come in the order of their sequence."""
        clauses = [f"logName={quoted(self._log_name)}"]
        if query.service:
            clauses += self._of_service(query.service)
        if query.rollout:
            clauses.append(f"labels.rollout={quoted(query.rollout)}")
        if query.image:
            clauses.append(quoted(query.image))
        if query.image or query.outcomes:
            clauses.append('jsonPayload.entry="outcome"')
        if query.since is not None:
            clauses.append(since(query.since))
        subject = f"ledger of {query.service or self._ref.project}"
        found = await newest_entries(self._wire, self._ref.project, clauses, query.limit, subject)
        found.sort(key=_newness, reverse=True)
        return tuple(json_object(part(one, "jsonPayload")) for one in found)

    async def history(self, begin: datetime | None = None) -> AsyncIterator[dict[str, Json]]:
        """Every entry about the service that is kept, oldest first.

        Cloud Logging keeps them for as long as the log's bucket says.

        Args:
            begin: leave out what is older than this.

        Raises:
            AccessError, UnavailableError: as in gate.errors.
        """
        clauses = [f"logName={quoted(self._log_name)}", *self._of_service(self._ref.name)]
        clauses += [since(begin)] if begin else []
        subject = f"ledger of {self._ref.name}"
        async for one in oldest_entries(self._wire, self._ref.project, clauses, subject):
            yield json_object(part(one, "jsonPayload"))

    def _of_service(self, name: str) -> tuple[str, str]:
        return (
            f"labels.service={quoted(name)}",
            f"resource.labels.location={quoted(self._ref.region)}",
        )

    def _entry(self, entry: dict[str, Json], rollout: str, sequence: int, subject: str) -> Document:
        return {
            "logName": self._log_name,
            "resource": {
                "type": "cloud_run_revision",
                "labels": {
                    "project_id": self._ref.project,
                    "location": self._ref.region,
                    "service_name": self._ref.name,
                    "configuration_name": self._ref.name,
                },
            },
            "timestamp": _timestamp(entry, subject).isoformat(),
            "severity": _severity(entry).name,
            "insertId": f"{rollout}-{sequence:06d}",
            "labels": {"service": self._ref.name, "rollout": rollout, "sequence": str(sequence)},
            "jsonPayload": entry,
        }


def _size_bytes(made: Document, subject: str) -> int:
    try:
        text = json.dumps(made, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return len(text.encode())
    except ValueError as error:
        raise InfrastructureError(f"{subject}: is no JSON (got {error})") from None


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


def _newness(entry: Document) -> tuple[datetime, int]:
    sequence = text(entry, "labels", "sequence")
    return moment(entry, "timestamp") or _NEVER, int(sequence) if sequence.isdecimal() else 0
