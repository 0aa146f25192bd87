"""All journeys of a probe, step by step beside each other, and what they come to.

Every journey takes a step before any takes the next one, so that what one user wrote is there when
another looks. What cleans up is asked whatever failed, and also where the gate is stopped.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import replace

from gate.core.evidence import Evidence, Outcome
from gate.core.shapes import together
from gate.kinds.journey import JourneyProbe
from gate.kinds.steps import Step
from gate.probes import headers
from gate.probes.inquiry import Draft, Inquiry, Tally, told_before
from gate.probes.journey import told
from gate.probes.journey.asked import AskedStep
from gate.probes.journey.traveller import Traveller
from gate.probes.outcome import CannotAskError, Fault, worst
from gate.probes.web.asking import Before
from gate.probes.words import Words

KIND = "journey"
CLEAN_UP_WITHIN_S = 5.0
"""How long cleaning up may take once the gate was stopped."""
_NAMES_MAX = 3


async def ask(inquiry: Inquiry[JourneyProbe]) -> Evidence:
    """Takes every journey to its end, or to its first wrong answer, and cleans up.

    Raises:
        CannotAskError: a request cannot be built from the policy.
    """
    spec, run = inquiry.spec, inquiry.run
    steps = _asked(spec, spec.steps, always=False)
    always = _asked(spec, spec.always, always=True)
    draft = inquiry.begin(KIND, told.asked(spec), told.expected(spec, steps))
    trace, before = headers.Trace(), Before(run)
    owners: dict[str, str] = {}
    hidden: dict[str, str] = {}
    users = [user for user in (spec.users or ("",)) for _ in range(spec.times)]
    travellers = [
        Traveller(user, number, run, trace, before, owners, spec.captures, hidden)
        for number, user in enumerate(users, 1)
    ]
    try:
        await _onwards(inquiry, travellers, steps)
        await _clean_up(travellers, always)
    except BaseException:  # stopped, or something cannot be asked: what was made is still there
        await _hurriedly(travellers, always)
        raise
    seen = _evidence(draft, travellers, told_before(before.told, run.words), trace.id)
    timed = spec.slower_percent is not None or not spec.writes  # to be told, it is not made again
    return replace(seen, took=tuple(told.times(travellers)) if timed else ())


def _asked(spec: JourneyProbe, steps: Iterable[Step], *, always: bool) -> list[AskedStep]:
    return [
        AskedStep(number, step, spec.timeout_s, always=always)
        for number, step in enumerate(steps, 1)
    ]


async def _onwards(
    inquiry: Inquiry[JourneyProbe], travellers: Sequence[Traveller], steps: Sequence[AskedStep]
) -> None:
    for number, step in enumerate(steps):
        going = [one for one in travellers if one.going]
        if not going:
            return
        inquiry.report(step.where, number, len(steps))
        await _together(one.go(step, _label(one, step)) for one in going)


def _label(one: Traveller, step: AskedStep) -> str:
    """Of one journey, each answer's shape is looked at: all of them ask the same."""
    return step.where if one.number == 1 else ""


async def _clean_up(travellers: Sequence[Traveller], always: Sequence[AskedStep]) -> None:
    for step in always:
        left = [one for one in travellers if all(stop.step is not step for stop in one.stops)]
        await _together(one.go(step) for one in left)


async def _hurriedly(travellers: Sequence[Traveller], always: Sequence[AskedStep]) -> None:
    with contextlib.suppress(TimeoutError, CannotAskError):
        async with asyncio.timeout(CLEAN_UP_WITHIN_S):
            await _clean_up(travellers, always)


async def _together(work: Iterable[Awaitable[None]]) -> None:
    """All at the same time; the first exception ends all of them, and is raised itself."""

    async def one(of: Awaitable[None]) -> None:
        await of

    try:
        async with asyncio.TaskGroup() as group:
            for of in work:
                group.create_task(one(of))
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _evidence(
    draft: Draft, travellers: Sequence[Traveller], before: Sequence[str], trace: str
) -> Evidence:
    """What all journeys come to: each of them must have gone right."""
    words = travellers[0].words
    faults = Counter(_hidden(words, fault) for one in travellers for fault in one.faults)
    right = sum(one.going for one in travellers)
    outcome = worst(faults) if faults else Outcome.PASSED
    if where := told.expected_there(travellers):
        draft = replace(draft, expected=where)
    names = sorted({name for one in travellers for name in one.names})[:_NAMES_MAX]
    return draft.end(
        told.seen(travellers, words),
        faults,
        (*before, *told.excerpts(travellers, words)),
        trace=trace,
        answered_by=", ".join(names),
        tally=Tally(len(travellers), right, outcome),
        shape=together(shape for one in travellers for shape in one.shapes),
    )


def _hidden(words: Words, fault: Fault) -> Fault:
    """The fault without what was captured, which no other words know."""
    line = words.line
    return replace(
        fault, seen=line(fault.seen), expected=line(fault.expected), hint=line(fault.hint)
    )
