"""Reader and JSON Schema come from one declaration: they must agree on structure.

Documents are generated from the schema's own vocabulary, good values and bad ones mixed, so that
most are nearly right. What the schema cannot say (names, references, sums, ranges of durations) is
told as another type of refusal, and is not looked at here.
"""

import json
import string
from pathlib import Path

import jsonschema
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from gate.core.expectations import Schema
from gate.kinds.forms import VALUE
from gate.kinds.probe import probe_keys
from gate.kinds.registry import keys_of_kinds, kinds_of_key
from gate.policyfile import check_policy, policy_schema
from gate.policyfile.checking import validator
from gate.policyfile.format import TOP
from gate.policyfile.problems import Mark, Problems
from gate.policyfile.reading import FileReading
from gate.policyfile.tree import Scalar, as_json, parse

SCHEMA = policy_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 120),
    st.sampled_from([0.5, 100.0, 200.0, "", "x", "15s", "50%", "/a", "//a", [], {}, [1], {"a": 1}]),
)
WORDS = st.sampled_from(
    [
        "a",
        "alice",
        "a-b",
        "A",
        "-a",
        "a_b",
        "1a",
        "/",
        "/ws?x=1",
        "jwt.${alice}",
        "Bearer ${a}",
        "P1",
    ]
)
DURATIONS = st.sampled_from(
    ["15s", "500ms", "4m", "1h", "1.5s", "15", "1h30m", "-1s", "1 s", ".5s"]
)
RATES = st.sampled_from(["50/s", "30/m", "0.5/s", "5", "5/h", "/s"])
PERCENTS = st.sampled_from(["100%", "250%", "0%", "99.5%", "100.1%", "101%", "5", "%"])


def text_for(pattern: str) -> st.SearchStrategy[str]:
    if "ms|s|m|h" in pattern:
        return DURATIONS
    if pattern.endswith("/(?:s|m))$"):
        return RATES
    return PERCENTS if pattern.endswith("%)$") else WORDS


def like(schema: dict) -> st.SearchStrategy:
    """Values that this schema mostly accepts; at every level some are odd."""
    return st.one_of(*[right(schema)] * 6, ODD)


def right(schema: dict) -> st.SearchStrategy:
    if "oneOf" in schema and "type" not in schema:
        return st.one_of(*[like(one) for one in schema["oneOf"]])
    if "anyOf" in schema and "type" not in schema:
        return st.one_of(*[like(one) for one in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    match schema["type"]:
        case "string":
            return text_for(schema["pattern"])
        case "boolean":
            return st.booleans()
        case "integer":
            low, high = schema["minimum"], schema["maximum"]
            return st.sampled_from([low, high, low - 1, high + 1, float(low), low + 0.5])
        case "array":
            return st.lists(like(schema["items"]), max_size=3)
        case "object" if "properties" in schema:
            return record(schema)
        case "object":
            return st.dictionaries(WORDS, like(schema["additionalProperties"]), max_size=3)
        case _:
            return st.sampled_from([{"a": [1, None]}, "text", 5, True, [None]])


def record(schema: dict) -> st.SearchStrategy:
    required = {name: like(schema["properties"][name]) for name in schema.get("required", [])}
    optional = {
        name: like(one) for name, one in schema["properties"].items() if name not in required
    }
    whole = st.fixed_dictionaries(required, optional=optional)
    spoilt = whole.map(lambda one: {**one, "bogus": 1})
    lacking = whole.map(lambda one: dict(list(one.items())[1:]))
    return st.one_of(whole, whole, whole, whole, whole, whole, spoilt, lacking)


ABSENT = FileReading(Path(), Problems("f"), Scalar(None, Mark(), ""))
ABSENT.schema = lambda name: Schema(name, {})


READER = validator(TOP)


def refused(record, value) -> list[dict]:
    try:
        record.validate_python(value, context=ABSENT)
    except ValidationError as error:
        return [one for one in error.errors() if one["type"] not in (VALUE, "missing")]
    return []


KINDS = {
    (kind.facts.key, kind.facts.where): validator(probe_keys(kind))
    for key in keys_of_kinds()
    for kind in kinds_of_key(key)
}


def structure_problems(document: object) -> list[object]:
    """What the reader refuses that a JSON Schema can see."""
    root = parse(json.dumps(document), Problems("f"))
    assert root is not None
    assert as_json(root) == document
    found: list[object] = [*refused(READER, document)]
    probes = document.get("probes") if isinstance(document, dict) else None
    for probe in probes.values() if isinstance(probes, dict) else ():
        there = [one for one in KINDS if isinstance(probe, dict) and one[0] in probe]
        meant = [one for one in there if one[1] and _has(probe[one[0]], one[1])]
        meant = meant or [one for one in there if not one[1]]
        found += refused(KINDS[meant[0]], probe) if len(meant) == 1 else ["no kind, or two"]
    return found


def _has(asked: object, key: str) -> bool:
    return isinstance(asked, dict) and key in asked


def walk(value):
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from walk(value[key])


GOOD = {
    "version": 1,
    "service": {"project": "demo", "region": "us-central1", "name": "backend"},
    "secrets": {"alice": {"env": "A"}},
    "traffic": [5, 25, 100],
    "dwell": "30s",
    "watch": "2m",
    "lease": "15s",
    "probes": {
        "h": {"http": {"path": "/health"}, "expect": {"status": [200, 204], "json": {"a": 1}}},
        "w": {
            "websocket": {"path": "/ws", "script": [{"send": "a"}, {"expect": {"json": 1}}]},
            "expect": {"refused": 1008},
        },
        "r": {
            "http": {"path": "/", "rate": "50/s", "for": "10s", "warm_up": "1s"},
            "expect": {"p50": "1s", "p99": "2s", "slower_than_stable": "20%", "errors": "1%"},
        },
        "l": {"logs": {}, "expect": {"none": [{"severity": "ERROR"}]}},
    },
}


KEYS = sorted({key for container, key in list(walk(GOOD)) if isinstance(key, str)})


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_good_example_is_good():
    assert VALIDATOR.is_valid(GOOD)
    assert structure_problems(GOOD) == []


@given(right(SCHEMA))
@example(GOOD)
def test_reader_and_schema_agree_on_structure(document):
    problems = structure_problems(document)
    assert VALIDATOR.is_valid(document) == (not problems), problems


@given(st.data())
def test_reader_and_schema_agree_on_a_good_policy_with_one_change(data):
    document = json.loads(json.dumps(GOOD))
    places = list(walk(document))
    container, key = data.draw(st.sampled_from(places))
    match data.draw(st.sampled_from(["replace", "delete", "add"])):
        case "delete":
            del container[key]
        case "add" if isinstance(container, dict):
            container[data.draw(st.sampled_from(KEYS))] = data.draw(ODD | DURATIONS)
        case _:
            container[key] = data.draw(ODD | WORDS | DURATIONS | PERCENTS)
    problems = structure_problems(document)
    assert VALIDATOR.is_valid(document) == (not problems), problems


@given(st.binary(max_size=300) | st.text(string.printable, max_size=300).map(str.encode))
def test_any_bytes_are_a_policy_or_problems_and_never_an_exception(tmp_path_factory, raw):
    path = tmp_path_factory.mktemp("any") / "policy.yaml"
    path.write_bytes(raw)
    check = check_policy(path)
    assert (check.policy is None) == bool(check.problems)
    for problem in check.problems:
        assert str(problem).isprintable()


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\x7f\x85"), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON.filter(lambda value: value is not None), st.booleans())
def test_json_values_survive_being_written_as_yaml(value, flow):
    text = yaml.safe_dump(
        {"value": value}, allow_unicode=False, default_flow_style=flow, sort_keys=False
    )
    if "&id" in text:
        return
    root = parse(text, Problems("f"))
    assert root is not None
    assert as_json(root) == {"value": value}
