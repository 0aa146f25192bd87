"""What the tests of this room log."""

from datetime import UTC, datetime, timedelta

from gate.local.logging import wire
from gate.local.logging.entry import entry_of
from gate.local.ports import HttpRequestLog, LogLine, RevisionKey, ServiceKey

NOW = datetime(2026, 11, 22, 15, 4, 5, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
REVISION = RevisionKey(ServiceKey("demo", "us-central1", "backend"), "backend-00002-abc")
TRACE = "0af7651916cd43dd8448eb211c80319c"
DEMO = frozenset({"projects/demo"})


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += timedelta(seconds=seconds)


def stdout(payload="hello", **changes):
    log_id = changes.pop("log_id", "run.googleapis.com/stdout")
    return LogLine(REVISION, log_id, changes.pop("at", NOW), payload=payload, **changes)


def request(status=200, **changes):
    http = HttpRequestLog(
        method="GET",
        url=changes.pop("url", "http://127.0.0.1:8080/api/health?a=1"),
        status=status,
        latency_s=changes.pop("latency_s", 0.0125),
        request_size_bytes=120,
        response_size_bytes=345,
        user_agent="gate/1",
        remote_ip="127.0.0.1",
        protocol="HTTP/1.1",
    )
    log_id = "run.googleapis.com/requests"
    severity = "ERROR" if status >= 500 else "INFO"
    return LogLine(REVISION, log_id, changes.pop("at", NOW), severity, None, http, **changes)


def entry(line):
    return entry_of(line, "0000000000000001", NOW)


def written(log="gate-decisions", at_s=NOW_S, insert_id="a", text="", project="demo", **payload):
    made = wire.LogEntry(log_name=f"projects/{project}/logs/{log}", insert_id=insert_id)
    made.resource.type = "global"
    made.timestamp.seconds = at_s
    if payload:
        made.json_payload.update(payload)
    elif text:
        made.text_payload = text
    return made
