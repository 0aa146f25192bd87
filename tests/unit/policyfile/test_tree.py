import os
import time

import pytest

from gate.policyfile import check_policy
from gate.policyfile.problems import Problems
from gate.policyfile.tree import DEPTH_MAX, as_json, parse
from tests.unit.policy_files import PLAIN, problems, write


def read(text):
    found = Problems("f")
    root = parse(text, found)
    return (None if root is None else as_json(root)), [str(one) for one in found.sorted()]


def test_every_value_knows_its_place_and_path():
    root = parse("a:\n  - b: 1\n    c: [x, {d: é}]\n", Problems("f"))
    inner = root.entries["a"][1].items[0].entries["c"][1].items[1].entries["d"]
    assert (inner[0].line, inner[0].column) == (3, 13)
    assert (inner[1].mark.line, inner[1].mark.column) == (3, 16)
    assert inner[1].path == "a[0].c[1].d"


def test_quoted_scalars_are_text():
    assert read("[\"1\", 'true', \"\", '~', |\n  5\n]")[0] is None
    assert read("- \"1\"\n- 'true'\n- ''\n- '~'\n- |-\n  5\n")[0] == ["1", "true", "", "~", "5"]


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "Yes", "1_000", "0x1F", "1:30", "1.2.3"]
)
def test_words_that_older_yaml_takes_for_something_else_are_text(word):
    assert read(f"[{word}]")[0] == [word]


@pytest.mark.parametrize("number", [".inf", "-.INF", ".nan", "1e999", "9" * 400])
def test_numbers_that_json_does_not_have_are_refused(number):
    assert "is not a JSON number" in read(f"[{number}]")[1][0]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "1:1", "is empty"),
        ("# only a comment\n", "1:1", "is empty"),
        ("~", "1:1", "is empty"),
        ("a: 1\n---\nb: 2\n", "2:1", "a second document begins"),
        ("a: &x 1\n", "1:4", "anchors and aliases"),
        ("a: *x\n", "1:4", "anchors and aliases"),
        ("a: !!python/object/apply:os.system [x]\n", "1:4", "tags are not part"),
        ("a: !!str 1\n", "1:4", "tags are not part"),
        ("a: 1\na: 2\n", "2:1", "a: is given twice (first in line 1)"),
        ("x: [{a: 1, a: 2}]\n", "1:12", "x[0].a: is given twice"),
        ("1: a\n", "1:1", "a key is not text (got '1')"),
        ("? [a]\n: b\n", "1:3", "a key is a list or a mapping"),
        ("a:\n\tb: 1\n", "2:1", "is not YAML: a tab in the indentation"),
        ("a: b: c\n", "1:5", "is not YAML: mapping values are not allowed"),
        ("a: [1, 2\n", "2:1", "is not YAML: "),
        ("a: 'b\n", "2:1", "is not YAML: found unexpected end"),
        ("a: @b\n", "1:4", "is not YAML: "),
    ],
)
def test_yaml_that_a_policy_may_not_use_is_refused_where_it_stands(text, place, message):
    found = read(text)[1]
    assert len(found) == 1
    assert found[0].startswith(f"f:{place}: {message}")


def test_the_first_of_two_values_is_kept_and_the_rest_is_read():
    assert read("a: {b: 1}\na: {c: [1]}\nd: 2\n")[0] == {"a": {"b": 1}, "d": 2}


def test_a_template_without_quotes_gets_a_hint(tmp_path):
    found = problems(tmp_path, "a: {b: ${nonce}}\n")
    assert found[0].endswith('| quote a text that holds a template: "${nonce}"')


def test_depth_is_bounded():
    assert read("[" * DEPTH_MAX + "]" * DEPTH_MAX)[1] == []
    assert "nested too deeply" in read("[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1))[1][0]


@pytest.mark.parametrize(
    "text",
    [
        "version: " + "[" * 200_000,
        "{a: " * 50_000,
        "- " * 100_000,
        "? " * 100_000,
        "&a " * 50_000,
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{f'*{chr(97 + i)}, ' * 9}]\n" for i in range(9)),
        "version: " + "9" * 250_000,
        'a: "' + "x" * 250_000,
        "v" * 200_000 + ": 1\n",
        "\r" * 250_000,
        "version: 1\nprobes:\n" + "".join(f"  p{i}: {{htp: 1}}\n" for i in range(10_000)),
        "version: 1\nprobes:\n" + "".join(f"  p{i}: {{htp: 1}}\n" for i in range(199)),
        PLAIN + "".join(f"k{i}: 1\n" for i in range(15_000)),
    ],
    ids=range(13),
)
def test_hostile_text_is_refused_at_once(tmp_path, text):
    path = write(tmp_path, text)
    began = time.process_time()
    check = check_policy(path)
    assert time.process_time() - began < 10  # it is either a moment or for ever
    assert check.policy is None
    assert 1 <= len(check.problems) <= 101
    assert all(len(str(one)) < 1000 for one in check.problems)


def test_noise_is_refused(tmp_path):
    path = tmp_path / "noise.yaml"
    path.write_bytes(os.urandom(4096))
    check = check_policy(path)
    assert check.policy is None
    assert len(check.problems) == 1
