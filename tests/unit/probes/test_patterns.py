"""What a candidate sends cannot keep a schema's patterns at work; else they say what re says."""

import pytest
from jsonschema import Draft7Validator, Draft201909Validator, Draft202012Validator

from gate.core.evidence import Symptom
from gate.core.expectations import Pattern, Schema
from gate.core.patterns import compiled, place_of
from gate.probes.expect import Expectation
from gate.probes.limits import Budget

FOR_EVER = "^(a|a)*$"
HOSTILE = "a" * 60 + "!"
NO_MORE = "the answer holds a text on which a pattern takes too long"
NEWEST = "https://json-schema.org/draft/2020-12/schema"


def bound(schema):
    return Expectation(Pattern(schema=Schema("a.json", schema))).bind({})


@pytest.mark.parametrize("pattern", ["^(a+)+$", r"^(?:\w+\s?)*(?=$)"])
def test_a_pattern_that_repeats_a_repeat_ends_and_is_no_pass(pattern):
    (found,) = bound({"pattern": pattern}).mismatches(HOSTILE)
    assert found.symptom is Symptom.SCHEMA
    assert found.seen == NO_MORE or "does not match" in found.seen


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        (
            {"$schema": NEWEST, "properties": {"a/b": {"items": {"pattern": FOR_EVER}}}},
            {"a/b": [HOSTILE] * 1000},
            "/properties/a~1b/items/pattern",
        ),
        (
            {"items": {"$ref": "#/$defs/x"}, "$defs": {"x": {"pattern": FOR_EVER}}},
            [HOSTILE],
            "/$defs/x/pattern",
        ),
        ({"propertyNames": {"pattern": FOR_EVER}}, {HOSTILE: 1}, "/propertyNames/pattern"),
        ({"not": {"pattern": FOR_EVER}}, HOSTILE, "/not/pattern"),
        ({"patternProperties": {FOR_EVER: True}}, {HOSTILE: 1}, f"/patternProperties/{FOR_EVER}"),
        (
            {"unevaluatedProperties": False, "patternProperties": {FOR_EVER: True}},
            {HOSTILE: 1},
            f"/patternProperties/{FOR_EVER}",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("/") else "",
)
def test_a_thousand_such_texts_share_one_limit_and_the_pattern_is_named(schema, value, place):
    (found,) = bound(schema).mismatches(value)
    assert (found.seen, found.expected) == (NO_MORE, "a.json")
    assert found.hint == f"write the pattern at a.json#{place} without a repeat inside a repeat"


@pytest.mark.parametrize(
    ("schema", "value"),
    [({"pattern": FOR_EVER}, HOSTILE), ({"items": {"type": "number"}}, [1] * 200_000)],
    ids=["time", "steps"],
)
def test_what_cannot_be_told_is_no_pass_and_may_be_what_is_forbidden(schema, value):
    assert not bound(schema).matches(value)
    assert bound(schema).may_match(value)
    assert not bound({"const": 1}).may_match(value)


def test_each_answer_has_the_whole_time():
    expected = bound({"pattern": FOR_EVER})
    assert expected.mismatches(HOSTILE)
    assert expected.mismatches("aaa") == ()


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^x{e}$", "x"),
        ("^x{1,2}{i}$", "xx{i}"),
        ("^[[:alpha:]]$", "b"),
        ("^[[:alpha:]]$", ":]"),
        ("^[:a]$", ":"),
        (r"\[:a", "[:a"),
        ("^[{e}]+$", "{e}"),
        (r"^\{id\}$", "{id}"),
        ("^a{,2}$", "aa"),
        (r"^\N{DIGIT ONE}$", "1"),
        ("^[a||b]$", "|"),
        ("(?<=a)b(?!c)", "abd"),
    ],
)
def test_a_pattern_means_what_it_means_to_python(pattern, text):
    theirs = Draft202012Validator({"pattern": pattern}).is_valid(text)
    assert (bound({"pattern": pattern}).mismatches(text) == ()) is theirs


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a**", r"\p{L}", "(?<n>a)", "(" * 9999, "a{9999999999}"]
)
def test_what_is_no_regular_expression_to_python_is_refused(pattern):
    with pytest.raises(ValueError, match=r"."):
        compiled(pattern)


NAMES = {"patternProperties": {"^x-": {"type": "string"}}, "properties": {"a": True}}
OPEN = {"unevaluatedProperties": False}


@pytest.mark.parametrize("kind", [Draft7Validator, Draft201909Validator, Draft202012Validator])
@pytest.mark.parametrize(
    "schema",
    [
        NAMES,
        NAMES | {"additionalProperties": False},
        NAMES | {"additionalProperties": {"type": "number"}},
        {"additionalProperties": False},
        NAMES | OPEN,
        OPEN | {"$defs": {"n": NAMES}, "allOf": [{"$ref": "#/$defs/n"}]},
        OPEN | {"anyOf": [NAMES, {"properties": {"b": {"type": "string"}}}]},
        OPEN | {"dependentSchemas": {"a": NAMES}},
        OPEN | {"if": {"required": ["a"]}, "then": NAMES, "else": {"properties": {"b": True}}},
        NAMES | {"unevaluatedProperties": {"type": "null"}},
    ],
    ids=str,
)
def test_names_are_told_apart_as_the_library_does(kind, schema):
    ours = Budget().validator(kind, schema)
    for value in [{"a": 1}, {"x-a": "1", "a": 1}, {"x-a": 1}, {"b": 1}, {"b": "1"}, {"c": None}, 1]:
        theirs = sorted(error.json_path for error in kind(schema).iter_errors(value))
        assert sorted(error.json_path for error in ours.iter_errors(value)) == theirs, value


def test_a_part_is_found_by_what_it_is_and_not_by_what_it_holds():
    document = {"a": [{"x": 1}, {"x": 1}]}
    assert place_of(document["a"][1], document) == ("a", 1)
    assert place_of({"x": 1}, document) == ()
