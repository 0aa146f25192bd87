"""`gate audit serve` as a process, over the ledger of a local Cloud Run."""

import re
import signal

import httpx
import pytest

from tests.e2e.stage import eventually

GOOD = "  who: {http: {path: /}}\n"


def address(running):
    (line,) = [line for line in running.until("the record of").said if "the record of" in line]
    return re.search(r"http://\S+/", line)[0]


@pytest.mark.parametrize("cache", ["", "/proc/none"], ids=["a file", "no place for a file"])
def test_it_shows_what_a_rollout_has_recorded_and_ends_when_it_is_told_to(small, tmp_path, cache):
    report = tmp_path / "made" / "report.html"
    policy = small.policy(tmp_path, GOOD)
    done = small.gate(
        *("rollout", "--policy", policy, "--image", "small:v2", "--write", f"html={report}")
    )
    assert done.code == 0
    assert "promote to" in report.read_text()
    small.recorded(done.rollout)
    shown = small.gate("audit", "show", done.rollout, "--output", "html")
    assert "promote to" in shown.out
    where = cache or str(tmp_path / "cache")
    running = small.start("audit", "serve", "--port", "0", XDG_CACHE_HOME=where)
    asked = httpx.Client(timeout=60)  # pictures take seconds on a slow machine
    try:
        base = address(running)
        assert eventually(lambda: done.rollout in asked.get(base).text)
        assert len([*(tmp_path / "cache").rglob("*.sqlite3")]) == (not cache)
        one = asked.get(f"{base}rollout", params={"id": done.rollout})
        assert (one.status_code, "promote to" in one.text) == (200, True)
        verified = asked.get(f"{base}verify")
        assert (verified.status_code, "The record is" in verified.text) == (200, True)
        assert "deployment frequency" in asked.get(f"{base}stats").text
        assert asked.post(base).status_code == 405
        assert asked.get(base, headers={"host": "evil.example"}).status_code == 421
        assert "server" not in one.headers
    finally:
        ended = running.signal(signal.SIGTERM).end()
    assert (ended.code, ended.err) == (0, "")


def test_behind_iap_nobody_is_let_in_without_its_assertion(small):
    options = ("--host", "0.0.0.0", "--behind-iap", "/projects/1/x")
    running = small.start("audit", "serve", *options, PORT="0")
    try:
        port = address(running).rpartition(":")[2].strip("/")
        reply = eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/"))
        assert reply.status_code == 401
    finally:
        assert running.signal().end().code == 0


@pytest.mark.parametrize(
    ("options", "env", "said"),
    [
        (["--host", "0.0.0.0"], {}, "--host: would show the record to a network (got 0.0.0.0"),
        (["--port", "65536"], {}, "is no port (got '65536', expected 0 to 65535)"),
        ([], {"PORT": "http"}, "$PORT: is no port (got 'http', expected 0 to 65535)"),
        (["--host", "192.0.2.1", "--behind-iap", "x"], {}, "--port: cannot listen (got 192.0.2.1"),
    ],
)
def test_what_cannot_be_served_is_said(small, options, env, said):
    done = small.gate("audit", "serve", *options, **env)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
