import pytest

from gate.core.redaction import Redactor
from gate.core.texts import visible
from gate.probes.words import LINE_MAX, Words

SECRET = "correct-horse-battery-staple"
WORDS = Words(Redactor({"alice": SECRET}))


def test_a_secret_is_replaced_before_the_text_is_cut():
    text = "x" * (LINE_MAX - 10) + SECRET
    line = WORDS.line(text)
    assert len(line) == LINE_MAX
    assert "corr" not in line


def test_a_text_that_was_cut_on_the_way_shows_no_part_of_a_secret():
    reach = WORDS.reach(100)
    for missing in range(1, len(SECRET)):
        text = ("y" * 60 + SECRET * 20)[: reach + missing][:reach]
        line = WORDS.line(text, 100, cut=True)
        assert "correct" not in line.replace("[secret alice]", "")
        assert line.endswith("…")


def test_a_text_whose_beginning_is_missing_shows_no_end_of_a_secret():
    for missing in range(1, len(SECRET)):
        lines = WORDS.last_lines(f"{SECRET[missing:]}\n{'y' * 60}\nthe end", 5, cut=True)
        assert lines[-1] == "the end"
        assert set("".join(lines[:-1])) <= {"y"}
    assert WORDS.last_lines(f"a\n\n {SECRET}\n\x1b[31mb", 2) == ("[secret alice]", "\\x1b[31mb")


def test_secrets_that_shrink_leave_no_room_for_a_part_of_another():
    text = SECRET * 1000 + "correct-horse"
    line = WORDS.line(text)
    assert set(line.split("[secret alice]")) <= {"", "…", *[line.split("[secret alice]")[-1]]}
    assert "correct" not in line


def test_a_short_text_stays_whole():
    assert WORDS.line("hello") == "hello"
    assert WORDS.line("h" * 10, 10) == "h" * 10
    assert WORDS.line("h" * 11, 10) == "h" * 9 + "…"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J\x7f\x00", "\\x9b2J\\x7f\\x00"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("\u200bzero\ufeff\u2028", "\\u200bzero\\ufeff\\u2028"),
        ("\ud83d", "\\ud83d"),
        ("grün 日本 🙂", "grün 日本 🙂"),
    ],
)
def test_characters_that_act_are_made_visible(text, shown):
    assert visible(text) == shown


def test_a_text_of_many_lines_is_cut_in_both_directions():
    lines = WORDS.lines("\n\n".join(["  first", "y" * 600, *["z"] * 100]), 5)
    assert lines == ("first", "y" * 499 + "…", "z", "z", "z")


def test_a_secret_over_the_end_of_what_is_kept_of_many_lines_is_not_shown():
    text = ("a" * 400 + "\n") * 3 + SECRET * 100
    assert "correct" not in "".join(WORDS.lines(text, 2))
    assert "correct" not in "".join(WORDS.lines(text, 20))


def test_a_hostile_text_costs_no_time():
    text = "eyJ" * 400_000  # each of them may begin a token, as far as a pattern can tell
    assert len(WORDS.line(text)) <= LINE_MAX
    assert len(WORDS.lines(text, 10)) == 1
