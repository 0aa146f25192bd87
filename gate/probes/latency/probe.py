"""Asks how fast candidate and stable answer, open loop and in turns, and says what follows."""

import asyncio
import secrets
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace

from gate.core.evidence import STABLE, Evidence, Outcome
from gate.core.percentiles import Interval
from gate.core.template import parse_json
from gate.kinds.latency import LatencyProbe
from gate.ports import Target
from gate.probes.headers import Trace
from gate.probes.identity import Identity
from gate.probes.inquiry import Draft, Inquiry, Run, Tally, told_before
from gate.probes.latency import judging, telling
from gate.probes.latency.client import OPEN_MAX, Client, Question
from gate.probes.latency.instrument import measure, own_server
from gate.probes.latency.judging import Measured
from gate.probes.latency.meter import Meter
from gate.probes.latency.schedule import Schedule, Side, schedule
from gate.probes.outcome import Fault, worst
from gate.probes.web.asking import Before, Reply, ask_patiently
from gate.probes.web.proof import prove

KIND = "latency"
FIRST_WITHIN_S = 60.0
"""Least limit for the first answer: it may wait for an instance to start."""
_OWN = Question("GET", "/", (), parse_json(None), (200,), 10.0)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One probe on its way.

    Attributes:
        first_s: how long the first answer of each side took.
        open_max: most connections of a side.
    """

    inquiry: Inquiry[LatencyProbe]
    question: Question
    trace: Trace
    before: Before
    seed: int
    open_max: int
    first_s: dict[str, float] = field(default_factory=dict)


async def ask(
    inquiry: Inquiry[LatencyProbe], *, open_max: int = OPEN_MAX, seed: int | None = None
) -> Evidence:
    """Measures, and judges errors, limits and the comparison with stable.

    Stable, where the target has one, is asked in between; what it showed goes to inquiry.control.

    Args:
        inquiry: what to ask.
        open_max: most connections of a side.
        seed: of the order of the blocks; drawn where None, and told in any case.

    Raises:
        CannotAskError: the request cannot be built from the policy.
    """
    spec, run = inquiry.spec, inquiry.run
    draft = inquiry.begin(KIND, telling.asked(spec), telling.expected(spec))
    drawn = secrets.randbits(32) if seed is None else seed
    before = Before(run)
    one = _Asking(inquiry, Question.of(spec), Trace(), before, drawn, open_max)
    fault, name = await _first(one, run, Side.CANDIDATE)
    if fault is not None and (spec.errors_percent == 0 or fault.outcome is not Outcome.FAILED):
        excerpts = told_before(before.told, run.words)
        return draft.end(fault.seen, [fault], excerpts, trace=one.trace.id, answered_by=name)
    stable, why_alone = await _stable(one)
    measured, plan = await _measure(one, stable)
    if stable is not None and stable.identity.path:
        why_alone = await _unproven(stable)
        measured = replace(measured, stable=None if why_alone else measured.stable)
    measured = replace(measured, why_alone=why_alone)
    # off the loop: importing the libraries takes longer than others can wait
    found = await asyncio.to_thread(judging.ratio, spec, measured)
    wrong = await asyncio.to_thread(judging.faults, spec, measured, found)
    if measured.stable is not None:
        there = await asyncio.to_thread(judging.faults_of_stable, spec, measured)
        inquiry.control(_control(one, draft, measured, there))
    return _candidate(one, draft, measured, plan, found, wrong)


async def _first(one: _Asking, run: Run, side: Side) -> tuple[Fault | None, str]:
    """Waits until the address is the right revision's, and notes how long the first answer took."""
    spec = one.inquiry.spec
    within_s = max(spec.timeout_s, FIRST_WITHIN_S)
    reply: Reply = await ask_patiently(
        run, lambda: one.question.request(run, one.trace), within_s, spec.status, one.before
    )
    if reply.answer is not None:
        one.first_s[side.value] = reply.answer.took_s
    return reply.wrong(spec.status), reply.name


async def _stable(one: _Asking) -> tuple[Run | None, str]:
    """Stable's side if it can be compared with, else why not."""
    target = one.inquiry.run.target.stable
    if target is None:
        return None, ""
    run = _at(one.inquiry.run, target)
    if run.identity.path and (why := await _unproven(run)):
        return None, why
    fault, _ = await _first(one, run, Side.STABLE)
    return (run, "") if fault is None else (None, f"stable itself does not answer: {fault.seen}")


def _at(run: Run, target: Target) -> Run:
    identity = Identity(target.identity, target.revision)
    return replace(run, target=target, identity=identity)


async def _unproven(run: Run) -> str:
    """Why nobody knows that stable answers as stable, "" if it does."""
    fault = (await prove(run)).fault
    return f"stable does not say that it answers: {fault.seen}" if fault else ""


async def _measure(one: _Asking, stable: Run | None) -> tuple[Measured, Schedule]:
    spec, run = one.inquiry.spec, one.inquiry.run
    sides = (Side.CANDIDATE, Side.STABLE) if stable else (Side.CANDIDATE,)
    plan = schedule(spec, sides, one.seed)
    meters = {side: Meter(plan.blocks) for side in (*sides, Side.OWN)}
    async with AsyncExitStack() as stack:
        own = _at(run, Target(await stack.enter_async_context(own_server())))
        asked = [(Side.CANDIDATE, run, one.question), (Side.OWN, own, _OWN)]
        asked += [(Side.STABLE, stable, one.question)] if stable else []
        clients = {
            side: await stack.enter_async_context(Client(who, question, one.trace, one.open_max))
            for side, who, question in asked
        }
        await measure(plan, clients, meters, one.inquiry.report)
    measured = Measured(
        meters[Side.CANDIDATE],
        meters[Side.OWN],
        one.seed,
        one.open_max,
        meters.get(Side.STABLE),
    )
    return measured, plan


def _candidate(
    one: _Asking,
    draft: Draft,
    measured: Measured,
    plan: Schedule,
    found: Interval | None,
    wrong: Mapping[Fault, int],
) -> Evidence:
    spec, words, meter = one.inquiry.spec, one.inquiry.run.words, measured.candidate
    lines = telling.excerpts(spec, measured, plan, found, one.first_s)
    evidence = draft.end(
        telling.seen(spec, measured),
        wrong,
        (*told_before(one.before.told, words), *map(words.line, lines)),
        trace=one.trace.id,
        answered_by=", ".join(sorted(meter.names)),
        tally=Tally(meter.asked, meter.right, worst(wrong)),
    )
    return replace(evidence, percentiles=telling.percentiles(meter))


def _control(
    one: _Asking, draft: Draft, measured: Measured, wrong: Mapping[Fault, int]
) -> Evidence:
    """What stable showed by itself: errors and limits, as if it were the candidate."""
    meter = measured.stable or measured.candidate
    evidence = draft.end(
        telling.seen_of_stable(one.inquiry.spec, measured),
        wrong,
        trace=one.trace.id,
        answered_by=", ".join(sorted(meter.names)),
        tally=Tally(meter.asked, meter.right, worst(wrong)),
    )
    return replace(evidence, address=STABLE, percentiles=telling.percentiles(meter))
