"""What is worth saying of probes: a line when one ends; one before, if it takes a while."""

from collections.abc import Sequence

from gate.core.evidence import Evidence
from gate.core.state import Rollout
from gate.ports import Progress
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import (
    DID_NOT_RUN,
    PASS_MAX,
    duration,
    many,
    names_text,
    outcome_of,
    outcome_tone,
)

QUARTERS_FROM = 100
"""Probes that ask at least this often tell of each quarter."""


class ProbeStory:
    """Turns the progress of probes into lines."""

    def __init__(self) -> None:
        self._begun: dict[str, int] = {}
        self._quarter: dict[str, int] = {}
        self._told: set[str] = set()

    def progress(self, progress: Progress) -> list[Line]:
        """Lines about one probe."""
        if progress.evidence is not None:
            self._told.add(progress.probe)
            return [probe_line(progress.evidence)]
        times = self._begun.get(progress.probe, 0) + 1
        self._begun[progress.probe] = times
        slow = progress.of > 1 or times > 2
        if slow and progress.probe not in self._quarter:
            self._quarter[progress.probe] = 0
            return [Line(asking(progress), Tone.FAINT, indent=2)]
        return self._quarters(progress)

    def _quarters(self, progress: Progress) -> list[Line]:
        if progress.of < QUARTERS_FROM:
            return []
        quarter = 4 * progress.done // progress.of
        if quarter <= self._quarter.get(progress.probe, 0) or quarter >= 4:
            return []
        self._quarter[progress.probe] = quarter
        return [Line(asking(progress), Tone.FAINT, indent=2)]

    def ended(self, rollout: Rollout, evidence: Sequence[Evidence], took: str) -> list[Line]:
        """Lines once all have ended, or their time was over."""
        lines = [probe_line(item) for item in evidence if item.probe not in self._told]
        asked = [probe.name for probe in rollout.plan.probes]
        passed = sum(item.passed for item in evidence)
        parts = [f"{passed} of {many(max(len(asked), len(evidence)), 'probe')} passed in {took}"]
        for word in ("FAILED", "inconclusive"):
            names = [item.probe for item in evidence if outcome_of(item) == word]
            parts += [f"{word.lower()}: {names_text(names)}"] if names else []
        missing = [name for name in asked if name not in {item.probe for item in evidence}]
        parts += [f"{DID_NOT_RUN}: {names_text(missing)}"] if missing else []
        return [*lines, Line("; ".join(parts), Tone.GOOD if len(parts) == 1 else Tone.BAD)]


def asking(progress: Progress) -> str:
    """What a probe is doing: `asking: same-user-concurrency 4/7`."""
    count = f" {progress.done}/{progress.of}" if progress.of > 1 else ""
    text = f" ({safe(progress.text, 120)})" if progress.text else ""
    return f"asking: {safe(progress.probe, 80)}{count}{text}"


def probe_line(evidence: Evidence) -> Line:
    """How a probe ended: `passed: health: 200 (0.1 s)`."""
    word = outcome_of(evidence)
    if evidence.passed:
        seen = safe(evidence.seen, PASS_MAX)
    else:
        seen = f"{safe(evidence.seen)}; expected {safe(evidence.expected)}"
    text = f"{word}: {safe(evidence.probe, 80)}: {seen} ({duration(evidence.duration_s)})"
    return Line(text, outcome_tone(word), indent=2)
