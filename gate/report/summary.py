"""At the end: one table of the probes, then the verdict, the traffic and the way on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gate.core.evidence import SERVICE, Evidence
from gate.core.policy import Capability, Probe
from gate.core.state import Ending, Rollout
from gate.core.verdict import Decision, Verdict
from gate.report.closing import ending_lines, traffic_lines
from gate.report.controls import own
from gate.report.lines import BLANK, Block, Line, Tone, plain
from gate.report.probe_table import probe_table
from gate.report.reasons import verdict_lines
from gate.report.safe import safe
from gate.report.words import AT_SERVICE, DID_NOT_RUN, many

if TYPE_CHECKING:  # rich is loaded only where it is used
    from rich.console import Console

WIDTH = 100


def summary_lines(
    rollout: Rollout, capabilities: Mapping[str, Capability], width: int = WIDTH
) -> list[str]:
    """A rollout's end as lines of plain text, `width` columns wide at most.

    Args:
        rollout: in its last state.
        capabilities: the policy's, by name.
        width: columns.
    """
    return plain(_summary(rollout, capabilities), width)


def print_summary(
    rollout: Rollout, capabilities: Mapping[str, Capability], console: "Console"
) -> None:
    """The same on a terminal, in colour.

    Args:
        rollout: in its last state.
        capabilities: the policy's, by name.
        console: the terminal.
    """
    from gate.report.terminal import draw  # noqa: PLC0415 - lazy: rich

    draw(console, _summary(rollout, capabilities))


def evidence_lines(
    evidence: Sequence[Evidence],
    capabilities: Mapping[str, Capability],
    width: int = WIDTH,
    *,
    probes: Sequence[Probe] = (),
    verdict: Verdict | None = None,
) -> list[str]:
    """What the probes saw, without a rollout (`gate probe`).

    Args:
        evidence: what they saw.
        capabilities: the policy's, by name.
        width: columns.
        probes: those that were to run, so that missing ones and their capabilities are shown.
        verdict: what the evidence would mean for a rollout.
    """
    return plain(_evidence(evidence, capabilities, probes, verdict), width)


def print_evidence(
    evidence: Sequence[Evidence],
    capabilities: Mapping[str, Capability],
    console: "Console",
    *,
    probes: Sequence[Probe] = (),
    verdict: Verdict | None = None,
) -> None:
    """The same on a terminal, in colour.

    Args:
        evidence: what they saw.
        capabilities: the policy's, by name.
        console: the terminal.
        probes: those that were to run, so that missing ones and their capabilities are shown.
        verdict: what the evidence would mean for a rollout.
    """
    from gate.report.terminal import draw  # noqa: PLC0415 - lazy: rich

    draw(console, _evidence(evidence, capabilities, probes, verdict))


def _summary(rollout: Rollout, capabilities: Mapping[str, Capability]) -> list[Block]:
    probes, evidence = rollout.plan.probes, rollout.evidence
    blocks: list[Block] = []
    if rollout.asks_first and (probes or evidence):
        missing = "interrupted" if rollout.interrupted and rollout.url else DID_NOT_RUN
        blocks += [BLANK, probe_table(probes, evidence, missing)]
    if any(item.address == SERVICE for item in evidence):
        blocks.append(Line(AT_SERVICE, Tone.FAINT))
    sections: list[list[Line]] = [
        verdict_lines(_held_up(rollout), probes, evidence, capabilities),
        traffic_lines(rollout),
        [Line(f"note: {safe(note, 600)}", Tone.UNSURE) for note in rollout.notes],
        ending_lines(rollout),
    ]
    for section in sections:
        blocks += [BLANK, *section] if section else []
    return blocks


def _held_up(rollout: Rollout) -> Verdict | None:
    """The verdict; not one to promote where nothing was promoted, for another reason."""
    verdict = rollout.verdict
    done = rollout.ending in {Ending.PROMOTED, Ending.ROLLED_BACK}
    promote = verdict is not None and verdict.decision is Decision.PROMOTE
    return None if promote and not done else verdict


def _evidence(
    evidence: Sequence[Evidence],
    capabilities: Mapping[str, Capability],
    probes: Sequence[Probe],
    verdict: Verdict | None,
) -> list[Block]:
    seen = own(evidence)
    passed = sum(item.passed for item in seen)
    total = max(len(probes), len(seen))
    tone = Tone.GOOD if passed == total and total else Tone.BAD
    return [
        BLANK,
        probe_table(probes, evidence),
        BLANK,
        Line(f"{passed} of {many(total, 'probe')} passed", tone),
        *verdict_lines(verdict, probes, evidence, capabilities),
    ]
