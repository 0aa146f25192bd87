import pytest

from gate.local.logging.filter.errors import FilterError
from gate.local.logging.filter.tokens import Kind, Segment, tokens


def shown(text):
    return [(token.kind, token.text) for token in tokens(text)][:-1]


def test_a_comparison_is_a_word_an_operator_and_a_word():
    assert shown("severity>=ERROR") == [
        (Kind.WORD, "severity"),
        (Kind.OP, ">="),
        (Kind.WORD, "ERROR"),
    ]


@pytest.mark.parametrize("op", ["=", "!=", "<", "<=", ">", ">=", ":", "=~", "!~"])
def test_every_operator_is_one_token_with_or_without_spaces(op):
    assert (
        shown(f"a{op}b")
        == shown(f"a {op} b")
        == [(Kind.WORD, "a"), (Kind.OP, op), (Kind.WORD, "b")]
    )


def test_keywords_count_only_in_capitals():
    assert [kind for kind, _ in shown("AND OR NOT and or not")] == [
        Kind.AND,
        Kind.OR,
        Kind.NOT,
        Kind.WORD,
        Kind.WORD,
        Kind.WORD,
    ]


def test_a_path_is_one_word_of_segments_quoted_or_not():
    word = next(tokens('labels."a.b/c".d-e'))
    assert word.segments == (
        Segment("labels", False),
        Segment("a.b/c", True),
        Segment("d-e", False),
    )


def test_positions_are_offsets_into_the_text():
    assert [(token.start, token.end) for token in tokens('a = "b"')] == [
        (0, 1),
        (2, 3),
        (4, 7),
        (7, 7),
    ]


def test_comments_run_to_the_end_of_their_line():
    assert shown("-- one\na -- two\n-- three") == [(Kind.WORD, "a")]


def test_dashes_inside_a_word_are_no_comment():
    assert shown("us-central1 a--b") == [(Kind.WORD, "us-central1"), (Kind.WORD, "a--b")]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"\"", '"'),
        (r"\\", "\\"),
        (r"\n", "\n"),
        (r"\t", "\t"),
        (r"\101", "A"),
        (r"\x41", "A"),
        (r"\u00e9", "é"),
        (r"\U0001F600", "😀"),
        (r"\d+\.", r"\d+\."),
        (r"\b", r"\b"),
        ("--", "--"),
        ("\n", "\n"),
    ],
)
def test_escapes_in_a_quoted_string(written, meant):
    (token, _) = tokens(f'"{written}"')
    assert token.segments == (Segment(meant, True),)


@pytest.mark.parametrize(
    ("text", "offset", "reason"),
    [
        ('a="b', 2, "has no end"),
        ('a="b\\"', 2, "has no end"),
        ("a='b'", 2, "single quotes"),
        ("a.", 2, "ends after a '.'"),
        ("a..b", 2, "unexpected '.'"),
        (".5", 0, "unexpected '.'"),
        ("+5", 0, r"unexpected '\+'"),
        ("a & b", 2, "unexpected '&'"),
        ("a!b", 1, "unexpected '!'"),
        ("a~b", 1, "unexpected '~'"),
        (r'"\ud800"', 1, "not a character"),
        (r'a="\U00110000"', 3, "not a character"),
    ],
)
def test_what_is_no_token_is_refused_where_it_stands(text, offset, reason):
    with pytest.raises(FilterError, match=reason) as caught:
        list(tokens(text))
    assert caught.value.offset == offset


def test_errors_count_lines_and_columns_from_one():
    with pytest.raises(FilterError) as caught:
        list(tokens("a\n  &"))
    assert (caught.value.line, caught.value.column) == (2, 3)
    assert str(caught.value).startswith("Unparseable filter: line 2, column 3: ")
