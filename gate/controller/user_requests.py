"""Has users' own requests counted; whatever hinders that becomes a value, and the core decides."""

import asyncio

from gate.core.messages import Counted, CountRequests
from gate.errors import AccessError, InfrastructureError
from gate.ports import Clock, RequestQuery, UserRequests

WITHIN_S = 60.0
"""How long one count may take; users are on the candidate meanwhile."""


async def counted(command: CountRequests, source: UserRequests | None, clock: Clock) -> Counted:
    """What was counted, or why it was not.

    Args:
        command: whose requests.
        source: counts them, None where nobody can.
        clock: time.
    """
    if source is None:
        problem = "nobody counts them here"
        return Counted(clock.now(), None, problem, forbidden=True)
    query = RequestQuery(
        command.revision,
        command.stable,
        command.since,
        command.stable_since,
        clock.now(),
        command.stable_until,
        command.not_users,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            counts = await source.count(query)
    except TimeoutError:
        return Counted(clock.now(), None, f"no answer in {WITHIN_S:g} s")
    except InfrastructureError as error:
        denied = isinstance(error, AccessError)
        return Counted(clock.now(), None, error.message, error.hint, forbidden=denied)
    return Counted(clock.now(), counts)
