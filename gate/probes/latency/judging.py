"""From what was measured to what is wrong with it. Pure: numbers in, faults out.

Three answers to each question: it holds, it does not, or so many samples cannot tell. A limit holds
where the percentile is within it; it does not where the percentile is beyond it with confidence,
and by more than our own part; else nobody knows. Slower than stable is a matter of the interval
alone: only one that lies wholly on a side of what is allowed decides.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gate.core.evidence import Outcome, Symptom
from gate.core.percentiles import (
    CONFIDENCE,
    PAIRS_MIN,
    TAIL_MIN,
    Interval,
    Place,
    percentile,
    percentile_interval,
    ratio_of_percentiles,
    samples_needed,
    tail_count,
)
from gate.kinds.latency import LatencyProbe
from gate.probes.latency.meter import Meter
from gate.probes.outcome import Fault

CROWDED = 0.9
"""Share of the connections that are in use, on average, where there were too few for the rate."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement gave.

    Attributes:
        candidate, stable, own: the meters; stable's None where it was not measured.
        why_alone: why stable was not measured, "" where it was, or nothing asked for it.
        seed: of the order of the blocks, and of the resampling.
        open_max: how many connections each side had.
    """

    candidate: Meter
    own: Meter
    seed: int
    open_max: int
    stable: Meter | None = None
    why_alone: str = ""


def faults(spec: LatencyProbe, measured: Measured, found: Interval | None) -> Mapping[Fault, int]:
    """What is wrong with the candidate, and what could not be found out, with counts.

    Args:
        spec: what is asked of it.
        measured: what it and stable showed.
        found: what `ratio` says of them.
    """
    wrong = dict(measured.candidate.too_many(spec.errors_percent))
    for percent, limit_s in spec.limits:
        wrong |= dict.fromkeys(_limit(spec, measured, percent, limit_s), 1)
    if spec.slower_percent is not None:
        wrong |= dict.fromkeys(_slower(spec, measured, found), 1)
    return wrong


def faults_of_stable(spec: LatencyProbe, measured: Measured) -> Mapping[Fault, int]:
    """The same of stable by itself: what was wrong before the candidate came."""
    if measured.stable is None:
        return {}
    alone = Measured(measured.stable, measured.own, measured.seed, measured.open_max)
    return faults(replace(spec, slower_percent=None), alone, None)


def ratio(spec: LatencyProbe, measured: Measured) -> Interval | None:
    """How many times stable's percentile the candidate's is; None where nothing can be said."""
    if measured.stable is None:
        return None
    pairs = list(zip(measured.candidate.blocks, measured.stable.blocks, strict=True))
    return ratio_of_percentiles(pairs, spec.compared, measured.seed)


def shown(seconds: float) -> str:
    """A latency in milliseconds, with as many digits as it deserves."""
    milliseconds = seconds * 1000
    return f"{milliseconds:.0f} ms" if milliseconds >= 10 else f"{milliseconds:.1f} ms"


def _limit(
    spec: LatencyProbe, measured: Measured, percent: float, limit_s: float
) -> Iterator[Fault]:
    meter = measured.candidate
    name, expected = f"p{percent:g}", f"p{percent:g} of at most {shown(limit_s)}"
    samples = meter.samples
    least = math.ceil(100 / (100 - percent))
    if len(samples) < least:
        if not meter.too_many(spec.errors_percent):
            yield _unsure(f"{len(samples)} samples have no {name}", expected, _more(spec, least))
        return
    seen_s = percentile(samples, percent)
    if seen_s <= limit_s:
        return
    seen = f"{name} {shown(seen_s)}"
    net = percentile_interval(meter.net, percent)
    own_s = measured.own.percentile_s(percent)
    if (refusal := _crowd(spec, measured)) is not None:
        yield refusal
    elif net.estimate <= limit_s or seen_s - own_s <= limit_s:
        lag = shown(percentile(meter.lags, percent))
        yield _ours(f"{seen}, of which we ourselves take {shown(own_s)} and are {lag} late")
    elif net.low > limit_s:
        yield Fault(Symptom.SLOW, seen, expected)
    else:
        hint = _more(spec, 4 * len(samples))
        yield _unsure(f"{seen}, which may be by chance", expected, hint)


def _slower(spec: LatencyProbe, measured: Measured, found: Interval | None) -> Iterator[Fault]:
    allowed, percent = 1 + (spec.slower_percent or 0) / 100, spec.compared
    expected = f"p{percent:g} of at most {allowed:g} times stable's"
    if measured.stable is None:
        hint = "set `baseline: stable` in the policy" if not measured.why_alone else ""
        why = measured.why_alone or "no stable to compare with"
        yield _unsure(why, expected, hint)
        return
    if wrong := measured.stable.too_many(spec.errors_percent):
        first = next(iter(wrong)).seen
        yield _unsure(f"stable itself was wrong {measured.stable.wrong} times: {first}", expected)
        return
    if found is None:
        if not measured.candidate.too_many(spec.errors_percent):
            yield _too_few(spec, measured, expected)
        return
    yield from _compared(spec, measured, found, allowed)


def _compared(
    spec: LatencyProbe, measured: Measured, found: Interval, allowed: float
) -> Iterator[Fault]:
    percent = spec.compared
    expected = f"p{percent:g} of at most {allowed:g} times stable's"
    ours_s = measured.candidate.percentile_s(percent)
    theirs_s = measured.stable.percentile_s(percent) if measured.stable else 0.0
    own_s = measured.own.percentile_s(percent)
    seen = f"p{percent:g} {shown(ours_s)}, {told(found)} times stable's {shown(theirs_s)}"
    place = found.place(allowed)
    refusal = _crowd(spec, measured)
    if place is Place.ABOVE and refusal is not None:
        yield refusal
    elif place is Place.ABOVE and ours_s - own_s > allowed * theirs_s:
        yield Fault(Symptom.SLOW, seen, expected)
    elif place is Place.ABOVE or own_s > theirs_s / 2:
        yield _ours(f"{seen}, of which we ourselves take {shown(own_s)}")
    elif place is Place.ACROSS:
        needed = samples_needed(found, allowed, len(measured.candidate.samples))
        yield _unsure(seen, expected, _more(spec, needed))


def told(found: Interval) -> str:
    """An interval in words."""
    return f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f}, {CONFIDENCE:.0%} sure)"


def _crowd(spec: LatencyProbe, measured: Measured) -> Fault | None:
    """Whether so many connections cannot carry this rate to a server that answers like this."""
    busy = measured.candidate.busy_s / spec.for_s
    if busy < CROWDED * measured.open_max:
        return None
    return _ours(f"{busy:.0f} of {measured.open_max} connections were in use all the time")


def _too_few(spec: LatencyProbe, measured: Measured, expected: str) -> Fault:
    percent = spec.compared
    have = len(measured.candidate.samples)
    needed = max(PAIRS_MIN, math.ceil(TAIL_MIN * 100 / (100 - percent)))
    beyond = tail_count(have, percent)
    return _unsure(
        f"{have} samples, of which {beyond:.0f} are beyond p{percent:g}",
        expected,
        _more(spec, needed),
    )


def _more(spec: LatencyProbe, needed: int | None) -> str:
    if needed is None:
        return "too close to the limit to tell: allow more, or less"
    about = math.ceil(float(f"{needed:.2g}"))
    for_s = math.ceil(about / spec.rate_per_s)
    return f"more samples needed: about {about}, e.g. `for: {for_s}s` at this rate"


def _unsure(seen: str, expected: str, hint: str = "") -> Fault:
    return Fault(Symptom.SLOW, seen, expected, hint, Outcome.INCONCLUSIVE)


def _ours(seen: str) -> Fault:
    return Fault(
        Symptom.CLIENT,
        seen,
        "an instrument that is faster than what it measures",
        "run the gate on a machine with less to do, nearer, or ask at a lower rate",
    )
