"""Whatever a log filter says can be written down, and reads back the same."""

from hypothesis import given
from hypothesis import strategies as st

from gate.local.logging.filter.errors import FilterError
from gate.local.logging.filter.parse import parse
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

FIELDS = st.lists(st.text(max_size=8), min_size=1, max_size=3).map(
    lambda keys: ("jsonPayload", *keys)
)
VALUES = st.builds(Literal, st.text(max_size=12), st.just(True)) | st.builds(
    Literal,
    st.from_regex(r"[a-z0-9][a-z0-9_/%@$+\-]{0,6}(\.[a-z0-9_]{1,4})?", fullmatch=True),
    st.just(False),
)
LEAVES = (
    st.builds(
        Compare, FIELDS, st.sampled_from(list(Op)).filter(lambda op: "~" not in op.value), VALUES
    )
    | st.builds(Present, FIELDS)
    | st.builds(AnyField, VALUES)
    | st.builds(Call, st.just("SEARCH"), st.tuples(FIELDS, VALUES.filter(lambda v: v.quoted)))
)


def combined(inner):
    terms = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.builds(Not, inner) | st.builds(All, terms) | st.builds(AnyOf, terms)


EXPRESSIONS = st.recursive(LEAVES, combined, max_leaves=12)
ESCAPES = {ord('"'): r"\"", ord("\\"): r"\\"}


def quote(text):
    return '"' + text.translate(ESCAPES) + '"'


def path(keys):
    return ".".join([keys[0], *map(quote, keys[1:])])


def write(expression):
    match expression:
        case Compare(field, op, value):
            return path(field) + op.value + write(value)
        case Literal(text, quoted):
            return quote(text) if quoted else text
        case Present(field):
            return f"{path(field)}:*"
        case AnyField(value):
            return write(value)
        case Call(name, (field, value)):
            return f"{name}({path(field)}, {write(value)})"
        case Not(term):
            return f"NOT ({write(term)})"
        case All(terms):
            return " ".join(f"({write(term)})" for term in terms)
        case AnyOf(terms):
            return " OR ".join(f"({write(term)})" for term in terms)


@given(EXPRESSIONS)
def test_what_is_written_reads_back_the_same(expression):
    assert parse(write(expression)) == expression


@given(st.text(alphabet="ab.\"()=!<>:~,*-+\\' \nANDORT15", max_size=40))
def test_any_text_is_a_filter_or_is_refused_inside_its_bounds(text):
    refused_at = 0
    try:
        parse(text)
    except FilterError as error:
        refused_at = error.offset
    assert 0 <= refused_at <= len(text)
