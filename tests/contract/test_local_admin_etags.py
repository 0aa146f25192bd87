"""The locks: v2's etags do nothing, unless asked for; v1's resourceVersion always does."""

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from tests.contract.local_admin import Api, latest, short, template, to
from tests.local_cloud_run import (
    CALM,
    finish,
    local_cloud_run,
    local_images,
    start_local_cloud_run,
)

__all__ = ["local_cloud_run", "local_images"]
pytestmark = pytest.mark.xdist_group("local_admin_etags")


@pytest.fixture(params=["grpc", "rest"])
def api(request, local_cloud_run):
    return Api(request.param, local_cloud_run)


@pytest.fixture(scope="module")
def enforcing(local_images):
    running = start_local_cloud_run(local_images, (*CALM, "--v2-etags", "enforced"))
    yield running
    assert running.stop() == 0


@pytest.fixture(params=["grpc", "rest"])
def strict(request, enforcing):
    return Api(request.param, enforcing)


def changed_since(api):
    """A service as it was before its annotations changed."""
    before = api.create()
    api.update(run_v2.Service(name=before.name, annotations={"a": "b"}), "annotations")
    return before


# --- v2


@pytest.mark.parametrize("etag", ["", '"THIS-IS-NOT-A-VALID-ETAG"'])
def test_a_stale_or_invented_etag_is_accepted(api, etag):
    before = changed_since(api)
    name = short(before.latest_ready_revision)
    moved = run_v2.Service(name=before.name, etag=etag or before.etag, traffic=[to(name, 100)])
    assert list(api.update(moved, "traffic").traffic) == [to(name, 100)]


def test_a_stale_etag_does_not_keep_a_service_from_being_deleted(api):
    before = changed_since(api)
    request = run_v2.DeleteServiceRequest(name=before.name, etag=before.etag)
    assert finish(api.services.delete_service(request)).name == before.name


def test_enforced_a_stale_etag_is_a_conflict_with_the_exact_text(strict):
    before = changed_since(strict)
    stale = run_v2.Service(name=before.name, etag=before.etag, traffic=[latest(100)])
    with pytest.raises(exceptions.Conflict) as caught:
        strict.start_update(stale, "traffic")
    assert isinstance(caught.value, exceptions.Aborted) == (strict.transport == "grpc")
    name = short(before.name)
    assert f"Conflict for resource '{name}': version '" in str(caught.value)
    assert "' was specified but current version is '" in str(caught.value)
    specified = int(before.update_time.timestamp() * 1_000_000)
    numbers = [int(part) for part in str(caught.value).split("'") if part.isdigit()]
    assert abs(numbers[0] - specified) <= 1
    assert numbers[1] > numbers[0]


def test_enforced_the_current_etag_is_let_in(strict):
    before = strict.create()
    wanted = run_v2.Service(name=before.name, etag=before.etag, annotations={"a": "b"})
    assert strict.update(wanted, "annotations").etag != before.etag


def test_enforced_a_stale_etag_keeps_the_revision(strict):
    service = strict.create()
    old = service.latest_ready_revision
    strict.update(run_v2.Service(name=service.name, template=template()), "template")
    request = run_v2.DeleteRevisionRequest(name=old, etag=service.etag)
    with pytest.raises(exceptions.Conflict, match="Conflict for resource"):
        strict.revisions.delete_revision(request)


# --- generation


def test_each_accepted_write_is_one_generation_whatever_it_changes(api):
    service = api.create()
    name = short(service.latest_ready_revision)
    assert (
        api.update(run_v2.Service(name=service.name, labels={"a": "b"}), "labels").generation == 2
    )
    assert api.move(service.name, to(name, 100)).generation == 3
    url = v1(api, service)
    body = httpx.get(url).json()
    body["spec"]["traffic"] = [{"latestRevision": True, "percent": 100}]
    assert httpx.put(url, json=body).json()["metadata"]["generation"] == 4


# --- v1


def v1(api, service):
    path = f"namespaces/demo/services/{short(service.name)}"
    return f"{api.running.rest}/apis/serving.knative.dev/v1/{path}"


def test_a_version_older_than_the_last_write_is_refused_and_nothing_changes(api):
    service = api.create()
    url = v1(api, service)
    read = httpx.get(url).json()
    written = api.update(run_v2.Service(name=service.name, annotations={"a": "b"}), "annotations")
    read["spec"]["traffic"] = [
        {"revisionName": short(service.latest_ready_revision), "percent": 100}
    ]
    answer = httpx.put(url, json=read)
    assert answer.status_code == 409
    assert answer.json()["error"]["status"] == "ABORTED"
    assert answer.json()["error"]["message"].startswith(
        f"Conflict for resource '{short(service.name)}': version '"
    )
    after = api.get(service.name)
    assert (after.traffic, after.generation) == (written.traffic, written.generation)


def test_a_version_read_before_the_status_changed_is_accepted(api):
    service = api.create()
    url = v1(api, service)
    faults = f"{api.running.rest}/local/faults/etags"
    endless = {"about": service.name, "rules": [{"do": "endless-operation"}]}
    assert httpx.put(faults, json=endless).status_code == 200
    api.start_update(run_v2.Service(name=service.name, template=template()), "template")
    read = httpx.get(url).json()
    httpx.delete(faults)
    operation = read["metadata"]["annotations"]["run.googleapis.com/operation-id"]
    wait = f"{api.running.rest}/v1/projects/demo/locations/us-central1/operations/{operation}:wait"
    assert httpx.post(wait, json={"timeout": "30s"}, timeout=40).json()["done"]
    later = httpx.get(url).json()
    assert later["metadata"]["resourceVersion"] != read["metadata"]["resourceVersion"]
    read["spec"]["traffic"] = [
        {"revisionName": short(service.latest_ready_revision), "percent": 100}
    ]
    assert httpx.put(url, json=read).status_code == 200


def test_a_put_without_a_version_is_not_guarded(api):
    service = changed_since(api)
    url = v1(api, service)
    read = httpx.get(url).json()
    del read["metadata"]["resourceVersion"]
    assert httpx.put(url, json=read).status_code == 200
