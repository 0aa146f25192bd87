"""At the end: one table of the probes, then the verdict, the traffic and the way on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from gate.core.evidence import Evidence
from gate.core.policy import Capability, Probe
from gate.core.state import Rollout
from gate.core.verdict import Verdict

if TYPE_CHECKING:  # rich is loaded only where it is used
    from rich.console import Console

WIDTH = 100


def summary_lines(
    rollout: Rollout, capabilities: Mapping[str, Capability], width: int = WIDTH
) -> list[str]:
    """A rollout's end as lines of plain text, `width` columns wide at most."""
    raise NotImplementedError


def print_summary(
    rollout: Rollout, capabilities: Mapping[str, Capability], console: "Console"
) -> None:
    """The same on a terminal, in colour."""
    raise NotImplementedError


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
        probes: those that were to run, so that missing ones and their capabilities are shown.
        verdict: what the evidence would mean for a rollout.
    """
    raise NotImplementedError


def print_evidence(
    evidence: Sequence[Evidence],
    capabilities: Mapping[str, Capability],
    console: "Console",
    *,
    probes: Sequence[Probe] = (),
    verdict: Verdict | None = None,
) -> None:
    """The same on a terminal, in colour."""
    raise NotImplementedError
