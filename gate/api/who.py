"""Who asks: by the credentials that the gate acts with, else by nobody's word but their own."""

import asyncio
from dataclasses import replace

from gate.api import asker, wiring
from gate.api.around import environment
from gate.core.permits import Who
from gate.core.state import Plan
from gate.errors import InfrastructureError

WITHIN_S = 10.0
"""How long it may take to find out."""


async def known(plan: Plan) -> Plan:
    """The plan with who asks, where anything hangs on it."""
    if not plan.asks_who:
        return plan
    return replace(plan, who=await asks(plan.actor))


async def asks(actor: str = "") -> Who:
    """Who asks. With an emulator, which takes anybody, a name is only claimed.

    Args:
        actor: who they say they are, "" for whom the environment names.
    """
    claimed = Who(actor or asker.actor())
    if environment().get(wiring.RUN_EMULATOR):
        return claimed
    from gate.cloud.principal import principal  # noqa: PLC0415 - google-auth takes its time

    try:
        async with asyncio.timeout(WITHIN_S):
            name = await principal(environment().get(wiring.IMPERSONATED, ""))
    except TimeoutError:
        return replace(claimed, doubt=f"Google gave no answer in {WITHIN_S:g} s")
    except InfrastructureError as error:
        return replace(claimed, doubt=error.message)
    return Who(name, authenticated=True) if name else claimed
