"""Servers on real sockets for the probes, well-behaved and hostile, and one way to ask them."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime

from gate.core.evidence import Evidence
from gate.core.policy import IdentityRule, Probe, ProbeSpec
from gate.core.redaction import Redactor
from gate.ports import Logs, Progress, Target
from gate.probes.runner import ProbeRunner

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLW9mLWFsaWNl"
ARRIVAL_S = 0.4
"""How long another may answer at the address, or the front end know nothing of it."""
SECRETS = {"alice": TOKEN, "bob": "bobs-very-own-secret"}

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@contextlib.asynccontextmanager
async def tcp(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serves raw bytes; gives host:port. Whatever is still running at the end is cancelled."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        tasks.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.CancelledError, ssl.SSLError):
                await handler(reader, writer)
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answers(*parts: bytes | float, stay: bool = False) -> Handler:
    """Reads one request head, then sends parts; a number is a pause in seconds."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            if isinstance(part, bytes):
                writer.write(part)
                await writer.drain()
            else:
                await asyncio.sleep(part)
        if stay:
            await reader.read()

    return handler


def http(
    body: bytes = b"{}",
    status: str = "200 OK",
    headers: bytes = b"content-type: application/json\r\n",
) -> Handler:
    """One HTTP answer with a length."""
    length = b"content-length: %d\r\n" % len(body)
    return answers(b"HTTP/1.1 %s\r\n" % status.encode() + length + headers + b"\r\n" + body)


async def ask(
    spec: ProbeSpec,
    place: str,
    *,
    scheme: str = "http",
    headers: tuple[tuple[str, str], ...] = (),
    tls: ssl.SSLContext | None = None,
    progress: Callable[[Progress], object] = lambda _: None,
    revision: str = "",
    identity: IdentityRule | None = None,
    arrival_s: float = ARRIVAL_S,
) -> Evidence:
    """Runs one probe against host:port through the real runner."""
    target = Target(f"{scheme}://{place}", revision, headers, identity=identity)
    (evidence,) = await ask_all([spec], target, tls=tls, progress=progress, arrival_s=arrival_s)
    return evidence


async def ask_all(
    specs: Sequence[ProbeSpec],
    target: Target,
    *,
    logs: Logs | None = None,
    tls: ssl.SSLContext | None = None,
    progress: Callable[[Progress], object] = lambda _: None,
    arrival_s: float = ARRIVAL_S,
) -> tuple[Evidence, ...]:
    """Runs probes through the real runner, in one run."""
    options = {} if tls is None else {"tls": lambda: tls}
    runner = ProbeRunner(
        SECRETS, logs, SystemClock(), Redactor(SECRETS), arrival_within_s=arrival_s, **options
    )
    return await runner.run([Probe("probe", spec) for spec in specs], target, progress)
