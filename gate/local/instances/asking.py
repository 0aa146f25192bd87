"""Asks a container as Cloud Run's probes do: TCP, HTTP/1.1, gRPC's health protocol.

An HTTP answer from 200 to 399 is a success (run/docs/configuring/healthchecks), SERVING is one of
gRPC. A refused connection ends an HTTP probe's attempt at once, with a timeout of 240 s, too; a TCP
probe goes on trying until its timeout: seen in published logs of both.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from gate.local.instances.texts import NOT_CONNECTED, TOO_LATE
from gate.local.ports import ProbeKind, ProbeSpec

_CONNECT_S: Final = 1.0  # then another one: the system's own pauses grow long
_HEAD_BYTES: Final = 64 * 1024
_CHECK: Final = "/grpc.health.v1.Health/Check"
_STATUSES: Final = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_SERVING: Final = 1
_OVER: Final = "The answer was not what the protocol allows."
_PLAIN: Final = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))

Ask = Callable[[], Awaitable[str]]


def asker(probe: ProbeSpec, host: str, port: int, pause_s: float) -> Ask:
    """Gives what makes one attempt: "" for a success, else the sentence that says why not.

    Args:
        probe: what to ask.
        host: where the container listens.
        port: where it listens; the probe's own port may be a name for it only.
        pause_s: between two connections of a TCP probe's attempt.
    """

    async def attempt() -> str:
        try:
            async with asyncio.timeout(probe.timeout_s):
                match probe.kind:
                    case ProbeKind.TCP:
                        return await _tcp(host, port, pause_s)
                    case ProbeKind.HTTP:
                        return await _http(probe, host, port)
                    case ProbeKind.GRPC:
                        return await _grpc(probe, host, port)
        except TimeoutError:
            return TOO_LATE

    return attempt


async def _tcp(host: str, port: int, pause_s: float) -> str:
    while not await _accepts(host, port):  # noqa: ASYNC110 - nobody announces that a port is open
        await asyncio.sleep(pause_s)
    return ""


async def _accepts(host: str, port: int) -> bool:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_CONNECT_S):
            transport, _ = await loop.create_connection(asyncio.Protocol, host, port)
    except (OSError, TimeoutError):
        return False
    transport.close()
    return True


async def _http(probe: ProbeSpec, host: str, port: int) -> str:
    try:
        reader, writer = await asyncio.open_connection(host, port, limit=_HEAD_BYTES)
    except OSError:
        return NOT_CONNECTED
    try:
        writer.write(_request(probe, host, port))
        line = await reader.readline()
    except (OSError, ValueError):
        return NOT_CONNECTED
    finally:
        writer.close()
    version, _, rest = line.decode("latin-1").partition(" ")
    status = rest[:3]
    if not (version.startswith("HTTP/1.") and status.isascii() and status.isdigit()):
        return _OVER if line else NOT_CONNECTED
    return "" if 200 <= int(status) < 400 else f"The answer had the HTTP status {status}."


def _request(probe: ProbeSpec, host: str, port: int) -> bytes:
    own = {name.lower() for name, _ in probe.headers}
    headers = [("Host", f"{host}:{port}"), ("Connection", "close"), ("Accept", "*/*")]
    lines = [f"GET {probe.path or '/'} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers if name.lower() not in own]
    lines += [f"{name}: {value}" for name, value in probe.headers]
    safe = (line.replace("\r", " ").replace("\n", " ") for line in lines)
    return ("\r\n".join(safe) + "\r\n\r\n").encode("utf-8")


async def _grpc(probe: ProbeSpec, host: str, port: int) -> str:
    import grpc.aio  # noqa: PLC0415 - heavy, and few probes are gRPC ones

    async with grpc.aio.insecure_channel(f"{host}:{port}", options=_PLAIN) as channel:
        call = channel.unary_unary(_CHECK, request_serializer=None, response_deserializer=None)
        name = probe.service.encode()
        try:
            answer = await call(b"\x0a" + _varint(len(name)) + name if name else b"")
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                return NOT_CONNECTED
            return f"The answer had the gRPC status {error.code().name}."
    status = _status(answer)
    if status == _SERVING:
        return ""
    with suppress(IndexError):
        return f"The health of the service was {_STATUSES[status]}."
    return _OVER


def _varint(number: int) -> bytes:
    """Encodes a length as protobuf does, seven bits a byte, the low ones first."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*made, number))


def _status(answer: bytes) -> int:
    """Reads a HealthCheckResponse: one enum in field 1, left out where it is 0."""
    if not answer:
        return 0
    return answer[1] if len(answer) == 2 and answer[0] == 0x08 else len(_STATUSES)
