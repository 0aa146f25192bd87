"""A draft as YAML: what others said stays in its comment; files are replaced when asked to."""

from dataclasses import replace

import pytest

from gate.core.policy import ServiceName
from gate.drafting.draft import Draft, Question
from gate.drafting.writing import flow, policy_text, write_draft
from gate.errors import UsageError
from gate.policyfile import check_policy
from gate.policyfile.problems import Problems
from gate.policyfile.tree import as_json, parse

HEALTH = Question(
    "health", (), {"http": {"path": "/health"}}, {"schema": "it/a.json"}, {"it/a.json": {}}
)
ENDS = ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x00", "\x1b[2J", "\ud800"]


def drafted(left_out=()):
    return Draft(ServiceName(), None, {}, (HEALTH,), 3, (), tuple(left_out))


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_nothing_ends_a_comment(tmp_path, end):
    path = tmp_path / "it.yaml"
    write_draft(drafted([(f"/a{end}evil: 1", f"b{end}evil: {{x: 1}}{end}")]), path, force=False)
    check = check_policy(path)
    assert check.problems == ()
    lines = path.read_text().splitlines()
    assert all(line.lstrip().startswith("#") for line in lines if "evil" in line)
    assert any("evil" in line for line in lines)
    assert path.read_text().isascii()


@pytest.mark.parametrize(
    "text",
    [
        "yes",
        "null",
        "1e5",
        "0x10",
        "a: b",
        "a #b",
        "[x",
        "~",
        "",
        "é\U0001f600",
        "5s",
        "100%",
        "/a,b",
    ],
)
def test_a_text_stays_the_text_that_it_was(text):
    value = {"key": [text, {text or "k": True}]}
    assert as_json(parse(flow(value), Problems("it"))) == value


@pytest.mark.parametrize(
    ("ask", "offered"),
    [
        ({"http": {"path": "/"}}, True),
        ({"websocket": {"path": "/ws", "script": "chat"}}, True),
        ({"websocket": {"path": "/ws", "parties": {"ann": {}}, "steps": []}}, False),
        ({"journey": {"steps": [{"get": "/"}]}}, False),
    ],
)
def test_steps_are_offered_where_no_question_relies_on_one_revision(ask, offered):
    draft = replace(drafted(), questions=(HEALTH, Question("it", (), ask)))
    assert ("[5, 25, 100]" in policy_text(draft)) is offered


def test_what_is_there_is_replaced_only_with_force(tmp_path):
    path = tmp_path / "it.yaml"
    write_draft(drafted(), path, force=False)
    path.write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        write_draft(drafted(), path, force=False)
    assert path.read_text() == "mine"
    write_draft(drafted(), path, force=True)
    assert path.read_text() == policy_text(drafted())
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["a.json", "it", "it.yaml"]


def test_what_only_a_link_holds_is_there_too(tmp_path):
    (tmp_path / "it.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    with pytest.raises(UsageError, match="there already"):
        write_draft(drafted(), tmp_path / "it.yaml", force=False)
    write_draft(drafted(), tmp_path / "it.yaml", force=True)
    assert not (tmp_path / "elsewhere.yaml").exists()
