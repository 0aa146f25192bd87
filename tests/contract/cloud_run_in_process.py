"""A local Cloud Run inside a test's own event loop, with one service on it."""

import asyncio
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import grpc.aio
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcAsyncIOTransport

from gate.core.service import ServiceRef
from gate.local.images import Image, Images
from gate.local.server import LocalCloudRun, Settings

REF = ServiceRef("demo", "us-central1", "backend")
PARENT = "projects/demo/locations/us-central1"
FIRST, SECOND = "backend-00001-aaa", "backend-00002-bbb"

_GOOD = """
import os, socket
print("listening", flush=True)
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n")
    connection.close()
"""
_BROKEN = "import sys; print('cannot boot', file=sys.stderr); sys.exit(3)"
_IMAGES = Images(
    {
        name: Image((sys.executable, "-ISu", "-c", code), Path(__file__).parent)
        for name, code in (("good", _GOOD), ("broken", _BROKEN))
    }
)


@asynccontextmanager
async def local_cloud_run(*, calm=True, seed=1):
    """Starts one on free ports and yields its gRPC address; images are `good` and `broken`."""
    server = LocalCloudRun(Settings(None, _IMAGES, 0, seed, calm))
    endpoints = await server.start()
    try:
        yield endpoints.grpc
    finally:
        await server.stop()


@asynccontextmanager
async def google_client(host):
    """Google's own client, for what tests set up."""
    async with grpc.aio.insecure_channel(host) as channel:
        yield run_v2.ServicesAsyncClient(transport=ServicesGrpcAsyncIOTransport(channel=channel))


async def create_service(client, name="backend", revisions=(FIRST, SECOND)):
    """Makes a service whose first revision has all traffic."""
    by_name = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
    service = run_v2.Service(
        template=_template(revisions[0]),
        traffic=[run_v2.TrafficTarget(type_=by_name, revision=revisions[0], percent=100)],
        annotations={"team": "chat"},
    )
    operation = await client.create_service(parent=PARENT, service_id=name, service=service)
    service = await _end(operation)
    for revision in revisions[1:]:
        service.template = _template(revision)
        operation = await client.update_service(service=service, update_mask="template")
        service = await _end(operation)
    return service


async def _end(operation):
    """Its result; asked for more often than the client's own once a second."""
    while not await operation.done():  # noqa: ASYNC110 - the end is the server's to tell
        await asyncio.sleep(0.02)
    return await operation.result()


def _template(revision):
    return run_v2.RevisionTemplate(
        revision=revision,
        containers=[
            run_v2.Container(image="good", env=[run_v2.EnvVar(name="MODE", value="a b c")])
        ],
        timeout={"seconds": 60},
        labels={"team": "chat"},
    )
