"""Results on file, one JSON object a line: a run of many minutes survives what may interrupt it."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench.run import Result
from benchmarks.bench.scenario import Decision, Scenario

_PLAIN = (
    "seed",
    "exit_code",
    "ending",
    "told",
    "findings",
    "traffic_right",
    "seconds",
    "problem",
)


def keep(path: Path, result: Result) -> None:
    """Adds a result to the file."""
    line: dict[str, Any] = {name: getattr(result, name) for name in _PLAIN}
    line |= {"scenario": result.scenario.name, "decided": result.decided.value}
    line |= {"peers": {name: did.value for name, did in result.peers.items()}}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def read(path: Path, corpus: Iterable[Scenario]) -> Sequence[Result]:
    """The results of a file, the last of each scenario and seed; labels are those of today.

    What is not in the corpus any more is passed over.
    """
    known = {each.name: each for each in corpus}
    found: dict[tuple[str, int], Result] = {}
    for text in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        line = json.loads(text)
        if line["scenario"] in known:
            plain = {name: line[name] for name in _PLAIN}
            peers = {name: Decision(did) for name, did in line["peers"].items()}
            result = Result(
                known[line["scenario"]],
                decided=Decision(line["decided"]),
                peers=peers,
                **plain,
            )
            found[line["scenario"], line["seed"]] = result
    return list(found.values())
