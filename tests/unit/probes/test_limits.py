"""What a candidate sends cannot make a schema cost more than it may."""

import time

import pytest
from jsonschema import Draft202012Validator

from gate.core.evidence import Symptom
from gate.core.expectations import Pattern, Schema
from gate.probes.expect import Expectation
from gate.probes.limits import ERRORS_MAX, STEPS_MAX, Budget, TooMuchWork

NEWEST = "https://json-schema.org/draft/2020-12/schema"
TEXTS = {"type": "array", "items": {"type": "string"}}


def mismatches(schema, value):
    pattern = Pattern(schema=Schema("a.json", schema))
    began = time.process_time()
    found = Expectation(pattern).bind({}).mismatches(value)
    assert time.process_time() - began < 5
    return found


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"anyOf": [TEXTS, {"type": "object"}]}, [1] * 500_000),
        ({"not": {"anyOf": [TEXTS]}}, [1] * 500_000),
        ({"items": {"type": "number"}}, [1] * 500_000),
        (
            {
                "$schema": NEWEST,
                "$defs": {"a": {"anyOf": [TEXTS, {"$ref": "#"}]}},
                "items": {"$ref": "#"},
            },
            [[1] * 200_000],
        ),
    ],
    ids=["errors", "a not", "steps", "a reference to the whole"],
)
def test_an_answer_that_costs_too_much_is_a_mismatch_and_soon(schema, value):
    (found,) = mismatches(schema, value)
    assert found.symptom is Symptom.SCHEMA
    assert "too large, or too wrong" in found.seen


def test_an_answer_of_usual_size_is_checked_whole():
    rows = [{"name": f"a{n}", "tags": ["x", "y"], "on": True} for n in range(5_000)]
    row = {"required": ["name"], "properties": {"name": {"type": "string"}, "tags": TEXTS}}
    schema = {"type": "array", "items": row, "uniqueItems": True}
    assert mismatches(schema, rows) == ()
    (found,) = mismatches(schema, [*rows, {"name": 1}])
    assert found.path == "/5000/name"


def test_many_different_items_are_told_apart_in_no_time():
    mixed = [n if n % 2 else str(n) for n in range(50_000)]
    assert mismatches({"uniqueItems": True}, [*mixed, {}, []]) == ()
    assert mismatches({"uniqueItems": True}, [*mixed, "0"]) != ()


@pytest.mark.parametrize(
    "items",
    [
        [1, 1.0],
        [1, True],
        [0, False],
        [{"a": 1, "b": 2}, {"b": 2.0, "a": 1}],
        [[1], [True]],
        [[1], [1]],
        [None, 0],
        ["", None],
        [{}, []],
        [{"a": []}, {"a": []}],
    ],
    ids=str,
)
def test_items_are_equal_when_the_library_says_so(items):
    ours = mismatches({"uniqueItems": True}, items) == ()
    assert ours is Draft202012Validator({"uniqueItems": True}).is_valid(items)


def test_each_answer_has_the_whole_budget():
    budget = Budget()
    validator = budget.validator(Draft202012Validator, {"items": {"type": "string"}})
    budget.renew()
    with pytest.raises(TooMuchWork):
        list(validator.iter_errors([1] * (ERRORS_MAX + 1)))
    budget.renew()
    assert len(list(validator.iter_errors([1] * 10))) == 10
    assert (budget.steps, budget.errors) == (STEPS_MAX - 11, ERRORS_MAX - 10 - 10)
