"""Lines of a request log as the local front end writes them."""

from datetime import UTC, datetime, timedelta

from gate.local.ports import HttpRequestLog, LogLine, RevisionKey, ServiceKey

SERVICE = ServiceKey("demo", "us-central1", "backend")
OLD, NEW = "backend-00001-aaa", "backend-00002-bbb"
USERS_URL = "https://backend-abc-uc.a.run.app"
TAG_URL = "https://candidate---backend-abc-uc.a.run.app"
NO_INSTANCE = "The request was aborted because there was no available instance."
NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE = NOW.replace(second=0)
"""The beginning of this minute."""


def line(
    revision=NEW,
    status=200,
    *,
    at=None,
    took_s=0.02,
    url=USERS_URL,
    agent="a browser",
    trace="",
    text=None,
    service=SERVICE,
):
    """One request; one with a text is one that the front end answered itself."""
    http = HttpRequestLog("GET", f"{url}/shop", status, took_s, 100, 200, agent, "::1", "HTTP/1.1")
    labels = {} if text == NO_INSTANCE else {"instanceId": "i-1"}
    at = at or NOW - timedelta(minutes=5)
    requests = "run.googleapis.com/requests"
    key = RevisionKey(service, revision)
    return LogLine(key, requests, at, "INFO", text, http, labels, trace or "f" * 32)


def lines(store, count, *which, **more):
    """So many of them."""
    for _ in range(count):
        store.append(line(*which, **more))
