from hypothesis import given
from hypothesis import strategies as st

from gate.core.expectations import Pattern
from gate.probes.expect import Expectation, compact, read_json

NUMBERS = st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False)
KEYS = st.text("ab", max_size=2)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text("abc${}", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


def expectation(value):
    """Of a value whose texts are no templates."""
    return Expectation(Pattern(json=escape(value))).bind({})


def escape(value):
    match value:
        case str():
            return value.replace("${", "$${")
        case list():
            return [escape(item) for item in value]
        case dict():
            return {key: escape(item) for key, item in value.items()}
    return value


def without_escapes(value):
    return "$$" not in repr(value)


@given(JSON.filter(without_escapes))
def test_every_value_is_as_expected_of_itself(value):
    assert expectation(value).matches(value)
    assert expectation(value).matches(read_json(compact(value)))


@given(st.dictionaries(KEYS, JSON, min_size=1).filter(without_escapes), JSON)
def test_more_keys_are_fine_and_fewer_are_not(value, more):
    bound = expectation(value)
    assert bound.matches({**value, "more": more})
    for key in value:
        rest = {name: item for name, item in value.items() if name != key}
        assert not bound.matches(rest)


@given(JSON.filter(without_escapes), JSON)
def test_matching_and_mismatches_always_agree(expected, value):
    bound = expectation(expected)
    assert bound.matches(value) is not bool(bound.mismatches(value))
