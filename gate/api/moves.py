"""What a move by hand or a quarantine must know: the revisions, what the ledger remembers."""

import asyncio
from dataclasses import replace

from gate.core.service import Revision, Service
from gate.core.stable import way_back
from gate.core.state import Kind, Past, Plan
from gate.errors import InfrastructureError, NotFoundError
from gate.ledger.past import past_of
from gate.ports import Ledger, LedgerQuery, Platform
from gate.report.safe import WHOLE, safe

HISTORY = 50
"""How many decisions are remembered of a service."""
LEDGER_WITHIN_S = 2.0
"""How long the ledger is waited for where nothing else says what served before."""
RECORD_WITHIN_S = 1.0
"""The same for a revision that was named, whose record is only worth a warning."""


async def prepared(plan: Plan, platform: Platform, ledger: Ledger) -> Plan:
    """The plan with what exists and what is remembered.

    The ledger is asked beside the rest, and waited for only where nothing else has the answer.
    """
    if plan.kind not in {Kind.PROMOTE, Kind.ROLLBACK} and not plan.quarantine:
        return plan
    named = plan.stable if plan.quarantine else plan.revision
    within_s = RECORD_WITHIN_S if named else LEDGER_WITHIN_S
    asking = asyncio.create_task(_past(plan, ledger))
    try:
        revisions, found = await asyncio.gather(_revisions(plan, platform), _found(plan, platform))
        plan = replace(plan, revisions=revisions)
        if found is not None and way_back(found, revisions).revision:
            return plan
        return replace(plan, past=await asyncio.wait_for(asyncio.shield(asking), within_s))
    except TimeoutError:
        return replace(plan, past=Past(silent=f"it gave no answer in {within_s:g} s"))
    finally:
        asking.cancel()


async def _revisions(plan: Plan, platform: Platform) -> tuple[Revision, ...]:
    """Those that exist; a promotion, or a rollback that crosses everything, can do without."""
    try:
        return await platform.list_revisions()
    except NotFoundError:
        return ()  # to be refused, and recorded
    except InfrastructureError:
        if (plan.kind is Kind.ROLLBACK and not plan.cross) or plan.quarantine:
            raise
        return ()


async def _found(plan: Plan, platform: Platform) -> Service | None:
    """The service, where nobody names the way back; None where the rollout itself will say."""
    goes_back = plan.quarantine or plan.kind is Kind.ROLLBACK
    if not goes_back or (plan.stable if plan.quarantine else plan.revision):
        return None
    try:
        return await platform.read_service()
    except InfrastructureError:
        return None


async def _past(plan: Plan, ledger: Ledger) -> Past:
    try:
        entries = await ledger.entries(
            LedgerQuery(service=plan.service.name, limit=HISTORY, outcomes=True)
        )
    except InfrastructureError as error:
        return Past(silent=error.message)
    return past_of(entries)


def led_on(error: InfrastructureError, what: str, command: str) -> InfrastructureError:
    """The same error with the command of gcloud that leads on, and what that does."""
    ways = (error.hint, f"{what}:\n  {safe(command, WHOLE)}")
    return type(error)(error.message, "\n".join(filter(None, ways)))
