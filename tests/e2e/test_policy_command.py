"""`gate policy` as a process: what it prints and how it exits."""

import json
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = "policies/backend.yaml"


def gate(*arguments, folder=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "gate.cli", "policy", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\nprobes:\n  a: {http: {pth: /a}}\n  a: {http: {path: /b}}\n")
    return path


def test_a_good_policy_is_ok():
    done = gate("check", SHIPPED)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{SHIPPED}: ok (20 probes, digest ")


def test_every_problem_is_printed_with_its_place_and_hint(bad):
    done = gate("check", bad)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.splitlines() == [
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
    done = gate("check", SHIPPED, bad, SHIPPED)
    assert done.returncode == 2
    assert done.stdout.count(f"{SHIPPED}: ok") == 2


def test_advice_is_no_error(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text("version: 1\nsecrets: {a: {env: A}}\nprobes: {x: {http: {path: /}}}\n")
    done = gate("check", path)
    assert done.returncode == 0
    assert f"{path}:2:11: advice: secrets.a: is used by no probe\n" in done.stdout


def test_json_for_machines(bad):
    done = gate("check", SHIPPED, bad, "--output", "json")
    assert done.returncode == 2
    good, wrong = json.loads(done.stdout)["files"]
    assert (good["file"], good["ok"], good["problems"], good["advice"]) == (SHIPPED, True, [], [])
    assert len(good["digest"]) == 64
    assert (wrong["ok"], wrong["digest"]) == (False, "")
    assert wrong["problems"][1] == {
        "where": f"{bad}:3:14",
        "message": "probes.a.http: has an unknown key (got 'pth')",
        "hint": "did you mean path?",
    }


def test_the_schema_is_one_that_editors_can_use():
    done = gate("schema")
    assert (done.returncode, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
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
    done = gate("check", path)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith(f"{path}:")
    assert message in done.stdout
    assert done.stdout.endswith(": cannot be used (1 problem)\n")


def test_a_policy_of_100_mb_is_refused_at_once(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100 * 1024 * 1024)
    began = time.monotonic()
    done = gate("check", path)
    assert done.returncode == 2
    assert "is too large (got 102401 KiB, expected at most 256 KiB)" in done.stdout
    assert time.monotonic() - began < 5  # most of it is Python's own start


def test_a_folder_is_refused(tmp_path):
    done = gate("check", tmp_path)
    assert done.returncode == 2
    assert "is not a file (got a directory" in done.stdout


@pytest.mark.parametrize("arguments", [(), ("check",), ("nonsense",), ("check", "--bogus", "x")])
def test_wrong_arguments_are_usage_errors(arguments):
    done = gate(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: gate")
    assert "Traceback" not in done.stderr


def test_other_commands_refuse_a_bad_policy_in_the_same_words(bad):
    done = subprocess.run(
        [sys.executable, "-m", "gate.cli", "probe", "--policy", bad, "--url", "http://127.0.0.1:9"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert (
        f"{bad}:3:14: probes.a.http: has an unknown key (got 'pth')\n  hint: did you mean path?"
        in done.stderr
    )
