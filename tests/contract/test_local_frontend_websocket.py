"""The front end on real sockets: WebSockets, from the handshake to the log line at their end."""

import asyncio
import secrets

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Share
from tests.contract.local_front_end import A, B, polite
from tests.contract.local_wire import get, ok, within
from tests.fakes.local_data_plane import SERVICE

UPGRADE = get(
    "/ws", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: x"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"


async def echo(wire, n):
    """Changes the protocol, then sends back what it gets, until the client ends."""
    await wire.head()
    await wire.send(SWITCH)
    while data := await wire.reader.read(1 << 16):
        await wire.send(data)


async def tunnel(stand):
    wire = await stand.wire()
    await wire.send(UPGRADE)
    line, fields = await wire.head()
    assert line == "HTTP/1.1 101 Switching Protocols"
    return wire, fields


async def real(stand, handler, **options):
    """A front end before a real WebSocket server."""
    server = await serve(handler, "127.0.0.1", 0, **options)
    stand.stack.callback(server.close)
    await stand.up(polite)
    stand.places.ports[A] = server.sockets[0].getsockname()[1]
    return stand.url.replace("http", "ws")


async def test_a_real_client_and_a_real_server(stand):
    async def handler(socket):
        assert socket.request.headers["X-Forwarded-Proto"] == "https"
        await socket.send("welcome")
        async for message in socket:
            await socket.send(message)

    url = await real(stand, handler, subprotocols=["chat"])
    async with connect(url, subprotocols=["chat"], proxy=None) as client:
        assert client.subprotocol == "chat"
        assert client.response.headers["Server"] == "Google Frontend"
        assert await within(client.recv()) == "welcome"
        for message in ("text", b"bytes", secrets.token_bytes(500_000)):
            await client.send(message)
            assert await within(client.recv()) == message
        assert stand.sink.lines == []
    line = await stand.logged()
    assert (line.http.status, line.severity, line.http.method) == (101, "INFO", "GET")
    assert line.http.response_size_bytes > 500_000
    assert line.http.request_size_bytes > 500_000


async def test_close_code_and_reason_arrive(stand):
    async def handler(socket):
        await socket.send("error first")
        await socket.close(1011, "Factory SSOT validation failed")

    url = await real(stand, handler)
    async with connect(url, proxy=None) as client:
        assert await within(client.recv()) == "error first"
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await within(client.recv())
    assert closed.value.rcvd.code == 1011
    assert closed.value.rcvd.reason == "Factory SSOT validation failed"
    await stand.logged()


async def test_a_refused_handshake_is_an_answer_like_any_other(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(ok(b"no", status=b"403 Forbidden"))

    await stand.up(script)
    wire = await stand.wire()
    status, _, body = await wire.ask(UPGRADE)
    assert (status, body) == (403, b"no")
    assert (await stand.logged()).http.status == 403


async def test_first_bytes_may_come_with_the_handshake_in_both_directions(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH + b"welcome")
        await wire.send(await wire.read(5))

    await stand.up(script)
    wire = await stand.wire()
    await wire.send(UPGRADE + b"early")
    _, fields = await wire.head()
    assert (fields["upgrade"], fields["connection"]) == ("websocket", "Upgrade")
    assert await wire.read(12) == b"welcomeearly"
    assert await wire.is_over()


async def test_an_open_websocket_stays_on_its_revision_when_traffic_moves(stand):
    await stand.up(echo, echo)
    wire, _ = await tunnel(stand)
    stand.front.route(SERVICE, None, (Share(B, 100),))
    await wire.send(b"still here")
    assert await wire.read(10) == b"still here"
    assert (stand.instance.accepted, stand.other.accepted) == (1, 0)
    newer, _ = await tunnel(stand)
    await newer.send(b"moved")
    assert await newer.read(5) == b"moved"
    assert stand.other.accepted == 1
    assert stand.places.held == 2


async def test_it_holds_its_place_until_it_ends(stand):
    await stand.up(echo)
    wire, _ = await tunnel(stand)
    assert stand.places.held == 1
    wire.close()
    assert (await stand.logged()).http.status == 101


async def test_it_is_cut_at_the_request_timeout(stand):
    ended = asyncio.Event()

    async def script(wire, n):
        await echo(wire, n)
        ended.set()

    stand.settings = FrontEndSettings(linger_s=0.3)
    await stand.up(script, timeout_s=2)
    wire, _ = await tunnel(stand)
    assert await wire.is_over()
    await within(ended.wait())
    line = await stand.logged()
    assert line.http.status == 101
    assert line.http.latency_s > 1.9


async def test_the_timeout_also_ends_one_whose_client_reads_nothing(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH)
        while True:
            await wire.send(b"x" * 100_000)

    stand.settings = FrontEndSettings(linger_s=0.3)
    await stand.up(script, timeout_s=2)
    await tunnel(stand)
    await stand.logged()
    await within(stand.front._context.empty.wait())


async def test_each_half_may_end_by_itself(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH)
        question = await wire.rest()
        await wire.send(b"you said " + question)

    await stand.up(script)
    wire, _ = await tunnel(stand)
    await wire.send(b"all")
    wire.writer.write_eof()
    assert await wire.rest() == b"you said all"
    await stand.logged()


async def test_the_half_of_an_instance_may_end_by_itself_too(stand):
    heard = asyncio.get_running_loop().create_future()

    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH + b"all")
        wire.writer.write_eof()
        heard.set_result(await wire.rest())

    await stand.up(script)
    wire, _ = await tunnel(stand)
    assert await wire.rest() == b"all"
    await wire.send(b"thanks")
    wire.writer.write_eof()
    assert await within(heard) == b"thanks"
    await stand.logged()


async def test_a_half_that_does_not_end_is_ended(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH)
        await asyncio.Event().wait()

    stand.settings = FrontEndSettings(linger_s=0.2)
    await stand.up(script)
    wire, _ = await tunnel(stand)
    wire.writer.write_eof()
    assert await wire.is_over()
    await stand.logged()


async def test_the_instance_ends_first(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH + b"last words")

    stand.settings = FrontEndSettings(linger_s=0.3)
    await stand.up(script)
    wire, _ = await tunnel(stand)
    assert await wire.rest() == b"last words"
    await stand.logged()


async def test_an_instance_that_crashes_ends_the_connection(stand):
    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH)
        await wire.read(1)
        wire.reset()

    await stand.up(script)
    wire, _ = await tunnel(stand)
    await wire.send(b"x")
    assert await wire.is_over()
    assert (await stand.logged()).http.status == 101


async def test_a_client_that_resets_ends_the_instances_side(stand):
    ended = asyncio.Event()

    async def script(wire, n):
        try:
            await echo(wire, n)
        finally:
            ended.set()

    await stand.up(script)
    wire, _ = await tunnel(stand)
    wire.reset()
    await within(ended.wait())
    await stand.logged()


async def test_a_side_that_does_not_read_stops_the_other(stand):
    stuck = asyncio.Event()

    async def script(wire, n):
        await wire.head()
        await wire.send(SWITCH)
        try:
            async with asyncio.timeout(1):
                while True:
                    await wire.send(b"x" * 100_000)
        except TimeoutError:
            stuck.set()
        await wire.writer.drain()
        await wire.send(b"END")

    await stand.up(script)
    wire = await stand.wire(limit=1000)
    await wire.send(UPGRADE)
    await within(stuck.wait())
    assert (await wire.rest()).endswith(b"xEND")


async def test_a_hundred_at_once(stand):
    await stand.up(echo)
    wires = [(await tunnel(stand))[0] for _ in range(100)]
    for n, wire in enumerate(wires):
        await wire.send(b"%3d" % n)
    assert [await wire.read(3) for wire in wires] == [b"%3d" % n for n in range(100)]
    assert stand.places.held == 100
    for wire in wires:
        wire.close()
    await stand.places.until_free()
    assert len(stand.sink.requests()) == 100
