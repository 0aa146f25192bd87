"""What each form of the language matches, on entries as Cloud Run and the gate write them."""

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.status_pb2 import Status

from gate.local.logging import wire
from gate.local.logging.filter import FilterError, compile_filter
from gate.local.logging.filter.match import EARLIEST_NS, LATEST_NS
from gate.local.logging.filter.values import timestamp_ns
from tests.unit.local.logging.lines import NOW, TRACE, entry, request, stdout, written

APP = entry(
    stdout(
        {
            "message": "SSOT validation failed",
            "code": 1011,
            "fatal": True,
            "user": {"name": "alice", "tags": ["a", "b"]},
            "gone": None,
            "sizes": [8.5, 9, 6],
            "errors": [{"kind": "Timeout"}, {"kind": "Closed"}],
            "a.b": "dotted",
        },
        severity="ERROR",
        trace=TRACE,
        labels={"instanceId": "00abc", "run.googleapis.com/x": "y"},
    )
)
TEXT = entry(stdout("GET /health took 12ms"))
OK = entry(request(200, trace=TRACE, latency_s=0.0125))
BROKEN = entry(request(503, latency_s=2.5))
EVERY = {"APP": APP, "TEXT": TEXT, "OK": OK, "BROKEN": BROKEN}


def matching(text):
    chosen = compile_filter(text)
    return [name for name, made in EVERY.items() if chosen.matches(made)]


CASES = [
    # nothing asked
    ("", "APP TEXT OK BROKEN"),
    # severity: ordered, by name or number
    ("severity>=ERROR", "APP BROKEN"),
    ("severity>=500", "APP BROKEN"),
    ("severity=error", "APP BROKEN"),
    ("severity<INFO", "TEXT"),
    ("severity!=ERROR", "TEXT OK"),
    ("severity:ERROR", "APP BROKEN"),
    # resource and labels
    ('resource.type="cloud_run_revision"', "APP TEXT OK BROKEN"),
    ("resource.type=CLOUD_RUN_REVISION", "APP TEXT OK BROKEN"),
    ('resource.labels.revision_name="backend-00002-abc"', "APP TEXT OK BROKEN"),
    ('resource.labels.revision_name="backend-00001-xyz"', ""),
    ('resource.labels."service_name"=backend', "APP TEXT OK BROKEN"),
    ("resource.labels.REVISION_NAME:backend", ""),
    ('labels."run.googleapis.com/x"=y', "APP"),
    ("labels.instanceId:abc", "APP"),
    ("labels.instanceId:*", "APP"),
    ("labels.missing!=x", ""),
    ("NOT labels.missing=x", "APP TEXT OK BROKEN"),
    # log names
    ('logName="projects/demo/logs/run.googleapis.com%2Fstdout"', "APP TEXT"),
    ("logName:stdout", "APP TEXT"),
    ("log_name=projects/demo/logs/run.googleapis.com%2Frequests", "OK BROKEN"),
    ('log_id("run.googleapis.com/requests")', "OK BROKEN"),
    ("sample(insertId, 1)", "APP TEXT OK BROKEN"),
    ("sample(insertId, 1.0)", "APP TEXT OK BROKEN"),
    ("sample(insertId, 0)", ""),
    ('logName=~"/run.googleapis.com%2Freq[a-z]+$"', "OK BROKEN"),
    # requests
    ("httpRequest.status>=500", "BROKEN"),
    ("httpRequest.status=(200 OR 503)", "OK BROKEN"),
    ("http_request.status<300 httpRequest:*", "OK"),
    ("httpRequest.status=0", "APP TEXT"),  # a field that is not set has its default
    ("httpRequest.latency>1s", "BROKEN"),
    ('httpRequest.latency<="12.5ms" httpRequest:*', "OK"),
    ('httpRequest.requestUrl=~"/api/health\\?a=\\d"', "OK BROKEN"),
    ('httpRequest.requestUrl:"/API/HEALTH"', "OK BROKEN"),
    ("httpRequest.requestMethod=GET -httpRequest.status=200", "BROKEN"),
    ("httpRequest.requestSize=120", "OK BROKEN"),
    # trace and ids
    (f'trace="projects/demo/traces/{TRACE}"', "APP OK"),
    (f"trace:{TRACE}", "APP OK"),
    ('trace=""', "TEXT BROKEN"),
    ("trace:*", "APP OK"),
    ("insertId=0000000000000001", "APP TEXT OK BROKEN"),
    ("insert_id=0000000000000002", ""),
    ("traceSampled=false", "APP TEXT OK BROKEN"),
    # text and its case
    ('textPayload:"GET /HEALTH"', "TEXT"),
    ('textPayload="get /health took 12ms"', "TEXT"),
    ('textPayload=~"took \\d+ms"', "TEXT"),
    ('textPayload=~"GET \\/health"', "TEXT"),
    ('textPayload=~"TOOK"', ""),
    ('textPayload=~"(?i)TOOK"', "TEXT"),
    ('textPayload!~"took"', "APP OK BROKEN"),  # textPayload is defaulted: "" does not match
    ('textPayload=~("took" OR "never")', "TEXT"),
    ("textPayload:(took AND health)", "TEXT"),
    ("textPayload:(took -health)", ""),
    # payloads: nested, typed by their own values
    ('jsonPayload.message:"ssot validation"', "APP"),
    ("jsonPayload.code=1011", "APP"),
    ('jsonPayload.code="1011"', "APP"),
    ("jsonPayload.code>1010.5", "APP"),
    ("jsonPayload.code<1000", ""),
    ("jsonPayload.fatal=true", "APP"),
    ("jsonPayload.user.name=(alice OR bob)", "APP"),
    ("jsonPayload.user.tags=b", "APP"),
    ("jsonPayload.user.Name=alice", ""),
    ("jsonPayload.sizes<7", "APP"),
    ("jsonPayload.sizes>9", ""),
    ("jsonPayload.errors.kind=Closed", "APP"),
    ("jsonPayload.gone=NULL_VALUE", "APP"),
    ('jsonPayload.gone="NULL_VALUE"', ""),
    ("jsonPayload.gone:*", "APP"),
    ("jsonPayload.absent:*", ""),
    ("jsonPayload.absent!=x", ""),
    ('jsonPayload."a.b"=dotted', "APP"),
    ("jsonPayload.a.b=dotted", ""),
    ('jsonPayload.message=~"^SSOT"', "APP"),
    ('jsonPayload.code=~"1011"', ""),  # only text is matched with regular expressions
    ("jsonPayload:*", "APP"),
    ("jsonPayload:alice", "APP"),
    ("jsonPayload.user:ALICE", "APP"),
    ("jsonPayload.user=alice", ""),
    ('json_payload.message="x" OR httpRequest.status=503', "BROKEN"),
    # text anywhere
    ('"SSOT validation failed"', "APP"),
    ("alice", "APP"),
    ("1011", "APP"),
    ("503", "BROKEN"),
    ("backend-00002", "APP TEXT OK BROKEN"),
    ("error", "APP BROKEN"),
    ("took health", "TEXT"),
    ("took OR alice", "APP TEXT"),
    ("-alice -took", "OK BROKEN"),
    ("and", ""),  # lower case: a search term
    # words
    ('SEARCH("VALIDATION failed ssot")', "APP"),
    ('SEARCH("valid")', ""),
    ('SEARCH("alice failed")', "APP"),
    ('SEARCH(textPayload, "health took")', "TEXT"),
    ('SEARCH(jsonPayload.message, "alice")', ""),
    ('SEARCH("`validation failed`")', "APP"),
    ('SEARCH("`failed validation`")', ""),
    # time
    ('timestamp>="2026-11-22T15:04:05Z"', "APP TEXT OK BROKEN"),
    ('timestamp>"2026-11-22T15:04:05.000+0000"', ""),
    ("timestamp>2026-11-21 timestamp<2026-11-23", "APP TEXT OK BROKEN"),
    ('receiveTimestamp="2026-11-22T16:04:05+01:00"', "APP TEXT OK BROKEN"),
    # together
    ("severity>=ERROR AND (httpRequest.status=503 OR jsonPayload.code=1) -- why\n", "BROKEN"),
    ("NOT (severity>=ERROR OR textPayload:took)", "OK"),
]


@pytest.mark.parametrize(("text", "expected"), CASES, ids=[text for text, _ in CASES])
def test_matches(text, expected):
    assert matching(text) == expected.split()


def test_entries_of_the_gate_are_found_by_their_fields():
    decision = written(
        verdict="reject",
        candidate={"revision": "backend-00002-abc"},
        probes=[{"name": "isolation"}],
    )
    for text in [
        'logName="projects/demo/logs/gate-decisions" jsonPayload.verdict=reject',
        'jsonPayload.candidate.revision="backend-00002-abc"',
        "jsonPayload.probes.name=isolation",
    ]:
        assert compile_filter(text).matches(decision)


def test_a_proto_payload_is_read_when_its_type_is_known():
    made = wire.LogEntry()
    made.proto_payload.Pack(Status(code=7, message="denied"))
    assert compile_filter("protoPayload.code=7 protoPayload.message:DENIED").matches(made)
    assert compile_filter('protoPayload."@type":"google.rpc.Status"').matches(made)
    made.proto_payload.CopyFrom(AnyMessage(type_url="type.googleapis.com/no.Such", value=b"\xff"))
    assert not compile_filter("protoPayload.code=7").matches(made)
    assert compile_filter('protoPayload."@type":"no.Such" "no.such"').matches(made)
    made.proto_payload.CopyFrom(
        AnyMessage(type_url="type.googleapis.com/google.rpc.Status", value=b"\xff")
    )
    assert not compile_filter("protoPayload.code=7").matches(made)
    assert not compile_filter("protoPayload.code=7").matches(TEXT)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("thud=1", 1, "undefined field: a log entry has no field 'thud'"),
        ("severity=INFO operation.thud=1", 15, "undefined field: operation has no field 'thud'"),
        ("textPayload.x=1", 1, "textPayload is a string"),
        ("labels.a.b=1", 1, "labels is a set of labels"),
        ("timestamp.seconds=1", 1, "timestamp is a timestamp"),
        ("labels=x", 8, "cannot be compared"),
        ("labels:x", 8, "cannot be compared"),
        ("httpRequest=x", 13, "cannot be compared"),
        ("severity=EROR", 10, "not a LogSeverity"),
        ("httpRequest.status=ok", 20, "not an integer"),
        ("traceSampled=1", 14, "not a Boolean"),
        ('timestamp>"noon"', 11, "not a timestamp"),
        ("httpRequest.latency>1", 21, "not a duration"),
        ('severity=~"E"', 11, "only text can be matched"),
        ('textPayload=~"(?=x)"', 14, "not a regular expression of RE2"),
        ('textPayload=~"("', 14, "not a regular expression of RE2"),
        ("regexp(insertId, 0.1)", 1, "function 'regexp' is not offered"),
        ("sample(insertId, 2)", 1, "the fraction is none"),
        ("sample(insertId, half)", 1, "the fraction is none"),
        ("sample(0.5)", 1, "expected a field and a fraction"),
        ("sample(severity, 0.5)", 1, "only text can be searched"),
        ('cast(timestamp, STRING)="x"', 24, "expected a field"),
        ("log_id(x)", 1, "expected one argument in quotes"),
        ('SEARCH("...")', 1, "holds no word"),
        ('SEARCH(severity, "x")', 1, "only text can be searched"),
        ('SEARCH(thud, "x")', 1, "undefined field"),
        ("SEARCH(a)", 1, "expected SEARCH"),
    ],
)
def test_what_is_not_offered_is_refused_with_its_place(text, column, reason):
    with pytest.raises(FilterError, match=reason) as caught:
        compile_filter(text)
    assert (caught.value.line, caught.value.column) == (1, column)


def test_a_regular_expression_cannot_hang():
    hostile = entry(stdout("a" * 100_000 + "b"))
    assert not compile_filter(r'textPayload=~"^(a|aa)+$"').matches(hostile)


NOON = timestamp_ns("2026-11-22T12:00:00Z")


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ('timestamp>="2026-11-22T12:00:00Z"', (NOON, LATEST_NS)),
        ('timestamp<"2026-11-22T12:00:00Z" alice', (EARLIEST_NS, NOON)),
        ('timestamp="2026-11-22T12:00:00Z"', (NOON, NOON)),
        ('timestamp>"2026-11-21" AND timestamp>"2026-11-22T12:00:00Z"', (NOON, LATEST_NS)),
        ('timestamp>="2026-11-22T12:00:00Z" OR alice', (EARLIEST_NS, LATEST_NS)),
        ('NOT timestamp>="2026-11-22T12:00:00Z"', (EARLIEST_NS, LATEST_NS)),
        ('timestamp!="2026-11-22T12:00:00Z"', (EARLIEST_NS, LATEST_NS)),
    ],
)
def test_the_span_of_time_is_found_where_it_is_certain(text, span):
    chosen = compile_filter(text)
    assert (chosen.since_ns, chosen.until_ns) == span


def test_the_moment_of_these_entries_is_the_one_the_cases_speak_of():
    assert NOW.isoformat() == "2026-11-22T15:04:05+00:00"
