"""Shapes of JSON answers: what breaks clients, what does not, and how little is looked at."""

import json

import pytest

from gate.core.shapes import (
    ITEMS_MAX,
    NODES_MAX,
    broken,
    differs,
    no_json,
    shape_of,
    shown,
    together,
)


def breaks(now, *before):
    return [text for text, _ in broken(shape_of(now), together(map(shape_of, before)))]


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        ({"a": 1}, {"a": 2}, []),
        ({"a": 1, "new": 1}, {"a": 2}, []),
        ({}, {"a": 2}, ["$.a missing"]),
        ({"b": 2}, {"a": 2}, ["$.a missing"]),
        ({"a": "2"}, {"a": 2}, ["$.a is string"]),
        ({"a": 2.5}, {"a": 2}, []),
        ({"a": True}, {"a": 2}, ["$.a is boolean"]),
        ({"a": None}, {"a": 2}, []),
        ({"a": 2}, {"a": None}, []),
        ({"a": None}, {"a": {"b": 1}}, []),
        ({"data": {"a": 1}}, {"a": 1}, ["$.a missing"]),
        ({"a": {"b": 1}}, {"a": {"b": {"c": 1, "d": 2}}}, ["$.a.b is number"]),
        ({}, {"a": {"b": {"c": 1}}}, ["$.a missing"]),
        ({"a": []}, {"a": [{"id": 1}]}, []),
        ({"a": [{}]}, {"a": [{"id": 1}]}, ["$.a[].id missing"]),
        ({"a": [{"id": 1}, {}]}, {"a": [{"id": 1}]}, []),
        ([1], {"a": 1}, ["the answer is list"]),
        ({"a": [1, "x"]}, {"a": ["x"]}, []),
    ],
)
def test_what_breaks_clients(now, before, told):
    assert breaks(now, before) == told


def test_what_differs_between_old_answers_was_no_promise():
    assert breaks({"a": 1}, {"a": 1, "x1": 1}, {"a": 1, "x2": 1}) == []
    assert breaks({"a": 1}, {"a": 1, "x": 1}, {"a": 1, "x": 1}) == ["$.x missing"]
    assert breaks({"a": "1"}, {"a": 1}, {"a": "1"}) == []
    assert breaks({"a": {}}, {"a": None}, {"a": {"b": 1}}) == ["$.a.b missing"]


@pytest.mark.parametrize(
    "key",
    [
        "/api/health",
        "7",
        "2026-01-01",
        "a@example.com",
        "backend-00001-abc",
        "",
        "deadbeefcafe",
        "é",
    ],
)
def test_keys_that_are_data_are_no_promise(key):
    assert breaks({"hits": {"other": 1}}, {"hits": {key: 1}}) == []
    assert breaks({"hits": {key: "1"}}, {"hits": {key: 1}}) == [f"$.hits.{key} is string"]


@pytest.mark.parametrize("key", ["p95", "user_id", "$ref", "@type", "sha256", "uptime_seconds"])
def test_keys_that_are_names_are(key):
    assert breaks({"other": 1}, {key: 1}) == [f"$.{key} missing"]


def test_an_answer_that_is_no_json_any_more_breaks_clients():
    ((told, was),) = broken(no_json(), shape_of({"a": 1}))
    assert (told, was) == ("the answer is no JSON", "the answer is object")
    assert not list(broken(no_json(), no_json()))


def test_messages_of_different_types_are_not_compared():
    pong, ping = shape_of({"a": 1}, "message pong"), shape_of({"b": 1}, "message ping")
    assert not list(broken(pong, ping))
    assert differs(pong, ping)
    assert not differs(pong, together([ping, pong]))
    assert not differs(shape_of({}, "message error_message"), ping)


def test_a_new_key_is_a_difference_and_breaks_nobody():
    assert differs(shape_of({"a": 1, "b": 1}), shape_of({"a": 1}))
    assert not differs(shape_of({"a": 1}), shape_of({"a": 7}))


def test_what_was_looked_at_in_part_misses_nothing():
    long = {f"k{n:05}": 1 for n in range(NODES_MAX * 3)}
    shape = shape_of(long)
    assert not shape.whole
    assert len(shape.places) <= NODES_MAX
    assert not list(broken(shape, shape_of({"k09999": 1, "z": 1})))
    assert not shape_of([1] * (ITEMS_MAX + 1)).whole


def test_nothing_an_answer_holds_takes_long_or_breaks_it():
    deep = json.loads("[" * 400 + "]" * 400)
    wide = [[[[[[1] * 50] * 50] * 50] * 50] * 50] * 50
    for value in (deep, wide, {"x" * 100_000: {"": None}}):
        places = shape_of(value).places
        assert len(places) < NODES_MAX
        assert all(len(shown(path)) < 1000 for path in places)


def test_keys_are_made_fit_to_show():
    shape = shape_of({"secret-7": 1}, clean=lambda text: text.replace("secret-7", "***"))
    assert ("$", "***") in shape.places


def test_nothing_together_is_nothing():
    assert together([]) is None
    assert together([None, None]) is None
