"""`make demo`: a story of some six lines a version, that ends as it must and leaves nothing."""

import os
import re
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.campaign import campaign
from tests.e2e.stage import HERE, ROOT, environment, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a child subreaper")
DEMO = [sys.executable, HERE / "reaper.py", sys.executable, "-m", "examples.demo", "--port", "0"]


@pytest.fixture
def demo(tmp_path, request):
    """The demo at work, and what it said so far; its file never makes it wait."""
    path = tmp_path / "out"
    with path.open("w") as file:
        process = subprocess.Popen(
            [*DEMO, *getattr(request, "param", ())],
            cwd=ROOT,
            env=environment(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    yield process, path.read_text
    if process.poll() is None:  # only where the test has failed
        os.killpg(process.pid, signal.SIGKILL)


@campaign
@pytest.mark.timeout(400)
def test_the_demo_ends_as_it_must_and_leaves_nothing_behind(demo):
    process, said = demo
    code = process.wait(timeout=380)
    assert code == 0, said()
    lines = [line for line in said().splitlines() if line]
    ended = [line.split(None, 1)[1] for line in lines if line.startswith("  ended ")]
    assert ended[:4] == ["rejected, as it must: exit code 1, 1 expected"] * 4
    assert ended[4:] == ["promoted, as it must: exit code 0, 0 expected"]
    assert lines[-1].startswith("=== 5 rollouts in "), lines[-1]
    assert lines[-1].endswith(": each ended as it must ===")
    assert not any(line.startswith("Traceback") for line in lines)
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 5 * 9 + 8
    for ending in ("rejected", "promoted"):
        (report,) = [line.split()[-1] for line in lines if line.endswith(f"{ending}.html")]
        assert "rollout of backend: <span" in (ROOT / report).read_text()
    told = said().split("=== backend:")
    assert [len(said_of.split("  users ")) for said_of in told[1:]] == [2] * 5
    # Each for the right reason, wherever its line is broken.
    for version, reasons in REASONS.items():
        (story,) = [" ".join(one.split()) for one in told if one.startswith(version)]
        for reason in reasons:
            assert reason in story, (version, reason)


@campaign
@pytest.mark.timeout(400)
@pytest.mark.parametrize("demo", [["--serve"]], indirect=True)
def test_a_demo_that_serves_the_record_ends_well_when_it_is_stopped(demo):
    process, said = demo
    asked = r"^the record of \S+ is at (http://127\.0\.0\.1:\d+/)"

    def address():
        found = re.search(asked, said(), re.MULTILINE)
        assert found or process.poll() is None, said()
        return found and found[1]

    for page in ("", "stats", "verify"):
        with urllib.request.urlopen(eventually(address, 300) + page, timeout=30) as answer:
            assert answer.status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0, said()
    assert said().rstrip().endswith(": each ended as it must ===")
    assert "Traceback" not in said()


REASONS = {
    "v2": (
        "api-health: got 307 Temporary Redirect",
        'got 1011 "Factory SSOT validation failed"',
        "fault regression",
    ),
    "v3": ("K_INSTANCE_ATTESTATION not set", "no probe was asked"),
    "v4": ("reached the maximum number of WebSocket managers (20)",),
    "v5": ("'data' is a required property", "fault contract change"),
    "v6": ("20 of 20 probes passed",),
}


@pytest.mark.parametrize(
    ("demo", "moment"),
    [
        ((), "=== backend:v2"),
        (["--verbose"], "waiting for backend-00002"),
    ],
    indirect=["demo"],
)
def test_a_demo_that_is_stopped_leaves_nothing_behind(demo, moment):
    process, said = demo
    eventually(lambda: moment in said() or process.poll() is not None)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 130, said()
    assert "=== stopped" in said()
    assert "Traceback" not in said()
