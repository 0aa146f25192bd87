"""Audit log entries of what became of services and revisions: filters for errors see them.

Cloud Run writes one for each change of Ready to True or False, into the log of system events, under
the revision's resource; one about a service has an empty revision name. The form, the code 9 and
the severity of a failed revision are recorded, the texts of success, too. How a failed service is
worded no source tells: here as a revision.

Each accepted write on a service has an entry in the log of activity, which names who wrote.
"""

from datetime import datetime
from typing import Final

from gate.local.admin.conditions import Kind, State, find, state_of
from gate.local.admin.messages import Condition
from gate.local.admin.surroundings import Surroundings
from gate.local.admin.tables import RevisionRecord, ServiceRecord
from gate.local.admin.v1.fields import Json
from gate.local.admin.v1.revision import revision_v1
from gate.local.api.errors import Code
from gate.local.ports import ACTIVITY_LOG, AUDIT_LOG, JsonValue, LogLine, RevisionKey

_AUDIT: Final = "type.googleapis.com/google.cloud.audit.AuditLog"
_REVISION: Final = "type.googleapis.com/google.cloud.run.v1.Revision"


def revision_changed(
    held: RevisionRecord, owner: ServiceRecord, surroundings: Surroundings
) -> None:
    """Notes that a revision became ready, or that it did not."""
    ready = find(held.resource.conditions, Kind.READY)
    if ready is None:
        return
    name = held.key.revision
    more: Json = {
        "methodName": f"/Services.{'Create' if held.number == 1 else 'Replace'}Service",
        "resourceName": f"namespaces/{owner.key.project}/revisions/{name}",
        "response": {"@type": _REVISION, **revision_v1(held, owner)},
    }
    _note(held.key, f"Revision {name}", ready, more, surroundings)


def service_changed(record: ServiceRecord, surroundings: Surroundings) -> None:
    """Notes that a service got where its owner wants it, or that it did not."""
    name = record.key.service
    more: Json = {"resourceName": f"namespaces/{record.key.project}/services/{name}"}
    ready = record.resource.terminal_condition
    _note(RevisionKey(record.key, ""), f"Service {name}", ready, more, surroundings)


def service_written(record: ServiceRecord, surroundings: Surroundings) -> None:
    """Notes who wrote on a service."""
    service = record.resource
    verb = "Create" if service.generation == 1 else "Replace"
    payload: dict[str, JsonValue] = {
        "@type": _AUDIT,
        "serviceName": "run.googleapis.com",
        "methodName": f"google.cloud.run.v1.Services.{verb}Service",
        "resourceName": f"namespaces/{record.key.project}/services/{record.key.service}",
        "authenticationInfo": {"principalEmail": service.last_modifier},
    }
    at = surroundings.now()
    line = LogLine(RevisionKey(record.key, ""), ACTIVITY_LOG, at, "NOTICE", payload)
    surroundings.logs.append(line)


def _note(
    key: RevisionKey, whose: str, ready: Condition, more: Json, surroundings: Surroundings
) -> None:
    good = state_of(ready) is State.SUCCEEDED
    text = f"Ready condition status changed to {good} for {whose}"
    text += f" with message: {ready.message}" if ready.message else "."
    status: dict[str, JsonValue] = {"message": text}
    if not good:
        status["code"] = Code.FAILED_PRECONDITION.number
    payload: dict[str, JsonValue] = {
        "@type": _AUDIT,
        "status": status,
        "serviceName": "run.googleapis.com",
        **more,
    }
    at: datetime = surroundings.now()
    severity = "INFO" if good else "ERROR"
    surroundings.logs.append(LogLine(key, AUDIT_LOG, at, severity, payload))
