"""What is written means what it says: every default, and every form there and back."""

import pytest

from gate.kinds.probe import COMMON, probe_keys
from gate.kinds.records import Record
from gate.kinds.registry import KINDS, kind_of
from gate.kinds.values import Duration, More, Percent, Rate, seconds_of
from gate.kinds.websocket import AWAIT
from gate.policyfile.canary import split_steps
from gate.policyfile.candidate import CANDIDATE
from gate.policyfile.checking import checked, validator
from gate.policyfile.format import TOP
from gate.policyfile.problems import Mark, Problems
from gate.policyfile.repeats import REPEATS
from gate.policyfile.schema import policy_schema, probe_schema
from gate.policyfile.tree import Mapping, Scalar, Sequence


def slots_below(record):
    """Every slot of a record and of those below it."""
    for slot in record.keys:
        yield slot
        if isinstance(slot.form, Record):
            yield from slots_below(slot.form)


SLOTS = [
    *(slot for record in (TOP, CANDIDATE, REPEATS, AWAIT) for slot in record.keys),
    *(slot for name in KINDS for slot in slots_below(probe_keys(kind_of(name)))),
    *COMMON,
]
WRITTEN = [slot for slot in SLOTS if slot.written is not None]


def node(value):
    if isinstance(value, list):
        return Sequence([node(one) for one in value], Mark(), "it")
    return Scalar(value, Mark(), "it")


@pytest.mark.parametrize("slot", WRITTEN, ids=lambda slot: f"{slot.name}-{slot.written}")
def test_the_default_that_is_told_is_the_one_that_holds(slot):
    record = Record("it", dict, (slot,))
    problems = Problems("f")
    made = validator(record)
    read = checked(made, _mapping({slot.name: slot.written}), None, problems)
    assert not len(problems), problems.sorted()
    assert split_steps(read) == {slot.field: slot.default}


def _mapping(values):
    entries = {name: (Mark(), node(value)) for name, value in values.items()}
    return Mapping(entries, Mark(), "")


def test_there_are_defaults_to_tell():
    assert len(WRITTEN) > 50


@pytest.mark.parametrize(
    ("form", "value", "text"),
    [
        (Duration(), 0.25, "250ms"),
        (Duration(), 0.0, "0s"),
        (Duration(), 1.5, "1500ms"),
        (Duration(), 90.0, "90s"),
        (Duration(), 60.0, "1m"),
        (Duration(), 7200.0, "2h"),
        (Rate(), 20.0, "20/s"),
        (Percent(), 99.5, "99.5%"),
        (More(), 250.0, "250%"),
    ],
)
def test_a_measure_is_written_as_people_write_it_and_read_back(form, value, text):
    assert form.text(value) == text
    assert form.value(text) == value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("4m", 240), ("24h", 86_400), ("25h", None), ("5", None), ("1h30m", None)],
)
def test_a_duration_alone(text, seconds):
    assert seconds_of(text) == seconds


def described(schema):
    """Every property of a JSON Schema."""
    if isinstance(schema, list):
        for one in schema:
            yield from described(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"].items()
        for one in schema.values():
            yield from described(one)


def test_the_json_schema_says_what_each_key_is_for_and_what_holds_without_it():
    found = list(described(policy_schema()))
    assert all(one.get("description") for _, one in found), found
    deadline = policy_schema()["properties"]["deadline"]
    assert deadline["default"] == "20m"
    http = probe_schema(kind_of("http"))["properties"]["http"]["properties"]
    assert (http["timeout"]["default"], http["method"]["default"]) == ("10s", "GET")
    assert http["path"]["description"].startswith("Path and query")
