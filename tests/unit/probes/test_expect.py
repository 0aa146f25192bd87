import pytest

from gate.core.evidence import Symptom
from gate.core.expectations import Pattern, Schema
from gate.probes.expect import Expectation, read_json
from gate.probes.outcome import CannotAskError
from tests.unit.probes.plain import plain

WELCOME = Schema(
    "schemas/welcome.json",
    {
        "type": "object",
        "required": ["type", "data"],
        "properties": {
            "type": {"const": "system_message"},
            "data": {"type": "object", "required": ["event"]},
        },
    },
)


def judge(expected, value):
    bound = Expectation(Pattern(json=expected)).bind({})
    found = bound.mismatches(value)
    assert bound.matches(value) is not bool(found)
    return [(plain(one.seen), one.expected) for one in found]


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ({"status": "ready"}, {"status": "ready", "more": 1}),
        (
            {"checks": {"redis": {"ok": True}}},
            {"checks": {"redis": {"ok": True, "ms": 3}, "pg": 1}},
        ),
        ([1, {"a": 2}], [1, {"a": 2, "b": 3}]),
        ({"n": 1}, {"n": 1.0}),
        ({"gone": None}, {"gone": None}),
        ("plain", "plain"),
        ({}, {"anything": 1}),
        (False, False),
    ],
)
def test_what_is_expected_must_be_there_and_more_may_be(expected, value):
    assert judge(expected, value) == []


@pytest.mark.parametrize(
    ("expected", "value", "seen", "wanted"),
    [
        ({"status": "ready"}, {"status": "degraded"}, '/status = "degraded"', '/status = "ready"'),
        ({"status": "ready"}, {}, "/status missing", '/status = "ready"'),
        ({"a": {"b/c": 1}}, {"a": {"b/c": 2}}, "/a/b~1c = 2", "/a/b~1c = 1"),
        ({"n": 1}, {"n": True}, "/n = true", "/n = 1"),
        ({"n": True}, {"n": 1}, "/n = 1", "/n = true"),
        ({"n": 0}, {"n": None}, "/n = null", "/n = 0"),
        ({"gone": None}, {}, "/gone missing", "/gone = null"),
        ([1, 2], [1], "the answer with 1 items", "2 items"),
        ([1, 2], [1, 3], "/1 = 3", "/1 = 2"),
        ({"a": {}}, {"a": [1]}, "/a = a list of 1 items", "/a = an object with 0 keys"),
        ({"a": 1}, [], "the answer = a list of 0 items", "the answer = an object with 1 keys"),
        ("x", {"x": 1}, "the answer = an object with 1 keys", 'the answer = "x"'),
    ],
)
def test_the_place_and_both_values_are_named(expected, value, seen, wanted):
    assert judge(expected, value) == [(seen, wanted)]


def test_only_the_first_mismatches_are_told():
    assert len(judge(dict.fromkeys("abcdefgh", 1), {})) == 3


def test_asking_for_nothing_holds_for_everything():
    bound = Expectation(Pattern()).bind({})
    assert bound.asks_nothing
    assert bound.matches(None)
    assert bound.mismatches([1]) == ()


def test_templates_are_rendered_for_each_binding():
    expectation = Expectation(Pattern(json={"thread_id": "${nonce}"}))
    assert expectation.names == {"nonce"}
    assert expectation.bind({"nonce": "a"}).matches({"thread_id": "a"})
    assert not expectation.bind({"nonce": "b"}).matches({"thread_id": "a"})
    assert str(expectation) == '{"thread_id":"${nonce}"}'


def test_a_schema_names_its_path_and_the_place():
    bound = Expectation(Pattern(schema=WELCOME)).bind({})
    assert bound.matches({"type": "system_message", "data": {"event": "x"}})
    (first, second) = bound.mismatches({"type": "connection_established"})
    assert {plain(first.seen), plain(second.seen)} == {
        "/type: 'system_message' was expected",
        "the answer: 'data' is a required property",
    }
    assert first.symptom is Symptom.SCHEMA
    assert first.expected == "schemas/welcome.json"


def test_of_an_any_of_the_nearest_branch_is_told():
    document = {
        "anyOf": [{"type": "string"}, {"properties": {"a": {"properties": {"b": {"const": 1}}}}}]
    }
    bound = Expectation(Pattern(schema=Schema("s.json", document))).bind({})
    (mismatch,) = bound.mismatches({"a": {"b": 2}})
    assert plain(mismatch.seen) == "/a/b: 1 was expected"


def test_values_and_schema_must_both_hold():
    bound = Expectation(Pattern(json={"type": "x"}, schema=WELCOME)).bind({})
    symptoms = {one.symptom for one in bound.mismatches({"type": "system_message", "data": {}})}
    assert symptoms == {Symptom.BODY, Symptom.SCHEMA}


def test_the_draft_of_a_schema_is_its_own_or_2020_12():
    assert (
        not Expectation(Pattern(schema=Schema("s", {"prefixItems": [{"type": "string"}]})))
        .bind({})
        .matches([1])
    )
    old = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "prefixItems": [{"type": "string"}],
    }
    assert Expectation(Pattern(schema=Schema("s", old))).bind({}).matches([1])


@pytest.mark.parametrize("document", [True, {}])
def test_an_open_schema_holds(document):
    assert Expectation(Pattern(schema=Schema("s", document))).bind({}).matches({"a": 1})


@pytest.mark.parametrize("document", [{"type": "nonsense"}, [], "text", {"pattern": "("}])
def test_a_document_that_is_no_schema_is_our_own_fault(document):
    with pytest.raises(CannotAskError, match="is no JSON Schema"):
        Expectation(Pattern(schema=Schema("s.json", document)))


@pytest.mark.parametrize(
    "ref", ["https://example.com/other.json", "file:///etc/passwd", "#/$defs/no"]
)
def test_nothing_is_fetched_for_a_schema(ref):
    bound = Expectation(Pattern(schema=Schema("s.json", {"$ref": ref}))).bind({})
    with pytest.raises(CannotAskError, match="refers to what is not in it"):
        bound.matches({})


def test_not_even_a_file_that_is_there_is_fetched_for_a_schema(tmp_path):
    other = tmp_path / "other.json"
    other.write_text("true")
    bound = Expectation(Pattern(schema=Schema("s.json", {"$ref": other.as_uri()}))).bind({})
    with pytest.raises(CannotAskError):
        bound.matches({})


def test_an_answer_too_deep_for_a_recursive_schema_does_not_hold():
    tree = {"properties": {"child": {"$ref": "#"}}, "type": "object"}
    value: dict = {}
    for _ in range(900):
        value = {"child": value}
    bound = Expectation(Pattern(schema=Schema("tree.json", tree))).bind({})
    (mismatch,) = bound.mismatches(value)
    assert "too deeply" in mismatch.seen
    assert not bound.matches(value)


@pytest.mark.parametrize(
    "text", ["NaN", '{"a": Infinity}', "[" * 100_000, "", "{", b"\xff", "1" * 5000]
)
def test_what_is_not_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the texts are the standard library's
        read_json(text)


@pytest.mark.parametrize(
    "text", [b'{"a":1}', '{"a":1}', '{"a":1}'.encode("utf-16"), b'\xef\xbb\xbf{"a":1}']
)
def test_json_is_read_from_text_and_from_bytes(text):
    assert read_json(text) == {"a": 1}
