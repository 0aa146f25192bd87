"""A Cloud Run that loses answers, is overloaded or says strange things, over a real socket."""

import asyncio
import time
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest
from google.cloud.run_v2.types import service as services
from google.longrunning.operations_pb2 import Operation
from google.rpc import status_pb2

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.cloud.wire import Patience
from gate.core.service import ServiceRef
from gate.core.traffic import Split
from gate.errors import ConflictError, InfrastructureError, UnavailableError

REF = ServiceRef("demo", "us-central1", "backend")
TO_A = Split.all_to("backend-00001-aaa")
HASTY = Patience(budget_s=1.0, first_wait_s=0.01, max_wait_s=0.05)


def raw_or_message(answer):
    return answer if isinstance(answer, bytes) else answer.SerializeToString()


class Server:
    """Answers GetService and UpdateService from a list; the last item repeats."""

    def __init__(self):
        self.answers = []
        self.requests = []
        self.metadata = []

    async def handle(self, request, context):
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "words of the server")
        return answer

    def handlers(self):
        def unary(decode, encode):
            return grpc.unary_unary_rpc_method_handler(self.handle, decode, encode)

        get = unary(services.GetServiceRequest.deserialize, raw_or_message)
        update = unary(services.UpdateServiceRequest.deserialize, raw_or_message)
        return grpc.method_handlers_generic_handler(
            "google.cloud.run.v2.Services", {"GetService": get, "UpdateService": update}
        )


@asynccontextmanager
async def serving(*answers):
    script = Server()
    script.answers = list(answers)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((script.handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with CloudRun(REF, Endpoint(f"127.0.0.1:{port}"), HASTY) as platform:
            yield platform, script
    finally:
        await server.stop(grace=0)


async def test_what_is_sent_with_every_call():
    async with serving(Operation()) as (platform, script):
        await platform.set_traffic(TO_A, "etag")
    (request,) = script.requests
    assert list(request.update_mask.paths) == ["traffic"]
    expected = services.Service(
        name="projects/demo/locations/us-central1/services/backend",
        etag="etag",
        traffic=[{"type_": 2, "revision": "backend-00001-aaa", "percent": 100}],
    )
    assert request.service == expected
    assert not request.allow_missing
    (metadata,) = script.metadata
    assert metadata["x-goog-request-params"] == "location=us-central1"
    assert metadata["user-agent"].startswith("cloud-run-gate ")


async def test_an_operation_that_failed_at_once_is_raised_with_its_text():
    error = status_pb2.Status(code=13, message="Revision 'x' does not exist or is deleted.")
    async with serving(Operation(done=True, error=error)) as (platform, _):
        with pytest.raises(InfrastructureError, match=r"code 13: Revision 'x' does not exist"):
            await platform.set_traffic(TO_A, "etag")


async def test_an_operation_that_runs_is_not_waited_for():
    async with serving(Operation(name="operations/1")) as (platform, script):
        await platform.set_traffic(TO_A, "etag")
    assert len(script.requests) == 1


async def test_reads_survive_bad_moments():
    good = services.Service.serialize(services.Service(generation=7))
    hiccups = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]
    async with serving(*hiccups, good) as (platform, script):
        assert (await platform.read_service()).generation == 7
    assert len(script.requests) == 3


async def test_a_lost_answer_followed_by_a_conflict_may_be_our_own_success():
    async with serving(grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED) as (platform, script):
        with pytest.raises(UnavailableError, match="may have happened"):
            await platform.set_traffic(TO_A, "etag")
    assert len(script.requests) == 2


async def test_a_conflict_alone_is_a_conflict():
    async with serving(grpc.StatusCode.ABORTED) as (platform, script):
        with pytest.raises(ConflictError, match="words of the server"):
            await platform.set_traffic(TO_A, "etag")
    assert len(script.requests) == 1


async def test_without_an_etag_an_unanswered_write_is_not_repeated():
    async with serving(grpc.StatusCode.UNAVAILABLE) as (platform, script):
        with pytest.raises(UnavailableError, match="may have happened"):
            await platform.set_traffic(TO_A, "")
    assert len(script.requests) == 1


async def test_time_runs_out():
    async with serving(grpc.StatusCode.UNAVAILABLE) as (platform, script):
        started = time.monotonic()
        with pytest.raises(UnavailableError, match=r"no usable answer in \d+ tries"):
            await platform.read_service()
        assert 0.5 < time.monotonic() - started < 3.0
    assert len(script.requests) > 10


async def test_an_answer_that_is_no_message(caplog):
    async with serving(b"\xff\xff\xff garbage") as (platform, _):
        with pytest.raises(
            InfrastructureError, match=r"^service .*cannot be understood \(got 11 b"
        ):
            await platform.read_service()
        with pytest.raises(UnavailableError, match="may have happened"):
            await platform.set_traffic(TO_A, "etag")
    assert not caplog.records


async def test_a_server_that_never_speaks_is_left_after_a_while():
    async def hold(reader, writer):
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    hasty = Patience(budget_s=0.5, first_wait_s=0.01, max_wait_s=0.05)
    async with silent, CloudRun(REF, Endpoint(f"127.0.0.1:{port}"), hasty) as platform:
        with pytest.raises(UnavailableError):
            await platform.read_service()
