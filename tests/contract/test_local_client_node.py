"""Node's @google-cloud/run against the local Cloud Run, over gRPC and over REST (its fallback)."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

_PROGRAM = Path(__file__).with_name("local_client_node.js")
_HOW = "npm install @google-cloud/run, and NODE_PATH=DIRECTORY/node_modules"


def _missing() -> str:
    """Says what is to be installed, or nothing."""
    if shutil.which("node") is None:
        return f"node is not installed; with it: {_HOW}"
    asked = ["node", "-e", "require.resolve('@google-cloud/run')"]
    found = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    return "" if found else f"@google-cloud/run is not installed: {_HOW}"


@pytest.mark.xdist_group("local_client_node")
@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_what_the_program_sees(transport, local_cloud_run):
    if missing := _missing():
        pytest.skip(missing)
    where = local_cloud_run.grpc if transport == "grpc" else local_cloud_run.rest
    arguments = (transport, where.rpartition(":")[2], f"node-{transport}")
    answer = subprocess.run(
        ["node", str(_PROGRAM), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    seen = json.loads(answer.stdout)
    assert seen["uri"].startswith("http://127.0.0.1:")
    assert seen["first"].startswith("node-")
    assert seen["second"] not in ("", seen["first"])
    assert seen["generation"] == 2
    assert seen["traffic"] == [[seen["first"], 100, "stable"]]
    assert seen["revisions"] == [seen["second"], seen["first"]]
    code, message = seen["error"]
    assert code in (5, 404)  # of gRPC, of HTTP
    assert "Resource 'nope' of kind 'SERVICE'" in message
    assert seen["deleted"] is True
