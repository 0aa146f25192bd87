"""Faults over REST, v2 and v1: the same rules strike the same calls."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.contract.local_admin import HTTP, short, to
from tests.contract.local_faults import api, faults, first, made, service
from tests.local_cloud_run import PARENT

__all__ = ["api", "faults", "made", "service"]
pytestmark = pytest.mark.xdist_group("local_faults")
V1 = "/apis/serving.knative.dev/v1/namespaces/demo"


class Wire:
    """A service over one of the wires of REST."""

    def __init__(self, kind, running, service):
        self.kind, self.base = kind, f"http://{running.grpc}"
        self.name, self.two = short(service.name), f"{short(service.name)}-two"
        self.url = f"{self.base}/v2/{service.name}"
        if kind == "v1":
            self.url = f"{self.base}{V1}/services/{self.name}"

    def get(self):
        return HTTP.get(self.url, timeout=30)

    def prepared(self):
        """A write as it was decided on what is read now."""
        if self.kind == "v2":
            target = {"type": 2, "revision": self.two, "percent": 100}
            body = json.dumps({"traffic": [target]})
            return lambda: HTTP.patch(
                self.url, params={"updateMask": "traffic"}, content=body, timeout=30
            )
        read = self.get().json()
        read["spec"]["traffic"] = [{"revisionName": self.two, "percent": 100}]
        return lambda: HTTP.put(self.url, json=read, timeout=30)


@pytest.fixture(params=["v1", "v2"])
def wire(request, local_cloud_run, service):
    return Wire(request.param, local_cloud_run, service)


def serving(api, service):
    return first(api.get(service.name))


def test_a_dropped_request_never_arrives(api, faults, service, wire):
    write = wire.prepared()
    faults.on({"do": "drop-request", "method": "UpdateService"}, about=service.name)
    with pytest.raises(httpx.TransportError):
        write()
    assert api.get(service.name).generation == service.generation


def test_a_dropped_reply_leaves_the_write_behind(api, faults, service, wire):
    write = wire.prepared()
    faults.on({"do": "drop-reply", "method": "UpdateService"}, about=service.name)
    with pytest.raises(httpx.TransportError):
        write()
    assert serving(api, service) == wire.two
    assert faults.get()["strikes"] == [{"do": "drop-reply", "call": "UpdateService", "nth": 1}]


@pytest.mark.parametrize(
    ("what", "status", "name"),
    [
        ("unavailable", 503, "UNAVAILABLE"),
        ("exhausted", 429, "RESOURCE_EXHAUSTED"),
        ("conflict", 409, "ABORTED"),
    ],
)
def test_a_refused_call_is_an_error_in_googles_form(faults, wire, what, status, name):
    faults.on({"do": what, "method": "GetService"}, about=wire.name)
    answer = wire.get()
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status
    assert answer.json()["error"]["status"] == name


def test_a_held_write_waits_until_it_is_released(api, faults, service, wire):
    write = wire.prepared()
    faults.on({"do": "hold", "method": "UpdateService", "count": 1}, about=service.name)
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        faults.holding()
        assert api.get(service.name).generation == service.generation
        faults.release()
        assert writing.result().status_code == 200
    assert serving(api, service) == wire.two


def test_a_held_reply_can_be_lost(api, faults, service, wire):
    write = wire.prepared()
    faults.on({"do": "hold-reply", "method": "UpdateService", "count": 1}, about=service.name)
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        faults.holding()
        faults.release(carry_out=False)
        with pytest.raises(httpx.TransportError):
            writing.result()
    assert serving(api, service) == wire.two


def test_a_held_write_that_arrives_after_somebody_elses_is_refused_by_v1(
    api, faults, service, local_cloud_run
):
    write = Wire("v1", local_cloud_run, service).prepared()
    faults.on({"do": "hold", "method": "UpdateService", "count": 1}, about=service.name)
    with ThreadPoolExecutor() as pool:
        writing = pool.submit(write)
        faults.holding()
        mine = serving(api, service)
        moved = api.move(service.name, to(mine, 100, "theirs"))
        faults.release()
        assert writing.result().status_code == 409
    assert api.get(service.name).traffic == moved.traffic


def test_a_person_who_writes_right_before_a_v1_write_wins(api, faults, service, local_cloud_run):
    write = Wire("v1", local_cloud_run, service).prepared()
    mine = serving(api, service)
    faults.on(
        {
            "do": "interfere",
            "method": "UpdateService",
            "count": 1,
            "service": service.name,
            "shares": {"LATEST": 40, mine: 60},
            "caller": "eve@example.com",
        }
    )
    answer = write()
    assert answer.status_code == 409
    assert answer.json()["error"]["message"].startswith(
        f"Conflict for resource '{short(service.name)}'"
    )
    after = api.get(service.name)
    assert (after.last_modifier, after.generation) == ("eve@example.com", service.generation + 1)


def test_a_repeated_v1_write_happens_once(faults, service, local_cloud_run):
    before = len(faults.history(service.name, "asked"))
    write = Wire("v1", local_cloud_run, service).prepared()
    faults.on({"do": "repeat", "method": "UpdateService", "count": 1}, about=service.name)
    assert write().status_code == 200
    assert len(faults.history(service.name, "asked")) == before + 1


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("ListServices", f"/v2/{PARENT}/services"),
        ("ListServices", f"{V1}/services"),
        ("ListRevisions", f"/v2/{PARENT}/services/NAME/revisions"),
        ("ListRevisions", f"{V1}/revisions?labelSelector=serving.knative.dev/service%3DNAME"),
        ("GetRevision", f"/v2/{PARENT}/services/NAME/revisions/NAME-two"),
        ("GetRevision", f"{V1}/revisions/NAME-two"),
    ],
)
def test_reads_are_struck_by_name_and_others_are_not(
    faults, service, local_cloud_run, method, path
):
    wire = Wire("v1" if "v1" in path else "v2", local_cloud_run, service)
    about = service.name if "NAME" in path else ""
    url = wire.base + path.replace("NAME", wire.name)
    faults.on({"do": "unavailable", "method": method}, about=about)
    assert HTTP.get(url).status_code == 503
    assert wire.get().status_code == 200
    faults.on({"do": "unavailable", "method": method}, about=f"{PARENT}/services/nobody")
    assert HTTP.get(url).status_code == 200


def test_a_creation_is_struck_by_the_name_that_it_asks_for(api, faults, local_cloud_run):
    name = api.new_id()
    body = {
        "metadata": {"name": name, "labels": {"cloud.googleapis.com/location": "us-central1"}},
        "spec": {"template": {"spec": {"containers": [{"image": "demo/app:v1"}]}}},
    }
    url = f"http://{local_cloud_run.grpc}{V1}/services"
    faults.on({"do": "drop-reply", "method": "CreateService"}, about=f"{PARENT}/services/{name}")
    with pytest.raises(httpx.TransportError):
        HTTP.post(url, json=body)
    assert HTTP.get(f"{url}/{name}").status_code == 200


def test_log_entries_that_are_written_over_rest_are_struck_too(faults, local_cloud_run):
    url = f"http://{local_cloud_run.grpc}/v2/entries"
    log = "projects/demo/logs/struck"
    entry = {"logName": log, "resource": {"type": "global"}, "textPayload": "kept words"}
    faults.on({"do": "drop-reply", "method": "WriteLogEntries"}, about="kept words")
    with pytest.raises(httpx.TransportError):
        HTTP.post(f"{url}:write", json={"entries": [entry]})
    asked = {"resourceNames": ["projects/demo"], "filter": f'logName="{log}"'}
    (found,) = HTTP.post(f"{url}:list", json=asked).json()["entries"]
    assert found["textPayload"] == "kept words"


def test_a_body_that_is_too_long_is_refused_also_where_rules_are_on(faults, wire):
    faults.on({"do": "unavailable"}, about="nobody")
    answer = HTTP.request(
        "PUT" if wire.kind == "v1" else "PATCH", wire.url, content=b" " * 5_000_000
    )
    assert answer.status_code == 400
    assert "exceeds the limit" in answer.json()["error"]["message"]


def test_whoever_switches_faults_on_may_look_on(wire, faults):
    faults.on({"do": "unavailable"})
    assert wire.get().status_code == 503
    assert HTTP.get(wire.url, headers={"x-gate-local-spared": "yes"}).status_code == 200
