"""Entries are read with whatever they hold."""

import pytest

from gate.core.policy import Json
from gate.report import fields


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (7, 7),
        (7.0, 7),
        (-3, -3),
        (True, None),
        ("7", None),
        (None, None),
        (float("nan"), None),
        (float("inf"), None),
        (10**400, None),
    ],
)
def test_numbers(value: Json, number: int | None) -> None:
    assert fields.number({"key": value}, "key") == number


def test_what_is_not_as_expected_reads_as_empty() -> None:
    entry: dict[str, Json] = {"text": 1, "child": [], "children": [{"a": 1}, 2], "texts": ["a", 2]}
    assert fields.text(entry, "text") == ""
    assert fields.text(entry, "missing") == ""
    assert fields.child(entry, "child") == {}
    assert fields.children(entry, "children") == [{"a": 1}]
    assert fields.children(entry, "text") == []
    assert fields.texts(entry, "texts") == ["a"]
    assert fields.texts(entry, "text") == []
