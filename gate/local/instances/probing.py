"""When a container is asked, and what its answers come to: startup and liveness probes.

Knows neither processes nor sockets: an attempt is a call that answers "" or why not.
"""

import asyncio
from dataclasses import dataclass

from gate.local.instances.asking import Ask
from gate.local.ports import ProbeSpec


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a startup probe ended.

    Attributes:
        tries: attempts until it succeeded, or failures in a row.
        cause: why the last attempt failed; "" when it succeeded.
    """

    tries: int
    cause: str


async def await_startup(probe: ProbeSpec, ask: Ask) -> Outcome:
    """Asks until an attempt succeeds, or as many have failed as the probe allows."""
    await _pause(probe.initial_delay_s)
    tries = 0
    while True:
        begun_s = asyncio.get_running_loop().time()
        cause = await ask()
        tries += 1
        if not cause or tries >= probe.failure_threshold:
            return Outcome(tries, cause)
        await _rest(probe, begun_s)


async def await_death(probe: ProbeSpec, ask: Ask) -> Outcome:
    """Asks for as long as the container lives; returns when it has failed for good."""
    await _pause(probe.initial_delay_s)
    failures = 0
    while True:
        begun_s = asyncio.get_running_loop().time()
        cause = await ask()
        failures = failures + 1 if cause else 0
        if cause and failures >= probe.failure_threshold:
            return Outcome(failures, cause)
        await _rest(probe, begun_s)


async def _rest(probe: ProbeSpec, begun_s: float) -> None:
    """Waits for the next period: periods begin at regular times, whatever an attempt took."""
    await _pause(begun_s + probe.period_s - asyncio.get_running_loop().time())


async def _pause(delay_s: float) -> None:
    if delay_s > 0:
        await asyncio.sleep(delay_s)
