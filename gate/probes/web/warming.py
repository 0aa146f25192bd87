"""Wakes a target that is scaled to zero: a late first answer is a cold start, not a failure."""

from gate.core.evidence import Outcome
from gate.probes import headers
from gate.probes.inquiry import Run
from gate.probes.web.asking import Reply, ask_once, plain_request

ANY = (200,)
PAUSE_S = 0.5
BROKEN_MAX = 3
"""So often the front end may say that the container broke before it is asked no more."""


async def warm(run: Run, within_s: float) -> None:
    """Asks until the container answers, whatever it says; the probes say what that is worth.

    Args:
        run: whom to ask.
        within_s: how long at most.
    """
    begun, broken = run.clock.now(), 0
    while (left_s := within_s - (run.clock.now() - begun).total_seconds()) > 0:
        reply = await ask_once(run, plain_request(run, headers.Trace(), "/"), left_s, ANY)
        broken += _broke(reply)
        if _answered(reply) or broken >= BROKEN_MAX:
            return
        await run.clock.sleep(min(PAUSE_S, left_s))


def _answered(reply: Reply) -> bool:
    return reply.answer is not None and reply.front_end is None and not reply.from_other


def _broke(reply: Reply) -> bool:
    said = reply.front_end
    return said is not None and said.outcome is Outcome.FAILED
