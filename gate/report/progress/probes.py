"""What is worth saying of probes: a line when one ends; one before, if it takes a while."""

from collections.abc import Sequence
from dataclasses import replace

from gate.core.evidence import SERVICE, STABLE, Evidence, Outcome, Repeat
from gate.core.fail_fast import NotAsked
from gate.core.state import Phase, Rollout
from gate.core.verdict import asks_address
from gate.ports import Progress
from gate.report.lines import Line, Tone
from gate.report.safe import safe
from gate.report.words import (
    DID_NOT_RUN,
    PASS_MAX,
    asked_at,
    duration,
    many,
    names_text,
    outcome_tone,
    outcome_word,
)

QUARTERS_FROM = 100
"""Probes that ask at least this often tell of each quarter."""


LIVE = frozenset({Phase.DWELLING, Phase.WATCHING})
"""Phases in which rounds of probes follow one another: only what is new is said."""


class ProbeMessages:
    """Turns the progress of probes into lines."""

    def __init__(self) -> None:
        self._live = False
        self._rounds = 0
        self._wrong: set[tuple[str, str, str]] = set()
        self._begin()

    def _begin(self) -> None:
        self._begun: dict[str, int] = {}
        self._quarter: dict[str, int] = {}
        self._told: set[tuple[str, str]] = set()

    def asked(self, phase: Phase) -> None:
        """A round of probes begins in this phase."""
        self._live = phase in LIVE
        self._begin()

    def progress(self, progress: Progress) -> list[Line]:
        """Lines about one probe."""
        if progress.evidence is not None:
            return self._outcome(progress.evidence)
        if progress.at_once and not progress.probe:
            return [Line(safe(progress.text, 500), Tone.UNSURE, indent=2)]
        if progress.at_once:
            who = asked_at(progress.probe, progress.address)
            return [Line(f"{who}: {safe(progress.text)}", indent=2)]
        if self._live or progress.address == STABLE:
            return []
        times = self._begun.get(progress.probe, 0) + 1
        self._begun[progress.probe] = times
        slow = progress.of > 1 or times > 2
        if slow and progress.probe not in self._quarter:
            self._quarter[progress.probe] = 0
            return [Line(asking(progress), Tone.FAINT, indent=2)]
        return self._quarters(progress)

    def _outcome(self, evidence: Evidence) -> list[Line]:
        """How it ended; among many rounds only a failure, and the same one once."""
        key = (evidence.probe, evidence.address)
        if key in self._told:
            return []
        self._told.add(key)
        line = probe_line(evidence)
        if evidence.control:  # beside a failure it is told at the end
            return [] if evidence.passed else [replace(line, tone=Tone.FAINT, indent=4)]
        if not self._live:
            return [line]
        wrong = (*key, evidence.seen)
        if evidence.passed or wrong in self._wrong:
            return []
        self._wrong.add(wrong)
        return [line]

    def _quarters(self, progress: Progress) -> list[Line]:
        if progress.of < QUARTERS_FROM:
            return []
        quarter = 4 * progress.done // progress.of
        if quarter <= self._quarter.get(progress.probe, 0) or quarter >= 4:
            return []
        self._quarter[progress.probe] = quarter
        return [Line(asking(progress), Tone.FAINT, indent=2)]

    def ended(
        self, was: Phase, rollout: Rollout, evidence: Sequence[Evidence], took: str
    ) -> list[Line]:
        """Lines once all have ended, or their time was over.

        Args:
            was: the phase in which they were asked.
            rollout: what they led to.
            evidence: what they saw.
            took: how long that phase has lasted.
        """
        lines = [line for item in evidence for line in self._outcome(item)]
        count = _count(_asked(rollout, was), evidence, took, rollout.not_asked)
        if was not in LIVE:
            return [*lines, count]
        self._rounds += 1
        if rollout.phase is was:
            return [*lines, *self._first_round(evidence)]
        rounds, self._rounds, self._wrong = self._rounds, 0, set()
        if count.tone is not Tone.GOOD:
            return [*lines, count]
        return [*lines, Line(f"{many(rounds, 'round')} of probes passed in {took}", Tone.GOOD)]

    def _first_round(self, evidence: Sequence[Evidence]) -> list[Line]:
        if self._rounds > 1:
            return []
        seen = _own(evidence)
        passed = sum(item.passed for item in seen)
        text = f"first round: {passed} of {many(len(seen), 'probe')} passed; asking on"
        return [Line(text, Tone.FAINT, indent=2)]


def _asked(rollout: Rollout, was: Phase) -> list[tuple[str, str]]:
    """The probes of a round, each with the address that it asks."""
    asked = replace(rollout, phase=was).questions
    own = [(probe.name, "") for probe in asked]
    users = [probe.name for probe in asked if asks_address(probe)]
    return [*own, *((name, SERVICE) for name in users)] if was in LIVE else own


def _count(
    asked: Sequence[tuple[str, str]], evidence: Sequence[Evidence], took: str, left_out: NotAsked
) -> Line:
    """How many passed, and which did not."""
    evidence = _own(evidence)
    passed = sum(item.passed for item in evidence)
    parts = [f"{passed} of {many(max(len(asked), len(evidence)), 'probe')} passed in {took}"]
    for word in ("FAILED", "inconclusive"):
        wrong = [item for item in evidence if outcome_of(item) == word]
        names = names_text([asked_at(item.probe, item.address) for item in wrong])
        parts += [f"{word.lower()}: {names}"] if wrong else []
    seen = {(item.probe, item.address) for item in evidence}
    missing = [one for one in asked if one not in seen]
    for word, found in (
        (left_out.told, [one for one in missing if one[0] in left_out.probes]),
        (DID_NOT_RUN, [one for one in missing if one[0] not in left_out.probes]),
    ):
        parts += [f"{word}: {names_text([asked_at(*one) for one in found])}"] if found else []
    return Line("; ".join(parts), Tone.GOOD if len(parts) == 1 else Tone.BAD)


def _own(evidence: Sequence[Evidence]) -> list[Evidence]:
    return [item for item in evidence if not item.control]


def asking(progress: Progress) -> str:
    """What a probe is doing: `asking: same-user-concurrency 4/7`."""
    count = f" {progress.done}/{progress.of}" if progress.of > 1 else ""
    text = f" ({safe(progress.text, 120)})" if progress.text else ""
    return f"asking: {safe(progress.probe, 80)}{count}{text}"


def probe_line(evidence: Evidence) -> Line:
    """How a probe ended, in brief: `passed: health: 200 (0.1 s)`; the end tells all of it."""
    word = outcome_of(evidence)
    name, took = asked_at(evidence.probe, evidence.address), duration(evidence.duration_s)
    text = f"{word}: {name}: {safe(evidence.seen, PASS_MAX)} ({took}){_tries(evidence)}"
    return Line(text, outcome_tone(word), indent=2)


def _tries(evidence: Evidence) -> str:
    """How often it passed when it was asked again, where that differs from try to try."""
    right = evidence.repeats.count(Repeat.RIGHT)
    return f"; {right} of {len(evidence.repeats)} tries passed" if right else ""


def outcome_of(evidence: Evidence) -> str:
    """The word for an outcome; a pass with findings is none, as for the verdict."""
    if evidence.outcome is Outcome.PASSED and not evidence.passed:
        return outcome_word(Outcome.INCONCLUSIVE.value)
    return outcome_word(evidence.outcome.value)
