"""What one attempt of a probe makes of a real server: TCP, HTTP/1.1, gRPC's health protocol."""

import asyncio
import socket
from contextlib import asynccontextmanager

import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gate.local.instances.asking import asker
from gate.local.instances.launcher import HOST, free_port
from gate.local.instances.texts import NOT_CONNECTED, TOO_LATE
from gate.local.ports import ProbeKind, ProbeSpec

PATIENT = 30.0


def attempt(port, kind=ProbeKind.HTTP, timeout_s=PATIENT, **fields):
    probe = ProbeSpec(kind, 8080, timeout_s=timeout_s, **fields)
    return asker(probe, HOST, port, 0.01)()


@asynccontextmanager
async def answering(answer, heard=None):
    """A server that answers each request with these bytes, or not at all with None."""

    async def serve(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        if heard is not None:
            heard.append(head.decode())
        if answer is not None:
            writer.write(answer)
            writer.close()
        else:
            await reader.read()
            writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ("200 OK", ""),
        ("204 No Content", ""),
        ("302 Found", ""),
        ("399 Odd", ""),
        ("400 Bad Request", "The answer had the HTTP status 400."),
        ("503 Service Unavailable", "The answer had the HTTP status 503."),
        ("100 Continue", "The answer had the HTTP status 100."),
    ],
)
async def test_an_http_answer_from_200_to_399_is_a_success(status, cause):
    async with answering(f"HTTP/1.1 {status}\r\n\r\n".encode()) as port:
        assert await attempt(port) == cause


async def test_an_http_probe_asks_its_path_with_its_headers():
    heard = []
    headers = (("X-Probe", "yes"), ("x-probe", "twice"), ("Host", "app.example.com"))
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", heard) as port:
        assert await attempt(port, path="/up?deep=1", headers=headers) == ""
    line, *rest = heard[0].split("\r\n")
    assert line == "GET /up?deep=1 HTTP/1.1"
    assert {"X-Probe: yes", "x-probe: twice", "Host: app.example.com"} <= set(rest)
    assert sum(header.startswith("Host:") for header in rest) == 1


async def test_a_header_cannot_become_two():
    heard = []
    async with answering(b"HTTP/1.1 200 OK\r\n\r\n", heard) as port:
        await attempt(port, path="/", headers=(("A", "b\r\nC: d"),))
    assert "A: b  C: d" in heard[0].split("\r\n")


@pytest.mark.parametrize("kind", [ProbeKind.HTTP, ProbeKind.GRPC])
async def test_a_refused_connection_ends_the_attempt_at_once(kind):
    assert await attempt(free_port(), kind) == NOT_CONNECTED


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x00" * 100_000])
async def test_what_is_not_http_is_no_success(answer):
    async with answering(answer) as port:
        assert await attempt(port)


@pytest.mark.parametrize("kind", [ProbeKind.HTTP, ProbeKind.GRPC])
async def test_no_answer_within_the_timeout_is_too_late(kind):
    async with answering(None) as port:
        assert await attempt(port, kind, timeout_s=0.05) == TOO_LATE


async def test_a_tcp_attempt_goes_on_until_the_port_is_open():
    port = free_port()
    waiting = asyncio.ensure_future(attempt(port, ProbeKind.TCP))
    await asyncio.wait([waiting], timeout=0.05)
    assert not waiting.done()
    with socket.create_server((HOST, port)):
        assert await waiting == ""


async def test_a_tcp_attempt_ends_at_its_timeout():
    assert await attempt(free_port(), ProbeKind.TCP, timeout_s=0.05) == TOO_LATE


@asynccontextmanager
async def grpc_server(*, with_health=True):
    server = grpc.aio.server()
    if with_health:
        servicer = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
        await servicer.set("chat" * 50, health_pb2.HealthCheckResponse.SERVING)
        await servicer.set("sick", health_pb2.HealthCheckResponse.NOT_SERVING)
        await servicer.set("unsure", health_pb2.HealthCheckResponse.UNKNOWN)
    port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    ("service", "cause"),
    [
        ("", ""),
        ("chat" * 50, ""),
        ("sick", "The health of the service was NOT_SERVING."),
        ("unsure", "The health of the service was UNKNOWN."),
        ("none", "The answer had the gRPC status NOT_FOUND."),
    ],
)
async def test_a_grpc_probe_wants_its_service_to_be_serving(service, cause):
    async with grpc_server() as port:
        assert await attempt(port, ProbeKind.GRPC, service=service) == cause


async def test_a_server_without_the_health_protocol_is_no_success():
    async with grpc_server(with_health=False) as port:
        cause = await attempt(port, ProbeKind.GRPC)
    assert cause == "The answer had the gRPC status UNIMPLEMENTED."


async def test_a_proxy_of_the_developers_is_not_asked(monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://{HOST}:1")
    monkeypatch.setenv("no_proxy", "")
    async with grpc_server() as port:
        assert await attempt(port, ProbeKind.GRPC) == ""
