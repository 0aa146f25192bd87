"""How a service stands, with its last decisions where they can be had in time."""

import asyncio
from datetime import datetime

from gate.api import wiring
from gate.core.lease import LeaseState, half_done, lease_state
from gate.core.policy import Json
from gate.core.service import Revision, Service, ServiceRef
from gate.core.state import Kind
from gate.errors import ExitCode, InfrastructureError
from gate.ports import Ledger, LedgerQuery

DECISIONS = 20
LEDGER_WITHIN_S = 2.0
"""How long the last decisions are waited for once the service has been read."""


async def stands(
    ref: ServiceRef,
) -> tuple[Service, tuple[Revision, ...], tuple[dict[str, Json], ...], str]:
    """The service, its revisions, its last decisions, and why those could not be read."""
    async with wiring.platform_of(ref) as platform, wiring.ledger_of(ref) as ledger:
        deciding = asyncio.create_task(_decisions(ref, ledger))
        try:
            service, revisions = await asyncio.gather(
                platform.read_service(), platform.list_revisions()
            )
            done, _ = await asyncio.wait({deciding}, timeout=LEDGER_WITHIN_S)
        finally:
            deciding.cancel()
        late = f"the ledger gave no answer in {LEDGER_WITHIN_S:g} s"
        entries, problem = deciding.result() if done else ((), late)
        return service, revisions, entries, problem


async def _decisions(ref: ServiceRef, ledger: Ledger) -> tuple[tuple[dict[str, Json], ...], str]:
    """The last decisions, and why they cannot be read."""
    try:
        return await ledger.entries(LedgerQuery(service=ref.name, limit=DECISIONS)), ""
    except InfrastructureError as error:
        return (), str(error)


async def read(ref: ServiceRef) -> Service:
    """The service alone.

    Raises:
        NotFoundError, AccessError, UnavailableError: as in gate.errors.
    """
    async with wiring.platform_of(ref) as platform:
        return await platform.read_service()


def idle(service: Service, now: datetime) -> ExitCode | None:
    """The exit code where there is nothing to recover; None where there is."""
    lease = lease_state(service, now)
    if lease is LeaseState.LAPSED or half_done(service):
        return None
    return ExitCode.HELD if lease is LeaseState.UNREADABLE else ExitCode.DONE


def idle_document(ref: ServiceRef, exit_code: ExitCode, error: str = "") -> dict[str, Json]:
    """What stands for the outcome of a recovery that there was none of."""
    return {
        "kind": Kind.RECOVER.value,
        "project": ref.project,
        "region": ref.region,
        "service": ref.name,
        "ending": "failed" if error else "nothing to do",
        "exit_code": int(exit_code),
        "notes": [error] if error else [],
    }
