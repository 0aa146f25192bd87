"""The lines of the evidence: what was seen, and everything that it rests on."""

from collections.abc import Iterator

from gate.core.percentiles import Interval, percentile
from gate.kinds.latency import LatencyProbe
from gate.probes.latency.judging import Measured, shown, told
from gate.probes.latency.meter import Meter
from gate.probes.latency.schedule import Schedule

KINDS_TOLD = 5
DRAWN = (0, 10, 25, 50, 75, 90, 95, 99, 100)
"""Percentiles that the record has of each side: as many as a picture needs."""


def asked(spec: LatencyProbe) -> str:
    """The question in one line."""
    return f"{spec.method} {spec.path}, {spec.rate_per_s:g}/s for {spec.for_s:g} s"


def expected(spec: LatencyProbe) -> str:
    """What must be seen, in one line."""
    parts = [f"p{percent:g} of at most {shown(limit_s)}" for percent, limit_s in spec.limits]
    if spec.slower_percent is not None:
        parts.append(f"p{spec.compared:g} at most {spec.slower_percent:g}% slower than stable's")
    statuses = " or ".join(map(str, spec.status))
    return ", ".join([*parts, f"status {statuses}, at most {spec.errors_percent:g}% wrong"])


def seen(spec: LatencyProbe, measured: Measured) -> str:
    """One line for the table."""
    told_of = sorted({95.0, 99.0, spec.compared} | {percent for percent, _ in spec.limits})
    meter = measured.candidate
    line = f"{_percentiles(meter, *told_of)}, {meter.wrong} of {meter.asked} wrong"
    if measured.stable is None:
        return line
    return f"{line} (stable: {_percentiles(measured.stable, spec.compared)})"


def seen_of_stable(spec: LatencyProbe, measured: Measured) -> str:
    """The same line of stable by itself."""
    if measured.stable is None:
        return measured.why_alone
    alone = Measured(measured.stable, measured.own, measured.seed, measured.open_max)
    return seen(spec, alone)


def excerpts(
    spec: LatencyProbe,
    measured: Measured,
    plan: Schedule,
    found: Interval | None,
    first_s: dict[str, float],
) -> Iterator[str]:
    """A few lines with all that the decision rests on.

    Args:
        spec: what was asked.
        measured: what came of it.
        plan: when it was asked.
        found: how the two sides compare.
        first_s: how long the first answer of each side took, before everything else.
    """
    for name, meter in (("candidate", measured.candidate), ("stable", measured.stable)):
        if meter is not None:
            yield f"= {name}: {_whole(meter)}"
            yield from _wrong(name, meter)
    if found is not None:
        yield f"= p{spec.compared:g} of the candidate is {told(found)} times stable's"
    sides = "alternating, " if measured.stable is not None else ""
    yield f"= {plan.blocks} blocks of {plan.block_s:.2g} s a side, {sides}seed {measured.seed}"
    yield from _apart(measured, first_s)
    lags = measured.candidate.lags or [0.0]
    yield (
        f"= our own part: sent {shown(percentile(lags, 95))} late (p95), {shown(max(lags))} at "
        f"most; a trivial server here answers us in {_percentiles(measured.own, 50, 95)}"
    )


def _apart(measured: Measured, first_s: dict[str, float]) -> Iterator[str]:
    """What is reported apart, and judged by nobody: the first answers, and the warm-up."""
    if first_s:
        told_of = ", ".join(f"{name} after {shown(took)}" for name, took in first_s.items())
        yield f"= first answer (a cold start where no instance was up): {told_of}"
    warm = measured.candidate.warm
    if warm:
        yield f"= warm-up, not counted: {len(warm)} answers, p95 {shown(percentile(warm, 95))}"


def _whole(meter: Meter) -> str:
    samples = meter.samples
    if not samples:
        return f"{meter.asked} asked, no right answer"
    late = f", {meter.late} given up at their timeout" if meter.late else ""
    return (
        f"{meter.asked} asked, {meter.right} right{late}; "
        f"{_percentiles(meter, 50, 95, 99)}, longest {shown(max(samples))}"
    )


def _wrong(name: str, meter: Meter) -> Iterator[str]:
    for fault, count in meter.faults.most_common(KINDS_TOLD):
        yield f"! {name}, {count} times: {fault.symptom.value}: {fault.seen}"


def _percentiles(meter: Meter, *percents: float) -> str:
    if not meter.samples:
        return "no right answer"
    return ", ".join(f"p{one:g} {shown(meter.percentile_s(one))}" for one in percents)


def percentiles(meter: Meter) -> tuple[tuple[int, int], ...]:
    """How long right answers of one side took: percent and microseconds; () without any."""
    if not meter.samples:
        return ()
    return tuple((one, round(meter.percentile_s(one) * 1e6)) for one in DRAWN)
