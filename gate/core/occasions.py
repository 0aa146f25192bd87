"""Which questions are asked on which occasion: in a rollback, at users' address, without stable."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gate.core.policy import LogsProbe, Probe
from gate.core.questions import DiffProbe, LatencyProbe, RoutesProbe, StartupProbe

COMPARING = (DiffProbe, RoutesProbe)
"""Kinds that compare the candidate with what users had before."""
ONCE = (*COMPARING, StartupProbe)
"""Kinds that ask what a revision is: it is the same when it has users, and not asked again."""
OF_THE_REVISION = (LogsProbe, *ONCE)
"""Kinds that ask about the revision itself, or at its own address alone: never users' address."""


def without_stable(probes: Sequence[Probe]) -> tuple[Probe, ...]:
    """The questions to a revision with nothing beside it: the first one, or one to go back to.

    Not those that compare it with what users have now: there is nothing, or they are being moved
    away from that. All, where nothing else must pass: whoever asks for questions does not want
    none.
    """
    kept = without_comparison(probe for probe in probes if not isinstance(probe.spec, COMPARING))
    return kept if any(probe.required for probe in kept) else tuple(probes)


def without_comparison(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The same questions, where there is no stable beside the candidate to be faster than.

    Limits and errors go on being asked of a latency probe.
    """
    return tuple(
        replace(probe, spec=replace(probe.spec, slower_percent=None))
        if isinstance(probe.spec, LatencyProbe)
        else probe
        for probe in probes
    )
