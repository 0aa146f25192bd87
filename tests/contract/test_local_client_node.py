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


_MISSING = _missing()
pytestmark = [
    pytest.mark.xdist_group("local_client_node"),
    pytest.mark.skipif(bool(_MISSING), reason=_MISSING),
]


@pytest.fixture(scope="module", params=["grpc", "rest"])
def seen(request, local_cloud_run):
    """What the program saw over one transport."""
    where = local_cloud_run.grpc if request.param == "grpc" else local_cloud_run.rest
    arguments = (request.param, where.rpartition(":")[2], f"node-{request.param}")
    answer = subprocess.run(
        ["node", str(_PROGRAM), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def test_a_service_is_created_and_has_an_address(seen):
    assert seen["uri"].startswith("http://127.0.0.1:")
    assert seen["first"].startswith("node-")


def test_a_service_that_was_read_changed_and_written_whole_has_a_new_revision(seen):
    assert seen["second"] not in ("", seen["first"])
    assert seen["generation"] == 2


def test_traffic_moves_to_a_revision_and_gets_a_tag(seen):
    assert seen["traffic"] == [[seen["first"], 100, "stable"]]


def test_revisions_come_page_by_page(seen):
    assert seen["revisions"] == [seen["second"], seen["first"]]


def test_a_service_that_is_not_there_is_not_found(seen):
    code, message = seen["error"]
    assert code in (5, 404)  # of gRPC, of HTTP
    assert "Resource 'nope' of kind 'SERVICE'" in message


def test_a_service_is_deleted(seen):
    assert seen["deleted"] is True
