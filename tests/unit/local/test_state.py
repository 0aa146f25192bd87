import json

import pytest

from gate.local.state import FORMAT, NoState, StateDir, StateError

NAME = "projects/p/locations/l/services/s"


@pytest.fixture
def state(tmp_path):
    opened = StateDir(tmp_path / "deep" / "state")
    yield opened
    opened.close()


def test_what_is_saved_is_loaded_by_kind(state):
    state.save("services", NAME, {"a": 1})
    state.save("services", NAME, {"a": 2})
    state.save("revisions", f"{NAME}/revisions/r", {"b": 3})
    assert list(state.load("services")) == [{"a": 2}]
    assert list(state.load("revisions")) == [{"b": 3}]
    assert list(state.load("operations")) == []


def test_what_is_dropped_is_gone_and_dropping_twice_is_fine(state):
    state.save("services", NAME, {"a": 1})
    state.drop("services", NAME)
    state.drop("services", NAME)
    assert list(state.load("services")) == []


def test_a_torn_write_leaves_the_old_file(state):
    state.save("services", NAME, {"a": 1})
    draft = state.path / "resources" / "services" / f"{NAME}.draft"
    draft.write_text('{"a": 2')
    assert list(state.load("services")) == [{"a": 1}]


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00"])
def test_a_file_of_somebody_else_is_named(state, text):
    state.save("services", NAME, {"a": 1})
    file = state.path / "resources" / "services" / f"{NAME}.json"
    file.write_text(text)
    with pytest.raises(StateError, match=r"s\.json"):
        list(state.load("services"))


def test_a_second_server_is_kept_out_until_the_first_lets_go(tmp_path):
    first = StateDir(tmp_path)
    with pytest.raises(StateError, match="in use"):
        StateDir(tmp_path)
    first.close()
    StateDir(tmp_path).close()


def test_another_format_is_not_touched(tmp_path):
    StateDir(tmp_path).close()
    (tmp_path / "format").write_text("99")
    with pytest.raises(StateError, match=f"got '99', expected '{FORMAT}'"):
        StateDir(tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        StateDir(tmp_path / "file")


def test_files_are_plain_json(state):
    state.save("services", NAME, {"a": [1, None, "ä"]})
    file = state.path / "resources" / "services" / f"{NAME}.json"
    assert json.loads(file.read_text()) == {"a": [1, None, "ä"]}


def test_no_state_keeps_nothing():
    nothing = NoState()
    nothing.save("services", NAME, {"a": 1})
    nothing.drop("services", NAME)
    assert list(nothing.load("services")) == []
    nothing.close()
