"""The REST face on the wire: what the clients do not show (client wiring), and who is let in."""

import http.client
import json
import socket

import pytest
from google.cloud import run_v2

from tests.contract.local_admin import HTTP, Api, short, template
from tests.local_cloud_run import PARENT, finish

pytestmark = pytest.mark.xdist_group("local_admin_rest")
ALT = {"$alt": "json;enum-encoding=int"}


@pytest.fixture(scope="module")
def api(local_cloud_run):
    return Api("rest", local_cloud_run)


@pytest.fixture(scope="module")
def service(api):
    return api.create()


@pytest.fixture(scope="module")
def url(api, service):
    return f"{api.running.rest}/v2/{service.name}"


def test_enums_go_out_as_names_and_as_integers_when_asked(url):
    named, numbered = HTTP.get(url).json(), HTTP.get(url, params=ALT).json()
    assert named["traffic"][0]["type"] == "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST"
    assert numbered["traffic"][0]["type"] == 1
    assert numbered["terminalCondition"]["state"] == 4


@pytest.mark.parametrize("kind", [2, "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"])
def test_enums_come_in_as_integers_and_as_names(url, service, kind):
    name = short(service.latest_ready_revision)
    body = {"traffic": [{"type": kind, "revision": name, "percent": 100}]}
    answer = HTTP.patch(url, params={"updateMask": "traffic", **ALT}, json=body)
    assert answer.status_code == 200
    assert answer.json()["metadata"]["traffic"] == [{"type": 2, "revision": name, "percent": 100}]


def test_an_absent_percent_is_0_and_0_is_left_out(url, service):
    name = short(service.latest_ready_revision)
    body = {"traffic": [{"type": 1, "percent": 100}, {"type": 2, "revision": name, "tag": "blue"}]}
    shown = HTTP.patch(url, params={"updateMask": "traffic"}, json=body).json()["metadata"]
    assert "percent" not in shown["traffic"][1]


@pytest.mark.parametrize("mask", ["template.labels", "template.Labels,x", "templateLabels"])
def test_masks_are_camel_case_paths(url, mask):
    answer = HTTP.patch(url, params={"updateMask": mask}, json={"template": {"labels": {}}})
    assert answer.status_code == (200 if mask == "template.labels" else 400)


def test_polls_of_operations_carry_no_alt(url):
    started = HTTP.patch(url, params={"updateMask": "annotations"}, json={"annotations": {}})
    name = started.json()["name"]
    polled = HTTP.get(f"{url.partition('/projects')[0]}/{name}")
    assert polled.json()["metadata"]["traffic"][0]["type"].startswith("TRAFFIC_TARGET")


def test_a_field_that_does_not_exist_is_refused(url):
    answer = HTTP.patch(url, params={"updateMask": "traffic"}, json={"trafic": []})
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b"\xff\xfe", b"3", b"[" * 100_000, b'{"traffic": 3}']
)
def test_a_body_that_is_no_service_is_refused(url, content):
    answer = HTTP.patch(url, params={"updateMask": "traffic"}, content=content)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400


def test_a_body_of_five_megabytes_is_refused(url):
    answer = HTTP.patch(url, params={"updateMask": "traffic"}, content=b" " * 5_000_000)
    assert answer.status_code == 400
    assert "exceeds the limit" in answer.json()["error"]["message"]


@pytest.mark.parametrize("params", [{"nope": "1"}, {"pageSize": "x"}, {"pageSize": "-1"}])
def test_a_parameter_that_does_not_exist_is_refused(api, params):
    answer = HTTP.get(f"{api.running.rest}/v2/{PARENT}/services", params=params)
    assert answer.status_code == 400


def test_parameters_come_in_camel_case_and_snake_case(api):
    base = f"{api.running.rest}/v2/{PARENT}/services"
    body = {"template": {"containers": [{"image": "demo/app:v1"}]}}
    for number, names in enumerate(
        (("serviceId", "validateOnly"), ("service_id", "validate_only"))
    ):
        params = {names[0]: f"dry-{number}", names[1]: "true"}
        assert HTTP.post(base, params=params, json=body).json()["done"] is True


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/nope", 404),
        ("PUT", f"/v2/{PARENT}/services/x", 404),
        ("GET", f"/v2/{PARENT}/services/nope", 404),
        ("GET", f"/v2/{PARENT}/operations/nope", 404),
        ("GET", f"/v2/{PARENT}/services/%2e%2e", 400),
    ],
)
def test_what_is_not_there_is_said_in_googles_form(api, method, path, status):
    answer = HTTP.request(method, f"{api.running.rest}{path}")
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status


def test_an_absolute_request_line_reaches_the_same_service(api, service):
    port = int(api.running.rest.rpartition(":")[2])
    connection = http.client.HTTPConnection("127.0.0.1", port)
    host = f"us-central1-127.0.0.1:{port}"
    connection.request("GET", f"http://{host}/v2/{service.name}", headers={"Host": host})
    assert json.loads(connection.getresponse().read())["name"] == service.name
    connection.close()


def test_connect_is_refused_so_that_a_proxied_client_cannot_reach_the_cloud(api):
    port = int(api.running.rest.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(
            b"CONNECT run.googleapis.com:443 HTTP/1.1\r\nHost: run.googleapis.com\r\n\r\n"
        )
        status = int(connection.recv(4_096).split()[1])
    assert 400 <= status < 500


# Who is let in


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "example.com"},
        {"Host": "127.0.0.1.example.com"},
        {"Origin": "http://example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE", "OPTIONS"])
def test_what_a_browser_on_another_site_could_send_is_refused(api, url, headers, method):
    before = HTTP.get(url).json()
    answer = HTTP.request(method, url, headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["status"] == "PERMISSION_DENIED"
    assert "access-control-allow-origin" not in answer.headers
    assert HTTP.get(url).json() == before


def test_only_loopback_is_listened_on(api):
    ports = [int(api.running.rest.rpartition(":")[2]), int(api.running.grpc.rpartition(":")[2])]
    made = finish(api.start_create(run_v2.Service(template=template())))
    ports.append(int(made.uri.rpartition(":")[2]))
    for port in ports:
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), timeout=60)
