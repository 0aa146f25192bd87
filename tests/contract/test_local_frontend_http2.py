"""HTTP/2 at both ends of the front end: real gRPC clients and servers, and raw HTTP/1.1 ones."""

import asyncio
import contextlib

import grpc
import grpc.aio
import pytest

from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Share
from tests.contract.local_front_end import A, standing
from tests.contract.local_wire import within


class Echo(grpc.GenericRpcHandler):
    """A service of bytes in every shape that gRPC has."""

    def __init__(self):
        self.cancelled = asyncio.Event()
        self.begun = asyncio.Event()
        self.metadata = {}
        self.peers = set()
        self.sent = 0

    def service(self, details):
        return {
            "/t.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/t.Echo/Fail": grpc.unary_unary_rpc_method_handler(self.fail),
            "/t.Echo/Server": grpc.unary_stream_rpc_method_handler(self.server),
            "/t.Echo/Client": grpc.stream_unary_rpc_method_handler(self.client),
            "/t.Echo/Both": grpc.stream_stream_rpc_method_handler(self.both),
            "/t.Echo/Flood": grpc.unary_stream_rpc_method_handler(self.flood),
            "/t.Echo/Hang": grpc.unary_unary_rpc_method_handler(self.hang),
        }.get(details.method)

    async def unary(self, request, context):
        self.peers.add(context.peer())
        self.metadata = dict(context.invocation_metadata())
        await context.send_initial_metadata([("x-first", "1")])
        context.set_trailing_metadata([("x-last", "2")])
        return request

    async def fail(self, request, context):
        await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not now")

    async def server(self, request, context):
        for _ in range(3):
            yield request

    async def client(self, requests, context):
        return b"".join([each async for each in requests])

    async def both(self, requests, context):
        async for each in requests:
            yield each

    async def flood(self, request, context):
        while self.sent < 100:
            yield bytes(1_000_000)
            self.sent += 1

    async def hang(self, request, context):
        self.begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


@contextlib.asynccontextmanager
async def grpc_server(handler):
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    handler.server_itself = server
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(grace=None)


async def no_instance(wire, number):
    raise AssertionError("the scripted instance is not asked")


@contextlib.asynccontextmanager
async def before_grpc(settings=None):
    """A front end before a gRPC server, and a client's channel to it."""
    echo = Echo()
    async with standing() as stand, grpc_server(echo) as port:
        stand.settings = settings or stand.settings
        await stand.up(no_instance, shares=(Share(A, 100, 30.0, h2c=True),))
        stand.places.ports[A] = port
        async with grpc.aio.insecure_channel(stand.url.removeprefix("http://")) as channel:
            yield stand, channel, echo


async def test_a_unary_call_passes_with_its_metadata_and_trailers():
    async with before_grpc() as (stand, channel, echo):
        call = channel.unary_unary("/t.Echo/Unary")(b"hello", metadata=[("x-own", "mine")])
        assert await within(call) == b"hello"
        assert dict(await call.initial_metadata())["x-first"] == "1"
        assert dict(await call.trailing_metadata())["x-last"] == "2"
        assert echo.metadata["x-own"] == "mine"
        assert "traceparent" in echo.metadata
        assert echo.metadata["x-forwarded-for"] == "127.0.0.1"
        line = await stand.logged()
        assert (line.http.method, line.http.status, line.http.protocol) == ("POST", 200, "HTTP/2")


async def test_a_call_that_the_server_refuses_keeps_its_code():
    async with before_grpc() as (_, channel, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await within(channel.unary_unary("/t.Echo/Fail")(b""))
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert caught.value.details() == "not now"


async def test_a_method_that_is_not_there_is_the_servers_answer():
    async with before_grpc() as (_, channel, _):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await within(channel.unary_unary("/t.Echo/None")(b""))
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_streams_of_servers_and_of_clients_pass():
    async with before_grpc() as (_, channel, _):
        call = channel.unary_stream("/t.Echo/Server")(b"x")
        assert [each async for each in call] == [b"x"] * 3
        call = channel.stream_unary("/t.Echo/Client")(iter([b"a", b"b", b"c"]))
        assert await within(call) == b"abc"


async def test_both_sides_talk_in_turns():
    async with before_grpc() as (_, channel, _):
        call = channel.stream_stream("/t.Echo/Both")()
        for word in (b"one", b"two", b"three"):
            await within(call.write(word))
            assert await within(call.read()) == word
        await within(call.done_writing())
        assert await within(call.read()) is grpc.aio.EOF


async def test_many_bytes_pass_through_small_windows_both_ways():
    async with before_grpc() as (_, channel, _):
        much = bytes(range(256)) * 4 * 3500
        call = channel.stream_unary("/t.Echo/Client")(iter([much[:1_000_000]] * 3))
        assert await within(call) == much[:1_000_000] * 3


async def test_calls_side_by_side_share_a_connection_of_the_instance():
    async with before_grpc(FrontEndSettings(upstream_idle_s=60)) as (stand, channel, echo):
        await within(channel.unary_unary("/t.Echo/Unary")(b"first"))
        ask = channel.unary_unary("/t.Echo/Unary")
        asked = [ask(b"%d" % number) for number in range(40)]
        answers = await within(asyncio.gather(*asked))
        assert answers == [b"%d" % number for number in range(40)]
        await stand.places.until_free()
        assert len(stand.sink.requests()) == 41
        assert len(echo.peers) == 1


async def test_a_client_that_gives_up_ends_the_call_at_the_instance():
    async with before_grpc() as (stand, channel, echo):
        call = channel.unary_unary("/t.Echo/Hang")(b"")
        asked = asyncio.ensure_future(_code(call))
        await within(echo.begun.wait())
        call.cancel()
        assert await within(asked) is grpc.StatusCode.CANCELLED
        await within(echo.cancelled.wait())
        assert (await stand.logged()).http.status == 499


async def _code(call):
    return await call.code()


async def test_a_call_is_cut_at_the_request_timeout():
    async with before_grpc() as (stand, channel, echo):
        stand.front.route(stand.service, None, (Share(A, 100, 2, h2c=True),))
        code = await within(_code(channel.unary_unary("/t.Echo/Hang")(b"")))
        assert code is not grpc.StatusCode.OK
        await within(echo.cancelled.wait())
        assert (await stand.logged()).http.status == 504
