"""What ports.Logs promises: held against the fake, and against Cloud Logging's API."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.decisions import CloudLedger
from gate.cloud.logs import TEXT_MAX, CloudLogs
from gate.core.service import ServiceRef
from gate.core.severity import Severity
from gate.local.ports import AUDIT_LOG, HttpRequestLog, LogLine, RevisionKey, ServiceKey
from gate.ports import LogEntry, LogQuery
from tests.contract.local_logging import local_logging
from tests.fakes.logs import FakeLogs

REF = ServiceRef("demo", "us-central1", "backend")
KEY = ServiceKey("demo", "us-central1", "backend")
OLD, NEW = "backend-00001-aaa", "backend-00002-bbb"
NOW = datetime.now(UTC).replace(microsecond=0)
HOUR_AGO = NOW - timedelta(hours=1)


class World:
    def __init__(self, logs, log):
        self.logs = logs
        self.log = log

    async def texts(self, **query):
        query = {"revision": "", "since": HOUR_AGO, **query}
        return [entry.text for entry in await self.logs.entries(LogQuery(**query))]


@asynccontextmanager
async def fake_world():
    logs = FakeLogs()

    def log(text, revision=NEW, age_s=0, severity=Severity.DEFAULT):
        logs.add(revision, LogEntry(NOW - timedelta(seconds=age_s), severity, text))

    yield World(logs, log)


@asynccontextmanager
async def local_world():
    async with local_logging() as (host, store), CloudLogs(REF, Endpoint(host)) as logs:

        def log(text, revision=NEW, age_s=0, severity=Severity.DEFAULT):
            at = NOW - timedelta(seconds=age_s)
            stdout = "run.googleapis.com/stdout"
            store.append(LogLine(RevisionKey(KEY, revision), stdout, at, severity.name, text))

        yield World(logs, log)


@pytest.fixture(params=[fake_world, local_world], ids=["fake", "local"])
async def world(request):
    async with request.param() as one:
        yield one


async def test_entries_come_newest_first_and_not_more_than_asked_for(world):
    for age_s in (3, 1, 2):
        world.log(f"{age_s} s ago", age_s=age_s)
    assert await world.texts() == ["1 s ago", "2 s ago", "3 s ago"]
    assert await world.texts(limit=2) == ["1 s ago", "2 s ago"]


async def test_an_entry_is_reduced(world):
    world.log("hello", severity=Severity.WARNING)
    (entry,) = await world.logs.entries(LogQuery(NEW, HOUR_AGO))
    assert (entry.at, entry.severity, entry.text) == (NOW, Severity.WARNING, "hello")


async def test_other_revisions_are_left_out(world):
    world.log("old", OLD)
    world.log("new", NEW, age_s=1)
    assert await world.texts(not_revision=NEW) == ["old"]


async def test_one_revision_or_all(world):
    world.log("old", OLD)
    world.log("new", NEW, age_s=1)
    assert await world.texts(revision=NEW) == ["new"]
    assert await world.texts(revision="backend-00009-zzz") == []
    assert await world.texts() == ["old", "new"]


async def test_since_is_inclusive(world):
    for age_s in (10, 20, 30):
        world.log(str(age_s), age_s=age_s)
    assert await world.texts(since=NOW - timedelta(seconds=20)) == ["10", "20"]


async def test_severity_is_a_lower_bound(world):
    for age_s, severity in enumerate(Severity):
        world.log(severity.name, severity=severity, age_s=age_s)
    at_least = await world.texts(min_severity=Severity.ERROR)
    assert at_least == ["ERROR", "CRITICAL", "ALERT", "EMERGENCY"]
    assert len(await world.texts()) == len(Severity)


@pytest.mark.parametrize(
    "text",
    [
        "SSOT validation",
        "ssot VALIDATION",
        'say "hi"',
        "back\\slash",
        "a line\nbreak",
        "tab\there",
        "größe ü 🙂",
        "100 %",
        "AND NOT (x)",
        "a:b=c",
    ],
)
async def test_text_is_looked_for_as_it_is_written(world, text):
    world.log(f"before SSOT validation {text} after")
    world.log("something else")
    assert await world.texts(text=text) == [f"before SSOT validation {text} after"]


@pytest.mark.parametrize("text", ['x" OR severity>=DEFAULT OR "y', '" OR "', "x\\", "*"])
async def test_text_cannot_break_out_of_the_question(world, text):
    world.log("harmless")
    assert await world.texts(text=text) == []


async def test_all_conditions_hold_together(world):
    world.log("disk full", OLD, severity=Severity.ERROR)
    world.log("disk full", NEW, severity=Severity.INFO, age_s=1)
    world.log("disk empty", NEW, severity=Severity.ERROR, age_s=2)
    world.log("disk full of eels", NEW, severity=Severity.ERROR, age_s=3)
    world.log("disk full", NEW, severity=Severity.ERROR, age_s=5000)
    found = await world.texts(revision=NEW, min_severity=Severity.WARNING, text="disk full")
    assert found == ["disk full of eels"]


# What only the real adapter can be asked


@pytest.fixture
async def local():
    async with local_logging() as (host, store), CloudLogs(REF, Endpoint(host)) as logs:
        yield host, store, logs


def line(payload=None, http=None, key=KEY, **more):
    log = "run.googleapis.com/requests" if http else "run.googleapis.com/stderr"
    return LogLine(RevisionKey(key, NEW), log, NOW, payload=payload, http=http, **more)


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        ({"message": "boom", "code": 7}, 'boom {"code": 7}'),
        ({"message": "boom"}, "boom"),
        ({"error": "no message", "n": 1.5}, '{"error": "no message", "n": 1.5}'),
        ({"message": {"nested": [True, None]}}, '{"message": {"nested": [true, null]}}'),
        ("x" * 50_000, "x" * TEXT_MAX),
    ],
)
async def test_payloads_as_text(local, payload, text):
    _, store, logs = local
    store.append(line(payload))
    (entry,) = await logs.entries(LogQuery(NEW, HOUR_AGO))
    assert entry.text == text
    assert entry.log_id == "run.googleapis.com/stderr"
    assert entry.insert_id


async def test_an_audit_entry_tells_what_its_status_says(local):
    _, store, logs = local
    told = "Ready condition status changed to False for Revision shop-1."
    audited = {"@type": "type.googleapis.com/google.cloud.audit.AuditLog"}
    for payload in ({**audited, "status": {"code": 9, "message": told}}, audited):
        store.append(line(payload)._replace(log_id=AUDIT_LOG))
    entries = await logs.entries(LogQuery(NEW, HOUR_AGO))
    assert sorted(entry.text for entry in entries) == [f"({audited['@type']})", told]


async def test_text_is_found_inside_objects(local):
    _, store, logs = local
    store.append(line({"message": "x", "cause": {"chain": ["SSOT validation failed"]}}))
    (entry,) = await logs.entries(LogQuery(NEW, HOUR_AGO, text="SSOT validation failed"))
    assert "SSOT validation failed" in entry.text


async def test_a_request_is_a_line_with_its_trace(local):
    _, store, logs = local
    url = "http://127.0.0.1:1/api/health?x=1"
    http = HttpRequestLog("GET", url, 307, 0.1, 1, 1, "probe", "127.0.0.1", "HTTP/1.1")
    store.append(line(http=http, trace="0af7651916cd43dd8448eb211c80319c", severity="WARNING"))
    (entry,) = await logs.entries(LogQuery(NEW, HOUR_AGO))
    assert entry.text == f"GET {url} -> 307"
    assert entry.trace == "0af7651916cd43dd8448eb211c80319c"
    assert entry.log_id == "run.googleapis.com/requests"


async def test_requests_are_found_by_their_traces(local):
    _, store, logs = local
    http = HttpRequestLog(
        "GET", "http://127.0.0.1:1/", 200, 0.1, 1, 1, "p", "127.0.0.1", "HTTP/1.1"
    )
    for number in range(4):
        store.append(line(http=http, trace=f"{number:032x}"))
    store.append(line("said beside it", trace=f"{1:032x}"))
    traces = tuple(f"{number:032x}" for number in (1, 3, 9))
    query = LogQuery("", HOUR_AGO, traces=traces, log_id="run.googleapis.com/requests")
    assert {entry.trace for entry in await logs.entries(query)} == set(traces[:2])
    assert len(await logs.entries(replace(query, log_id=""))) == 3
    assert await logs.entries(replace(query, not_revision=NEW)) == ()


async def test_other_services_and_regions_are_not_seen(local):
    _, store, logs = local
    store.append(line("mine"))
    store.append(line("another service", key=ServiceKey("demo", "us-central1", "other")))
    store.append(line("another region", key=ServiceKey("demo", "europe-west1", "backend")))
    store.append(line("another project", key=ServiceKey("prod", "us-central1", "backend")))
    for revision in ("", NEW):
        found = await logs.entries(LogQuery(revision, HOUR_AGO))
        assert [entry.text for entry in found] == ["mine"]


async def test_the_gates_own_decisions_are_not_the_services_logs(local):
    host, _, logs = local
    async with CloudLedger(REF, Endpoint(host)) as ledger:
        at = NOW.isoformat()
        await ledger.append({"at": at, "service": "backend", "exit_code": 3}, "r", 0)
    for revision in ("", NEW):
        assert await logs.entries(LogQuery(revision, HOUR_AGO)) == ()


async def test_more_entries_than_a_page_holds(local):
    _, store, logs = local
    for number in range(1_200):
        store.append(line(f"{number}"))
    found = await logs.entries(LogQuery(NEW, HOUR_AGO, limit=1_100))
    assert len({entry.insert_id for entry in found}) == 1_100
