"""The gate's grpc probe before real gRPC servers that the local Cloud Run itself runs."""

import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from google.cloud import run_v2

from gate.core.evidence import Outcome
from gate.kinds.grpc import GrpcProbe
from gate.local.images import Image, Images
from gate.local.server import LocalCloudRun, Settings
from tests.contract.cloud_run_in_process import PARENT, _end, google_client
from tests.contract.probe_servers import ask

SERVER = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
server = grpc.server(ThreadPoolExecutor(4))
if sys.argv[1] != "none":
    servicer = health.HealthServicer()
    servicer.set("", health_pb2.HealthCheckResponse.ServingStatus.Value(sys.argv[1]))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
server.add_insecure_port("127.0.0.1:" + os.environ["PORT"])
server.start()
server.wait_for_termination()
"""
HTTP1 = """
import http.server, os
address = ("127.0.0.1", int(os.environ["PORT"]))
http.server.HTTPServer(address, http.server.BaseHTTPRequestHandler).serve_forever()
"""
PROBE = GrpcProbe(within_s=10)


def image(code, *arguments):
    return Image((sys.executable, "-c", code, *arguments), Path(__file__).parent)


@asynccontextmanager
async def deployed(image, port="h2c"):
    """One service with one image, whose port has this name; where it is."""
    settings = Settings(None, Images({"it": image}), 0, 1, calm=True)
    server = LocalCloudRun(settings)
    endpoints = await server.start()
    try:
        async with google_client(endpoints.grpc) as client:
            ports = [run_v2.ContainerPort(name=port, container_port=8080)]
            containers = [run_v2.Container(image="it", ports=ports)]
            service = run_v2.Service(template=run_v2.RevisionTemplate(containers=containers))
            operation = await client.create_service(
                parent=PARENT, service_id="rpc", service=service
            )
            made = await _end(operation)
        yield made.uri.removeprefix("http://")
    finally:
        await server.stop()


@pytest.mark.parametrize(
    ("health", "outcome", "seen"),
    [
        ("SERVING", Outcome.PASSED, "SERVING"),
        ("NOT_SERVING", Outcome.FAILED, "NOT_SERVING"),
        ("none", Outcome.FAILED, "UNIMPLEMENTED"),
    ],
)
async def test_the_probe_hears_what_the_server_says(health, outcome, seen):
    async with deployed(image(SERVER, health)) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is outcome, evidence
    assert evidence.seen.startswith(seen)


async def test_a_server_of_grpc_behind_a_plain_port_cannot_pass():
    async with deployed(image(SERVER, "SERVING"), port="http1") as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is not Outcome.PASSED, evidence


async def test_a_server_of_http11_behind_h2c_cannot_pass():
    async with deployed(image(HTTP1)) as place:
        evidence = await ask(PROBE, place)
    assert evidence.outcome is not Outcome.PASSED, evidence
    assert "503" in evidence.seen
