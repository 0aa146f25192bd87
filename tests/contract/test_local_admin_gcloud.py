"""The real gcloud against the local Cloud Run (gcloud wire calls)."""

import json
import os
import shutil
import subprocess

import httpx
import pytest
from google.cloud import run_v2

from tests.contract.local_admin import Api, short, template, to, who
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
    answer = gcloud("services", "update-traffic", short(service.name), "--to-revisions=nope=100")
    assert answer.returncode == 1
    assert "Revision 'nope' does not exist or is deleted." in answer.stderr
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


# The same calls by hand, with or without gcloud


def v1(api, path):
    return f"{api.running.rest}/apis/serving.knative.dev/v1/namespaces/demo/{path}"


def test_a_put_with_other_traffic_moves_it(api, pair):
    service, old, _ = pair
    url = v1(api, f"services/{short(service.name)}")
    body = httpx.get(url).json()
    body["spec"]["traffic"] = [{"revisionName": old, "percent": 100}]
    answer = httpx.put(url, json=body).json()
    operation = answer["metadata"]["annotations"]["run.googleapis.com/operation-id"]
    waited = httpx.post(
        f"{api.running.rest}/v1/projects/demo/locations/us-central1/operations/{operation}:wait",
        json={"timeout": "30s"},
    ).json()
    assert waited["done"] is True
    assert waited["response"]["@type"] == "type.googleapis.com/google.cloud.run.v1.Service"
    assert waited["response"]["metadata"]["generation"] == 3
    assert who(service.uri) == old


def test_a_put_with_a_stale_resource_version_is_a_conflict(api, pair):
    service, old, _ = pair
    url = v1(api, f"services/{short(service.name)}")
    body = httpx.get(url).json()
    body["spec"]["traffic"] = [{"revisionName": old, "percent": 100}]
    assert httpx.put(url, json=body).status_code == 200
    again = httpx.put(url, json=body)
    assert again.status_code == 409
    assert again.json()["error"]["message"].startswith(
        f"Conflict for resource '{short(service.name)}': version '"
    )


def test_a_put_that_changes_the_template_is_said_not_to_be_there(api, pair):
    service, _, _ = pair
    url = v1(api, f"services/{short(service.name)}")
    body = httpx.get(url).json()
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "demo/other"
    answer = httpx.put(url, json=body)
    assert answer.status_code == 501
    assert "template" in answer.json()["error"]["message"]


def test_the_namespace_may_be_the_projects_number(api, pair):
    service, _, _ = pair
    body = httpx.get(v1(api, f"services/{short(service.name)}")).json()
    number = body["metadata"]["namespace"]
    assert number.isdigit()
    url = v1(api, f"services/{short(service.name)}").replace("/demo/", f"/{number}/")
    assert httpx.get(url).json()["metadata"]["uid"] == service.uid


def test_the_region_is_the_prefix_of_the_host(api, pair):
    service, _, _ = pair
    url = v1(api, f"services/{short(service.name)}")
    port = api.running.rest.rpartition(":")[2]
    here, elsewhere = (f"{region}-127.0.0.1:{port}" for region in ("us-central1", "europe-west1"))
    assert httpx.get(url, headers={"Host": here}).status_code == 200
    assert httpx.get(url, headers={"Host": elsewhere}).status_code == 404


def test_an_unknown_selector_is_refused_and_not_ignored(api):
    answer = httpx.get(v1(api, "revisions"), params={"labelSelector": "team = x"})
    assert answer.status_code == 400


def test_zero_percent_is_left_out_and_urls_are_annotated(api, pair):
    service, old, new = pair
    api.move(service.name, to(new, 100), to(old, 0, "old"))
    body = httpx.get(v1(api, f"services/{short(service.name)}")).json()
    assert body["spec"]["traffic"][1] == {"revisionName": old, "tag": "old"}
    assert body["status"]["traffic"][1]["url"].startswith("http://127.0.0.1:")
    urls = body["metadata"]["annotations"]["run.googleapis.com/urls"]
    assert json.loads(urls) == [service.uri]
