import pytest
from google.protobuf import json_format

from gate.local.logging import wire
from gate.local.logging.entry import MAX_ENTRY_BYTES, cut, entry_of, line_size_bytes, unix_ns
from gate.local.ports import AUDIT_LOG, LogLine, RevisionKey
from tests.unit.local.logging.lines import NOW, NOW_S, REVISION, TRACE, entry, request, stdout


def test_every_entry_names_the_revision_as_cloud_run_does():
    made = entry(stdout())
    assert made.log_name == "projects/demo/logs/run.googleapis.com%2Fstdout"
    assert made.resource.type == "cloud_run_revision"
    assert dict(made.resource.labels) == {
        "project_id": "demo",
        "location": "us-central1",
        "service_name": "backend",
        "configuration_name": "backend",
        "revision_name": "backend-00002-abc",
    }


def test_times_and_ids_are_carried_over():
    made = entry_of(stdout(labels={"instanceId": "i1"}, span_id="00f067aa0ba902b7"), "id7", NOW)
    assert (made.timestamp.seconds, made.timestamp.nanos) == (NOW_S, 0)
    assert made.receive_timestamp.seconds == NOW_S
    assert made.insert_id == "id7"
    assert dict(made.labels) == {"instanceId": "i1"}
    assert made.span_id == "00f067aa0ba902b7"


def test_unix_ns_keeps_microseconds_exactly():
    assert unix_ns(NOW.replace(microsecond=999_999)) == NOW_S * 10**9 + 999_999_000


def test_a_trace_becomes_a_resource_name_and_stays_empty_without_one():
    assert entry(stdout(trace=TRACE)).trace == f"projects/demo/traces/{TRACE}"
    assert entry(stdout()).trace == ""


def test_a_request_has_http_request_and_no_payload():
    made = entry(request(status=503, trace_sampled=True))
    assert made.WhichOneof("payload") is None
    http = made.http_request
    assert (http.request_method, http.status, http.protocol) == ("GET", 503, "HTTP/1.1")
    assert (http.request_size, http.response_size) == (120, 345)
    assert (http.latency.seconds, http.latency.nanos) == (0, 12_500_000)
    assert http.request_url.endswith("/api/health?a=1")
    assert made.trace_sampled


def test_text_and_json_go_to_their_own_fields():
    assert entry(stdout("hello")).text_payload == "hello"
    made = entry(stdout({"message": "hi", "n": 3, "deep": {"list": [1, None, True]}}))
    assert made.json_payload["message"] == "hi"
    assert made.json_payload["n"] == 3
    assert list(made.json_payload["deep"]["list"]) == [1, None, True]


@pytest.mark.parametrize(
    ("name", "number"), [("ERROR", 500), ("warning", 400), ("odd", 0), ("", 0)]
)
def test_severity_by_name_and_default_for_what_is_unknown(name, number):
    assert entry(stdout(severity=name)).severity == number


def nested(depth):
    value = "bottom"
    for _ in range(depth):
        value = {"a": value}
    return value


HOSTILE = {
    "lone surrogate": "\ud800",
    "lone surrogate in JSON": {"\ud800": ["\udfff"]},
    "too long": "é" * MAX_ENTRY_BYTES,
    "too large": {"a": ["x" * 1000] * 1000},
    "too deep": nested(500),
    "too deep a list": {"a": [[[nested(500)]]]},
    "huge integer": {"n": 10**400, "m": -(10**400)},
    "not a number": {"n": float("nan"), "i": float("inf")},
}


@pytest.mark.parametrize("payload", HOSTILE.values(), ids=HOSTILE)
def test_whatever_a_container_writes_becomes_an_entry_that_clients_can_read(payload):
    made = entry(stdout(payload, trace="\ud800", labels={"\ud800": "\ud800"}))
    answer = wire.ListLogEntriesResponse(entries=[made]).SerializeToString()
    (back,) = wire.ListLogEntriesResponse.FromString(answer).entries
    assert back.ByteSize() <= MAX_ENTRY_BYTES
    assert back.WhichOneof("payload") in {"text_payload", "json_payload"}


def test_a_hostile_request_becomes_an_entry_too():
    made = entry(request(url="http://x/" + "\ud800é" * 200_000, latency_s=-1.0))
    assert made.ByteSize() <= MAX_ENTRY_BYTES
    latency = made.http_request.latency
    assert (latency.seconds, latency.nanos) == (0, 0)


def test_cut_never_splits_a_character():
    assert cut("short", 10) == "short"
    assert cut("ééééé", 8) == "éé…"
    assert len(cut("é" * 100, 51).encode()) <= 51


def test_size_is_estimated_without_making_the_entry():
    assert line_size_bytes(stdout("x" * 1000)) > line_size_bytes(stdout("x")) + 900
    assert line_size_bytes(stdout({"a": ["x" * 1000]})) > 1000
    long_url = request(url="http://x/" + "a" * 1000)
    assert line_size_bytes(long_url) > line_size_bytes(request()) + 900 > line_size_bytes(stdout())


def test_an_audit_entry_has_a_proto_payload_and_one_about_a_service_no_revision():
    payload = {
        "@type": "type.googleapis.com/google.cloud.audit.AuditLog",
        "serviceName": "run.googleapis.com",
        "status": {"code": 9, "message": "It failed."},
        "response": {"@type": "x", "kind": "Revision"},
    }
    line = LogLine(RevisionKey(REVISION.service, ""), AUDIT_LOG, NOW, "ERROR", payload)
    shown = json_format.MessageToDict(entry(line))
    assert shown["logName"] == "projects/demo/logs/cloudaudit.googleapis.com%2Fsystem_event"
    assert shown["protoPayload"] == payload
    labels = shown["resource"]["labels"]
    assert (labels["revision_name"], labels["configuration_name"]) == ("", "")
    assert labels["service_name"] == "backend"
