"""Whatever stable says, the policy drafted from it loads, and its schemas let stable pass."""

import tempfile
from pathlib import Path

import jsonschema
from hypothesis import example, given
from hypothesis import strategies as st

from gate.core.policy import ServiceName
from gate.core.recording import Asked, Form, Page, Recording, Sample
from gate.drafting.draft import draft
from gate.drafting.schemas import schema_of
from gate.drafting.writing import write_draft
from gate.policyfile import check_policy

TEXTS = st.text(max_size=12) | st.sampled_from(
    ["status", "ok", "${a}", "a: b", "# x", "\x1b[2J", "yes"]
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)
HEADERS = st.lists(
    st.tuples(st.sampled_from(["location", "content-type", "x-revision", "x"]), TEXTS), max_size=3
)


@given(st.lists(JSONS, min_size=1, max_size=4))
def test_every_sample_satisfies_the_schema_inferred_from_it(values):
    schema = schema_of(values)
    if schema is None:
        return
    validator = jsonschema.Draft202012Validator(schema)
    for value in values:
        validator.validate(value)


def test_a_long_name_of_a_field_takes_no_time_and_is_data():
    assert schema_of([{"1" * 20_000 + "\n": "ok", "a\n1": "ok"}])["required"] == ["a\n1"]


@example([("", [(200, [], {"0": []})], "")], ("backend-1",))
@given(
    st.lists(
        st.tuples(
            st.text("/abc.-_~%&=", min_size=0, max_size=12),
            st.lists(
                st.tuples(st.sampled_from([200, 204, 301, 401, 404, 500]), HEADERS, JSONS),
                max_size=3,
            ),
            TEXTS,
        ),
        max_size=4,
    ),
    st.sampled_from([(), ("backend-1",), ("ok",)]),
)
def test_every_draft_that_asks_anything_loads(said, revisions):
    pages = tuple(
        Page(
            "/" + path.lstrip("/"),
            tuple(Sample(status, tuple(head), Form.JSON, value) for status, head, value in samples),
            fault,
        )
        for path, samples, fault in {
            path.lstrip("/"): one for one in said for path in one[:1]
        }.values()
    )
    drafted = draft(
        Recording(pages, None, revisions), Asked(()), ServiceName(), {}, folder="it", logs=True
    )
    if not drafted.asks:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "it.yaml"
        write_draft(drafted, path, force=False)
        assert check_policy(path).problems == ()
