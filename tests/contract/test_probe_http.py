"""The http probe against real sockets: what it asks, what it makes of answers, what it survives."""

import asyncio
import gzip
import json
import re
import tracemalloc

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.expectations import Pattern, Schema
from gate.kinds.http import HttpProbe
from tests.contract.probe_servers import SECRETS, TOKEN, answers, ask, http, tcp

PROBE = HttpProbe("/health", timeout_s=2)


def only(evidence, symptom):
    assert [finding.symptom for finding in evidence.findings] == [symptom], evidence
    return evidence.findings[0]


async def test_the_expected_answer_is_a_pass():
    spec = HttpProbe("/health", answer=Pattern(json={"status": "ready"}))
    async with tcp(http(b'{"status":"ready","more":1}')) as place:
        evidence = await ask(spec, place)
    assert evidence.passed
    assert evidence.seen.startswith("200 OK in ")
    assert evidence.asked == "GET /health"
    assert evidence.expected == '200, {"status":"ready"}'
    assert (evidence.asked_times, evidence.right_times) == (1, 1)


async def test_the_request_is_what_the_policy_says_and_nothing_of_it_leaks():
    seen = {}

    async def handler(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        seen["line"], *lines = head.split("\r\n")
        seen["headers"] = dict(line.lower().split(": ", 1) for line in lines if line)
        seen["body"] = await reader.readexactly(int(seen["headers"]["content-length"]))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nset-cookie: a=b\r\n\r\n")
        await writer.drain()

    spec = HttpProbe(
        "/chat?x=1&id=${nonce}&t=${url}",
        method="POST",
        headers=(("Authorization", "Bearer ${alice}"), ("X-Where", "${url} ${ws_url}")),
        body={"text": "hello ${nonce}", "again": "${nonce}"},
    )
    async with tcp(handler) as place:
        evidence = await ask(
            spec, place, headers=(("X-Serverless-Authorization", "Bearer idtoken99"),)
        )
    assert evidence.passed
    own = json.loads(seen["body"])["again"]
    address = place.replace(":", "%3A")
    assert seen["line"] == f"POST /chat?x=1&id={own}&t=http%3A%2F%2F{address} HTTP/1.1"
    assert evidence.asked == "POST /chat?x=1&id=${nonce}&t=${url}"
    headers = seen["headers"]
    assert headers["authorization"] == f"bearer {TOKEN.lower()}"
    assert headers["x-serverless-authorization"] == "bearer idtoken99"
    assert headers["x-where"] == f"http://{place} ws://{place}"
    assert headers["user-agent"].startswith("gate/")
    assert headers["content-type"] == "application/json"
    assert headers["traceparent"].split("-")[1] == evidence.trace
    assert re.fullmatch("[0-9a-f]{32}", evidence.trace)
    body = json.loads(seen["body"])
    assert body["text"] == f"hello {body['again']}"
    assert len(body["again"]) >= 16
    assert TOKEN not in repr(evidence)
    assert "idtoken99" not in repr(evidence)
    assert "> Authorization: Bearer ${alice}" in evidence.excerpts


async def test_the_environments_proxy_is_not_asked(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    async with tcp(http()) as place:
        assert (await ask(PROBE, place)).passed


@pytest.mark.parametrize("status", ["500 Internal Server Error", "404 Not Found", "204 No Content"])
async def test_another_status_is_a_failure_that_quotes_the_body(status):
    body = b"" if status.startswith("204") else b'{"error":"no .service_discovery"}'
    async with tcp(http(body, status)) as place:
        evidence = await ask(PROBE, place)
    finding = only(evidence, Symptom.STATUS)
    assert evidence.outcome is Outcome.FAILED
    assert finding.seen.startswith(status)
    assert finding.expected == "200"
    if body:
        assert ".service_discovery" in finding.seen


@pytest.mark.parametrize(
    ("location", "says"),
    [
        (b"/health/", "a slash is added"),
        (b"http://elsewhere.example/health", "another host"),
        (b"/login?next=/health", "sign-in"),
        (b"/health", "the same address again"),
        (b"", "without a Location"),
    ],
)
async def test_a_redirect_is_reported_and_not_followed(location, says):
    asked = 0

    async def handler(reader, writer):
        nonlocal asked
        asked += 1
        header = b"location: %s\r\n" % location if location else b""
        status = "307 Temporary Redirect"
        await http(b"", status, header)(reader, writer)

    async with tcp(handler) as place:
        evidence = await ask(PROBE, place)
    finding = only(evidence, Symptom.REDIRECT)
    assert says in finding.seen
    assert "307 Temporary Redirect" in finding.seen
    assert location.decode() in finding.seen
    assert asked == 1
    assert evidence.outcome is Outcome.FAILED


async def test_a_redirect_that_the_policy_expects_is_a_pass():
    async with tcp(http(b"", "307 Temporary Redirect", b"location: /x\r\n")) as place:
        assert (await ask(HttpProbe("/", status=(307,)), place)).passed


async def test_a_body_of_another_shape_names_the_place():
    schema = Schema(
        "schemas/health.json",
        {"type": "object", "properties": {"checks": {"required": ["redis"]}}},
    )
    spec = HttpProbe("/", answer=Pattern(schema=schema))
    async with tcp(http(b'{"checks":{"postgresql":{}}}')) as place:
        finding = only(await ask(spec, place), Symptom.SCHEMA)
    assert finding.seen == "/checks: 'redis' is a required property"
    assert finding.expected == "schemas/health.json"


async def test_a_body_that_is_not_json_is_a_failure():
    spec = HttpProbe("/", answer=Pattern(json={"status": "ready"}))
    async with tcp(http(b"<html>", headers=b"content-type: text/html\r\n")) as place:
        finding = only(await ask(spec, place), Symptom.BODY)
    assert "not JSON (text/html)" in finding.seen


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":NaN}', b"1" * 5000, b"\xff\xfe\x00"])
async def test_json_that_would_break_a_reader_is_a_failure(body):
    spec = HttpProbe("/", answer=Pattern(json={"status": "ready"}))
    async with tcp(http(body)) as place:
        only(await ask(spec, place), Symptom.BODY)


async def test_answer_headers_must_be_there_and_equal():
    spec = HttpProbe("/", answer_headers=(("X-Revision", "b-2"), ("X-None", "1"), ("X-Good", "y")))
    headers = b"x-revision: b-1\r\nx-good: y\r\n"
    async with tcp(http(b"", headers=headers)) as place:
        evidence = await ask(spec, place)
    assert [(one.symptom, one.seen) for one in evidence.findings] == [
        (Symptom.HEADER, "X-Revision: b-1"),
        (Symptom.HEADER, "no header X-None"),
    ]


# The front end's own answers.

GOOGLE_404 = b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title><p>That\xe2\x80\x99s an error."


NEWER_404 = b"""<html><head><title>404 Page not found</title></head><body>
<h1>Error: Page not found</h1><h2>The requested URL was not found on this server.</h2></body></html>
"""


@pytest.mark.parametrize("page", [GOOGLE_404, NEWER_404])
async def test_a_404_of_the_front_end_is_not_the_containers_even_where_one_is_expected(page):
    async with tcp(http(page, "404 Not Found")) as place:
        evidence = await ask(HttpProbe("/nothing", status=(404,)), place)
    finding = only(evidence, Symptom.PLATFORM)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert "the container was not asked" in finding.seen
    assert finding.hint


async def test_an_address_that_the_front_end_does_not_know_yet_is_waited_for():
    count = 0

    async def handler(reader, writer):
        nonlocal count
        count += 1
        now = http(GOOGLE_404, "404 Not Found") if count < 3 else http()
        await now(reader, writer)

    async with tcp(handler) as place:
        evidence = await ask(PROBE, place)
    assert evidence.passed
    assert count == 3


async def test_a_dead_container_behind_a_live_front_end_is_a_failure():
    async with tcp(http(b"Service Unavailable", "503 Service Unavailable")) as place:
        evidence = await ask(PROBE, place)
    only(evidence, Symptom.PLATFORM)
    assert evidence.outcome is Outcome.FAILED


async def test_without_an_instance_the_question_is_asked_again():
    count = 0

    async def handler(reader, writer):
        nonlocal count
        count += 1
        busy = b"The request was aborted because there was no available instance."
        now = http(busy, "429 Too Many Requests") if count < 3 else http()
        await now(reader, writer)

    async with tcp(handler) as place:
        evidence = await ask(HttpProbe("/", timeout_s=5), place)
    assert evidence.passed
    assert count == 3
    assert evidence.excerpts[0].startswith("= 2 times before: 429 Too Many Requests")


async def test_without_an_instance_for_long_nothing_is_known_of_the_candidate():
    busy = b"The request was aborted because there was no available instance."
    async with tcp(http(busy, "503 Service Unavailable")) as place:
        evidence = await ask(HttpProbe("/", timeout_s=2), place)
    only(evidence, Symptom.PLATFORM)
    assert evidence.outcome is Outcome.INCONCLUSIVE


# Nobody there, and servers that mean harm.


async def test_nobody_listening_is_inconclusive():
    async with tcp(http()) as place:
        pass
    evidence = await ask(PROBE, place)
    only(evidence, Symptom.CONNECT)
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_a_name_that_does_not_resolve_is_inconclusive():
    evidence = await ask(PROBE, "gate-has-no-such-host.invalid")
    only(evidence, Symptom.CONNECT)
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_tls_to_a_server_without_it_is_inconclusive():
    async with tcp(answers(b"plain text, no TLS\r\n")) as place:
        evidence = await ask(HttpProbe("/", timeout_s=1), place, scheme="https")
    only(evidence, Symptom.CONNECT)
    assert evidence.outcome is Outcome.INCONCLUSIVE


async def test_a_connection_that_breaks_off_is_a_failure():
    for parts in ([], [b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"]):
        async with tcp(answers(*parts)) as place:
            evidence = await ask(PROBE, place)
        only(evidence, Symptom.ABNORMAL)
        assert evidence.outcome is Outcome.FAILED


async def test_a_server_that_never_answers_ends_in_time():
    async with tcp(answers(stay=True)) as place:
        evidence = await ask(HttpProbe("/", timeout_s=0.3), place)
    finding = only(evidence, Symptom.TIMEOUT)
    assert finding.seen == "no answer within 0.3 s"
    assert evidence.outcome is Outcome.FAILED


async def test_a_byte_now_and_then_ends_by_the_wall_clock():
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"
    drops = [part for _ in range(1000) for part in (b"x", 0.05)]
    async with tcp(answers(head, *drops)) as place:
        evidence = await ask(HttpProbe("/", timeout_s=0.5), place)
    finding = only(evidence, Symptom.TIMEOUT)
    assert "had not ended after 0.5 s" in finding.seen
    assert evidence.duration_s < 25  # half of what the server takes


async def test_a_header_now_and_then_ends_by_the_wall_clock():
    drops = [part for _ in range(100) for part in (b"x-a: b\r\n", 0.05)]
    async with tcp(answers(b"HTTP/1.1 200 OK\r\n", *drops)) as place:
        evidence = await ask(HttpProbe("/", timeout_s=0.5), place)
    only(evidence, Symptom.TIMEOUT)


async def test_a_body_without_end_is_too_large():
    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with tcp(handler) as place:
        evidence = await ask(PROBE, place)
    only(evidence, Symptom.TOO_LARGE)
    assert evidence.outcome is Outcome.FAILED


async def test_a_gzip_bomb_is_too_large_and_never_unpacked():
    bomb = gzip.compress(b"\0" * (100 << 20), compresslevel=9)
    assert len(bomb) < 1 << 20
    tracemalloc.start()
    try:
        async with tcp(http(bomb, headers=b"content-encoding: gzip\r\n")) as place:
            finding = only(await ask(PROBE, place), Symptom.TOO_LARGE)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "unpacks" in finding.seen
    assert peak < 32 << 20


async def test_gzip_is_understood_and_any_other_encoding_is_not():
    spec = HttpProbe("/", answer=Pattern(json={"a": 1}))
    async with tcp(http(gzip.compress(b'{"a":1}'), headers=b"content-encoding: gzip\r\n")) as place:
        assert (await ask(spec, place)).passed
    members = gzip.compress(b'{"a"') + gzip.compress(b":1}")
    async with tcp(http(members, headers=b"content-encoding: gzip\r\n")) as place:
        assert (await ask(spec, place)).passed
    async with tcp(http(b"\x1b", headers=b"content-encoding: br\r\n")) as place:
        only(await ask(spec, place), Symptom.HEADER)
    for body in (b"no gzip", gzip.compress(b'{"a":1}')[:-4]):
        async with tcp(http(body, headers=b"content-encoding: gzip\r\n")) as place:
            only(await ask(spec, place), Symptom.PROTOCOL)


async def test_gigantic_headers_are_too_large():
    async with tcp(answers(b"HTTP/1.1 200 OK\r\nx: " + b"y" * (1 << 20), stay=True)) as place:
        only(await ask(PROBE, place), Symptom.TOO_LARGE)


@pytest.mark.parametrize(
    "garbage", [b"\0\1\2\3" * 100, b"SSH-2.0-OpenSSH_9.6\r\n\r\n", b"HTTP/9.9 1 x\r\n\r\n"]
)
async def test_garbage_is_a_protocol_failure(garbage):
    async with tcp(answers(garbage)) as place:
        evidence = await ask(PROBE, place)
    only(evidence, Symptom.PROTOCOL)
    assert evidence.outcome is Outcome.FAILED


async def test_what_comes_back_is_redacted_before_it_is_cut_and_harmless():
    padding = b"x" * 430
    body = b"\x1b[2J\x1b]0;owned\x07 you sent " + TOKEN.encode() + b"\n" + padding + TOKEN.encode()
    async with tcp(http(body, "500 Internal Server Error")) as place:
        evidence = await ask(PROBE, place)
    everything = repr(evidence) + "".join(evidence.excerpts)
    assert "\x1b" not in "".join(evidence.excerpts)
    assert TOKEN[:12] not in everything
    assert SECRETS["bob"] not in everything
    assert "\\x1b[2J" in "".join(evidence.excerpts)
    assert len(evidence.excerpts) <= 20
    assert all(len(line) <= 500 for line in evidence.excerpts)


@pytest.mark.parametrize("value", ["${alice}\r\nX-Evil: 1", "caf\u00e9"])
async def test_a_header_that_cannot_be_sent_is_our_own_fault(value):
    spec = HttpProbe("/", headers=(("X-Token", value),))
    async with tcp(http()) as place:
        evidence = await ask(spec, place)
    only(evidence, Symptom.CLIENT)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    assert TOKEN not in repr(evidence)


async def test_a_missing_secret_is_our_own_fault():
    async with tcp(http()) as place:
        evidence = await ask(HttpProbe("/", headers=(("X", "${carol}"),)), place)
    assert "${carol}" in only(evidence, Symptom.CLIENT).seen


async def test_cancelling_closes_the_connection():
    gone = asyncio.Event()

    async def handler(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        arrived.set()
        await reader.read()
        gone.set()

    arrived = asyncio.Event()
    async with tcp(handler) as place:
        task = asyncio.create_task(ask(HttpProbe("/", timeout_s=30), place))
        await asyncio.wait_for(arrived.wait(), 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 5)
