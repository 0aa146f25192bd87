"""The scorecard: written, shown, and compared with the one that is committed."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench.run import Result
from benchmarks.bench.score import GATE, by_scenario, scores

HERE = Path(__file__).parent
CARD = HERE / "scorecard.json"
PAGE = HERE.parent.parent / "docs" / "bench.md"
_TABLE = re.compile(r"(<!-- scorecard -->\n).*?(<!-- end of the scorecard -->)", re.DOTALL)
_SIDES = {
    GATE: "gate",
    "curl": "one GET /health",
    "suite": "a suite's exit code",
    "release-manager": "Release Manager",
    "flagger": "Flagger",
    "airbag": "Airbag",
}


def card(results: Sequence[Result]) -> dict[str, Any]:
    """Everything that was measured."""
    seeds = list(dict.fromkeys(each.seed for each in results))
    told = by_scenario(results)
    return {"format": 1, "seeds": seeds, "scenarios": len(told), "scores": scores(results)} | {
        "by_scenario": told
    }


def write(measured: Mapping[str, Any]) -> None:
    """Keeps it: the scorecard, and its table in docs/bench.md."""
    CARD.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(_TABLE.sub(rf"\g<1>{table(measured)}\g<2>", page), encoding="utf-8")


def table(measured: Mapping[str, Any]) -> str:
    """The table for people, in Markdown."""
    seeds = ", ".join(map(str, measured["seeds"]))
    lines = [
        f"{measured['scenarios']} scenarios, seeds {seeds}. In brackets 95 % intervals (Wilson).",
        "",
        "| | right | false promotes | false blocks | needless holds | attribution right |",
        "|---|---|---|---|---|---|",
    ]
    for side, score in measured["scores"].items():
        cells = [_rate(score.get(key)) for key in _COLUMNS]
        lines.append(f"| {_SIDES[side]} | {' | '.join(cells)} |")
    seconds = measured["scores"][GATE]["seconds"]
    told = (
        f"Seconds from the start of `gate rollout` to its end: median {seconds['median']}, "
        f"90 % within {seconds['p90']}, at most {seconds['most']}."
    )
    lines += ["", told, "", _on_holds(measured), "", _wrong_ones(measured)]
    return "\n".join(lines) + "\n"


def _on_holds(measured: Mapping[str, Any]) -> str:
    labels = [line["right"] for line in measured["by_scenario"].values()]
    counts = ", ".join(f"{labels.count(word)} {word}" for word in ("promote", "reject", "hold"))
    return f"Labels: {counts}. A rule without a third answer is wrong on each hold, either way."


def _wrong_ones(measured: Mapping[str, Any]) -> str:
    wrong = [
        f"`{name}`"
        for name, line in measured["by_scenario"].items()
        if {*line["decided"]} != {line["right"]} or _misattributed(line)
    ]
    return "Decided or blamed wrongly by the gate in any run: " + (", ".join(wrong) or "none") + "."


_COLUMNS = ("right", "false_promotes", "false_blocks", "needless_holds", "attribution")


def _rate(rate: Mapping[str, Any] | None) -> str:
    if rate is None:
        return "tells none"
    low, high = rate["ci95"]
    return f"{rate['count']} of {rate['of']} ({math.floor(low)}-{math.ceil(high)} %)"


def worse(measured: Mapping[str, Any], committed: Mapping[str, Any]) -> list[str]:
    """What the committed scorecard does not have: one line each.

    A scenario that it does not know counts as one that was right: a corpus grows, and new
    scenarios are no excuse.
    """
    found = []
    for name, now in measured["by_scenario"].items():
        before = committed["by_scenario"].get(name)
        for what, wrong in _FAULTS.items():
            if wrong(now) and not (before and wrong(before)):
                told = ", ".join(f"{probe}: {word}" for probe, word in now["told"].items())
                found.append(
                    f"{name}: {what} (right is {now['right']}, decided {now['decided']}; {told})"
                )
    return found


def _promoted(line: Mapping[str, Any]) -> bool:
    return line["right"] != "promote" and (
        "promote" in line["decided"] or not line["traffic_right"]
    )


def _blocked(line: Mapping[str, Any]) -> bool:
    return line["right"] != "reject" and "reject" in line["decided"]


def _misattributed(line: Mapping[str, Any]) -> bool:
    return False in line["attribution_right"]


_FAULTS = {
    "promoted what must not be": _promoted,
    "blocked what is not bad": _blocked,
    "put the blame in the wrong place": _misattributed,
}


def committed() -> dict[str, Any] | None:
    """The scorecard that is kept, if any."""
    return json.loads(CARD.read_text(encoding="utf-8")) if CARD.exists() else None
