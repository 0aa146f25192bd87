from datetime import UTC, datetime

import pytest

from gate.cloud.documents import items, moment, number, part, parts, text, texts, value

DOCUMENT = {"a": {"b": "x", "n": 7, "big": "12", "list": [{"c": 1}, 2], "map": {"z": "1", "y": 2}}}


def test_what_is_there():
    assert value(DOCUMENT, "a", "n") == 7
    assert text(DOCUMENT, "a", "b") == "x"
    assert number(DOCUMENT, "a", "n") == 7
    assert number(DOCUMENT, "a", "big") == 12
    assert items(DOCUMENT, "a", "list") == [{"c": 1}, 2]
    assert parts(DOCUMENT, "a", "list") == [{"c": 1}]
    assert texts(DOCUMENT, "a", "map") == {"z": "1"}
    assert part(DOCUMENT, "a", "map") == {"z": "1", "y": 2}


@pytest.mark.parametrize("path", [("x",), ("a", "b", "c"), ("a", "list", "c"), ("a", "x", "y")])
def test_what_is_not_there_is_empty(path):
    found = [read(DOCUMENT, *path) for read in (part, items, parts, text, number, texts)]
    assert found == [{}, [], [], "", 0, {}]
    assert value(DOCUMENT, *path) is None


@pytest.mark.parametrize("strange", [True, 1.5, "1.5", "-1", "²x", None, [], {}])
def test_what_is_no_whole_number_is_none(strange):
    assert number({"n": strange}, "n") == 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.123456789Z", datetime(2026, 1, 2, 3, 4, 5, 123456, tzinfo=UTC)),
        ("2026-01-02T03:04:05", None),
        ("soon", None),
        (5, None),
    ],
)
def test_moments(given, expected):
    assert moment({"at": given}, "at") == expected
