"""Waits until the candidate answers at its address: a suite is too long to be asked twice."""

from collections import Counter

import httpcore

from gate.core.evidence import Symptom
from gate.kinds.suite import SuiteProbe
from gate.probes.frontend import Patience
from gate.probes.inquiry import Inquiry
from gate.probes.outcome import Fault
from gate.probes.suite.upstream import Look, Upstream
from gate.probes.words import TEXT_MAX


async def arrive(
    inquiry: Inquiry[SuiteProbe], upstream: Upstream, before: Counter[str]
) -> Fault | None:
    """Asks for `/` until the candidate, and nobody else, answers with whatever it has to say.

    Nothing is asked where the address has long been the candidate's.

    Args:
        inquiry: the probe.
        upstream: the way to the candidate.
        before: counts what was seen on the way.

    Returns:
        Why the suite need not run at all; None if the candidate is there.
    """
    run = inquiry.run
    if not run.arrival.awaited:
        return None
    patience = Patience(run.arrival, run.clock)
    look = await _look(upstream)
    while (pause_s := patience.pause_s(look.front_end, other=look.other)) is not None:
        told = run.words.line(look.fault.seen if look.fault else "", TEXT_MAX)
        if told not in before:
            inquiry.report(f"asking again: {told}", 0, 0)
        before[told] += 1
        await run.clock.sleep(pause_s)
        look = await _look(upstream)
    if look.early and run.readiness.left_s(run.clock.now()):
        return Fault(Symptom.STATUS, look.early, "a candidate that is ready", not_yet=True)
    return look.fault


async def _look(upstream: Upstream) -> Look:
    try:
        return await upstream.look()
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        return Look()  # it was asked and broke off: the suite will say what that means
