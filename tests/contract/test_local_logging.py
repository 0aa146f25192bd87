"""The local Cloud Logging, driven by the unmodified google-cloud-logging client over gRPC."""

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import logging_v2
from google.cloud.logging_v2 import _gapic
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2Client
from google.cloud.logging_v2.services.logging_service_v2.transports import (
    LoggingServiceV2GrpcTransport,
)
from google.cloud.logging_v2.types import (
    LogEntry,
    TailLogEntriesRequest,
    WriteLogEntriesPartialErrors,
)
from google.protobuf.duration_pb2 import Duration

from gate.local.logging import LogStore, logging_handlers
from gate.local.ports import HttpRequestLog, LogLine, RevisionKey, ServiceKey

DEADLINE_S = 60
REVISION = RevisionKey(ServiceKey("demo", "us-central1", "backend"), "backend-00002-abc")
GLOBAL = logging_v2.Resource(type="global", labels={"project_id": "demo"})
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Served:
    """A store behind a gRPC server in a thread of its own, as in a program of its own."""

    def __init__(self):
        self.delay_s = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.store, self._server, port = self.do(self._start())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.raw = LoggingServiceV2Client(
            transport=LoggingServiceV2GrpcTransport(channel=self.channel)
        )

    async def _start(self):
        store = LogStore(clock=lambda: datetime.now(UTC), ingestion_delay_s=lambda: self.delay_s)
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", 16 * 1024 * 1024)])
        server.add_generic_rpc_handlers(logging_handlers(store))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        return store, server, port

    def do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(2 * DEADLINE_S)

    def until(self, condition):
        """Waits, in the server's thread, until a condition holds."""

        async def wait():
            async with asyncio.timeout(DEADLINE_S):
                while not condition():  # noqa: ASYNC110  the store tells nobody of its sessions
                    await asyncio.sleep(0.002)

        self.do(wait())

    def append(self, *lines):
        done = Future()

        def run():
            for line in lines:
                self.store.append(line)
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(DEADLINE_S)

    def client(self):
        client = logging_v2.Client(project="demo", credentials=AnonymousCredentials())
        client._logging_api = _gapic._LoggingAPI(self.raw, client)
        return client

    def close(self):
        self.channel.close()
        self.do(self._server.stop(grace=0))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()


@pytest.fixture
def served():
    made = Served()
    yield made
    made.close()


def line(payload, **changes):
    log_id = changes.pop("log_id", "run.googleapis.com/stdout")
    at = changes.pop("at", datetime.now(UTC))
    return LogLine(REVISION, log_id, at, payload=payload, **changes)


def raw_entry(text, **changes):
    return LogEntry(
        text_payload=text,
        log_name=changes.pop("log_name", "projects/demo/logs/app"),
        resource={"type": "global"},
        **changes,
    )


def listed(served, filter_="", **changes):
    request = {"resource_names": ["projects/demo"], "filter": filter_, **changes}
    return [entry.text_payload for entry in served.raw.list_log_entries(request)]


# --- the hand-written client: what most programs use ---


def test_a_struct_that_was_logged_is_listed_again(served):
    client = served.client()
    logger = client.logger("gate-decisions", resource=GLOBAL)
    logger.log_struct({"verdict": "reject", "probes": [{"name": "isolation"}]}, severity="NOTICE")
    filter_ = 'logName="projects/demo/logs/gate-decisions" jsonPayload.verdict="reject"'
    (entry,) = client.list_entries(filter_=filter_)
    assert entry.payload == {"verdict": "reject", "probes": [{"name": "isolation"}]}
    assert entry.severity == "NOTICE"
    assert entry.insert_id
    assert entry.received_timestamp - entry.timestamp < timedelta(seconds=DEADLINE_S)


def test_the_clients_own_24_hour_clause_is_understood(served):
    client = served.client()
    old = datetime.now(UTC) - timedelta(hours=30)
    client.logger("app", resource=GLOBAL).log_text("old", timestamp=old)
    client.logger("app", resource=GLOBAL).log_text("new")
    texts = [entry.payload for entry in client.list_entries(filter_="textPayload:*")]
    assert texts == ["new"]


def test_a_batch_and_both_orders_and_a_limit(served):
    client = served.client()
    logger = client.logger("app", resource=GLOBAL)
    with logger.batch() as batch:
        for n in range(5):
            batch.log_text(f"t{n}", labels={"n": str(n)})
    newest = client.list_entries(
        filter_='log_id("app")', order_by=logging_v2.DESCENDING, max_results=2, page_size=2
    )
    assert [entry.payload for entry in newest] == ["t4", "t3"]
    assert [entry.payload for entry in logger.list_entries(page_size=2)] == [
        f"t{n}" for n in range(5)
    ]


def test_cloud_runs_own_lines_look_as_cloud_runs_do(served):
    http = HttpRequestLog("GET", "http://h/api", 503, 0.25, 10, 20, "ua", "127.0.0.1", "HTTP/1.1")
    served.append(
        line({"message": "boom"}, severity="ERROR", trace=TRACE, labels={"instanceId": "i"}),
        line(None, log_id="run.googleapis.com/requests", http=http, trace=TRACE, severity="ERROR"),
    )
    filter_ = f"""
        resource.type = "cloud_run_revision"
        resource.labels.revision_name = "{REVISION.revision}"
        trace = "projects/demo/traces/{TRACE}" -- one request, both logs
        severity >= ERROR
    """
    app, request = served.client().list_entries(filter_=filter_)
    assert app.payload == {"message": "boom"}
    assert app.labels == {"instanceId": "i"}
    assert app.resource.labels["service_name"] == "backend"
    assert request.payload is None
    assert request.log_name == "projects/demo/logs/run.googleapis.com%2Frequests"
    assert request.http_request["status"] == 503
    assert request.http_request["latency"] == "0.250s"


def test_a_log_can_be_deleted(served):
    client = served.client()
    client.logger("app", resource=GLOBAL).log_text("x")
    client.logger("app").delete()
    assert listed(served, 'log_id("app")') == []
    with pytest.raises(exceptions.NotFound):
        client.logger("never-was").delete()


# --- the wire: limits, refusals, pages ---


def test_partial_success_names_the_refused_entries_in_its_details(served):
    future = datetime.now(UTC) + timedelta(days=2)
    entries = [raw_entry("a"), raw_entry("b", timestamp=future), raw_entry("c")]
    with pytest.raises(exceptions.InvalidArgument) as caught:
        served.raw.write_log_entries({"entries": entries, "partial_success": True})
    assert listed(served) == ["a", "c"]
    (details,) = caught.value.details
    errors = WriteLogEntriesPartialErrors.pb(WriteLogEntriesPartialErrors())
    assert details.Unpack(errors)
    assert list(errors.log_entry_errors) == [1]
    assert "one day ahead" in errors.log_entry_errors[1].message


def test_without_partial_success_nothing_is_written(served):
    future = datetime.now(UTC) + timedelta(days=2)
    with pytest.raises(exceptions.InvalidArgument, match=r"entries\[1\]: timestamp"):
        served.raw.write_log_entries(
            {"entries": [raw_entry("a"), raw_entry("b", timestamp=future)]}
        )
    assert listed(served) == []


def test_a_repeated_write_with_the_same_ids_is_listed_once(served):
    at = datetime.now(UTC)
    for _ in range(3):
        served.raw.write_log_entries({"entries": [raw_entry("once", timestamp=at, insert_id="id")]})
    assert listed(served) == ["once"]


def test_a_dry_run_writes_nothing(served):
    served.raw.write_log_entries({"entries": [raw_entry("a")], "dry_run": True})
    assert listed(served) == []


def test_a_request_of_several_megabytes_is_taken_and_read_back_in_pages(served):
    entries = [raw_entry("x" * 200_000, insert_id=f"{n:02}") for n in range(40)]
    served.raw.write_log_entries({"entries": entries})
    assert len(listed(served, page_size=1000)) == 40


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"resource_names": []}, "resource_names: none given"),
        ({"resource_names": ["demo"]}, "resource name: not a resource"),
        ({"resource_names": [f"projects/p{n}" for n in range(101)]}, "too many"),
        ({"order_by": "severity"}, "order_by: unknown"),
        ({"page_size": -1}, "page_size: out of range"),
        ({"page_size": 1001}, "page_size: out of range"),
        ({"page_token": "garbage"}, "page_token: not a token"),
        ({"filter": "thud=1"}, "line 1, column 1: undefined field"),
        ({"filter": "severity>=ERROR AND\n  (x"}, "line 2, column 5"),
        ({"filter": "x" * 20_001}, "too long"),
    ],
)
def test_a_bad_request_is_refused_by_name(served, changes, message):
    with pytest.raises(exceptions.InvalidArgument) as caught:
        served.raw.list_log_entries({"resource_names": ["projects/demo"], **changes})
    assert message in str(caught.value)


def test_a_page_token_belongs_to_its_query(served):
    served.append(*[line(str(n)) for n in range(3)])
    request = {"resource_names": ["projects/demo"], "page_size": 2}
    token = served.raw.list_log_entries(request).next_page_token
    assert token
    with pytest.raises(exceptions.InvalidArgument, match="other parameters"):
        served.raw.list_log_entries({**request, "page_token": token, "filter": "x"})


def test_logs_are_listed_page_by_page(served):
    served.append(*[line("x", log_id=f"log{n}") for n in range(5)])
    assert not served.raw.list_logs({"parent": "projects/demo", "page_size": 5}).next_page_token
    request = {"parent": "projects/demo", "page_size": 2}
    assert list(served.raw.list_logs(request)) == [f"projects/demo/logs/log{n}" for n in range(5)]


def test_entries_appear_after_the_ingestion_delay(served):
    served.delay_s = 0.3
    written = datetime.now(UTC)
    served.append(line("late"))
    assert listed(served) == []
    every = (0, 1 << 62)
    served.until(lambda: served.store.records(frozenset({"projects/demo"}), *every))
    assert listed(served) == ["late"]
    assert datetime.now(UTC) - written >= timedelta(seconds=0.3)


# --- tail ---


def tail_request(filter_="", window_s=0.0, **changes):
    window = Duration(seconds=int(window_s), nanos=int(window_s % 1 * 1e9))
    request = {"resource_names": ["projects/demo"], "filter": filter_, "buffer_window": window}
    return TailLogEntriesRequest(request | changes)


def tail(served, *args, **changes):
    """Opens a session below the client's wrapper, which blocks until the first answer comes."""
    call = served.raw.transport.tail_log_entries
    return call(iter([tail_request(*args, **changes)]), timeout=DEADLINE_S)


def following(served, count=1):
    """Waits until so many sessions are open: what was logged before is not theirs."""
    served.until(lambda: len(served.store._watchers) == count)


def test_tail_gives_what_comes_in_and_passes_the_filter(served):
    served.append(line("before"))
    with ThreadPoolExecutor(max_workers=1) as pool:
        opening = pool.submit(
            served.raw.tail_log_entries, iter([tail_request("severity>=ERROR")]), timeout=DEADLINE_S
        )
        following(served)
        served.append(line("quiet"), line("loud", severity="ERROR"))
        stream = opening.result(DEADLINE_S)
    (entry,) = next(stream).entries
    assert entry.text_payload == "loud"
    assert entry.resource.labels["revision_name"] == REVISION.revision
    stream.cancel()


def test_tail_waits_for_the_ingestion_delay(served):
    served.delay_s = 0.3
    stream = tail(served)
    following(served)
    sent = datetime.now(UTC)
    served.append(line("late"))
    assert next(stream).entries[0].text_payload == "late"
    assert datetime.now(UTC) - sent >= timedelta(seconds=0.3)
    stream.cancel()


def test_tail_puts_entries_in_order_within_its_window(served):
    stream = tail(served, window_s=0.3)
    following(served)
    now = datetime.now(UTC)
    served.append(*[line(str(n), at=now - timedelta(milliseconds=n)) for n in range(4)])
    assert [entry.text_payload for entry in next(stream).entries] == ["3", "2", "1", "0"]
    stream.cancel()


def test_a_session_that_was_cancelled_is_forgotten(served):
    stream = tail(served)
    following(served)
    stream.cancel()
    following(served, count=0)


def test_tail_sessions_are_bounded(served):
    streams = [tail(served) for _ in range(10)]
    following(served, count=10)
    with pytest.raises(exceptions.ResourceExhausted, match="too many tail sessions"):
        served.raw.tail_log_entries(iter([tail_request()]), timeout=DEADLINE_S)
    streams.pop().cancel()
    following(served, count=9)
    streams.append(tail(served))
    following(served, count=10)
    with pytest.raises(exceptions.ResourceExhausted, match=r"got 11, expected <= 10"):
        served.raw.tail_log_entries(iter([tail_request()]), timeout=DEADLINE_S)
    for stream in streams:
        stream.cancel()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"filter": "thud=1"}, "undefined field"),
        ({"resource_names": []}, "resource_names"),
        ({"buffer_window": Duration(seconds=61)}, "buffer_window: out of range"),
    ],
)
def test_a_bad_tail_request_is_refused_by_name(served, changes, message):
    with pytest.raises(exceptions.InvalidArgument) as caught:
        served.raw.tail_log_entries(iter([tail_request(**changes)]), timeout=DEADLINE_S)
    assert message in str(caught.value)


def test_a_tail_without_a_request_is_refused(served):
    with pytest.raises(exceptions.InvalidArgument, match="without a request"):
        served.raw.tail_log_entries(iter([]), timeout=DEADLINE_S)
