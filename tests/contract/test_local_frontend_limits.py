"""How much may pass: 32 MiB each way with containers of HTTP/1, more in chunks of a response."""

from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Share
from tests.contract.local_front_end import A, polite
from tests.contract.local_http2 import http2
from tests.contract.local_wire import get, ok
from tests.contract.test_local_frontend_http2 import Echo, grpc_server, no_instance

LIMIT = 32 * 1024 * 1024
FEW = FrontEndSettings(request_bytes=1000, response_bytes=1000)
CHUNK = b"1f4\r\n" + b"x" * 500 + b"\r\n"


def test_the_limits_are_the_documented_ones():
    settings = FrontEndSettings()
    assert (settings.request_bytes, settings.response_bytes) == (LIMIT, LIMIT)


async def test_a_request_that_is_too_long_by_its_head_is_413_before_any_of_it_was_sent(stand):
    await stand.up(no_instance)
    wire = await stand.wire()
    await wire.send(get("/", f"Content-Length: {LIMIT + 1}", method="POST"))
    status, fields, body = await wire.answer()
    assert (status, fields["content-type"]) == (413, "text/html; charset=UTF-8")
    assert b"Your client issued a request that was too large." in body
    assert await wire.is_over()
    assert stand.instance.accepted == 0
    assert (await stand.logged()).http.status == 413


async def test_a_request_of_just_the_limit_passes(stand):
    stand.settings = FEW
    await stand.up(polite)
    status, _, _ = await stand.ask(get("/", "Content-Length: 1000", method="POST") + b"x" * 1000)
    assert status == 200


async def test_a_request_in_chunks_is_413_once_it_is_too_long(stand):
    async def script(wire, n):
        await wire.rest()

    stand.settings = FEW
    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", "Transfer-Encoding: chunked", method="POST") + CHUNK)
    await wire.send(CHUNK)
    assert (await wire.answer())[0] == 413
    assert (await stand.logged()).http.status == 413


async def test_a_client_of_http2_is_limited_too_where_the_container_is_not_of_http2(stand):
    stand.settings = FEW
    await stand.up(no_instance)
    async with http2(stand.url) as wire:
        fields = [("content-length", "1001")]
        answer = await wire.whole(await wire.ask("/", *fields, method="POST", ends=False))
    assert answer.status == 413


async def test_a_container_of_http2_takes_and_gives_as_much_as_it_likes(stand):
    stand.settings = FEW
    async with grpc_server(Echo()) as port:
        await stand.up(no_instance, shares=(Share(A, 100, 30.0, h2c=True),))
        stand.places.ports[A] = port
        frame = b"\0\0\0\x07\xd0" + b"x" * 2000
        async with http2(stand.url) as wire:
            fields = [("content-type", "application/grpc"), ("content-length", str(len(frame)))]
            number = await wire.ask("/t.Echo/Unary", *fields, method="POST", body=frame)
            answer = await wire.whole(number)
    assert answer.body == frame


async def test_a_response_that_is_too_long_is_500_and_the_log_says_why(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LIMIT + 1))
        await wire.rest()

    await stand.up(script)
    status, _, body = await stand.ask(get("/"))
    assert (status, b"x" in body) == (500, False)
    line = await stand.logged()
    assert (line.http.status, line.severity) == (500, "ERROR")
    assert line.payload == "Response size was too large. Please consider reducing response size."


async def test_after_it_the_client_may_ask_again(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"x" * (1001 if n == 1 else 1000)))

    stand.settings = FEW
    await stand.up(script)
    wire = await stand.wire()
    assert (await wire.ask(get("/1")))[0] == 500
    status, _, body = await wire.ask(get("/2"))
    assert (status, len(body)) == (200, 1000)


async def test_a_head_may_name_any_length(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/", method="HEAD"))
    line, fields = await wire.head()
    assert (line, fields["content-length"]) == ("HTTP/1.1 200 OK", "99999999999")


async def test_a_response_in_chunks_has_no_limit(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await wire.send(CHUNK * 4 + b"0\r\n\r\n")

    stand.settings = FEW
    await stand.up(script)
    wire = await stand.wire()
    await wire.send(get("/"))
    await wire.head()
    body = await wire.read(4 * len(CHUNK) + 5)
    assert body.endswith(b"0\r\n\r\n")
