"""Knows whether a required probe has failed beyond doubt, so that what takes long is left out."""

from collections.abc import Sequence

from gate.core.evidence import Evidence
from gate.core.fail_fast import beyond_doubt, decided_by
from gate.core.policy import Probe
from gate.ports import Target


class Enough:
    """Of one run over the probes at one address.

    Args:
        target: whom they ask, whether anything is to be left out, and what was seen before.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._live = target.alone is not None
        self._rule = target.alone.shared(target.share) if target.alone else target.repeats
        self.known = False

    def look_back(self, probes: Sequence[Probe]) -> None:
        """Looks at what the same round has seen at another address."""
        rule = self._target.alone or self._target.repeats
        before = self._target.before
        self._learn(probes and decided_by(probes, before, rule, live=self._live))

    def seen(self, probe: Probe, own: Evidence, control: Evidence | None) -> None:
        """Takes in what a probe showed, beside what stable did."""
        known = beyond_doubt(own, control, self._rule, live=self._live)
        self._learn(probe.required and known)

    def _learn(self, known: object) -> None:
        self.known = self.known or bool(self._target.fail_fast and known)
