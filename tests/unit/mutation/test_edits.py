"""One change of a JSON value, and every change that a value allows."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.mutation.edits import FIELDS_MAX, Edit, How, edited, edits_of

VALUE = {
    "status": "healthy",
    "ok": True,
    "at": "2026-01-02T03:04:05Z",
    "n": 1.5,
    "none": None,
    "checks": {"db": {"connected": True}},
    "items": [{"name": "one"}, {"name": "two"}],
    "empty": [],
}


def names(value):
    return {str(edit) for edit in edits_of(value)[0]}


def test_every_field_is_dropped_renamed_and_retyped_at_every_depth():
    found = names(VALUE)
    for field in ("status", "ok", "at", "n", "none", "checks", "checks.db", "checks.db.connected"):
        assert {f"{field} dropped", f"{field} renamed", f"{field} retyped"} <= found
    assert {"items.[].name dropped", "items emptied"} <= found


def test_only_words_and_truth_values_are_changed_for_others():
    changed = {name for name in names(VALUE) if name.endswith(" changed")}
    assert changed == {
        "status changed", "ok changed", "checks.db.connected changed", "items.[].name changed",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "how", "expected"),
    [
        (("status",), How.RENAMED, {"status_sabotaged": "healthy"}),
        (("status",), How.CHANGED, {"status": "sabotaged"}),
        (("status",), How.RETYPED, {"status": 0}),
        (("ok",), How.CHANGED, {"ok": False}),
        (("n",), How.RETYPED, {"n": "1.5"}),
        (("items", "[]", "name"), How.CHANGED, {"items": [{"name": "sabotaged"}, {"name": "two"}]}),
        (("items",), How.EMPTIED, {"items": []}),
        (("checks", "db"), How.DROPPED, {"checks": {}}),
    ],
)
def test_an_edit_changes_one_field_and_leaves_the_others(path, how, expected):
    after = edited(VALUE, Edit(path, how))
    gone = {path[0]} if how in (How.DROPPED, How.RENAMED) and len(path) == 1 else set()
    assert after == {key: VALUE[key] for key in VALUE if key not in gone} | expected


@pytest.mark.parametrize(
    "edit",
    [Edit(("other",), How.DROPPED), Edit(("n", "x"), How.DROPPED), Edit(("n",), How.EMPTIED)],
)
def test_what_is_not_there_cannot_be_edited(edit):
    with pytest.raises(LookupError):
        edited(VALUE, edit)


def test_a_large_value_is_edited_up_to_a_bound_that_is_told():
    edits, left_out = edits_of({f"field{n}": n for n in range(FIELDS_MAX + 7)})
    assert left_out == 7
    assert len({edit.path for edit in edits}) == FIELDS_MAX


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_every_edit_changes_its_value_and_nothing_that_was_given(value):
    before = json.dumps(value)
    for edit in edits_of(value)[0]:
        assert edited(value, edit) != value
    assert json.dumps(value) == before
