from hypothesis import given
from hypothesis import strategies as st

from gate.core.template import names, parse, parse_json

TEXTS = st.text(alphabet=st.sampled_from("ab$ {}|\n€"), max_size=30)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(TEXTS)
def test_escaping_every_brace_gives_the_text_back(text):
    assert parse(text.replace("${", "$${")).render({}).replace("$", "") == text.replace("$", "")


@given(st.text(), st.text().filter(lambda text: "${" not in text and not text.endswith("$")))
def test_a_value_arrives_unchanged_between_literals(value, literal):
    assert parse(literal + "${x}" + literal).render({"x": value}) == literal + value + literal


@given(JSON)
def test_json_without_braces_is_its_own_rendering(value):
    if "${" not in repr(value):
        assert names(value) == frozenset()
        assert parse_json(value).render({}) == value
