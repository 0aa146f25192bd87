"""One port for gRPC and HTTP/1.1."""

import asyncio
import socket
from contextlib import suppress

import pytest

from gate.local.one_port import HOST, OnePort
from tests.contract.local_admin import HTTP, Api
from tests.local_cloud_run import PARENT

pytestmark = pytest.mark.xdist_group("local_one_port")


class Answering(asyncio.Protocol):
    """Stands for the HTTP server: answers with what it received."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(b"http got " + data)


class Stage:
    """A shared port, and a server behind it that greets first and echoes then."""

    def __init__(self, silent_s=60.0):
        self.silent_s = silent_s

    async def __aenter__(self):
        self.behind = await asyncio.start_server(self.serve, HOST, 0)
        listener = socket.socket()
        listener.bind((HOST, 0))
        self.port = listener.getsockname()[1]
        behind = self.behind.sockets[0].getsockname()[1]
        self.door = OnePort(listener, behind, Answering, self.silent_s)
        self.door.start()
        return self

    async def __aexit__(self, *_):
        await self.door.stop()
        self.door.cut()
        self.behind.close()

    async def serve(self, reader, writer):
        writer.write(b"grpc;")
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write(b";over")
        writer.close()

    async def connect(self):
        return await asyncio.open_connection(HOST, self.port)


async def test_the_preface_of_http_2_is_relayed_with_every_byte_and_both_ends():
    async with asyncio.timeout(60), Stage() as stage:
        reader, writer = await stage.connect()
        body = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"x" * 2_000_000
        writer.write(body)
        writer.write_eof()
        assert await reader.read(-1) == b"grpc;" + body + b";over"
        writer.close()


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1", b"PUT / HTTP/1.1", b"POST", b"PATC"])
async def test_anything_else_is_http_and_nothing_that_was_looked_at_is_lost(first):
    async with asyncio.timeout(60), Stage() as stage:
        reader, writer = await stage.connect()
        writer.write(first)
        assert await reader.readexactly(9 + len(first)) == b"http got " + first
        writer.close()


async def test_bytes_that_come_one_by_one_are_waited_for():
    async with asyncio.timeout(60), Stage() as stage:
        reader, writer = await stage.connect()
        for byte in b"PRI ":
            writer.write(bytes([byte]))
            for _ in range(10):  # turns of the loop in which the server could look too early
                await asyncio.sleep(0)
        assert await reader.readexactly(9) == b"grpc;PRI "
        writer.close()


async def test_who_says_nothing_is_let_go_after_a_while():
    async with asyncio.timeout(60), Stage(silent_s=0.01) as stage:
        reader, writer = await stage.connect()
        assert await reader.read(-1) == b""
        writer.close()


@pytest.mark.parametrize("said", [b"", b"PR"])
async def test_who_leaves_without_a_request_is_let_go(said):
    async with asyncio.timeout(60), Stage() as stage:
        reader, writer = await stage.connect()
        writer.write(said)
        writer.write_eof()
        with suppress(ConnectionResetError):
            assert await reader.read(-1) == b""
        writer.close()


async def test_a_stop_drops_the_undecided_and_closes_the_port():
    async with asyncio.timeout(60), Stage() as stage:
        reader, writer = await stage.connect()
        second = await stage.connect()
        second[1].write(b"GET ")
        assert await second[0].readexactly(13) == b"http got GET "
        await stage.door.stop()
        assert await reader.read(-1) == b""
        with pytest.raises(OSError, match="failed"):
            await stage.connect()
        writer.close()
        second[1].close()


@pytest.mark.parametrize(
    "path",
    [
        f"/v2/{PARENT}/services",
        "/apis/serving.knative.dev/v1/namespaces/demo/services",
        "/local/faults",
    ],
)
def test_the_port_of_grpc_answers_rest_too(local_cloud_run, path):
    name = Api("grpc", local_cloud_run).create().name
    answer = HTTP.get(f"http://{local_cloud_run.grpc}{path}")
    assert answer.status_code == 200
    assert answer.json() == HTTP.get(f"{local_cloud_run.rest}{path}").json()
    assert name
