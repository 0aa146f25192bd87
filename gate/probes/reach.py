"""Who answers at an address, the platform's front end or the application: asked once."""

import asyncio

import h11

from gate.core.access import Reached
from gate.ports import Headers
from gate.probes.answer import REFUSED, WITHIN_S, Context, FirstAnswer, first_answer
from gate.probes.frontend import recognise


async def who_answers(
    url: str, headers: Headers, context: Context, within_s: float = WITHIN_S
) -> Reached:
    """What one `GET /` gets, and from whom. Never raises.

    Args:
        url: base URL of the service or of a tag.
        headers: what lets the caller in, where something must.
        context: makes the TLS context, where one is needed.
        within_s: how long it is waited for.
    """
    try:
        async with asyncio.timeout(within_s):
            return _told(await first_answer(url, headers, context))
    except TimeoutError:
        return Reached(unreached=f"nothing came in {within_s:g} s")
    except (OSError, ValueError, EOFError, h11.ProtocolError) as error:
        return Reached(unreached=str(error) or type(error).__name__)


def _told(answer: FirstAnswer) -> Reached:
    status, said = answer.status, recognise(answer.status, answer.body, answer.told)
    if said is None:
        return Reached(status, empty=not answer.body.strip())
    return Reached(
        status,
        said.meaning,
        said.hint,
        refused=said.iap or status in REFUSED,
        nowhere=said.unknown,
        iap=said.iap,
    )
