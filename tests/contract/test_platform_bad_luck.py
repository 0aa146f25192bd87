"""A Cloud Run that loses answers, is overloaded or says strange things, over a real socket."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.cloud.wire import Patience
from gate.core.service import ServiceRef
from gate.core.traffic import Split
from gate.errors import InfrastructureError, NotFoundError, UnavailableError

REF = ServiceRef("demo", "us-central1", "backend")
TO_A = Split.all_to("backend-00001-aaa")
HASTY = Patience(budget_s=1.0, first_wait_s=0.01, max_wait_s=0.05)
SERVICE = {
    "metadata": {"name": "backend", "resourceVersion": "v1", "generation": 7},
    "spec": {"traffic": [{"revisionName": "backend-00001-aaa", "percent": 100}]},
}
LOST = object()
"""The connection is closed in place of an answer."""


def answer(status, body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(raw), raw)


def refusal(status, name):
    return answer(status, {"error": {"code": status, "status": name, "message": "server's words"}})


OK = answer(200, SERVICE)
BUSY = refusal(503, "UNAVAILABLE")


class Server:
    """Answers from a list; the last item repeats."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.requests = []

    async def serve(self, reader, writer):
        while head := await reader.readuntil(b"\r\n\r\n"):
            size = next(
                (line for line in head.split(b"\r\n") if b"content-length" in line.lower()), b""
            )
            body = await reader.readexactly(int(size.partition(b":")[2] or 0))
            self.requests.append((head.split(b" ", 1)[0].decode(), body))
            reply = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if reply is LOST:
                break
            writer.write(reply)
        writer.transport.abort()


@asynccontextmanager
async def serving(*answers):
    script = Server(answers)
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        try:
            await script.serve(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with CloudRun(REF, Endpoint(f"127.0.0.1:{port}"), HASTY) as platform:
            yield platform, script
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_reads_survive_bad_moments():
    hiccups = [BUSY, LOST, refusal(429, "RESOURCE_EXHAUSTED"), answer(502, b"<html>bad gateway")]
    async with serving(*hiccups, OK) as (platform, script):
        assert (await platform.read_service()).generation == 7
    assert len(script.requests) == 5


async def test_one_connection_serves_many_calls():
    async with serving(OK) as (platform, script):
        for _ in range(3):
            await platform.read_service()
        assert len(platform._wire._client._idle) == 1
    assert len(script.requests) == 3


async def test_a_write_that_is_lost_is_sent_again_as_it_was():
    async with serving(OK, LOST, BUSY, answer(200, SERVICE)) as (platform, script):
        read = await platform.read_service()
        assert await platform.set_traffic(TO_A, read.etag) == 7
    (_, first), (_, second), (_, third) = script.requests[1:]
    assert first == second == third
    assert json.loads(first)["metadata"]["resourceVersion"] == "v1"


async def test_a_conflict_that_follows_a_lost_answer_may_be_our_own_success():
    async with serving(OK, LOST, refusal(409, "ABORTED")) as (platform, script):
        read = await platform.read_service()
        with pytest.raises(UnavailableError, match="may have happened"):
            await platform.set_traffic(TO_A, read.etag)
    assert len(script.requests) == 3


async def test_time_runs_out():
    async with serving(BUSY) as (platform, script):
        started = time.monotonic()
        with pytest.raises(UnavailableError, match=r"no usable answer in \d+ tries"):
            await platform.read_service()
        assert 0.5 < time.monotonic() - started < 30
    assert len(script.requests) > 2


async def test_an_answer_that_is_no_json():
    async with serving(answer(200, b"\xff\xff garbage")) as (platform, _):
        with pytest.raises(
            InfrastructureError, match=r"^service .*cannot be understood \(got 10 b"
        ):
            await platform.read_service()
    async with serving(OK, answer(200, b"garbage")) as (platform, _):
        read = await platform.read_service()
        with pytest.raises(UnavailableError, match="may have happened"):
            await platform.set_traffic(TO_A, read.etag)


async def test_a_404_that_is_not_cloud_runs_does_not_say_that_the_service_is_gone():
    async with serving(answer(404, b"<html>404</html>")) as (platform, _):
        with pytest.raises(InfrastructureError) as caught:
            await platform.read_service()
    assert not isinstance(caught.value, NotFoundError)


async def test_a_server_that_never_speaks_can_be_left():
    asked = asyncio.Event()

    async def hold(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    async with silent, CloudRun(REF, Endpoint(f"127.0.0.1:{port}"), HASTY) as platform:
        call = asyncio.ensure_future(platform.read_service())
        await asked.wait()
        assert not call.done()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
