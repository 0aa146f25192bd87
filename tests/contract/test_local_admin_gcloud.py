"""The real gcloud against the local Cloud Run (gcloud wire calls)."""

import json
import os
import shutil
import subprocess

import pytest
from google.cloud import run_v2

from tests.contract.local_admin import Api, short, template, who
from tests.local_cloud_run import local_cloud_run, local_images

__all__ = ["local_cloud_run", "local_images"]
pytestmark = pytest.mark.xdist_group("local_admin_gcloud")
needs_gcloud = pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")


@pytest.fixture
def api(local_cloud_run):
    return Api("grpc", local_cloud_run)


@pytest.fixture
def pair(api):
    """A service with two revisions; the second one has all traffic."""
    service = api.create()
    old = short(service.latest_ready_revision)
    updated = api.update(run_v2.Service(name=service.name, template=template()), "template")
    return updated, old, short(updated.latest_ready_revision)


@pytest.fixture(scope="module")
def gcloud(local_cloud_run, tmp_path_factory):
    """Runs gcloud with the environment that the greeting prints."""
    env = {
        **os.environ,
        "CLOUDSDK_CONFIG": str(tmp_path_factory.mktemp("gcloud")),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_PROJECT": "demo",
        "CLOUDSDK_CORE_SHOULD_PROMPT_TO_ENABLE_API": "false",
        "CLOUDSDK_RUN_REGION": "us-central1",
    }
    for line in local_cloud_run.greeting.splitlines():
        if line.startswith("export "):
            env.update(pair.split("=", 1) for pair in line.removeprefix("export ").split())

    def run(*arguments):
        command = ["gcloud", "run", *arguments]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=100, check=False
        )

    return run


@needs_gcloud
def test_describe_reads_a_service(gcloud, pair):
    service, _, new = pair
    answer = gcloud("services", "describe", short(service.name), "--format", "json")
    assert answer.returncode == 0, answer.stderr
    shown = json.loads(answer.stdout)
    assert shown["status"]["url"] == service.uri
    assert shown["status"]["latestReadyRevisionName"] == new
    assert shown["status"]["observedGeneration"] == shown["metadata"]["generation"] == 2


@needs_gcloud
def test_update_traffic_moves_traffic_and_tags(gcloud, pair):
    service, old, _ = pair
    name = short(service.name)
    answer = gcloud("services", "update-traffic", name, f"--to-revisions={old}=100")
    assert answer.returncode == 0, answer.stderr
    assert who(service.uri) == old
    answer = gcloud("services", "update-traffic", name, f"--set-tags=blue={old}", "--format=json")
    assert answer.returncode == 0, answer.stderr
    answer = gcloud("services", "update-traffic", name, "--to-latest")
    assert answer.returncode == 0, answer.stderr
    assert who(service.uri) != old


@needs_gcloud
def test_update_traffic_reports_why_it_failed(gcloud, pair):
    service, _, new = pair
    name = short(service.name)
    answer = gcloud("services", "update-traffic", name, f"--to-revisions={name}-nope=100")
    assert answer.returncode == 1
    assert f"Revision '{name}-nope' does not exist or is deleted." in answer.stderr
    assert who(service.uri) == new


@needs_gcloud
def test_revisions_list_shows_the_revisions_of_a_service(gcloud, pair):
    service, old, new = pair
    answer = gcloud("revisions", "list", f"--service={short(service.name)}", "--format=json")
    assert answer.returncode == 0, answer.stderr
    names = {item["metadata"]["name"] for item in json.loads(answer.stdout)}
    assert names == {old, new}


@needs_gcloud
def test_a_service_that_does_not_exist_cannot_be_found(gcloud):
    answer = gcloud("services", "describe", "nope")
    assert answer.returncode == 1
    assert "Cannot find service [nope]" in answer.stderr


@needs_gcloud
def test_update_changes_the_template_and_the_settings(gcloud, pair):
    service, _, new = pair
    name = short(service.name)
    answer = gcloud(
        *("services", "update", name, "--update-env-vars=COLOUR=blue", "--ingress=internal"),
        *("--min=1", "--update-labels=team=x", "--format=json"),
    )
    assert answer.returncode == 0, answer.stderr
    shown = json.loads(answer.stdout)
    assert shown["metadata"]["labels"]["team"] == "x"
    assert shown["metadata"]["annotations"]["run.googleapis.com/ingress"] == "internal"
    (variable,) = shown["spec"]["template"]["spec"]["containers"][0]["env"]
    assert variable == {"name": "COLOUR", "value": "blue"}
    assert shown["status"]["latestReadyRevisionName"] != new


@needs_gcloud
def test_deploy_creates_a_service_and_a_revision_of_another(gcloud, api):
    name = api.new_id()
    for image in ("demo/app:v1", "demo/app:v2"):
        answer = gcloud("deploy", name, f"--image={image}", "--no-invoker-iam-check")
        assert answer.returncode == 0, answer.stderr
    answer = gcloud("revisions", "list", f"--service={name}", "--format=json")
    assert len(json.loads(answer.stdout)) == 2
