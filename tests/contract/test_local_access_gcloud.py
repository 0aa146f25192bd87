"""IAM policies as the unmodified gcloud reads and writes them, and what callers then get."""

import json
import shutil

import httpx
import pytest

from tests.contract.local_admin import Api, who
from tests.contract.local_gcloud import Gcloud
from tests.local_cloud_run import CALM, local_images, start_local_cloud_run

__all__ = ["local_images"]
pytestmark = [
    pytest.mark.xdist_group("local_access_gcloud"),
    pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed"),
]
STRANGER = "user:stranger@example.com"
INVOKER = "--role=roles/run.invoker"


@pytest.fixture(scope="module")
def cloud(local_images):
    running = start_local_cloud_run(local_images, (*CALM, "--require-auth"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def api(cloud):
    return Api("grpc", cloud)


@pytest.fixture(scope="module")
def gcloud(cloud, tmp_path_factory):
    """Runs gcloud run; gives its JSON, or what it said where it fails."""
    run_it = Gcloud(cloud, tmp_path_factory.mktemp("gcloud"))

    def run(*arguments, code=0):
        done = run_it("run", *arguments, "--format=json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if code == 0 else done.stderr

    return run


def test_a_deploy_without_a_word_makes_a_private_service(gcloud, api):
    name = api.new_id()
    gcloud("deploy", name, "--image=demo/app:v1")
    assert httpx.get(api.get(f"projects/demo/locations/us-central1/services/{name}").uri).is_error
    assert "bindings" not in gcloud("services", "get-iam-policy", name)


def test_a_deploy_that_allows_everybody_does(gcloud, api):
    name = api.new_id()
    gcloud("deploy", name, "--image=demo/app:v1", "--allow-unauthenticated")
    service = api.get(f"projects/demo/locations/us-central1/services/{name}")
    assert who(service.uri)
    policy = gcloud("services", "get-iam-policy", name)
    assert policy["bindings"] == [{"role": "roles/run.invoker", "members": ["allUsers"]}]
    gcloud("deploy", name, "--image=demo/app:v1", "--no-allow-unauthenticated")
    assert httpx.get(service.uri).status_code == 403


def test_bindings_come_and_go(gcloud, api, tmp_path):
    name = api.create().name.rpartition("/")[2]
    service = ("services", "add-iam-policy-binding", name, f"--member={STRANGER}", INVOKER)
    policy = gcloud(*service)
    assert policy["bindings"] == [{"role": "roles/run.invoker", "members": [STRANGER]}]
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(policy))
    gone = gcloud("services", "remove-iam-policy-binding", name, f"--member={STRANGER}", INVOKER)
    assert "bindings" not in gone
    refused = gcloud("services", "set-iam-policy", name, str(file), code=1)
    assert "concurrent policy changes" in refused
    file.write_text(json.dumps({"bindings": policy["bindings"]}))
    again = gcloud("services", "set-iam-policy", name, str(file))
    assert again["bindings"] == policy["bindings"]
