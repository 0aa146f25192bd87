"""Scores, the scorecard and what counts as worse."""

import json

from benchmarks.bench import card
from benchmarks.bench.run import Result
from benchmarks.bench.scenario import Decision, Scenario
from benchmarks.bench.score import scores

PROMOTE, REJECT, HOLD = Decision.PROMOTE, Decision.REJECT, Decision.HOLD
BLAME = {PROMOTE: (), REJECT: ("regression",), HOLD: ("environment", "already there")}


def result(label, decided, told=None, *, because=(), traffic_right=True, seconds=5.0, peers=None):
    name = f"{label.value}-{decided.value}-{len(told or {})}-{traffic_right}"
    scenario = Scenario(name, "some", "1", label, "since", blame=BLAME[label], because=because)
    return Result(scenario, 1, decided, 0, "", told or {}, {}, traffic_right, seconds, peers or {})


def counts(results, side="gate"):
    found = scores(results)[side]
    return {key: (rate["count"], rate["of"]) for key, rate in found.items() if "count" in rate}


def test_each_wrong_decision_is_counted_where_it_belongs():
    every = [result(label, did) for label in Decision for did in Decision]
    assert counts(every) == {
        "right": (3, 9),
        "false_promotes": (2, 6),  # of what must be rejected or held
        "false_blocks": (2, 6),  # of what is well, or unknown
        "needless_holds": (2, 6),  # of what can be decided
        "attribution": (0, 6),
    }


def test_users_on_a_rejected_candidate_are_a_false_promote():
    found = counts([result(REJECT, REJECT, {"health": "regression"}, traffic_right=False)])
    assert found["false_promotes"] == (1, 1)
    assert found["right"] == (0, 1)


def test_attribution_wants_every_reason_right_and_the_probe_that_must_notice():
    told = {"health": "regression", "logs": "regression"}
    assert result(REJECT, REJECT, told, because=("health",)).attribution_right
    assert not result(REJECT, REJECT, told, because=("welcome",)).attribution_right
    assert not result(REJECT, REJECT, {**told, "logs": "unknown"}).attribution_right
    assert not result(REJECT, REJECT, {}).attribution_right
    assert result(PROMOTE, PROMOTE).attribution_right is None


def test_intervals_are_wilsons():
    rate = scores([result(PROMOTE, PROMOTE) for _ in range(70)])["gate"]["false_blocks"]
    assert rate == {"count": 0, "of": 70, "ci95": [0.0, 5.2]}


def test_peers_are_scored_on_the_same_labels():
    some = [
        result(REJECT, REJECT, peers={"curl": PROMOTE}),
        result(PROMOTE, PROMOTE, peers={"curl": PROMOTE}),
        result(HOLD, HOLD),  # no peer judged it
    ]
    assert counts(some, "curl")["false_promotes"] == (1, 1)
    assert "flagger" not in scores(some)


def kept(*results):
    return json.loads(json.dumps(card.card(results)))


def test_a_scorecard_does_not_get_worse_unnoticed():
    good = {"health": "regression"}
    before = kept(result(REJECT, REJECT, good), result(PROMOTE, PROMOTE), result(HOLD, REJECT))
    assert card.worse(before, before) == []
    renamed = {"reject-reject-1-True": result(REJECT, PROMOTE), "promote-promote-0-True": None}
    worse = kept(result(REJECT, REJECT, good), result(PROMOTE, PROMOTE), result(HOLD, REJECT))
    line = worse["by_scenario"]["reject-reject-1-True"]
    line |= {"decided": ["reject", "promote"], "attribution_right": [True, False]}
    worse["by_scenario"]["promote-promote-0-True"]["decided"] = ["reject"]
    told = "\n".join(card.worse(worse, before))
    assert all(name in told for name in renamed)
    assert told.count("\n") == 2  # promoted, misattributed, blocked; what was wrong before is not
    assert card.worse(before, {"by_scenario": {}}), "a new scenario must be right"


def test_the_table_shows_counts_with_intervals():
    measured = kept(result(REJECT, REJECT, {"health": "regression"}, peers={"curl": PROMOTE}))
    table = card.table(measured)
    assert "| gate | 1 of 1 (20-100 %) | 0 of 1 (0-80 %) | 0 of 0 (0-100 %) |" in table
    assert "| one GET /health | 0 of 1 (0-80 %) | 1 of 1 (20-100 %) |" in table
    assert "median 5.0" in table
