"""What a process prints arrives whole, whatever its pipe and its signals do."""

import os
import subprocess
import sys

import pytest

SAYS = """
import signal, sys
from gate.cli.main import write_whole

def rings(*_):
    print("rang", file=sys.stderr, flush=True)

signal.signal(signal.SIGALRM, rings)
write_whole()
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
