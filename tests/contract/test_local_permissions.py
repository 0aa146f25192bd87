"""Who may do what at the local Cloud Run: tests of permissions, and faults that deny them."""

import asyncio
import subprocess
import sys

import pytest
from google.api_core.exceptions import BadRequest, Forbidden
from google.auth.credentials import AnonymousCredentials
from google.cloud import resourcemanager_v3
from google.cloud.resourcemanager_v3.services.projects.transports import ProjectsRestTransport

from gate.cloud.channel import Endpoint
from gate.cloud.permissions import held, of_account, of_project, of_secret, of_service
from gate.core.service import ServiceRef
from tests.contract.local_admin import HTTP
from tests.contract.local_faults import api, faults, made, service
from tests.local_cloud_run import CALM, start_local_cloud_run

__all__ = ["api", "faults", "made", "service"]
pytestmark = pytest.mark.xdist_group("local_faults")
MOVE, WRITE, ACT_AS = (
    "run.services.update",
    "logging.logEntries.create",
    "iam.serviceAccounts.actAs",
)
REF = ServiceRef("demo", "us-central1", "backend")


@pytest.fixture
def projects(local_cloud_run):
    """Google's own client of Resource Manager."""
    transport = ProjectsRestTransport(
        host=local_cloud_run.grpc, url_scheme="http", credentials=AnonymousCredentials()
    )
    return resourcemanager_v3.ProjectsClient(transport=transport)


def on_project(projects, *permissions):
    request = {"resource": "projects/demo", "permissions": permissions}
    return list(projects.test_iam_permissions(request).permissions)


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_a_denied_permission_is_not_among_those_that_googles_client_is_told(
    local_cloud_run, faults, service, transport
):
    client = local_cloud_run.services(transport)
    asked = {"resource": service.name, "permissions": ["run.services.get", MOVE]}
    assert list(client.test_iam_permissions(asked).permissions) == ["run.services.get", MOVE]
    faults.on({"do": "deny", "permission": MOVE})
    assert list(client.test_iam_permissions(asked).permissions) == ["run.services.get"]


def test_googles_client_of_projects_is_told_the_same(projects, faults):
    assert on_project(projects, WRITE, "logging.logEntries.list") == [
        WRITE,
        "logging.logEntries.list",
    ]
    faults.on({"do": "deny", "permission": WRITE})
    assert on_project(projects, WRITE, "logging.logEntries.list") == ["logging.logEntries.list"]
    with pytest.raises(BadRequest, match="is not valid for this resource"):
        on_project(projects, "logging.*")


@pytest.mark.parametrize("transport", ["grpc", "rest"])
def test_what_needs_a_denied_permission_is_refused_and_the_rest_goes_on(
    local_cloud_run, faults, service, transport
):
    client = local_cloud_run.services(transport)
    faults.on({"do": "deny", "permission": MOVE})
    with pytest.raises(Forbidden, match=r"Permission 'run\.services\.update' denied"):
        client.update_service({"service": {"name": service.name}, "update_mask": "traffic"})
    assert client.get_service(name=service.name).generation == service.generation


def test_v1_and_logging_are_refused_alike(local_cloud_run, faults, service):
    url = f"{local_cloud_run.rest}/v1/{service.name}"
    body = HTTP.get(url).json()
    faults.on({"do": "deny", "permission": MOVE}, {"do": "deny", "permission": WRITE})
    answers = [
        HTTP.put(url, json=body),
        HTTP.post(f"{local_cloud_run.rest}/v2/entries:write", json={"entries": []}),
    ]
    for answer in answers:
        assert answer.status_code == 403
        assert answer.json()["error"]["status"] == "PERMISSION_DENIED"
    assert HTTP.get(url).status_code == 200


def test_the_command_line_denies_from_the_start():
    arguments = (*CALM, "--deny", MOVE, "--deny", ACT_AS)
    running = start_local_cloud_run(arguments=arguments)
    try:
        endpoint = Endpoint(running.grpc)
        assert asyncio.run(held(of_service(REF, endpoint), ["run.services.get", MOVE])) == {
            "run.services.get": True,
            MOVE: False,
        }
        assert asyncio.run(held(of_account("a@b.c", endpoint), [ACT_AS])) == {ACT_AS: False}
        assert asyncio.run(held(of_project("demo", endpoint), [WRITE])) == {WRITE: True}
        read = "secretmanager.versions.access"
        of_jwt = of_secret("projects/demo/secrets/jwt/versions/1", endpoint)
        assert asyncio.run(held(of_jwt, [read])) == {read: True}
    finally:
        running.stop()


def test_the_command_line_refuses_what_is_no_permission():
    command = [sys.executable, "-m", "gate.cli", "local", "up", "--deny", "everything"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "not a permission (got 'everything'" in done.stderr


async def test_one_that_cannot_be_asked_about_does_not_hide_the_others(local_cloud_run):
    tested = of_service(REF, Endpoint(local_cloud_run.grpc))
    found = await held(tested, [MOVE, "run.*"])
    assert found[MOVE] is True
    assert "is not valid for this resource" in str(found["run.*"])
