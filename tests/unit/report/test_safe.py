"""Text from outside cannot act on a terminal, break a line, or grow without bound."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.report.safe import LIMIT, safe


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text stays", "plain text stays"),
        ("déjà vu, 你好, ✓", "déjà vu, 你好, ✓"),
        ("[bold]not markup[/bold]", "[bold]not markup[/bold]"),
        ("\x1b[31mred\x1b[0m", "\\x1b[31mred\\x1b[0m"),
        ("\x9b31m", "\\x9b31m"),
        ("one\r\ntwo\tthree\0", "one\\r\\ntwo\\tthree\\x00"),
        ("safe\u202egpj.exe", "safe\\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028separator\x85", "line\\u2028separator\\x85"),
        ("hidden\U000e0041tag", "hidden\\U000e0041tag"),
        ("lone \ud800 surrogate", "lone \\ud800 surrogate"),
        ("odd\u00a0space\u3000here", "odd space here"),
    ],
)
def test_what_acts_is_written_as_its_escape(text: str, shown: str) -> None:
    assert safe(text) == shown


def test_long_text_says_that_it_was_cut() -> None:
    assert safe("a" * 10, limit=5) == "aaaa…"
    assert safe("a" * 5, limit=5) == "aaaaa"
    assert safe("\x1b\x1b", limit=5) == "\\x1b…"


def test_a_huge_text_costs_no_more_than_a_short_one() -> None:
    assert len(safe("\x1b" * 10_000_000)) == LIMIT


@given(st.text(st.characters(codec=None)), st.integers(1, 300))
@example("\x1b[2J\u202e\ud800", 240)
def test_every_character_shows_as_itself(text: str, limit: int) -> None:
    shown = safe(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert len(shown.splitlines()) <= 1
    shown.encode()


@given(st.text(st.characters(codec=None)))
def test_twice_is_as_good_as_once(text: str) -> None:
    assert safe(safe(text)) == safe(text)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=LIMIT))
def test_printable_text_is_left_alone(text: str) -> None:
    assert safe(text) == text
