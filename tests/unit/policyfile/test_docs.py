"""docs/policy can be believed: its examples load, every key is in it, and its tables are made."""

import re

import pytest

from docs.tables import PAGES, filled
from gate.kinds.keys import record_of
from gate.kinds.registry import KINDS, kind_of
from gate.policyfile import policy_schema
from gate.policyfile.problems import Problems
from gate.policyfile.tree import parse
from tests.unit.policy_files import loaded

PAGE = "\n".join(path.read_text() for path in PAGES)
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
KIND_PAGES = {path.stem: path for path in PAGES if path.parent.name == "policy"}


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


def test_the_pages_have_examples():
    assert len(BLOCKS) > 25


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_the_tables_are_what_the_reader_checks_by(path):
    page = path.read_text()
    assert "<!-- keys: " in page
    assert filled(page) == page, "run python -m docs.tables"


def test_every_kind_has_a_page_that_begins_with_what_it_is_for_and_an_example():
    assert set(KIND_PAGES) == set(KINDS)
    for name, path in KIND_PAGES.items():
        title, purpose, example, *_ = path.read_text().split("\n\n")
        assert title.startswith(f"# `{kind_of(name).facts.key}`")
        assert purpose.startswith("For ")
        assert example.startswith("```yaml\n")
        record = record_of(kind_of(name), expected=True)
        assert record is None or f"<!-- keys: {name} expect -->" in path.read_text()


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
