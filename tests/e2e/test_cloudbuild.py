"""The gate step of cloudbuild.yaml, in a folder that holds a user's policy and nothing of ours."""

import json

import pytest

from tests import cloud_build
from tests.cloud_build import step
from tests.e2e.bucket import Bucket
from tests.e2e.stage import gate
from tests.local_cloud_run import PROJECT

POLICY = "version: 1\nprobes:\n  who: {http: {path: /}, expect: {status: %s}}\n"


@pytest.fixture(name="workspace")
def _workspace(tmp_path):
    """What Cloud Build has in /workspace: the user's repository."""
    (tmp_path / "workspace" / "policies").mkdir(parents=True)
    return tmp_path / "workspace"


@pytest.mark.parametrize(("status", "code", "commit"), [(200, 0, "0123456789abcdef"), (404, 1, "")])
def test_it_decides_and_leaves_its_result(small, tmp_path, workspace, status, code, commit):
    (workspace / "policies" / "backend.yaml").write_text(POLICY % status)
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    build = cloud_build.parsed(cloud_build.read())
    build.substitutions.update({"_IMAGE": "small", "_SERVICE": small.name})
    given = {"PROJECT_ID": PROJECT, "BUILD_ID": "v2", "COMMIT_SHA": commit}
    asked = step(cloud_build.substituted(build, **given), "gate")
    with Bucket() as bucket:
        env = {name: text for name, text in small.env.items() if name != "GATE_ACTOR"}
        env |= dict(one.split("=", 1) for one in asked.env)
        env |= {"HOME": "/builder/home", "BUILDER_OUTPUT": str(outputs), **bucket.env}
        done = gate(*asked.args, env=env, cwd=workspace).clean()
    assert done.code == code, done
    ((_, name), *_) = bucket.objects
    assert {where for where, _ in bucket.objects} == {f"{PROJECT}-gate-reports"}
    kept = json.loads(bucket.texts()["gate.json"])
    assert name.startswith(f"{kept['rollout']}/")
    assert kept["actor"] == "cloud build v2"
    assert kept["reason"] == f"build v2 {commit}".strip()
    assert json.loads((outputs / "output").read_text())["exit_code"] == code
    small.only(small.traffic().latest_created if code == 0 else small.first)
    assert [one.name for one in workspace.iterdir()] == ["policies"]
