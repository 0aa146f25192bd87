"""Scores: how often each side was right, with 95 % intervals (Wilson)."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.bench.peers import NAMES
from benchmarks.bench.run import Result
from benchmarks.bench.scenario import Decision

GATE = "gate"
Json = dict[str, object]


@dataclass(frozen=True)
class Rate:
    """So many of so many."""

    count: int
    of: int

    @property
    def percent(self) -> float:
        return 100 * self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95 %, in percent."""
        from scipy.stats import binomtest  # noqa: PLC0415 - half a second, and only for scores

        if not self.of:
            return (0.0, 100.0)
        found = binomtest(self.count, self.of).proportion_ci(0.95, method="wilson")
        return (100 * float(found.low), 100 * float(found.high))

    def json(self) -> Json:
        low, high = self.interval
        return {"count": self.count, "of": self.of, "ci95": [round(low, 1), round(high, 1)]}


def false_promote(label: Decision, did: Decision) -> bool:
    """Something got users that must not."""
    return did is Decision.PROMOTE and label is not Decision.PROMOTE


def false_block(label: Decision, did: Decision) -> bool:
    """A candidate was called bad that is not, or of which nobody can know."""
    return did is Decision.REJECT and label is not Decision.REJECT


def needless_hold(label: Decision, did: Decision) -> bool:
    """Held where there was something to decide."""
    return did is Decision.HOLD and label is not Decision.HOLD


def decisions(results: Iterable[Result], side: str) -> list[tuple[Decision, Decision]]:
    """Label and decision of each result, for the gate or for a peer that judged it."""
    if side == GATE:
        # users on the candidate without a promotion is the same as one
        return [
            (each.scenario.decision, each.decided if each.traffic_right else Decision.PROMOTE)
            for each in results
        ]
    return [(each.scenario.decision, each.peers[side]) for each in results if side in each.peers]


def side_score(pairs: Sequence[tuple[Decision, Decision]]) -> Json:
    """The score of one side."""
    bad = [pair for pair in pairs if pair[0] is not Decision.PROMOTE]
    innocent = [pair for pair in pairs if pair[0] is not Decision.REJECT]
    clear = [pair for pair in pairs if pair[0] is not Decision.HOLD]
    return {
        "right": Rate(sum(label is did for label, did in pairs), len(pairs)).json(),
        "false_promotes": Rate(sum(false_promote(*pair) for pair in bad), len(bad)).json(),
        "false_blocks": Rate(sum(false_block(*pair) for pair in innocent), len(innocent)).json(),
        "needless_holds": Rate(sum(needless_hold(*pair) for pair in clear), len(clear)).json(),
    }


def scores(results: Sequence[Result]) -> Json:
    """All sides; attribution and seconds for the gate, which alone tells the one."""
    gate = side_score(decisions(results, GATE))
    blamed = [each.attribution_right for each in results if each.attribution_right is not None]
    seconds = sorted(each.seconds for each in results)
    gate["attribution"] = Rate(sum(blamed), len(blamed)).json()
    gate["seconds"] = {
        "median": round(statistics.median(seconds), 1),
        "p90": round(seconds[int(0.9 * (len(seconds) - 1))], 1),
        "most": round(seconds[-1], 1),
    }
    peers = {name: decisions(results, name) for name in NAMES}
    return {GATE: gate, **{name: side_score(pairs) for name, pairs in peers.items() if pairs}}


def by_scenario(results: Sequence[Result]) -> dict[str, Json]:
    """What came of each scenario in each run."""
    found: dict[str, list[Result]] = {}
    for each in results:
        found.setdefault(each.scenario.name, []).append(each)
    return {name: _lines(runs) for name, runs in sorted(found.items())}


def _lines(runs: Sequence[Result]) -> Json:
    scenario = runs[0].scenario
    return {
        "incident": scenario.incident,
        "right": scenario.decision.value,
        "blame": list(scenario.blame),
        "decided": [each.decided.value for each in runs],
        "traffic_right": all(each.traffic_right for each in runs),
        "attribution_right": [each.attribution_right for each in runs],
        "told": _told(runs),
        "seconds": round(statistics.median(each.seconds for each in runs), 1),
        "peers": {name: did.value for name, did in runs[0].peers.items()},
    }


def _told(runs: Sequence[Result]) -> Mapping[str, str]:
    return dict(sorted(runs[0].told.items()))
