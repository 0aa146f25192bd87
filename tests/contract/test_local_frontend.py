"""The front end on real sockets: what it passes on, in both directions, and what it logs."""

import asyncio
import random

import pytest

from tests.contract.local_front_end import A, polite
from tests.contract.local_wire import get, ok, within

TRACE = "0af7651916cd43dd8448eb211c80319c"


# What the container sees


async def seen_by_container(stand, request):
    await stand.up(polite)
    _, _, body = await stand.ask(request)
    line, *rest = body.decode().split("\n")
    return line, [tuple(field.split(": ", 1)) for field in rest]


async def test_the_head_that_the_container_gets(stand):
    line, fields = await seen_by_container(stand, get("/a%41?q=%41", "X-Own: 1", "X-Own: 2"))
    assert line == "GET /aA?q=%41 HTTP/1.1"
    names = [name for name, _ in fields]
    assert names == [
        "host", "x-own", "x-own", "x-forwarded-for", "x-forwarded-proto", "forwarded",
        "x-cloud-trace-context", "traceparent",
    ]  # fmt: skip
    values = dict(fields)
    assert values["host"] == "127.0.0.1"
    assert values["x-forwarded-proto"] == "https"
    assert values["x-forwarded-for"] == "127.0.0.1"
    assert values["forwarded"] == 'for="127.0.0.1";proto=https'


async def test_what_a_client_says_of_itself_is_added_to_or_replaced(stand):
    _, fields = await seen_by_container(
        stand,
        get("/", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Proto: http", 'Forwarded: for="1.2.3.4"'),
    )
    values = dict(fields)
    assert values["x-forwarded-for"] == "1.2.3.4,127.0.0.1"
    assert values["x-forwarded-proto"] == "https"
    assert values["forwarded"] == 'for="1.2.3.4",for="127.0.0.1";proto=https'


async def test_the_callers_trace_goes_on_to_container_caller_and_log(stand):
    parent = f"traceparent: 00-{TRACE}-00f067aa0ba902b7-01"
    await stand.up(polite)
    _, answered, body = await stand.ask(get("/", parent))
    assert answered["x-cloud-trace-context"] == f"{TRACE};o=1"
    line = await stand.logged()
    assert (line.trace, line.trace_sampled) == (TRACE, True)
    assert f"traceparent: 00-{TRACE}-{line.span_id}-01" in body.decode()
    assert f"x-cloud-trace-context: {TRACE}/{int(line.span_id, 16)};o=1" in body.decode()


async def test_a_request_without_a_trace_gets_one(stand):
    await stand.up(polite)
    _, answered, _ = await stand.ask(get())
    line = await stand.logged()
    assert answered["x-cloud-trace-context"] == f"{line.trace};o=0"
    assert len(line.trace) == 32


# What the client sees


async def test_every_answer_comes_from_google_frontend_and_has_a_date(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"hi", b"Server: mine", b"X-Mine: 1", b"Keep-Alive: timeout=9"))

    await stand.up(script)
    status, fields, body = await stand.ask(get())
    assert (status, body) == (200, b"hi")
    assert fields["server"] == "Google Frontend"
    assert fields["x-mine"] == "1"
    assert "date" in fields
    assert "keep-alive" not in fields


async def test_the_request_log(stand):
    await stand.up(polite)
    await stand.ask(get("/p?q=1", "User-Agent: probe/1"))
    line = await stand.logged()
    assert line.key == A
    assert line.log_id == "run.googleapis.com/requests"
    assert line.severity == "INFO"
    assert line.payload is None
    assert line.labels == {"instanceId": "instance-of-backend-00001-abc"}
    assert line.http.method == "GET"
    assert line.http.url == f"{stand.url}/p?q=1"
    assert (line.http.status, line.http.user_agent) == (200, "probe/1")
    assert (line.http.remote_ip, line.http.protocol) == ("127.0.0.1", "HTTP/1.1")
    assert line.http.latency_s > 0
    assert line.http.request_size_bytes == len(get("/p?q=1", "User-Agent: probe/1"))
    assert line.http.response_size_bytes > 100


@pytest.mark.parametrize(
    ("status", "severity"), [(b"302 Found", "INFO"), (b"404 No", "WARNING"), (b"500 Oh", "ERROR")]
)
async def test_severity_follows_the_status(stand, status, severity):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"", status=status))

    await stand.up(script)
    await stand.ask(get())
    assert (await stand.logged()).severity == severity


# Framing


async def test_a_connection_serves_many_requests_over_one_connection_to_the_instance(stand):
    await stand.up(polite)
    wire = await stand.wire()
    for _ in range(5):
        _, fields, _ = await wire.ask(get())
        assert fields["x-connection"] == "1"
    assert stand.instance.accepted == 1


async def test_clients_share_the_kept_connections(stand):
    await stand.up(polite)
    for _ in range(3):
        wire = await stand.wire()
        await wire.ask(get())
        wire.close()
    assert stand.instance.accepted == 1


async def test_a_body_of_a_known_length_in_both_directions(stand):
    big = random.Random(1).randbytes(3_000_000)

    async def script(wire, n):
        _, fields = await wire.head()
        await wire.send(ok(await wire.read(int(fields["content-length"]))))

    await stand.up(script)
    request = get("/", f"Content-Length: {len(big)}", method="POST") + big
    status, _, body = await within(stand.ask(request))
    assert (status, body) == (200, big)
    line = await stand.logged()
    assert line.http.request_size_bytes == len(request)


async def test_chunks_pass_in_both_directions_as_they_come(stand):
    chunks = b"5\r\nhello\r\n3;x=y\r\nyou\r\n0\r\nX-Sum: 1\r\n\r\n"

    async def script(wire, n):
        _, fields = await wire.head()
        assert fields["transfer-encoding"] == "chunked"
        assert await wire.read(len(chunks)) == chunks
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
        await wire.head()
        await wire.send(ok(b"again"))

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", "Transfer-Encoding: chunked", method="POST"))
    for at in range(len(chunks)):
        await wire.send(chunks[at : at + 1])
    _, fields = await wire.head()
    assert fields["transfer-encoding"] == "chunked"
    assert await wire.read(len(chunks)) == chunks
    _, _, body = await wire.ask(get())
    assert body == b"again"


async def test_a_body_is_not_waited_for(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\none")
        await wire.read(1)
        await wire.send(b"two")

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", "Content-Length: 1", method="POST"))
    await wire.head()
    assert await wire.read(3) == b"one"
    await wire.send(b"x")
    assert await wire.read(3) == b"two"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
async def test_answers_without_a_body(stand, status):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 " + status + b"\r\nETag: x\r\n\r\n")
        await wire.head()
        await wire.send(ok(b"next"))

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    line, _ = await wire.head()
    assert line == "HTTP/1.1 " + status.decode()
    assert (await wire.ask(get()))[2] == b"next"
    assert stand.instance.accepted == 1


async def test_head_has_a_length_and_no_body(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        await wire.head()
        await wire.send(ok(b"next"))

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get(method="HEAD"))
    _, fields = await wire.head()
    assert fields["content-length"] == "1000"
    assert (await wire.ask(get()))[2] == b"next"


async def test_a_body_that_ends_with_the_connection(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.0 200 OK\r\n\r\nall of it")

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    _, fields = await wire.head()
    assert fields["connection"] == "close"
    assert await wire.rest() == b"all of it"
    assert (await stand.logged()).http.status == 200


async def test_100_continue_passes_through(stand):
    async def script(wire, n):
        _, fields = await wire.head()
        assert fields["expect"] == "100-continue"
        await wire.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await wire.send(ok(await wire.read(4)))

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", "Expect: 100-continue", "Content-Length: 4", method="PUT"))
    assert (await wire.head())[0] == "HTTP/1.1 100 Continue"
    status, _, body = await wire.ask(b"body")
    assert (status, body) == (200, b"body")


async def test_a_hint_and_the_answer_in_one_packet(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(b"body"))

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get())
    line, fields = await wire.head()
    assert (line, fields["link"]) == ("HTTP/1.1 103 Early Hints", "</x>")
    assert (await wire.answer())[2] == b"body"
    assert (await stand.logged()).http.status == 200


async def test_pipelined_requests_are_answered_in_order(stand):
    await stand.up(polite)
    wire = await stand.wire()
    bodies = [get(f"/{n}", "Content-Length: 2", method="POST") + b"hi" for n in range(20)]
    await wire.send(b"".join([*bodies, get("/healthz"), get("/last")]))
    for n in range(20):
        assert (await wire.answer())[2].startswith(b"POST /%d HTTP/1.1" % n)
    assert (await wire.answer())[0] == 404
    assert (await wire.answer())[2].startswith(b"GET /last ")


async def test_thousands_of_pipelined_requests_that_are_answered_here(stand):
    await stand.up(polite)
    wire = await stand.wire()
    sending = asyncio.ensure_future(wire.send(get("/healthz") * 5000))
    for _ in range(5000):
        assert (await wire.answer())[0] == 404
    await sending


@pytest.mark.parametrize("field", ["Connection: close", "Connection: Keep-Alive, close"])
async def test_a_client_that_wants_to_close(stand, field):
    await stand.up(polite)
    wire = await stand.wire()
    _, fields, _ = await wire.ask(get("/", field))
    assert fields["connection"] == "close"
    assert await wire.is_over()


async def test_http_1_0(stand):
    await stand.up(polite)
    wire = await stand.wire()
    _, fields, body = await wire.ask(b"GET /old HTTP/1.0\r\n\r\n")
    assert body.startswith(b"GET /old HTTP/1.0\nx-forwarded-for")
    assert fields["connection"] == "close"
    assert await wire.is_over()


async def test_http_1_0_with_keep_alive(stand):
    await stand.up(polite)
    wire = await stand.wire()
    for _ in range(2):
        _, fields, _ = await wire.ask(b"GET /old HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert fields["connection"] == "keep-alive"
    await (await stand.wire()).ask(get())
    assert stand.instance.accepted == 3


async def test_absolute_form_and_an_empty_line_before_the_request(stand):
    await stand.up(polite)
    _, _, body = await stand.ask(
        b"\r\n\r\nGET http://localhost:1/x HTTP/1.1\r\nHost: localhost:1\r\n\r\n"
    )
    assert body.startswith(b"GET /x HTTP/1.1\nhost: localhost:1\n")


async def test_an_answer_before_the_end_of_the_request_closes_when_it_is_over(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"too large", status=b"413 Content Too Large"))
        await wire.rest()

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", "Content-Length: 1000000", method="POST") + b"x" * 1000)
    status, fields, body = await wire.answer()
    assert (status, body) == (413, b"too large")
    assert fields["connection"] == "close"
    for _ in range(20):
        await wire.send(b"x" * 10_000)
        await asyncio.sleep(0)
    assert await wire.is_over()
