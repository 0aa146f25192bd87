"""Writes docs/state-machine.md from what `step` does: `python -m tests.exploration.diagram`.

A test holds the page against the code, so that it cannot lie.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gate.core.messages import CallFailed, Event
from gate.core.state import MOVES, Ending, Kind, Phase
from tests.exploration.explore import Arrow, explore
from tests.exploration.scenes import SCENES

PAGE = Path(__file__).parents[2] / "docs" / "state-machine.md"

_TITLES = {
    Kind.ROLLOUT: "`gate rollout`",
    Kind.PROMOTE: "`gate promote`",
    Kind.ROLLBACK: "`gate rollback`",
    Kind.RECOVER: "`gate recover` and `gate unlock`",
}
_INTRO = """\
# The state machine of a rollout

Generated from `gate.core.rollout.step` by `python -m tests.exploration.diagram`, which explores
every sequence of events; a test holds this page against the code. Do not edit it by hand.

A box is a phase: what the gate waits for. An arrow carries the events that can lead along it:
`seen` (the service was read), `accepted` (a write was taken), `probed`, `logs read`, `recorded`,
`interrupted` (Ctrl-C, SIGTERM), `overwrote` (the lease was renewed over somebody's write, which
Cloud Run should have refused), or how a call failed: `conflict` (somebody else wrote since we
read), `lost` (no answer: it may have happened), `not found`, `refused`, `denied` (whoever asks may
not), `unrecorded` (the ledger could not keep the intention, so nothing was done). An arrow back to
its own box is another look, or an interruption that changes nothing but the time that is left. In
a box with a thick border users' requests may be going elsewhere than before: whoever abandons the
gate there gets exit code 4.
"""


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow as the diagram shows it; `ending` where this arrow decides it, else None."""

    kind: Kind
    before: Phase
    label: str
    after: Phase
    ending: Ending | None

    @classmethod
    def of(cls, arrow: Arrow) -> "Edge":
        """What of an arrow goes into the diagram."""
        before, after = arrow.before.rollout, arrow.after.rollout
        decided = after.ending if after.ending is not before.ending else None
        return cls(after.plan.kind, before.phase, _label(arrow.event), after.phase, decided)


def _label(event: Event) -> str:
    if isinstance(event, CallFailed):
        return event.failure.value
    name = type(event).__name__
    return "logs read" if name == "LogsRead" else name.lower()


def page(edges: Iterable[Edge]) -> str:
    """The whole page."""
    known = set(edges)
    parts = [_INTRO]
    for kind, title in _TITLES.items():
        mine = {edge for edge in known if edge.kind is kind}
        parts += [f"## {title}\n", _diagram(mine), _endings(mine)]
    return "\n".join(parts)


def _diagram(edges: set[Edge]) -> str:
    labels: dict[tuple[Phase, Phase], set[str]] = defaultdict(set)
    for edge in edges:
        labels[edge.before, edge.after].add(edge.label)
    order = list(Phase)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Phase.READING.name}"]
    phases = {phase for pair in labels for phase in pair}
    lines += [f"    {p.name} : {p.value}" for p in order if p in phases]
    for before, after in sorted(labels, key=lambda pair: tuple(map(order.index, pair))):
        text = ", ".join(sorted(labels[before, after]))
        lines.append(f"    {before.name} --> {after.name} : {text}")
    lines.append(f"    {Phase.ENDED.name} --> [*]")
    lines.append("    classDef moves stroke-width:4px")
    moving = [phase.name for phase in order if phase in MOVES & phases]
    lines += [f"    class {','.join(moving)} moves", "```", ""]
    return "\n".join(lines)


def _endings(edges: set[Edge]) -> str:
    decided: dict[Ending, set[Phase]] = defaultdict(set)
    for edge in edges:
        if edge.ending is not None:
            decided[edge.ending].add(edge.before)
    lines = ["| ending | exit code | decided while |", "|---|---|---|"]
    for ending in (ending for ending in Ending if ending in decided):
        phases = ", ".join(phase.value for phase in Phase if phase in decided[ending])
        lines.append(f"| {ending.value} | {int(ending.exit_code)} | {phases} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Explores every scene and writes the page."""
    edges = {Edge.of(a) for scene in SCENES for a in explore(scene) if isinstance(a, Arrow)}
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(edges), encoding="utf-8")


if __name__ == "__main__":
    main()
