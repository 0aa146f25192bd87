"""Who wrote on a service, by the platform's own audit log (Cloud Audit Logs, Admin Activity).

That log is always on, is kept for 400 days, and nobody can turn it off or write into it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import moment, text
from gate.cloud.entries import newest_entries, quoted
from gate.cloud.wire import OverWire, Patience, Ways, Wire
from gate.core.service import ServiceRef

LOG_ID = "cloudaudit.googleapis.com%2Factivity"
LIMIT = 50


@dataclass(frozen=True, slots=True)
class Write:
    """One accepted write on a service: when, by whom (e-mail address), and by which method."""

    at: datetime
    who: str
    method: str


class AuditLog(OverWire):
    """Reads who wrote on one service.

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
        self._wire = Wire(Place(Api.LOGGING, endpoint), patience, ways)

    async def writes(self, since: datetime, until: datetime) -> tuple[Write, ...]:
        """The writes between two moments, oldest first, the newest LIMIT of them.

        Raises:
            AccessError, UnavailableError: as in gate.errors.
        """
        ref = self._ref
        clauses = [
            f"logName={quoted(f'projects/{ref.project}/logs/{LOG_ID}')}",
            'protoPayload.serviceName="run.googleapis.com"',
            f"resource.labels.service_name={quoted(ref.name)}",
            f"resource.labels.location={quoted(ref.region)}",
            'protoPayload.methodName:("ReplaceService" OR "UpdateService" OR "CreateService")',
            f"timestamp>={quoted(since.astimezone(UTC).isoformat())}",
            f"timestamp<={quoted(until.astimezone(UTC).isoformat())}",
        ]
        subject = f"audit log of {ref.name}"
        found = await newest_entries(self._wire, ref.project, clauses, LIMIT, subject)
        return tuple(
            Write(
                at,
                text(one, "protoPayload", "authenticationInfo", "principalEmail"),
                text(one, "protoPayload", "methodName").rpartition(".")[2],
            )
            for one in reversed(found)
            if (at := moment(one, "timestamp"))
        )
