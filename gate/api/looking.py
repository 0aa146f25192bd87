"""How a service stands, with its last decisions where they can be had in time."""

import asyncio

from gate.api import wiring
from gate.core.policy import Json
from gate.core.service import Revision, Service, ServiceRef
from gate.errors import InfrastructureError
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
        note = f"the last decisions cannot be read: {problem}" if problem else ""
        return service, revisions, entries, note


async def _decisions(ref: ServiceRef, ledger: Ledger) -> tuple[tuple[dict[str, Json], ...], str]:
    """The last decisions, and why they cannot be read."""
    try:
        return await ledger.entries(LedgerQuery(service=ref.name, limit=DECISIONS)), ""
    except InfrastructureError as error:
        return (), str(error)
