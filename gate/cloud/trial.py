"""Tries to write and to read the ledger's log, and leaves nothing in it."""

from datetime import UTC, datetime

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.decisions import LOG_ID
from gate.cloud.documents import Document
from gate.cloud.entries import newest_entries, quoted
from gate.cloud.wire import Patience, Query, Ways, Wire
from gate.core.service import ServiceRef

_PATIENCE = Patience(budget_s=8.0)


async def try_writing(ref: ServiceRef, endpoint: Endpoint, ways: Ways | None = None) -> None:
    """Writes an entry that Cloud Logging checks and does not keep (`dryRun`).

    Raises:
        AccessError, UnavailableError: as in gate.errors.
    """
    labels: Document = {"project_id": ref.project, "location": ref.region, "service_name": ref.name}
    body: Document = {
        "logName": f"projects/{ref.project}/logs/{LOG_ID}",
        "resource": {"type": "cloud_run_revision", "labels": labels},
        "entries": [{"textPayload": "gate doctor: not kept"}],
        "dryRun": True,
    }
    query = Query("POST", "/v2/entries:write", f"log {LOG_ID} of {ref.project}", body)
    async with Wire(Place(Api.LOGGING, endpoint), _PATIENCE, ways) as wire:
        await wire.call(query)


async def try_reading(
    ref: ServiceRef, endpoint: Endpoint, since: datetime, ways: Ways | None = None
) -> None:
    """Asks for one entry of it.

    Raises:
        AccessError, UnavailableError: as in gate.errors.
    """
    clauses = [
        f"logName={quoted(f'projects/{ref.project}/logs/{LOG_ID}')}",
        f"timestamp>={quoted(since.astimezone(UTC).isoformat())}",
    ]
    async with Wire(Place(Api.LOGGING, endpoint), _PATIENCE, ways) as wire:
        await newest_entries(wire, ref.project, clauses, 1, f"log {LOG_ID} of {ref.project}")
