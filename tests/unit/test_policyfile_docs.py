"""docs/policy.md can be believed: its examples load, and every key of the format is in it."""

import re
from pathlib import Path

import pytest

from gate.policyfile import policy_schema
from gate.policyfile.problems import Problems
from gate.policyfile.tree import parse
from tests.unit.policy_files import loaded

PAGE = (Path(__file__).parents[2] / "docs" / "policy.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def keys_of(schema):
    """Every key of the format, by walking its JSON Schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from keys_of(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"]
        for item in schema.values():
            yield from keys_of(item)


def keys_in(node):
    if hasattr(node, "entries"):
        for key, (_, value) in node.entries.items():
            yield key
            yield from keys_in(value)
    for item in getattr(node, "items", ()):
        yield from keys_in(item)


def test_the_page_has_examples():
    assert len(BLOCKS) > 10


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_every_example_is_a_policy(tmp_path, block):
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas/discovery.json").write_text("{}")
    assert loaded(tmp_path, block).digest


def test_every_key_is_explained_and_has_an_example():
    shown = {key for block in BLOCKS for key in keys_in(parse(block, Problems("docs")))}
    for key in set(keys_of(policy_schema())):
        assert re.search(rf"`(?:\w+\.)?{key}`", PAGE), f"{key} is not explained"
        assert key in shown, f"{key} has no example"


def test_every_severity_is_listed():
    severities = re.findall(r"`([A-Z]{4,})`", PAGE)
    for word in ("DEBUG", "ERROR", "EMERGENCY"):
        assert word in severities
