"""Front end and instances together: real requests to real processes, from cold to gone."""

import asyncio
import random
import sys
import textwrap

import pytest

from gate.local.frontend.loopback import LoopbackFrontEnd
from gate.local.images import Image, Images
from gate.local.instances.fleet import ProcessInstances
from gate.local.instances.records import started
from gate.local.instances.settings import InstanceSettings
from gate.local.ports import ContainerSpec, RevisionSpec, Share
from tests.contract.local_wire import Wire, get, until, within
from tests.fakes.local_data_plane import SERVICE, ListSink, revision

A, B = revision("backend-00001-abc"), revision("backend-00002-def")

SERVER = """
import os, socket, sys, threading
if sys.argv[1] == "broken":
    raise SystemExit("no module llm")
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
gate = threading.Event()
def serve(peer):
    with peer, peer.makefile("rb") as lines:
        while line := lines.readline():
            while lines.readline() != b"\\r\\n":
                pass
            path = line.split()[1]
            if path == b"/die":
                os._exit(7)
            if path == b"/wait":
                gate.wait()
            if path == b"/go":
                gate.set()
            body = f"{os.environ['K_REVISION']} {os.getpid()}".encode()
            head = b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body)
            peer.sendall(head + body)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class Cloud:
    """Instances and a front end, wired as the local Cloud Run wires them."""

    def __init__(self, tmp_path, settings):
        app = tmp_path / "app.py"
        app.write_text(textwrap.dedent(SERVER))
        run = (sys.executable, str(app))
        images = Images(
            {
                "good": Image((*run, "good"), tmp_path),
                "broken": Image((*run, "broken"), tmp_path),
            }
        )
        self.sink = ListSink()
        self.instances = ProcessInstances(images, self.sink, tmp_path / "state", settings)
        self.front = LoopbackFrontEnd(self.instances, self.sink, random.Random(3))
        self.wires = []

    async def serve(self, spec, *, boot=True):
        if boot:
            assert await self.instances.boot(spec) is None
        else:
            self.instances.remember(spec)
        self.front.route(SERVICE, None, (Share(spec.key, 100),))
        self.url = await self.front.open(SERVICE, None)

    async def wire(self):
        wire = await Wire.to(self.url)
        self.wires.append(wire)
        return wire

    async def ask(self, path="/"):
        status, _, body = await (await self.wire()).ask(get(path))
        return status, body.decode()

    async def close(self):
        await within(self.front.close())
        await within(self.instances.close())
        for wire in self.wires:
            wire.close()


@pytest.fixture
async def cloud_of(tmp_path):
    clouds = []

    def make(**settings):
        clouds.append(Cloud(tmp_path, InstanceSettings(**({"idle_s": 3600} | settings))))
        return clouds[-1]

    yield make
    for cloud in clouds:
        await cloud.close()


async def test_from_boot_to_answer_and_log(cloud_of):
    cloud = cloud_of()
    await cloud.serve(RevisionSpec(A, ContainerSpec("good")))
    status, body = await cloud.ask()
    assert (status, body.split()[0]) == (200, "backend-00001-abc")
    line = await cloud.sink.until(lambda it: it.http is not None)
    assert len(line.labels["instanceId"]) == 64


async def test_cold_starts_through_the_front_end(cloud_of):
    cloud = cloud_of(idle_s=0.05)
    await cloud.serve(RevisionSpec(A, ContainerSpec("good")), boot=False)
    seen = set()
    for _ in range(2):
        status, body = await cloud.ask()
        assert status == 200
        pid = int(body.split()[1])
        seen.add(pid)
        await until(lambda pid=pid: started(pid) is None)
    assert len(seen) == 2


async def test_a_revision_that_cannot_start_answers_503(cloud_of):
    cloud = cloud_of()
    await cloud.serve(RevisionSpec(A, ContainerSpec("broken")), boot=False)
    status, body = await cloud.ask()
    assert (status, body) == (
        503,
        "The request was aborted because there was no available instance.",
    )


async def test_a_crash_in_a_request_is_503_and_the_next_request_gets_a_new_instance(cloud_of):
    cloud = cloud_of()
    await cloud.serve(RevisionSpec(A, ContainerSpec("good")))
    first = (await cloud.ask())[1]
    status, body = await cloud.ask("/die")
    assert status == 503
    assert "connection to the instance had an error" in body
    await cloud.sink.until(lambda it: it.payload == "Container called exit(7).")
    status, second = await cloud.ask()
    assert status == 200
    assert second != first


async def test_concurrency_one_starts_a_second_instance_for_a_second_request(cloud_of):
    cloud = cloud_of()
    await cloud.serve(RevisionSpec(A, ContainerSpec("good"), concurrency=1))
    busy = await cloud.wire()
    await busy.send(get("/wait"))
    status, other = await cloud.ask()
    assert status == 200
    busy.close()
    again = await cloud.ask()
    assert again[0] == 200
    assert other


async def test_at_max_instances_a_request_waits_and_then_is_429(cloud_of):
    cloud = cloud_of(queue_s=0.2)
    await cloud.serve(RevisionSpec(A, ContainerSpec("good"), concurrency=1, max_instances=1))
    busy = await cloud.wire()
    await busy.send(get("/wait"))
    async with asyncio.timeout(60):
        while (lease := cloud.instances.try_acquire(A)) is not None:
            cloud.instances.release(lease)
            await asyncio.sleep(0.01)
    assert await cloud.ask() == (429, "Rate exceeded.")


async def test_retiring_a_revision_after_traffic_has_moved(cloud_of):
    cloud = cloud_of()
    await cloud.serve(RevisionSpec(A, ContainerSpec("good")))
    wire = await cloud.wire()
    assert (await wire.ask(get()))[2].startswith(b"backend-00001-abc")
    await cloud.serve(RevisionSpec(B, ContainerSpec("good")))
    await cloud.instances.retire(A)
    assert (await wire.ask(get()))[2].startswith(b"backend-00002-def")
