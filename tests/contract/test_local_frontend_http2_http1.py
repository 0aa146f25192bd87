"""HTTP/2 at one end of the front end and HTTP/1.1 at the other, and what only looks like either."""

import asyncio

import grpc.aio
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived

from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Share
from tests.contract.local_front_end import A, polite
from tests.contract.local_http2 import http2
from tests.contract.local_wire import get, ok, until_still, within
from tests.contract.test_local_frontend_http2 import Echo, grpc_server, no_instance

H2C = (Share(A, 100, 30.0, h2c=True),)
PROTOCOL_ERROR = (
    b"upstream connect error or disconnect/reset before headers. reset reason: protocol error"
)


# A client of HTTP/2, a container of HTTP/1.1


async def test_a_plain_container_gets_http11_and_the_client_its_answer(stand):
    await stand.up(polite)
    async with http2(stand.url) as wire:
        fields = [("cookie", "a=1"), ("cookie", "b=2"), ("x-own", "1")]
        answer = await wire.whole(await wire.ask("/a?b=c", *fields))
    line, *rest = answer.body.decode().split("\n")
    seen = dict(field.split(": ", 1) for field in rest)
    assert (answer.status, line) == (200, "GET /a?b=c HTTP/1.1")
    assert (seen["host"], seen["cookie"], seen["x-own"]) == ("127.0.0.1", "a=1; b=2", "1")
    assert answer.all("server") == ["Google Frontend"]
    assert not answer.all("connection")
    assert (await stand.logged()).http.protocol == "HTTP/2"


async def test_a_body_of_unknown_length_comes_in_chunks(stand):
    async def script(wire, n):
        _, fields = await wire.head()
        body = await within(wire.reader.readuntil(b"0\r\n\r\n"))
        await wire.send(ok(fields["transfer-encoding"].encode() + b"|" + body))

    await stand.up(script)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/", method="POST", body=b"hello"))
    assert answer.body == b"chunked|5\r\nhello\r\n0\r\n\r\n"


async def test_chunks_and_trailers_of_a_plain_container_come_as_http2_has_them(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"
        )

    await stand.up(script)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/"))
    assert (answer.body, answer.trailers) == (b"abcde", {"x-sum": "5"})
    assert not answer.all("transfer-encoding")


async def test_a_head_is_answered_without_a_body(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")

    await stand.up(script)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/", method="HEAD"))
    assert (answer.status, answer.all("content-length"), answer.body) == (200, ["9"], b"")


async def test_an_answer_that_breaks_off_is_a_reset_and_no_end(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        wire.reset()

    await stand.up(script)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/"))
    assert not answer.ended
    assert answer.reset == 2  # INTERNAL_ERROR


async def test_an_answer_up_to_the_end_of_the_connection_is_whole(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.0 200 OK\r\n\r\nto the end")

    await stand.up(script)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/"))
    assert (answer.body, answer.ended) == (b"to the end", True)


async def test_requests_of_one_connection_do_not_wait_for_each_other(stand):
    free = asyncio.Event()

    async def script(wire, n):
        while True:
            line, _ = await wire.head()
            if line.startswith("GET /slow"):
                await free.wait()
            await wire.send(ok(line.split()[1].encode()))

    await stand.up(script)
    async with http2(stand.url) as wire:
        slow = await wire.ask("/slow")
        assert (await wire.whole(await wire.ask("/fast"))).body == b"/fast"
        assert not wire.answers[slow].ended
        free.set()
        assert (await wire.whole(slow)).body == b"/slow"


async def test_what_never_reaches_a_container_is_said_in_http2_too(stand):
    await stand.up(no_instance)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/healthz"))
    assert answer.status == 404
    assert answer.all("content-type") == ["text/html; charset=UTF-8"]


async def test_a_connection_of_http2_rests_only_for_a_while(stand):
    stand.settings = FrontEndSettings(idle_s=0.05)
    await stand.up(polite)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/"))
        await within(wire.ended.wait())
    assert answer.status == 200


class Sent:
    """How much an instance has sent, in pieces."""

    sent = 0


async def test_an_instance_is_not_read_faster_than_the_client_of_http2_reads(stand):
    sender = Sent()

    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            await wire.send(b"x" * 100_000)
            sender.sent += 1

    stand.settings = FrontEndSettings(response_bytes=100_000_000)
    await stand.up(script)
    async with http2(stand.url, window=1000) as wire:
        number = await wire.ask("/")
        await wire.until(number, lambda answer: len(answer.body) == 1000)
        await until_still(lambda: sender.sent)
    assert sender.sent < 900


async def test_a_client_of_http2_sends_no_faster_than_the_instance_reads(stand):
    go = asyncio.Event()

    async def script(wire, n):
        _, fields = await wire.head()
        await go.wait()
        await wire.send(ok(b"%d" % len(await wire.read(int(fields["content-length"])))))

    await stand.up(script)
    size = 30_000_000
    async with http2(stand.url) as wire:
        fields = [("content-length", str(size))]
        number = await wire.ask("/", *fields, method="POST", ends=False)
        sending = asyncio.ensure_future(wire.send(number, bytes(size)))
        done, _ = await asyncio.wait([sending], timeout=0.5)
        assert not done
        go.set()
        await within(sending)
        assert (await wire.whole(number)).body == b"%d" % size


async def test_a_preface_in_pieces_and_rubbish_after_it(stand):
    await stand.up(polite)
    wire = await stand.wire()
    for piece in (b"PRI * HT", b"TP/2.0\r\n\r\nSM", b"\r\n\r\n", b"GET / HTTP/1.1\r\n" * 4):
        await wire.send(piece)
    assert b"GET" not in await wire.rest()
    assert not stand.sink.requests()


# A client of HTTP/1.1, a container of HTTP/2


async def test_a_client_of_http11_gets_chunks_and_trailers(stand):
    async with grpc_server(Echo()) as port:
        await stand.up(no_instance, shares=H2C)
        stand.places.ports[A] = port
        wire = await stand.wire()
        frame = b"\0\0\0\0\x02hi"
        fields = ("Content-Type: application/grpc", "TE: trailers", f"Content-Length: {len(frame)}")
        await wire.send(get("/t.Echo/Unary", *fields, method="POST") + frame)
        line, found = await wire.head()
        body = await within(wire.reader.readuntil(b"\r\n\r\n"))
    assert line == "HTTP/1.1 200 OK"
    assert found["transfer-encoding"] == "chunked"
    assert b"\r\n".join([b"7", frame, b"0", b""]) in body
    assert b"grpc-status: 0\r\n" in body


async def test_an_answer_without_a_body_keeps_the_connection_of_a_client_of_http11(stand):
    async with grpc_server(Echo()) as port:
        await stand.up(no_instance, shares=H2C)
        stand.places.ports[A] = port
        wire = await stand.wire()
        for _ in range(2):
            request = get("/t.Echo/None", "Content-Type: application/grpc", method="POST")
            status, fields, body = await wire.ask(request)
            assert (status, fields["grpc-status"], body) == (200, "12", b"")


async def test_a_websocket_does_not_reach_a_container_of_http2(stand):
    await stand.up(no_instance, shares=H2C)
    upgrade = get("/ws", "Connection: Upgrade", "Upgrade: websocket")
    status, _, body = await stand.ask(upgrade)
    assert (status, body) == (503, PROTOCOL_ERROR)
    assert stand.instance.accepted == 0
    assert (await stand.logged()).severity == "ERROR"


async def test_a_container_that_speaks_http11_only_is_a_protocol_error(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    await stand.up(script, shares=H2C)
    status, _, body = await stand.ask(get("/"))
    assert (status, body) == (503, PROTOCOL_ERROR)
    assert (await stand.logged()).payload == PROTOCOL_ERROR.decode()


async def test_a_container_that_hangs_up_is_said_to_have(stand):
    async def script(wire, n):
        await wire.head()

    await stand.up(script, shares=H2C)
    status, _, body = await stand.ask(get("/", method="POST"))
    assert (status, body.endswith(b"reset reason: connection termination")) == (503, True)


async def test_a_call_that_is_under_way_outlives_the_servers_goodbye(stand):
    echo = Echo()
    async with grpc_server(echo) as port:
        await stand.up(no_instance, shares=H2C)
        stand.places.ports[A] = port
        async with grpc.aio.insecure_channel(stand.url.removeprefix("http://")) as channel:
            call = channel.stream_stream("/t.Echo/Both")()
            await within(call.write(b"before"))
            assert await within(call.read()) == b"before"
            stopping = asyncio.ensure_future(echo.server_itself.stop(grace=20))
            await within(call.write(b"after"))
            assert await within(call.read()) == b"after"
            await within(call.done_writing())
            assert await within(call.read()) is grpc.aio.EOF
            await within(stopping)


async def test_an_instance_of_http2_is_not_read_faster_than_the_client_reads(stand):
    echo = Echo()
    async with grpc_server(echo) as port:
        await stand.up(no_instance, shares=H2C)
        stand.places.ports[A] = port
        wire = await stand.wire(limit=1000)
        frame = b"\0\0\0\0\0"
        fields = ("Content-Type: application/grpc", f"Content-Length: {len(frame)}")
        await wire.send(get("/t.Echo/Flood", *fields, method="POST") + frame)
        await wire.head()
        while echo.sent == 0:
            await wire.read(100_000)
        await until_still(lambda: echo.sent)
        before = echo.sent
        assert before < 80
        while echo.sent == before:
            await wire.read(100_000)


async def speak_http2(wire, fields, body, trailers):
    """An instance of HTTP/2 that answers one request with these."""
    http2 = H2Connection(H2Configuration(client_side=False))
    http2.initiate_connection()
    await wire.send(http2.data_to_send())
    while data := await wire.reader.read(65536):
        for event in http2.receive_data(data):
            if isinstance(event, RequestReceived):
                number = event.stream_id
                http2.send_headers(number, fields)
                http2.send_data(number, body)
                http2.send_headers(number, trailers, end_stream=True)
        await wire.send(http2.data_to_send())


async def test_trailers_of_grpc_pass_beside_a_length(stand):
    async def script(wire, n):
        fields = [(":status", "200"), ("content-type", "application/grpc"), ("content-length", "5")]
        await speak_http2(wire, fields, b"\0\0\0\0\0", [("grpc-status", "0")])

    await stand.up(script, shares=H2C)
    async with http2(stand.url) as wire:
        answer = await wire.whole(await wire.ask("/", method="POST"))
    assert (answer.body, answer.trailers) == (b"\0\0\0\0\0", {"grpc-status": "0"})


async def test_a_connection_of_http2_to_an_instance_rests_only_for_a_while(stand):
    ended = asyncio.Event()

    async def script(wire, n):
        await speak_http2(wire, [(":status", "200")], b"hello", [("x-last", "1")])
        ended.set()

    stand.settings = FrontEndSettings(upstream_idle_s=0.05)
    await stand.up(script, shares=H2C)
    async with http2(stand.url) as wire:
        assert (await wire.whole(await wire.ask("/"))).body == b"hello"
        await within(ended.wait())
