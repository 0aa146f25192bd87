"""The grpc probe against a real gRPC server, and against what only looks like one."""

import asyncio
import contextlib
import ssl
import subprocess

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import IdentityRule
from gate.kinds.grpc import GrpcProbe
from tests.contract.probe_servers import answers, ask, http, tcp

PROBE = GrpcProbe(within_s=5)
Status = health_pb2.HealthCheckResponse


@contextlib.asynccontextmanager
async def serving(servicer=None, tls=None):
    server = grpc.aio.server()
    if servicer is not None:
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    bind = server.add_insecure_port if tls is None else server.add_secure_port
    port = bind("127.0.0.1:0", *([] if tls is None else [tls]))
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(grace=None)


class Answering(health_pb2_grpc.HealthServicer):
    """Answers Check as a test says, and keeps what it was asked."""

    def __init__(self, act):
        self.act = act
        self.metadata = []

    async def Check(self, request, context):  # noqa: N802 - gRPC's name
        self.metadata.append(dict(context.invocation_metadata()))
        return await self.act(context)


def answering(status=Status.SERVING, headers=()):
    async def act(context):
        if headers:
            await context.send_initial_metadata(headers)
        return Status(status=status)

    return Answering(act)


def refusing(code, details="no", headers=()):
    async def act(context):
        await context.abort(code, details, headers)

    return Answering(act)


def only(evidence, symptom):
    assert [one.symptom for one in evidence.findings] == [symptom], evidence
    return evidence.findings[0]


async def registered(**services):
    servicer = health.aio.HealthServicer()
    for name, status in services.items():
        await servicer.set(name, status)
    return servicer


async def test_a_server_that_serves_is_a_pass():
    async with serving(await registered()) as place:
        evidence = await ask(PROBE, place)
    assert evidence.passed, evidence
    assert (evidence.kind, evidence.seen) == ("grpc", "SERVING")
    assert evidence.asked == "grpc.health.v1.Health/Check (the whole server)"


async def test_the_service_that_is_asked_for_is_the_one_that_counts():
    servicer = await registered(orders=Status.NOT_SERVING, chat=Status.SERVING)
    async with serving(servicer) as place:
        chat = await ask(GrpcProbe("chat", 5), place)
        orders = await ask(GrpcProbe("orders", 5), place)
        unknown = await ask(GrpcProbe("nobody", 5), place)
    assert chat.passed
    assert orders.outcome is Outcome.FAILED
    assert only(orders, Symptom.STATUS).seen == "NOT_SERVING (orders says so itself)"
    assert unknown.outcome is Outcome.FAILED
    finding = only(unknown, Symptom.STATUS)
    assert finding.seen.startswith("NOT_FOUND")
    assert "'nobody'" in finding.hint


@pytest.mark.parametrize("status", [Status.UNKNOWN, Status.SERVICE_UNKNOWN, 77])
async def test_any_status_but_serving_fails(status):
    async with serving(answering(status)) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.FAILED
    only(evidence, Symptom.STATUS)


async def test_a_server_without_the_health_service_fails_and_says_what_to_do():
    async with serving() as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.FAILED
    finding = only(evidence, Symptom.STATUS)
    assert finding.seen.startswith("UNIMPLEMENTED")
    assert "add the standard health service" in finding.hint


@pytest.mark.parametrize("code", ["UNAVAILABLE", "PERMISSION_DENIED", "INTERNAL", "UNKNOWN"])
async def test_what_the_server_itself_says_is_the_candidates(code):
    async with serving(refusing(grpc.StatusCode[code], "database down")) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.FAILED
    assert only(evidence, Symptom.STATUS).seen == f"{code}: database down"


async def test_an_answer_that_does_not_come_in_time_fails():
    async def never(context):
        await asyncio.sleep(30)

    async with serving(Answering(never)) as place:
        evidence = await ask(GrpcProbe(within_s=0.5), place)
    assert evidence.outcome is Outcome.FAILED
    assert only(evidence, Symptom.TIMEOUT).seen == "no answer within 0.5 s"


async def test_an_address_that_is_not_reached_says_nothing_of_the_candidate():
    async with tcp(answers()) as place:
        pass
    for where in (place, "nowhere.invalid:80"):
        evidence = await ask(PROBE, where)
        assert evidence.outcome is Outcome.INCONCLUSIVE
        only(evidence, Symptom.CONNECT)


async def test_a_server_of_http_1_fails():
    async with tcp(http(b"{}")) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.FAILED
    assert "h2c" in only(evidence, Symptom.PROTOCOL).hint


async def test_a_connection_that_breaks_off_fails():
    async def handler(reader, writer):
        writer.write(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))  # an empty SETTINGS frame
        while b"/Check" not in await reader.read(65536):
            pass

    async with tcp(handler) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.FAILED, evidence
    only(evidence, Symptom.ABNORMAL)


def http2(status, stay=False):
    """Answers each stream with an HTTP status and no gRPC, as a front end does."""
    block = b"\x48\x03" + str(status).encode()  # :status as a literal, RFC 7541 section 6.2.1

    async def handler(reader, writer):
        writer.write(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        seen = b""
        while b"/Check" not in seen and b"grpc" not in seen:
            seen += await reader.read(65536)
        head = len(block).to_bytes(3, "big") + bytes([1, 5]) + (1).to_bytes(4, "big")
        writer.write(head + block)
        await writer.drain()
        await reader.read(-1)

    return handler


@pytest.mark.parametrize(
    ("status", "says"), [(403, "was refused"), (503, "no instance"), (404, "no such address")]
)
async def test_what_the_front_end_says_is_no_evidence(status, says):
    async with tcp(http2(status)) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.INCONCLUSIVE, evidence
    assert says in only(evidence, Symptom.PLATFORM).seen


async def test_the_targets_headers_are_sent_and_not_shown():
    servicer = answering()
    async with serving(servicer) as place:
        headers = (("X-Serverless-Authorization", "Bearer idtoken99"),)
        evidence = await ask(PROBE, place, headers=headers)
    assert evidence.passed, evidence
    (metadata,) = servicer.metadata
    assert metadata["x-serverless-authorization"] == "Bearer idtoken99"
    assert metadata["traceparent"].split("-")[1] == evidence.trace
    assert metadata["user-agent"].startswith("gate/")
    assert "idtoken99" not in repr(evidence)


@pytest.mark.parametrize(
    ("headers", "outcome"),
    [
        ((("x-revision", "r-2"),), Outcome.PASSED),
        ((("x-revision", "r-1"),), Outcome.INCONCLUSIVE),
        ((), Outcome.INCONCLUSIVE),
    ],
)
async def test_another_revisions_health_is_no_evidence(headers, outcome):
    rule = IdentityRule("X-Revision")
    async with serving(answering(headers=headers)) as place:
        evidence = await ask(PROBE, place, revision="r-2", identity=rule)
    assert evidence.outcome is outcome, evidence
    assert evidence.answered_by == dict(headers).get("x-revision", "")


async def test_an_error_names_its_revision_too():
    rule, code = IdentityRule("X-Revision"), grpc.StatusCode.INTERNAL
    async with serving(refusing(code, headers=(("x-revision", "r-2"),))) as place:
        right = await ask(PROBE, place, revision="r-2", identity=rule)
        other = await ask(PROBE, place, revision="r-3", identity=rule)
    assert right.outcome is Outcome.FAILED
    assert other.outcome is Outcome.INCONCLUSIVE
    only(other, Symptom.IDENTITY)


async def test_an_answer_that_is_too_large_is_refused():
    async def large(context):
        answer = Status(status=Status.SERVING)
        answer.MergeFromString(b"\x7a\x80\x80\x08" + b"x" * (128 * 1024))  # a field nobody knows
        return answer

    async with serving(Answering(large)) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is Outcome.FAILED
    only(evidence, Symptom.TOO_LARGE)


@pytest.fixture
def certificate(tmp_path):
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 "
        f"-keyout {tmp_path}/key.pem -out {tmp_path}/cert.pem"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return tmp_path


async def test_over_tls_it_trusts_whom_the_run_trusts(certificate):
    pair = ((certificate / "key.pem").read_bytes(), (certificate / "cert.pem").read_bytes())
    tls = grpc.ssl_server_credentials([pair])
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    async with serving(await registered(), tls) as place:
        right = await ask(PROBE, place, scheme="https", tls=trusting)
        wrong = await ask(PROBE, place, scheme="https")
    assert right.passed, right
    assert wrong.outcome is Outcome.INCONCLUSIVE
    only(wrong, Symptom.CONNECT)
