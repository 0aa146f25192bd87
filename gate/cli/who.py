"""Who asks: by the credentials that the gate acts with, else by nobody's word but their own."""

import asyncio
import os
import sys
from dataclasses import replace

from gate.cli import wiring
from gate.core.permits import Who
from gate.core.state import Plan
from gate.errors import InfrastructureError

WITHIN_S = 10.0
"""How long it may take to find out."""


async def known(plan: Plan) -> Plan:
    """The plan with who asks, where anything hangs on it."""
    if not plan.asks_who:
        return plan
    who = await asks()
    name = who.name if who.authenticated else ""
    return replace(plan, who=who, origin=replace(plan.origin, principal=name))


async def asks() -> Who:
    """Who asks. With an emulator, which takes anybody, a name is only claimed."""
    claimed = Who(wiring.actor())
    if os.environ.get(wiring.RUN_EMULATOR):
        return claimed
    from gate.cloud.principal import principal  # noqa: PLC0415 - google-auth takes its time

    try:
        async with asyncio.timeout(WITHIN_S):
            name = await principal(os.environ.get(wiring.IMPERSONATED, ""))
    except TimeoutError:
        print(f"note: nobody told within {WITHIN_S:g} s who you are", file=sys.stderr)
        return claimed
    except InfrastructureError as error:
        print(f"note: {error.message}", file=sys.stderr)
        return claimed
    return Who(name, authenticated=True) if name else claimed
