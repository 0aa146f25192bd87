"""Who answers at an address, the platform's front end or the application: asked once."""

import asyncio

import h11

from gate.core.access import Reached
from gate.ports import Headers
from gate.probes.answer import (
    IAP_SAYS,
    REFUSED,
    WITHIN_S,
    Context,
    FirstAnswer,
    first_answer,
)
from gate.probes.frontend import recognise

_IAP_HINT = "whoever probes needs roles/iap.httpsResourceAccessor, and a token that IAP takes"


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
    status = answer.status
    if answer.iap:
        return Reached(status, IAP_SAYS, _IAP_HINT, refused=True, iap=True)
    said = recognise(status, answer.body, answer.authenticate)
    if said is None:
        return Reached(status, empty=not answer.body.strip())
    return Reached(
        status,
        said.meaning,
        said.hint,
        refused=status in REFUSED,
        nowhere=said.unknown,
    )
