"""google-api-python-client against the local Cloud Run: discovery's own v1 and v2.

Its discovery documents weigh some 100 MB, so it is no dependency of this project's tests.
"""

import pytest
from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials

from tests.contract.local_admin import who
from tests.local_cloud_run import PARENT

discovery = pytest.importorskip(
    "googleapiclient.discovery",
    reason="google-api-python-client is not installed: pip install google-api-python-client",
)
errors = pytest.importorskip("googleapiclient.errors")
pytestmark = pytest.mark.xdist_group("local_client_api_python")


@pytest.fixture
def build(local_cloud_run):
    """Makes the client of one API, with the discovery document that the package brings."""

    def make(name, version):
        return discovery.build(
            name,
            version,
            static_discovery=True,
            credentials=AnonymousCredentials(),
            client_options=ClientOptions(api_endpoint=f"{local_cloud_run.rest}/"),
        )

    return make


def settled(services, name):
    """The service when its Ready is no longer unknown."""
    while True:
        found = services.get(name=name).execute()
        (ready,) = [each for each in found["status"]["conditions"] if each["type"] == "Ready"]
        if ready["status"] != "Unknown":
            return found


def test_v1_gets_a_service_replaces_it_and_looks_at_its_status(build, local_cloud_run):
    """What Google's own v1 sample does."""
    before = local_cloud_run.create_service("sample")
    services = build("run", "v1").projects().locations().services()
    body = services.get(name=before.name).execute()
    body["spec"]["template"]["spec"]["containers"][0]["image"] = "demo/app:v2"
    replaced = services.replaceService(name=before.name, body=body).execute()
    assert replaced["metadata"]["generation"] == 2
    after = settled(services, before.name)
    assert after["status"]["observedGeneration"] == 2
    assert after["status"]["latestReadyRevisionName"] == who(before.uri)
    assert not before.latest_ready_revision.endswith(who(before.uri))
    with pytest.raises(errors.HttpError) as caught:
        services.replaceService(name=before.name, body=body).execute()
    assert caught.value.status_code == 409
    assert "Conflict for resource 'sample'" in caught.value.reason
    revisions = build("run", "v1").namespaces().revisions()
    asked = {"parent": "namespaces/demo", "labelSelector": "serving.knative.dev/service=sample"}
    first = revisions.list(**asked, limit=1).execute()
    rest = revisions.list(**asked, **{"continue": first["metadata"]["continue"]}).execute()
    assert first["items"][0]["metadata"]["name"] == after["status"]["latestReadyRevisionName"]
    assert len(rest["items"]) == 1


def test_v2_patches_and_waits_for_the_operation(build, local_cloud_run):
    before = local_cloud_run.create_service("whole")
    api = build("run", "v2").projects().locations()
    body = api.services().get(name=before.name).execute()
    body["template"]["containers"][0]["image"] = "demo/app:v2"
    started = api.services().patch(name=before.name, body=body).execute()
    done = api.operations().wait(name=started["name"], body={"timeout": "30s"}).execute()
    assert done["done"] is True
    listed = api.services().revisions().list(parent=before.name).execute()["revisions"]
    assert listed[0]["name"] == done["response"]["latestReadyRevision"]


def test_logging_lists_entries_and_logs(build, local_cloud_run):
    local_cloud_run.create_service("talkative")
    api = build("logging", "v2")
    filter_ = 'resource.labels.service_name="talkative"'
    asked = {"resourceNames": ["projects/demo"], "filter": filter_, "pageSize": 1}
    assert len(api.entries().list(body=asked).execute()["entries"]) == 1
    names = api.projects().logs().list(parent="projects/demo").execute()["logNames"]
    assert "projects/demo/logs/run.googleapis.com%2Fvarlog%2Fsystem" in names


def test_what_is_not_there_or_not_imitated_is_said(build):
    services = build("run", "v2").projects().locations().services()
    with pytest.raises(errors.HttpError) as caught:
        services.get(name=f"{PARENT}/services/nope").execute()
    assert caught.value.status_code == 404
    with pytest.raises(errors.HttpError, match="jobs are not imitated") as caught:
        build("run", "v1").namespaces().jobs().list(parent="namespaces/demo").execute()
    assert caught.value.status_code == 400
