"""What differs between two decisions."""

import pytest

from gate.core.recorded import put_together
from gate.ledger.compared import compared
from gate.report.compared import compared_blocks
from gate.report.lines import plain
from tests.unit.ledger.recorded import NEW, intention, outcome, saw


def one(*entries):
    return put_together(entries)[0]


def found(a, b):
    value = compared(one(outcome("r1", **a)), one(outcome("r2", **b)))
    return {row["what"]: (row["a"], row["b"]) for row in value["differs"]}


def test_two_alike_differ_in_nothing_and_what_is_the_same_is_named():
    value = compared(one(outcome("r1", gate_version="1")), one(outcome("r2", gate_version="1")))
    assert (value["differs"], value["probes"]) == ([], [])
    assert {"image", "revision", "who", "gate version", "traffic after"} & set(value["same"]) == {
        "image",
        "revision",
        "who",
        "gate version",
    }


@pytest.mark.parametrize(
    ("a", "b", "differs"),
    [
        ({}, {"candidate": {"revision": NEW, "image": "x"}}, {"image": ("shop@sha256:2", "x")}),
        ({"policy_digest": "1"}, {"policy_digest": "2"}, {"policy digest": ("1", "2")}),
        ({"gate_version": "1"}, {}, {"gate version": ("1", "")}),
        ({"overrides": []}, {"overrides": ["again"]}, {"overrides": ("", "again")}),
        ({}, {"actor": "bob"}, {"who": ("alice", "bob")}),
        (
            {"template_differences": ["env A", "cpu"]},
            {"template_differences": ["cpu"]},
            {"template differences": ("cpu; env A", "cpu")},
        ),
        (
            {"traffic_after": [{"revision": "", "percent": 90}, {"revision": NEW, "percent": 10}]},
            {"traffic_after": [{"revision": "", "percent": 100}, {"revision": NEW, "percent": 0}]},
            {"traffic after": (f"LATEST 90 %, {NEW} 10 %", "LATEST 100 %")},
        ),
        (
            {"secret_versions": {"key": "1"}},
            {"secret_versions": {"key": "2"}},
            {"secret versions": ("key 1", "key 2")},
        ),
    ],
)
def test_each_field_is_told_where_it_differs(a, b, differs):
    assert found(a, b) == differs


def test_probes_are_told_by_the_first_thing_that_differs():
    first = [
        {**saw("a"), "seen": "200 in 12 ms"},
        {**saw("b"), "seen": "200 in 12 ms"},
        {**saw("c"), "seen": "200", "expected": "200"},
        {**saw("d"), "seen": "7 of 7"},
        {**saw("gone"), "seen": "200"},
    ]
    second = [
        {**saw("a"), "seen": "200 in 1.5 s"},
        {**saw("b", "failed"), "seen": "500"},
        {**saw("c"), "seen": "200", "expected": "200 or 204"},
        {**saw("d"), "seen": "6 of 7"},
        {**saw("d", address="stable"), "seen": "7 of 7"},
    ]
    value = compared(one(outcome("r1", evidence=first)), one(outcome("r2", evidence=second)))
    assert [(row["probe"], row["address"], row["what"]) for row in value["probes"]] == [
        ("b", "", "outcome"),
        ("c", "", "expected"),
        ("d", "", "seen"),
        ("d", "stable", "only in b"),
        ("gone", "", "only in a"),
    ]
    told = "\n".join(plain(compared_blocks(value), 200))
    assert "gone (removed)" in told
    assert "b (outcome)        passed: 200 in 12 ms  failed: 500" in told


def test_one_without_an_outcome_is_held_against_what_it_set_out_to_do():
    value = compared(one(intention("r1")), one(outcome("r2")))
    assert {"what": "ending", "a": "unfinished", "b": "promoted"} in value["differs"]
