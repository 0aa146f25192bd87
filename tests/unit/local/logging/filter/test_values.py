import pytest

from gate.local.logging import wire
from gate.local.logging.filter.syntax import Literal, Op
from gate.local.logging.filter.values import (
    Loose,
    boolean,
    duration_ns,
    enumeration,
    fold,
    integer,
    number,
    timestamp_ns,
)
from tests.unit.local.logging.lines import NOW_S

SEVERITY = wire.LogEntry.DESCRIPTOR.fields_by_name["severity"].enum_type
DAY_S = NOW_S - NOW_S % 86_400


@pytest.mark.parametrize(
    ("text", "after_midnight_ns"),
    [
        ("2026-11-22", 0),
        ("2026-11-22T15:04:05Z", (15 * 3600 + 4 * 60 + 5) * 10**9),
        ("2026-11-22T15:04:05.000000001Z", (15 * 3600 + 4 * 60 + 5) * 10**9 + 1),
        ("2026-11-22T15:04:05.5+0000", (15 * 3600 + 4 * 60 + 5) * 10**9 + 500_000_000),
        ("2026-11-22T16:04:05+01:00", (15 * 3600 + 4 * 60 + 5) * 10**9),
        ("2026-11-22T15:04:05", (15 * 3600 + 4 * 60 + 5) * 10**9),
        ("2026-11-22T15:04Z", (15 * 3600 + 4 * 60) * 10**9),
    ],
)
def test_timestamps(text, after_midnight_ns):
    assert timestamp_ns(text) == DAY_S * 10**9 + after_midnight_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "noon",
        "2026-13-01",
        "2026-02-30",
        "2026-11-22 15:04:05Z",
        "2026-11-22T25:00:00Z",
        "2026-11-22T15:04:05+99:00",
        "1",
    ],
)
def test_what_is_no_timestamp_is_refused(text):
    with pytest.raises(ValueError, match="not a timestamp"):
        timestamp_ns(text)


@pytest.mark.parametrize(
    ("text", "value_ns"),
    [
        ("3.2s", 3_200_000_000),
        ("250ms", 250_000_000),
        ("7us", 7_000),
        ("5ns", 5),
        ("2m", 120 * 10**9),
        ("1h", 3600 * 10**9),
        ("-1.5s", -1_500_000_000),
        ("0.1ms", 100_000),
    ],
)
def test_durations(text, value_ns):
    assert duration_ns(text) == value_ns


@pytest.mark.parametrize("text", ["", "1", "s", "1 s", "1d", ".5s", "1.2.3s"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        duration_ns(text)


def test_integers_booleans_and_enumerations():
    assert integer("-3") == -3
    assert boolean("TRUE") is True
    assert boolean("false") is False
    assert enumeration("error", SEVERITY) == enumeration("500", SEVERITY) == 500
    for read, text in [(integer, "3.5"), (integer, "x"), (integer, "9" * 20), (boolean, "yes")]:
        with pytest.raises(ValueError, match="not a"):
            read(text)
    with pytest.raises(ValueError, match="one of DEFAULT, DEBUG"):
        enumeration("EROR", SEVERITY)


def test_numbers():
    assert number("-3.2e-8") == -3.2e-8
    assert number("Infinity") == float("inf")
    assert number("12 apples") is None
    assert number("") is None


def test_folding_ignores_case_and_compatibility_forms():
    assert fold("ERROR") == "error"
    assert fold("Straße") == fold("STRASSE")
    assert fold("ﬁle") == fold("File")


@pytest.mark.parametrize(
    ("text", "op", "value", "expected"),
    [
        ("Hello", Op.EQ, "hELLO", True),
        ("ell", Op.HAS, "Hello", True),
        ("b", Op.LT, "a", True),
        ("10", Op.LT, "9", False),  # text is compared as text,
        ("10", Op.GT, 9.0, False),  # numbers as numbers
        ("10", Op.LT, 9.0, True),
        ("10", Op.HAS, 10.0, True),
        ("ten", Op.EQ, 10.0, False),
        ("ten", Op.NE, 10.0, False),  # a conversion that fails fails the comparison
        ("true", Op.EQ, True, True),
        ("True", Op.NE, False, True),
        ("1", Op.EQ, True, False),
        ("x", Op.EQ, None, False),
        ("x", Op.NE, None, False),
    ],
)
def test_a_payloads_value_is_compared_by_its_own_type(text, op, value, expected):
    assert Loose.of(Literal(text)).compare(op, value) is expected


def test_null_value_without_quotes_is_null():
    null, word = Loose.of(Literal("NULL_VALUE", False)), Loose.of(Literal("NULL_VALUE", True))
    assert null.compare(Op.EQ, None)
    assert not null.compare(Op.NE, None)
    assert null.compare(Op.NE, 3.0)
    assert not null.compare(Op.EQ, 3.0)
    assert word.compare(Op.EQ, "NULL_VALUE")
    assert not word.compare(Op.EQ, None)
