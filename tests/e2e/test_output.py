"""What a process prints arrives whole, whatever its pipe and its signals do."""

import os
import subprocess
import sys

import pytest

from tests.e2e.stage import GATE, ROOT

SAYS = """
import signal, sys
from gate.cli.streams import steady

def rings(*_):
    print("rang", file=sys.stderr, flush=True)

signal.signal(signal.SIGALRM, rings)
steady()
signal.setitimer(signal.ITIMER_REAL, 0.2)
print("x" * 300_000)
"""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_signal_while_a_pipe_is_full_loses_nothing(unbuffered):
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    process = subprocess.Popen(
        [sys.executable, "-c", SAYS],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    with process:
        assert process.stderr.readline() == "rang\n"  # the pipe is full, and has been for a while
        assert len(process.stdout.read()) == 300_001
    assert process.returncode == 0


TELLS = """
import sys
from gate.cli import main

def run(argv):
    for number in range(2000):
        print("line", number)
        print("line", number, file=sys.stderr)
    return int(argv[0])

main.run = run
main.main()
"""


def left_alone(arguments, out, err, **more):
    """The exit code, and what is said, where nobody reads these streams; the rest is kept."""
    read, write = os.pipe()
    os.close(read)
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=write if out else subprocess.PIPE,
        stderr=write if err else subprocess.PIPE,
        text=True,
        **more,
    )
    os.close(write)
    said = process.communicate(timeout=60)
    return process.returncode, said[0] or "", said[1] or ""


@pytest.mark.parametrize(("unbuffered", "code"), [("", 0), ("1", 130)])
@pytest.mark.parametrize(("out", "err"), [(True, False), (False, True), (True, True)])
def test_the_exit_code_is_the_endings_own_whoever_has_stopped_reading(out, err, code, unbuffered):
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    tells = [sys.executable, "-c", TELLS, str(code)]
    ended, told, errors = left_alone(tells, out, err, env=environment)
    assert ended == code
    assert "Traceback" not in told + errors
    assert "BrokenPipe" not in told + errors
    assert out or told.endswith("line 1999\n")
    assert err or errors.endswith("line 1999\n")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", "> /dev/full"])
def test_streams_that_are_closed_from_the_beginning_or_full_stop_nothing(closed):
    command = f'"$0" -c "$1" 5 {closed}'
    shell = ["sh", "-c", command, sys.executable, TELLS]
    ended, told, errors = left_alone(shell, False, False, env=dict(os.environ))
    assert ended == 5
    assert "Traceback" not in told + errors


@pytest.mark.parametrize(
    ("image", "code", "output"), [("small:v2", 0, "text"), ("crasher", 1, "json")]
)
def test_a_rollout_that_nobody_listens_to_goes_on_to_its_end(
    stage_of, tmp_path, image, code, output
):
    stage = stage_of("small:v1")
    policy = stage.policy(tmp_path, "  who: {http: {path: /}}\n")
    asked = ("rollout", "--policy", policy, "--image", image, "--output", output, *stage.which)
    asked = [*GATE, *map(str, asked)]
    ended, _, _ = left_alone(asked, True, True, env=stage.env, cwd=ROOT)
    assert ended == code
    assert stage.records()[0]["exit_code"] == code


def test_the_record_shows_the_very_text_with_which_each_rollout_ended(stage_of, tmp_path):
    stage = stage_of("small:v1")
    policy = stage.policy(tmp_path, "  who: {http: {path: /}}\n")
    by_hand = ("--reason", "because", "--yes")
    asked = {
        "promoted": ("rollout", "--policy", policy, "--image", "small:v2"),
        "rejected": ("rollout", "--policy", policy, "--image", "crasher"),
        "refused": ("rollout", "--policy", policy, "--revision", f"{stage.name}-00099-zzz"),
        "rolled back": ("rollback", *by_hand),
        "unchanged": ("rollback", "--to", stage.first, *by_hand),
    }
    for ending, arguments in asked.items():
        done = stage.gate(*arguments)
        assert f"\nended: {ending}" in done.out, done
        stage.recorded(done.rollout)
        shown = stage.gate("audit", "show", done.rollout)
        assert done.out.endswith(f"\n\n{shown.out}"), (done, shown)
        whole = stage.gate("audit", "show", done.rollout, "--verbose")
        assert whole.out.startswith(shown.out)


def test_each_failure_is_told_once_at_the_end_and_what_did_not_run_is_one_row(stage_of, tmp_path):
    stage = stage_of("small:v1")
    policy = stage.policy(
        tmp_path,
        "  lost: {http: {path: /}, expect: {status: 404}}\n"
        "  other: {http: {path: /}, expect: {status: 403}}\n",
    )
    done = stage.gate("rollout", "--policy", policy, "--image", "small:v2")
    assert done.code == 1
    for probe in ("lost", "other"):
        told = [line for line in done.out.splitlines() if line.startswith(f"  {probe}: ")]
        assert len(told) == 1, done
    done = stage.gate("rollout", "--policy", policy, "--image", "crasher")
    rows = [line.strip() for line in done.out.splitlines() if "did not run" in line]
    assert rows == ["did not run: all 2 probes"], done
