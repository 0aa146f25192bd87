"""The unmodified gcloud with what `gate local env --gcloud` prints."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.local_cloud_run import LocalCloudRun

needs_gcloud = pytest.mark.skipif(
    shutil.which("gcloud") is None,
    reason="gcloud is not installed: see https://cloud.google.com/sdk/docs/install",
)
_TIMEOUT_S = 240
_ROOT = Path(__file__).parents[2]


class Gcloud:
    """Runs gcloud against one local Cloud Run, with files of its own.

    Args:
        running: the local Cloud Run.
        state: where gcloud keeps its files.
    """

    def __init__(self, running: LocalCloudRun, state: Path) -> None:
        port = running.grpc.rpartition(":")[2]
        command = ["local", "env", "--gcloud", "--port", port, "--state", str(state)]
        printed = subprocess.run(
            [sys.executable, "-m", "gate.cli", *command],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        pairs = (shlex.split(line)[1].split("=", 1) for line in printed.splitlines())
        kept = {name: text for name, text in os.environ.items() if not name.startswith("CLOUDSDK_")}
        self._env = {**kept, **dict(pairs), "TERM": "dumb"}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one command to its end, whatever that is."""
        return subprocess.run(
            ["gcloud", *arguments],
            env=self._env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )

    def ok(self, *arguments: str) -> str:
        """Runs a command that must succeed; gives what it printed."""
        answer = self(*arguments)
        assert answer.returncode == 0, f"gcloud {shlex.join(arguments)}\n{answer.stderr}"
        return answer.stdout

    def json(self, *arguments: str) -> Any:
        """Runs a command that must succeed; gives what it printed, as JSON."""
        return json.loads(self.ok(*arguments, "--format=json"))

    def refused(self, *arguments: str) -> str:
        """Runs a command that must fail; gives what it complained of."""
        answer = self(*arguments)
        assert answer.returncode == 1, f"gcloud {shlex.join(arguments)}\n{answer.stdout}"
        return answer.stderr
