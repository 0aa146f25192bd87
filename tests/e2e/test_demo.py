"""`make demo`: it ends as it must, says so, and leaves nothing running."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.e2e.stage import HERE, ROOT, environment, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a child subreaper")
DEMO = [sys.executable, HERE / "reaper.py", sys.executable, "-m", "examples.demo", "--port", "0"]
TAKES_AT_MOST_S = 90


@pytest.fixture
def demo(tmp_path):
    """The demo at work, and what it said so far; its file never makes it wait."""
    path = tmp_path / "out"
    with path.open("w") as file:
        process = subprocess.Popen(
            DEMO,
            cwd=ROOT,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield process, path.read_text
    if process.poll() is None:  # only where the test has failed
        os.killpg(process.pid, signal.SIGKILL)


def test_the_demo_ends_as_it_must_and_leaves_nothing_behind(demo):
    began = time.monotonic()
    process, said = demo
    code = process.wait(timeout=110)
    assert code == 0, said()
    assert time.monotonic() - began <= TAKES_AT_MOST_S
    lines = [line for line in said().splitlines() if line]
    assert lines.count("as it must: exit code 1, 1 expected") == 4
    assert lines.count("as it must: exit code 0, 0 expected") == 1
    assert lines[-1].startswith("=== 5 rollouts in "), lines[-1]
    assert lines[-1].endswith(": each ended as it must ===")
    assert not any(line.startswith("Traceback") for line in lines)
    # Each for the right reason, as its last lines tell.
    story = said()
    for reason in (
        "redirect: got 307 Temporary Redirect",
        '1011 "Factory SSOT validation failed"',
        "K_INSTANCE_ATTESTATION not set",
        "reached the maximum number of WebSocket managers (20)",
        "expected schemas/welcome.json",
        "promoted: ",
    ):
        assert reason in " ".join(story.split()), reason  # wherever its line was broken


@pytest.mark.parametrize("moment", ["gate local: ready", "waiting for backend-00002"])
def test_a_demo_that_is_stopped_leaves_nothing_behind(demo, moment):
    process, said = demo
    eventually(lambda: moment in said() or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130, said()
    assert "=== stopped" in said()
    assert "Traceback" not in said()
