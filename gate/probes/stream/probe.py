"""Streams side by side, and what their sum says of the candidate."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from statistics import median

from gate.core.evidence import Evidence
from gate.kinds.stream import StreamProbe
from gate.probes.inquiry import Inquiry
from gate.probes.sockets.crowd import make_room
from gate.probes.sockets.record import Record
from gate.probes.sockets.results import Results
from gate.probes.stream.plan import Plan
from gate.probes.stream.session import Session

KIND = "stream"
REQUESTS_MAX = 100
"""Most requests that wait for their answer's head at once: more would measure our own queue."""
_TOLD_EVERY_S = 0.5


async def ask(inquiry: Inquiry[StreamProbe]) -> Evidence:
    """Opens the streams together, and judges how many went right.

    Raises:
        CannotAskError: the policy or the target does not allow to ask.
    """
    spec = inquiry.spec
    plan = Plan(spec, inquiry.run)
    draft = inquiry.begin(KIND, plan.asked, plan.expected)
    make_room(spec.connections)
    told = _progress(inquiry)
    reach = inquiry.run.words.reach()
    frames = 16 if spec.connections <= 500 else 6
    sessions = [
        Session(plan, number, Record(reach, frames // 3, frames - frames // 3), told)
        for number in range(1, spec.connections + 1)
    ]
    await _together(sessions)
    results = Results(replace(plan.wanted(), seen=lambda: _times(sessions)))
    results.add(sessions)
    return results.evidence(draft)


async def _together(sessions: Sequence[Session]) -> None:
    """Runs them at the same time; the first exception ends all of them, and is raised itself."""
    few = asyncio.Semaphore(REQUESTS_MAX)
    try:
        async with asyncio.TaskGroup() as group:
            for session in sessions:
                group.create_task(session.run(few))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _progress(inquiry: Inquiry[StreamProbe]) -> Callable[[int], None]:
    """Tells now and then how many events have come, of all streams together."""
    loop = asyncio.get_running_loop()
    count, next_s = 0, loop.time()

    def told(_: int) -> None:
        nonlocal count, next_s
        count += 1
        if (now_s := loop.time()) >= next_s:
            next_s = now_s + _TOLD_EVERY_S
            inquiry.report(f"{count} event{'' if count == 1 else 's'}", 0, 0)

    return told


def _times(sessions: Sequence[Session]) -> str:
    """How quick streams were, of which none went wrong."""
    timings = [session.timing for session in sessions]
    if len(timings) == 1:
        return str(timings[0])
    first_ms = [timing.first_s * 1000 for timing in timings if timing.first_s is not None]
    if not first_ms:
        return ""
    return (
        f"{sum(timing.count for timing in timings)} events, the first after "
        f"{median(first_ms):.0f} ms (median), {max(first_ms):.0f} ms at most"
    )
