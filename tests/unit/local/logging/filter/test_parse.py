import pytest

from gate.local.logging.filter.errors import FilterError
from gate.local.logging.filter.parse import MAX_CHARS, MAX_COMPARISONS, MAX_DEPTH, parse
from gate.local.logging.filter.syntax import (
    All,
    AnyField,
    AnyOf,
    Call,
    Compare,
    Literal,
    Not,
    Op,
    Present,
)


def has(text, *, quoted=False):
    return AnyField(Literal(text, quoted))


def equals(field, text, *, quoted=False, op=Op.EQ):
    return Compare(tuple(field.split(".")), op, Literal(text, quoted))


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "-- a comment only"])
def test_an_empty_filter_is_none(text):
    assert parse(text) is None


def test_or_binds_tighter_than_and_and_not_tighter_than_both():
    # the example of the language's own page
    assert parse("a OR NOT b AND NOT c OR d") == parse("(a OR (NOT b)) AND ((NOT c) OR d)")
    assert parse("a OR NOT b AND c") == All((AnyOf((has("a"), Not(has("b")))), has("c")))


def test_and_may_be_left_out_and_minus_is_not():
    assert parse('severity="b" AND trace="d" AND NOT spanId="f"') == parse(
        'severity="b" trace="d"\n-spanId="f"'
    )


def test_minus_negates_a_group_and_a_quoted_text():
    assert parse('-(a b) -"c"') == All((Not(All((has("a"), has("b")))), Not(has("c", quoted=True))))


def test_a_list_of_values_applies_the_field_to_each():
    assert parse("resource.type=(a OR b)") == AnyOf(
        (equals("resource.type", "a"), equals("resource.type", "b"))
    )
    assert parse('textPayload:("nice" AND NOT "pet" -x)') == All(
        (
            equals("textPayload", "nice", quoted=True, op=Op.HAS),
            Not(equals("textPayload", "pet", quoted=True, op=Op.HAS)),
            Not(equals("textPayload", "x", op=Op.HAS)),
        )
    )


def test_lists_nest():
    assert parse("trace=(a OR (b AND c))") == AnyOf(
        (equals("trace", "a"), All((equals("trace", "b"), equals("trace", "c"))))
    )


def test_presence():
    assert parse("operation.id:*") == Present(("operation", "id"))


def test_values_may_hold_dots_and_be_negative_numbers():
    assert parse("jsonPayload.a=-3.5") == equals("jsonPayload.a", "-3.5")
    assert parse("jsonPayload.a=(-3 OR 4e-8)") == AnyOf(
        (equals("jsonPayload.a", "-3"), equals("jsonPayload.a", "4e-8"))
    )
    assert parse("insertId=a.b.c") == equals("insertId", "a.b.c")


def test_a_quoted_key_keeps_its_dots():
    assert parse('labels."a.b/c"=x') == Compare(("labels", "a.b/c"), Op.EQ, Literal("x", False))


def test_a_call_has_literals_and_paths():
    assert parse('SEARCH(jsonPayload.a, "x")') == Call(
        "SEARCH", (("jsonPayload", "a"), Literal("x"))
    )
    assert parse("f()") == Call("f", ())


def test_a_word_before_a_group_is_no_call():
    assert parse("f (a)") == All((has("f"), has("a")))


def test_comments_stand_between_terms():
    assert parse("-- who\na -- what\n-- b\nc") == All((has("a"), has("c")))


@pytest.mark.parametrize(
    ("text", "offset", "reason"),
    [
        ("(a", 2, r"expected '\)'"),
        ("a)", 1, "expected a comparison or the end"),
        ("NOT", 3, "expected a field"),
        ("a AND", 5, "expected a field"),
        ("AND a", 0, "expected a field"),
        ("a OR OR b", 5, "expected a field"),
        ("NOT NOT a", 4, "expected a field"),
        ("()", 1, "expected a field"),
        ("= b", 0, "expected a field"),
        ("a = ", 4, "expected a value"),
        ("a = = b", 4, "expected a value"),
        ("a = b = c", 6, "expected a field"),
        ("a=()", 3, "expected a value"),
        ("a=(b=c)", 4, "expected"),
        ("a=*", 2, "only after ':'"),
        ("* ", 0, "expected"),
        ("- a", 0, "must touch"),
        ("a=-b", 2, "in quotes"),
        ("a=- 3", 2, "in quotes"),
        ('"a"=b', 0, "without quotes"),
        ('a=b."c"', 2, "as a whole"),
        ("a=~b", 3, "double quotes"),
        ("a=~(b OR c)", 4, "double quotes"),
        ("f(a", 3, r"expected ','"),
        ("f(a b)", 4, "expected ','"),
        ("f(,)", 2, "expected a value"),
        ("a=f(x)", 2, "a function"),
        ("a,b", 1, "expected"),
    ],
)
def test_what_is_no_filter_is_refused_where_it_goes_wrong(text, offset, reason):
    with pytest.raises(FilterError, match=reason) as caught:
        parse(text)
    assert caught.value.offset == offset


def test_the_length_is_bounded():
    assert parse("a".ljust(MAX_CHARS))
    with pytest.raises(FilterError, match="20000"):
        parse("a".ljust(MAX_CHARS + 1))


def test_the_depth_is_bounded():
    assert parse("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH) == has("a")
    with pytest.raises(FilterError, match="nested deeper") as caught:
        parse("(" * 9_000 + "a" + ")" * 9_000)
    assert caught.value.offset == MAX_DEPTH


def test_the_number_of_comparisons_is_bounded():
    assert parse("a " * MAX_COMPARISONS)
    with pytest.raises(FilterError, match="comparisons"):
        parse("a " * (MAX_COMPARISONS + 1))
    with pytest.raises(FilterError, match="comparisons"):
        parse(f"trace=({'a ' * (MAX_COMPARISONS + 1)})")
