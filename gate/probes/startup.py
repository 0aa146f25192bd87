"""Asks how long the first answer takes, and the ones after it: each apart from the other.

The first request goes out before any other of the run, so that it waits for an instance where none
is up. Each has a connection of its own, whose making is part of the time.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from gate.core.evidence import Evidence, Symptom
from gate.kinds.startup import StartupProbe
from gate.probes import headers
from gate.probes.inquiry import Inquiry, Run, Tally, told_before
from gate.probes.outcome import Fault, worst
from gate.probes.readiness import FIRST_PAUSE_S, LONGEST_PAUSE_S
from gate.probes.web.asking import (
    Before,
    Reply,
    ask_once,
    ask_patiently,
    named,
    plain_request,
)
from gate.probes.web.exchange import Request

KIND = "startup"
WARM_TIMEOUT_S = 10.0
"""A warm answer is waited for at least so long, so that its lateness can be told."""
_MINUTES_S = 100.0


@dataclass(frozen=True, slots=True)
class _Timed:
    """One answer, or why there is none, and how long it took from the question to its end."""

    took_s: float
    fault: Fault | None
    name: str = ""


async def ask(inquiry: Inquiry[StartupProbe]) -> Evidence:
    """Asks once, then `warm_requests` times, and judges the times.

    Raises:
        CannotAskError: the request cannot be sent.
    """
    run, spec = inquiry.run, inquiry.spec
    trace = headers.Trace()
    draft = inquiry.begin(KIND, f"GET {spec.path}", _expected(spec))
    before = Before(run)
    first = await _first(run, spec, trace, before)
    inquiry.report(f"first answer after {_time(first.took_s)}", 1, 1 + spec.warm_requests)
    warm = await _warm(inquiry, trace) if first.fault is None else []
    faults = [one.fault for one in (first, *warm) if one.fault is not None]
    right = 1 + len(warm) - len(faults)
    words = run.words
    return draft.end(
        _seen(first, warm),
        {fault: faults.count(fault) for fault in faults},
        [*told_before(before.told, words), *map(words.line, _excerpts(run, spec, first, warm))],
        trace=trace.id,
        answered_by=", ".join(sorted({one.name for one in (first, *warm) if one.name})),
        tally=Tally(1 + len(warm), right, worst(faults)),
    )


async def _first(run: Run, spec: StartupProbe, trace: headers.Trace, before: Before) -> _Timed:
    """The first answer; what the front end or another revision said before it does not count.

    Except that no instance had room: then the revision itself was waited for. What says by itself
    that it is too early is no answer: it is asked again for as long as the first one may take.
    """
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    def waiting(reply: Reply, seen: str) -> None:
        nonlocal began_s
        before(reply, seen)
        if reply.from_other or (reply.front_end is not None and reply.front_end.unknown):
            began_s = loop.time()

    def request() -> Request:
        return plain_request(run, trace, spec.path)

    reply = await ask_patiently(run, request, spec.first_s, spec.status, waiting)
    pause_s = FIRST_PAUSE_S
    while _too_early(reply, spec) and loop.time() - began_s + pause_s < spec.first_s:
        before(reply, _wrong(reply, spec))
        await run.clock.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        reply = await ask_patiently(run, request, spec.first_s, spec.status, waiting)
    took_s = loop.time() - began_s
    if _too_early(reply, spec):
        seen = f"a slow start: still {_wrong(reply, spec)}"
        return _Timed(took_s, Fault(Symptom.TIMEOUT, seen, f"within {_time(spec.first_s)}"))
    return _timed(reply, took_s, spec.first_s, spec.status, "first answer")


def _too_early(reply: Reply, spec: StartupProbe) -> bool:
    """Whether the candidate says by its own words that it is not ready yet."""
    wrong = reply.wrong(spec.status)
    return wrong is not None and wrong.not_yet


def _wrong(reply: Reply, spec: StartupProbe) -> str:
    wrong = reply.wrong(spec.status)
    return wrong.seen if wrong else ""


async def _warm(inquiry: Inquiry[StartupProbe], trace: headers.Trace) -> list[_Timed]:
    """The answers after it, one after the other, up to the first that does not come."""
    run, spec = inquiry.run, inquiry.spec
    loop = asyncio.get_running_loop()
    found: list[_Timed] = []
    for number in range(spec.warm_requests):
        began_s = loop.time()
        request = plain_request(run, trace, spec.path)
        timeout_s = max(WARM_TIMEOUT_S, spec.warm_s)
        reply = await ask_once(run, request, timeout_s, spec.status)
        took_s = loop.time() - began_s
        found.append(_timed(reply, took_s, spec.warm_s, spec.status, "warm answer"))
        inquiry.report("warm answers", number + 2, 1 + spec.warm_requests)
        if reply.wrong(spec.status) is not None:
            break
    return found


def _timed(
    reply: Reply, took_s: float, limit_s: float, statuses: tuple[int, ...], what: str
) -> _Timed:
    fault = reply.wrong(statuses)
    if fault is None and took_s > limit_s:
        seen = f"a {what} after {_time(took_s)}"
        fault = Fault(Symptom.SLOW, seen, f"within {_time(limit_s)}")
    return _Timed(took_s, fault, reply.name)


def _expected(spec: StartupProbe) -> str:
    return (
        f"status {named(spec.status)} within {_time(spec.first_s)}, "
        f"then {spec.warm_requests} times within {_time(spec.warm_s)}"
    )


def _seen(first: _Timed, warm: list[_Timed]) -> str:
    """The first answer and the others, never as one number."""
    parts = [_told(first) if _missed(first) else f"first answer after {_time(first.took_s)}"]
    times = [one.took_s for one in warm if not _missed(one)]
    if times:
        middle, most = _time(median(times)), _time(max(times))
        parts.append(f"{len(times)} warm ones in {middle} (median), {most} at most")
    parts += [_told(one) for one in warm if _missed(one)]
    return "; ".join(parts)


def _missed(one: _Timed) -> bool:
    """Whether there is no right answer at all, late or not."""
    return one.fault is not None and one.fault.symptom is not Symptom.SLOW


def _told(one: _Timed) -> str:
    return f"{one.fault.seen if one.fault else ''} after {_time(one.took_s)}"


def _excerpts(run: Run, spec: StartupProbe, first: _Timed, warm: list[_Timed]) -> Iterator[str]:
    yield f"> GET {run.target.url}{spec.path}"
    yield f"= first: {_line(first)}"
    for number, one in enumerate(warm, start=1):
        yield f"= warm {number}: {_line(one)}"


def _line(one: _Timed) -> str:
    return _told(one) if _missed(one) else _time(one.took_s)


def _time(seconds: float) -> str:
    """A duration in the unit that shows it best."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.3g} s" if seconds < _MINUTES_S else f"{seconds:.0f} s"
