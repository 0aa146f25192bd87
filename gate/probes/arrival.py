"""Waits until the front end serves the candidate's address, before anything is asked there.

Cloud Run reports a tag's URL before every front end knows it: traffic changes are "not
instantaneous" (cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration), and until then the
address gets the front end's own 404. That says nothing about the candidate.
"""

import ssl
from collections.abc import Callable

from gate.ports import Clock, Target
from gate.probes.frontend import recognise
from gate.probes.headers import Trace, render
from gate.probes.http.exchange import ExchangeError, Request, exchange

WITHIN_S = 60.0
"""Then the probes ask all the same, and say what they get."""
IN_A_ROW = 2
"""Answers in a row that count as served: one front end may know what the next does not yet."""
PAUSES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
ASK_WITHIN_S = 10.0


async def arrived(
    target: Target, clock: Clock, tls: ssl.SSLContext | None, report: Callable[[str], None]
) -> bool:
    """Whether the front end came to know the address; the candidate may still be broken.

    Args:
        target: the address; asked for `/` with its headers.
        clock: time, for the limit and the pauses.
        tls: context for https.
        report: told once, if there is something to wait for.
    """
    began = clock.now()
    served = 0
    looks = 0
    while served < IN_A_ROW:
        if await _unknown(target, tls):
            served = 0
            if not looks:
                report("waiting until the front end serves this address")
            if (clock.now() - began).total_seconds() >= WITHIN_S:
                return False
            await clock.sleep(PAUSES_S[min(looks, len(PAUSES_S) - 1)])
            looks += 1
        else:
            served += 1
    return True


async def _unknown(target: Target, tls: ssl.SSLContext | None) -> bool:
    """Whether the front end answers that it knows no such address."""
    request = Request("GET", f"{target.url}/", render(Trace(), target.headers, (), {}))
    try:
        answer = await exchange(request, ASK_WITHIN_S, tls)
    except ExchangeError:
        return False  # whatever it is, the probes will see and name it
    known = recognise(answer.status, answer.text)
    return known is not None and known.unknown_address
