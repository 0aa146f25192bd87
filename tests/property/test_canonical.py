"""The canonical form, held against a library that is written after RFC 8785 by somebody else."""

import json

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from gate.ledger.canonical import INTEGER_MAX, canonical, digest

KEYS = st.text(max_size=6) | st.text("\ue000\uffff\U00010000\U0010ffffab", max_size=3)
SCALARS = st.none() | st.booleans() | st.integers(-INTEGER_MAX, INTEGER_MAX) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(VALUES)
@example({"\uffff": 1, "\U00010000": 2})  # by code points the other way round
@example({"": [], 'a\x00\x1f\x7f"\\/': {"\u2028": None}})
def test_it_is_that_of_rfc_8785(value):
    assert canonical(value) == rfc8785.dumps(value)


@given(VALUES)
def test_it_reads_back_to_the_same_value(value):
    assert json.loads(canonical(value)) == value


@given(VALUES, VALUES)
def test_values_with_the_same_digest_are_the_same(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest(one) == digest(other)) is same


@pytest.mark.parametrize("place", [lambda odd: odd, lambda odd: [None, {"a": [True, odd]}]])
@pytest.mark.parametrize(
    ("odd", "error"),
    [
        (0.5, TypeError),
        (1.0, TypeError),
        (b"x", TypeError),
        ({1}, TypeError),
        (INTEGER_MAX + 1, ValueError),
        (-INTEGER_MAX - 1, ValueError),
        ("\ud800", ValueError),
    ],
)
def test_what_readers_may_read_otherwise_has_none(place, odd, error):
    with pytest.raises(error):
        canonical(place(odd))


def test_what_has_none_is_found_beside_keys_of_any_kind():
    with pytest.raises(TypeError):
        canonical({"\U00010000": 1, "a": 0.5})
