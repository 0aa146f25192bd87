"""Which questions are asked on which occasion: in a rollback, at users' address, without stable."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gate.core.policy import Probe


def without_stable(probes: Sequence[Probe]) -> tuple[Probe, ...]:
    """The questions to a revision with nothing beside it: the first one, or one to go back to.

    Not those that compare it with what users have now: there is nothing, or they are being moved
    away from that. All, where nothing else must pass: whoever asks for questions does not want
    none.
    """
    kept = without_comparison(probe for probe in probes if not probe.spec.facts.compares)
    return kept if any(probe.required for probe in kept) else tuple(probes)


def without_comparison(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """The same questions, where there is no stable beside the candidate to be faster than.

    Limits and errors go on being asked of a latency probe.
    """
    return tuple(replace(probe, spec=probe.spec.alone()) for probe in probes)
