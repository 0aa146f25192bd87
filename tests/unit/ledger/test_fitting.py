import json

import pytest

from gate.ledger.fitting import cut, fitted


def size_bytes(value):
    return len(json.dumps(value, ensure_ascii=False).encode())


def item(probe, outcome, excerpts):
    return {"probe": probe, "outcome": outcome, "excerpts": ["é" * 10] * excerpts}


def entry(*evidence, **more):
    return {"entry": "outcome", "evidence": list(evidence), **more}


GOOD, BAD, WORSE = item("good", "passed", 9), item("bad", "failed", 9), item("worse", "failed", 9)


def test_what_fits_is_left_as_it_is():
    whole = entry(GOOD, BAD)
    assert fitted(whole, size_bytes(whole)) is whole


def test_excerpts_of_passes_go_first_then_those_of_failures():
    whole = entry(GOOD, BAD)
    smaller = fitted(whole, size_bytes(whole) - 1)
    assert [(e["probe"], len(e["excerpts"])) for e in smaller["evidence"]] == [
        ("bad", 9),
        ("good", 0),
    ]
    assert smaller["left_out"] == 1
    smallest = fitted(whole, size_bytes(entry(GOOD)))
    assert [len(e["excerpts"]) for e in smallest["evidence"]] == [0, 0]


def test_tests_that_count_and_those_of_stable_go_first_then_excerpts_then_all_tests():
    tests = [{"name": f"t{n}", "counts": n > 2, "why": "no" if n == 9 else ""} for n in range(10)]
    suite = BAD | {"tests": tests, "tests_left_out": 0}
    control = suite | {"probe": "control", "address": "stable"}
    whole = entry(suite, control)

    def left(limit):
        found = {e["probe"]: e for e in fitted(whole, limit)["evidence"]}
        return [
            ([test["name"] for test in one["tests"]], one["tests_left_out"], len(one["excerpts"]))
            for one in (found["bad"], found["control"])
        ]

    told = ["t0", "t1", "t2", "t9"]
    assert left(size_bytes(whole) - 1) == [(told, 6, 9), ([], 10, 9)]
    without = [suite | {"tests": tests[:4]}, control | {"tests": [], "excerpts": []}]
    assert left(size_bytes(entry(*without)) + 60)[0] == (told, 6, 9)
    bare = {"excerpts": [], "tests": []}
    assert left(size_bytes(entry(suite | bare, control | bare)) + 60)[0] == ([], 10, 0)


def test_evidence_goes_last_passes_before_failures():
    whole = entry(GOOD, BAD, WORSE)
    limit = size_bytes(entry(BAD | {"excerpts": []}, left_out=123456))
    smaller = fitted(whole, limit)
    assert [e["probe"] for e in smaller["evidence"]] == ["bad"]
    assert smaller["left_out"] == 3 + 2
    assert size_bytes(smaller) <= limit


def test_then_tags_without_a_share_go():
    lines = [{"revision": "a", "percent": 100, "tag": ""}]
    tags = [{"revision": "a", "percent": 0, "tag": f"t{number}"} for number in range(50)]
    whole = entry(traffic_now=lines + tags, traffic_wanted=lines + tags)
    smaller = fitted(whole, 400)
    assert smaller["traffic_now"] == smaller["traffic_wanted"] == lines
    assert smaller["left_out"] == 100


def test_no_more_is_given_up_than_must_be():
    lines = [{"revision": "a", "percent": 0, "tag": "t"}]
    smaller = fitted(entry(GOOD, traffic_now=lines), 200)
    assert smaller["traffic_now"] == lines


@pytest.mark.parametrize("limit", range(120, 900, 20))
def test_the_size_is_kept_and_the_original_too(limit):
    whole = entry(GOOD, BAD, WORSE)
    was = json.dumps(whole)
    assert size_bytes(fitted(whole, limit)) <= limit
    assert json.dumps(whole) == was


def test_an_entry_without_evidence_is_as_small_as_it_can_be():
    assert fitted({"entry": "x", "evidence": None}, 1) == {
        "entry": "x",
        "evidence": None,
        "left_out": 0,
    }


def test_cutting_reaches_every_text_and_nothing_else():
    value = {"a": "12345", "b": ["123", {"c": "1234"}], "d": 12345, "e": None, "f": True}
    assert cut(value, 4) == {
        "a": "123…",
        "b": ["123", {"c": "1234"}],
        "d": 12345,
        "e": None,
        "f": True,
    }
