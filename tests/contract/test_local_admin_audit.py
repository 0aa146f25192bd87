"""What became of a deployment, as whoever reads the logs sees it."""

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from tests.contract.local_admin import Api, short, template
from tests.local_cloud_run import local_cloud_run, local_images

__all__ = ["local_cloud_run", "local_images"]
pytestmark = pytest.mark.xdist_group("local_admin_audit")


@pytest.fixture
def api(local_cloud_run):
    return Api("grpc", local_cloud_run)


def entries(api, wanted):
    body = {"resourceNames": ["projects/demo"], "filter": wanted}
    answer = httpx.post(f"{api.running.rest}/v2/entries:list", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json().get("entries", [])


def test_a_filter_for_errors_sees_a_revision_that_did_not_start(api):
    service = api.create()
    name = short(service.name)
    with pytest.raises(exceptions.BadRequest):
        api.update(run_v2.Service(name=service.name, template=template("demo/exits")), "template")
    revision = short(api.get(service.name).latest_created_revision)
    wanted = f'severity>=ERROR AND resource.labels.revision_name="{revision}"'
    (found,) = [
        entry for entry in entries(api, wanted) if entry["logName"].endswith("%2Fsystem_event")
    ]
    assert found["severity"] == "ERROR"
    assert found["logName"] == "projects/demo/logs/cloudaudit.googleapis.com%2Fsystem_event"
    assert found["resource"] == {
        "type": "cloud_run_revision",
        "labels": {
            "project_id": "demo",
            "location": "us-central1",
            "service_name": name,
            "configuration_name": name,
            "revision_name": revision,
        },
    }
    said = found["protoPayload"]["status"]
    assert said["code"] == 9
    assert said["message"].startswith(
        f"Ready condition status changed to False for Revision {revision} with message: "
        "The user-provided container failed to start and listen on the port"
    )
    assert found["protoPayload"]["response"]["metadata"]["name"] == revision


def test_the_payload_of_an_audit_entry_can_be_searched(api):
    name = short(api.create().name)
    wanted = f'protoPayload.resourceName="namespaces/demo/services/{name}"'
    (found,) = entries(api, wanted)
    assert found["severity"] == "INFO"
    assert found["resource"]["labels"]["revision_name"] == ""
    assert found["protoPayload"]["status"]["message"] == (
        f"Ready condition status changed to True for Service {name}."
    )
