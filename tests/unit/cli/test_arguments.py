"""What the commands of traffic safety refuse before they ask anybody anything."""

import argparse

import pytest

from gate.cli.main import COMMANDS, run
from gate.cli.options import add_wait
from gate.errors import ExitCode

WHERE = ("--project", "demo", "--region", "us-central1", "--service", "shop")


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No settings of gcloud, and no emulator that could be asked."""
    for name in ("CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT", "CLOUDSDK_RUN_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("version: 1\nprobes: {a: {http: {path: /}}}\n")
    return str(path)


@pytest.mark.parametrize("command", ["rollout", "promote"])
@pytest.mark.parametrize("wait", ["10", "ten minutes", "-1s", "25h", ""])
def test_a_wait_that_is_no_duration_is_a_usage_error(capsys, command, wait):
    assert run([command, f"--wait={wait}"]) == ExitCode.USAGE
    assert f"--wait: is no duration (got {wait!r}, expected e.g. 500ms" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seconds"), [("500ms", 0.5), ("90s", 90), ("10m", 600)])
def test_a_wait_is_written_as_durations_are_in_policies(text, seconds):
    parser = argparse.ArgumentParser()
    add_wait(parser)
    assert parser.parse_args(["--wait", text]).wait == seconds
    assert parser.parse_args([]).wait == 0


@pytest.mark.parametrize("reason", [(), ("--reason", "  ")])
def test_again_needs_a_reason(capsys, policy, reason):
    arguments = ["rollout", "--policy", policy, "--revision", "shop-1", "--again", *WHERE]
    assert run([*arguments, *reason]) == ExitCode.USAGE
    assert "gate rollout --again: needs a reason (got none)" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["promote", "rollback", "unlock"])
@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ((), "the following arguments are required: --reason"),
        (("--reason", ""), "argument --reason: is blank"),
        (("--reason", "  \t"), "argument --reason: is blank"),
    ],
)
def test_what_a_person_does_by_hand_needs_a_reason(capsys, command, reason, said):
    assert run([command, "--yes", *reason, *WHERE]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("blank", ["", " ", "\x00"])
@pytest.mark.parametrize(
    "command",
    [
        ("approve", "--reason", "seen"),
        ("attest",),
        ("audit", "show"),
        ("audit", "diff", "20261130-101500-3fa9c1"),
        ("audit", "replay"),
    ],
)
def test_a_blank_id_means_no_rollout(capsys, command, blank):
    assert run([*command, *WHERE, blank]) == ExitCode.USAGE
    assert "is no id (got " in capsys.readouterr().err


def test_recover_all_needs_no_service_but_a_place(capsys):
    assert run(["recover", "--all", "--service", "shop"]) == ExitCode.USAGE
    assert "got nothing for --project, --region)" in capsys.readouterr().err


def test_recover_needs_to_know_the_service(capsys):
    assert run(["recover", "--project", "demo", "--region", "r"]) == ExitCode.USAGE
    assert "got nothing for --service)" in capsys.readouterr().err


def test_the_new_commands_are_listed(capsys):
    assert run(["--help"]) == ExitCode.DONE
    told = capsys.readouterr().out
    assert {"recover", "unlock"} <= set(COMMANDS)
    assert all(f"\n    {command}" in told for command in COMMANDS)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["rolback"], "rollback"),
        (["Rollback"], "rollback"),
        (["statsu", *WHERE], "status"),
        (["policy", "chek"], "check"),
        (["rollback", "--too", "r-1", "--reason", "x", *WHERE], "--to"),
        (["rollback", "--to", "r-1", "--raeson", "x", *WHERE], "--reason"),
        (["rollback", "--to", "r-1", "--reason=x", "--servcie=shop"], "--service"),
        (["rollout", "--polcy", "p.yaml"], "--policy"),
        (["status", "--output", "jsn"], "json"),
        (["status", "--outptu=json"], "--output"),
    ],
)
def test_what_is_misspelt_is_guessed(capsys, words, meant):
    assert run(words) == ExitCode.USAGE
    said = capsys.readouterr()
    hint = said.err.splitlines()[-1]
    assert hint.startswith("hint: ")
    assert hint.endswith(f"did you mean {meant}?")
    assert said.out == ""


@pytest.mark.parametrize("words", [["xyzzy"], ["status", "--xyzzy"], ["status", "x" * 10_000]])
def test_what_is_like_nothing_is_not_guessed(capsys, words):
    assert run(words) == ExitCode.USAGE
    assert "did you mean" not in capsys.readouterr().err
