"""What completes command lines, tried in a real shell."""

import argparse
import shutil
import subprocess
import sys

import pytest

from gate.cli import completion
from gate.cli.main import COMMANDS, parser_with, run

COMPLETES = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function=$(complete -p gate | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
"$function" gate "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """The script for bash, as a process prints it."""
    path = tmp_path_factory.mktemp("completion") / "gate.bash"
    asked = [sys.executable, "-m", "gate.cli", "completion", "bash"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    path.write_text(done.stdout)
    return path


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["roll"], {"rollout", "rollback"}),
        ([""], set(COMMANDS)),
        (["rollout", "--wr"], {"--write"}),
        (["rollout", "--output", ""], {"text", "json", "junit", "markdown", "html"}),
        (["audit", ""], {"list", "show", "verify", "serve", "replay", "stats", "diff", "export"}),
        (["audit", "show", "--verb"], {"--verbose"}),
        (["policy", "check", "pol"], {"policy.yaml", "policies"}),
        (["rollout", "--policy", "policy."], {"policy.yaml"}),
        (["rollout", "--write", "x"], set()),
    ],
)
def test_bash_completes_commands_options_choices_and_files(script, tmp_path, words, found):
    (tmp_path / "policy.yaml").write_text("")
    (tmp_path / "policies").mkdir()
    asked = ["bash", "-c", COMPLETES, "-", str(script), "gate", *words]
    done = subprocess.run(asked, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert set(done.stdout.split()) == found
    assert done.stderr == ""


@pytest.mark.parametrize("shell", completion.SHELLS)
def test_every_shell_gets_every_command_and_option(capsys, shell):
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    parsers = [parser_with(COMMANDS)]
    while parsers:
        for action in parsers.pop()._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
                assert all(name in script for name in action.choices)
            assert all(name.lstrip("-") in script for name in action.option_strings)


def test_what_is_no_shell_is_refused(capsys):
    assert run(["completion", "csh"]) == 2
    assert "invalid choice: 'csh'" in capsys.readouterr().err
