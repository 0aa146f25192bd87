"""Columns line up by terminal cells, and nothing gets lost in wrapping."""

from hypothesis import given
from hypothesis import strategies as st

from gate.report.columns import GAP, LEAST, Column, cells, table, wrap

WORDS = st.text(st.sampled_from("abc de é你\u0301/"), max_size=80)


def test_wide_characters_take_two_cells_and_combining_ones_none() -> None:
    assert cells("abc") == 3
    assert cells("你好") == 4
    assert cells("e\u0301") == 1


def test_text_breaks_at_spaces_and_goes_on_further_in() -> None:
    assert wrap("one two three four", 9, further="  ") == ["one two", "  three", "  four"]


def test_a_word_that_is_too_long_breaks_anywhere() -> None:
    assert wrap("see https://a.example/long", 10) == ["see", "https://a.", "example/lo", "ng"]


def test_leading_spaces_stay() -> None:
    assert wrap("    return x", 30) == ["    return x"]
    assert wrap("  aa bbbbbb", 6) == ["  aa", "bbbbbb"]


@given(WORDS, st.integers(LEAST, 40), st.sampled_from(["", "  "]))
def test_every_line_fits_and_no_character_is_lost(text: str, width: int, further: str) -> None:
    lines = wrap(text, width, further)
    assert lines
    assert all(cells(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_table_takes_no_more_than_it_needs() -> None:
    assert table([Column("name"), Column("n")], [["alpha", "1"], ["b", "22"]], 80) == [
        "name   n",
        "-----  --",
        "alpha  1",
        "b      22",
    ]


def test_columns_that_keep_their_width_leave_the_rest_to_the_others() -> None:
    columns = [Column("probe", 20), Column("seen")]
    assert table(columns, [["health", "it was not like that at all"]], 24) == [
        "probe   seen",
        "------  ----------------",
        "health  it was not like",
        "        that at all",
    ]


def test_wide_characters_line_up() -> None:
    lines = table([Column("a"), Column("b")], [["你好", "x"], ["ab", "y"]], 80)
    assert lines[2:] == ["你好  x", "ab    y"]


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), max_size=5), st.integers(30, 100))
def test_a_table_fits_its_width(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = table([Column("one"), Column("two", 8), Column("three")], rows, width)
    assert all(cells(line) <= width for line in lines)
    assert len(lines[1].split(GAP)) == 3
