"""Waits until the candidate answers at its address: a suite is too long to be asked twice."""

from dataclasses import replace
from functools import partial

from gate.core.evidence import Outcome, Symptom
from gate.probes.headers import Trace
from gate.probes.inquiry import Run
from gate.probes.outcome import Fault
from gate.probes.web.asking import Before, Reply, ask_patiently, plain_request

LOOK_S = 10.0
_ANY = (200,)
_EXPECTED = "an answer of the candidate"


async def arrive(run: Run, trace: Trace, before: Before) -> Fault | None:
    """Asks for `/` until the candidate, and nobody else, answers with whatever it has to say.

    Nothing is asked where the address has long been the candidate's.

    Args:
        run: whom to ask.
        trace: of the probe.
        before: told what was seen on the way.

    Returns:
        Why the suite need not run at all; None if the candidate is there.
    """
    if not run.arrival.awaited:
        return None
    run = replace(run, identity=run.identity.anew())  # what it says here speaks for no test
    ask = partial(plain_request, run, trace, "/")
    reply = await ask_patiently(run, ask, LOOK_S, _ANY, before)
    wrong = reply.wrong(_ANY)
    if wrong is not None and wrong.not_yet and run.readiness.left_s(run.clock.now()):
        return replace(wrong, expected="a candidate that is ready")
    fault = _fault(reply)
    return replace(fault, expected=_EXPECTED) if fault else None


def _fault(reply: Reply) -> Fault | None:
    """What stands in the way; an answer that broke off does not: the suite will tell of it."""
    if reply.front_end is not None:
        return None if reply.front_end.outcome is Outcome.FAILED else reply.fault
    if reply.doubt is not None and reply.name:
        return reply.doubt.fault
    return reply.fault if reply.fault and reply.fault.symptom is Symptom.CONNECT else None
