"""`gate policy` as a process: what it prints and how it exits."""

import json

import jsonschema
import pytest

from tests.e2e.stage import environment, gate

SHIPPED = "policies/backend.yaml"


def policy(*arguments):
    return gate("policy", *arguments, env=environment())


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\nprobes:\n  a: {http: {pth: /a}}\n  a: {http: {path: /b}}\n")
    return path


def test_a_good_policy_is_ok():
    done = policy("check", SHIPPED)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{SHIPPED}: ok (20 probes, digest ")


def test_every_problem_is_printed_with_its_place_and_hint(bad):
    done = policy("check", bad)
    assert (done.code, done.err) == (2, "")
    assert done.out.splitlines() == [
        (
            f"{bad}:3:13: probes.a.http: path is missing (expected a path such as /health "
            "that starts with one /)"
        ),
        f"{bad}:3:14: probes.a.http: has an unknown key (got 'pth')",
        "  hint: did you mean path?",
        f"{bad}:4:3: probes.a: is given twice (first in line 3)",
        "  hint: YAML would silently take the last one; keep one",
        f"{bad}: cannot be used (3 problems)",
    ]


def test_one_bad_file_of_several_decides_the_exit_code(bad):
    done = policy("check", SHIPPED, bad, SHIPPED)
    assert done.code == 2
    assert done.out.count(f"{SHIPPED}: ok") == 2


def test_advice_is_no_error(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\nsecrets: {a: {env: A}}\nprobes: {x: {http: {path: /}}}\n")
    done = policy("check", path)
    assert done.code == 0
    assert f"{path}:2:11: advice: secrets.a: is used by no probe\n" in done.out


def test_json_for_machines(bad):
    done = policy("check", SHIPPED, bad, "--output", "json")
    assert done.code == 2
    good, wrong = json.loads(done.out)["files"]
    assert (good["file"], good["ok"], good["problems"], good["advice"]) == (SHIPPED, True, [], [])
    assert len(good["digest"]) == 64
    assert (wrong["ok"], wrong["digest"]) == (False, "")
    assert wrong["problems"][1] == {
        "where": f"{bad}:3:14",
        "message": "probes.a.http: has an unknown key (got 'pth')",
        "hint": "did you mean path?",
    }


def test_the_schema_is_one_that_editors_can_use():
    done = policy("schema")
    assert (done.code, done.err) == (0, "")
    schema = json.loads(done.out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["required"]) == {"version", "probes"}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.yaml", None, "does not exist"),
        ("empty.yaml", b"", "is empty"),
        ("list.yaml", b"- a\n", "the policy has the wrong form (got a list"),
        ("binary.yaml", bytes(range(256)) * 20, "is not text"),
        ("bomb.yaml", b"a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]\n", "anchors and aliases"),
        ("deep.yaml", b"a: " + b"[" * 100_000, "is nested too deeply"),
        ("utf8.yaml", b"a: \xff\n", "is not UTF-8"),
        ("tab.yaml", b"a:\n\tb: 1\n", "a tab in the indentation"),
        ("escape.yaml", b"\x1b[31m: 1\n", "has a control character"),
    ],
)
def test_hostile_files_get_one_message_and_no_traceback(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    done = policy("check", path)
    assert (done.code, done.err) == (2, "")
    assert done.out.startswith(f"{path}:")
    assert message in done.out
    assert done.out.endswith(": cannot be used (1 problem)\n")


def test_a_policy_of_100_mb_is_refused(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    done = policy("check", path)
    assert done.code == 2
    assert "is too large (got 102401 KiB, expected at most 256 KiB)" in done.out


def test_a_folder_is_refused(tmp_path):
    done = policy("check", tmp_path)
    assert done.code == 2
    assert "is not a file (got a directory" in done.out


@pytest.mark.parametrize("arguments", [(), ("check",), ("nonsense",), ("check", "--bogus", "x")])
def test_wrong_arguments_are_usage_errors(arguments):
    done = policy(*arguments)
    assert done.code == 2
    assert done.err.startswith("usage: gate")
    assert "Traceback" not in done.err


def test_other_commands_refuse_a_bad_policy_in_the_same_words(bad):
    done = gate("probe", "--policy", bad, "--url", "http://127.0.0.1:9", env=environment())
    assert done.code == 2
    assert (
        f"{bad}:3:14: probes.a.http: has an unknown key (got 'pth')\n  hint: did you mean path?"
        in done.err
    )
