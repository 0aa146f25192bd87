"""Instances against real processes: the container contract of facts section H, line by line."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gate.local.images import Image, Images
from gate.local.instances import shim
from gate.local.instances.fleet import ProcessInstances
from gate.local.instances.logs import STDERR, STDOUT, SYSTEM
from gate.local.instances.records import started
from gate.local.instances.settings import InstanceSettings
from gate.local.ports import BootReason, ContainerSpec, NoInstanceError, ProbeSpec, RevisionSpec
from tests.contract.local_wire import until
from tests.fakes.local_data_plane import ListSink, revision

KEY = revision()
SETTINGS = InstanceSettings(idle_s=3600, grace_s=5)

SERVER = """
import json, os, signal, socket, subprocess, sys, threading
mode = sys.argv[1] if len(sys.argv) > 1 else ""
if mode == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "family":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                             start_new_session=True)
    print("child", child.pid, flush=True)
if mode == "polite":
    def bye(*_):
        os.write(1, b"bye\\n")  # print may be interrupted in the middle of printing
        os._exit(0)
    signal.signal(signal.SIGTERM, bye)
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
print(json.dumps({"severity": "NOTICE", "message": "up", "env": dict(os.environ),
                  "pid": os.getpid(), "cwd": os.getcwd()}), flush=True)
print("careful", file=sys.stderr, flush=True)
while True:
    peer, _ = listener.accept()
    def answer(peer=peer):
        with peer:
            word = peer.recv(100)
            if word == b"die":
                os._exit(3)
            peer.sendall(str(os.getpid()).encode())
    threading.Thread(target=answer, daemon=True).start()
"""


class Stand:
    """Instances of small real servers, with their log."""

    def __init__(self, tmp_path, **images):
        app = tmp_path / "app.py"
        app.write_text(textwrap.dedent(SERVER))
        base = {
            "good": Image((sys.executable, str(app)), tmp_path, {"FROM": "image", "BOTH": "image"}),
            "deaf": Image((sys.executable, str(app), "deaf"), tmp_path),
            "family": Image((sys.executable, str(app), "family"), tmp_path),
            "polite": Image((sys.executable, str(app), "polite"), tmp_path),
            "exits": Image((sys.executable, "-c", "raise SystemExit('no module llm')"), tmp_path),
            "mute": Image((sys.executable, "-c", "import time; time.sleep(600)"), tmp_path),
            "no-program": Image(("/does/not/exist",), tmp_path),
            "no-directory": Image((sys.executable, str(app)), tmp_path / "gone"),
        }
        self.images = Images(base | images)
        self.state = tmp_path / "state"
        self.sink = ListSink()

    def instances(self, settings=SETTINGS):
        return ProcessInstances(self.images, self.sink, self.state, settings)

    def texts(self, log_id):
        return [line.payload for line in self.sink.lines if line.log_id == log_id]

    async def up(self):
        """The payload that an instance logs when it is up."""
        return await self.sink.until(
            lambda it: isinstance(it.payload, dict) and it.payload.get("message") == "up"
        )


@pytest.fixture
def stand(tmp_path):
    return Stand(tmp_path)


_OF_A_REVISION = ("concurrency", "min_instances", "sidecars", "volumes")


def spec(image="good", **fields):
    whole = {name: fields.pop(name) for name in _OF_A_REVISION if name in fields}
    return RevisionSpec(KEY, ContainerSpec(image, **fields), **whole)


async def call(lease, word=b"who"):
    reader, writer = await asyncio.open_connection(lease.host, lease.port)
    writer.write(word)
    answer = await reader.read()
    writer.close()
    return answer


async def until_gone(pid):
    await until(lambda: started(pid) is None)


async def test_the_container_contract(stand):
    instances = stand.instances()
    env = (("BOTH", "revision"), ("PORT", "1"), ("MINE", "yes"))
    assert await instances.boot(spec(env=env)) is None
    line = await stand.up()
    lease = await instances.acquire(KEY)
    assert line.log_id == STDOUT
    assert line.severity == "NOTICE"
    assert line.labels == {"instanceId": lease.instance_id}
    seen = line.payload["env"]
    assert seen["PORT"] == str(lease.port)
    assert seen["K_SERVICE"] == seen["K_CONFIGURATION"] == "backend"
    assert seen["K_REVISION"] == "backend-00001-abc"
    assert (seen["FROM"], seen["BOTH"], seen["MINE"]) == ("image", "revision", "yes")
    assert line.payload["cwd"] == str(stand.state.parent)
    stderr = await stand.sink.until(lambda it: it.log_id == STDERR)
    assert (stderr.payload, stderr.severity) == ("careful", "DEFAULT")
    await instances.close()


async def test_the_developers_own_environment_is_not_the_services(stand, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret")
    instances = stand.instances()
    await instances.boot(spec())
    line = await stand.up()
    assert "AWS_SECRET_ACCESS_KEY" not in line.payload["env"]
    assert "PATH" in line.payload["env"]
    await instances.close()


async def test_an_unknown_image_is_container_missing(stand):
    instances = stand.instances()
    failure = await instances.boot(spec("demo/none:v9"))
    assert failure is not None
    assert failure.reason is BootReason.CONTAINER_MISSING
    assert failure.message == "Image 'demo/none:v9' not found."
    with pytest.raises(NoInstanceError):
        await instances.acquire(KEY)


async def test_a_container_that_exits_fails_at_once_with_cloud_runs_texts(stand):
    instances = stand.instances()
    async with asyncio.timeout(60):
        failure = await instances.boot(spec("exits", name="app"))
    assert failure is not None
    assert failure.reason is BootReason.HEALTH_CHECK_CONTAINER_ERROR
    assert failure.message.startswith(
        "The user-provided container failed to start and listen on the port defined provided by "
        "the PORT=8080 environment variable within the allocated timeout."
    )
    assert stand.texts(STDERR) == ["no module llm"]
    begun, exited, probed = stand.texts(SYSTEM)
    assert begun.startswith("Starting new instance. Reason: DEPLOYMENT_ROLLOUT - ")
    assert exited == "Container called exit(1)."
    assert probed == (
        'Default STARTUP TCP probe failed 1 time consecutively for container "app" '
        "on port 8080. The instance was not started."
    )


async def test_a_container_that_never_listens_fails_at_the_timeout_and_is_killed(stand):
    instances = stand.instances()
    failure = await instances.boot(spec("mute", startup=ProbeSpec(timeout_s=0.3)))
    assert failure is not None
    assert failure.message == (
        "The user-provided container failed the configured startup probe checks. "
        "Logs for this revision might contain more information."
    )
    assert failure.took_s >= 0.3
    _, said = stand.texts(SYSTEM)
    assert said == (
        'STARTUP TCP probe failed 1 time consecutively for container "backend-1" on port 8080. '
        "The instance was not started. Connection failed with status DEADLINE_EXCEEDED."
    )
    assert list((stand.state / "instances").iterdir()) == []


@pytest.mark.parametrize("image", ["no-program", "no-directory"])
async def test_a_command_that_cannot_run_is_a_container_that_did_not_start(stand, image):
    failure = await stand.instances().boot(spec(image))
    assert failure is not None
    assert failure.reason is BootReason.HEALTH_CHECK_CONTAINER_ERROR
    said = " ".join(str(line.payload) for line in stand.sink.lines)
    assert "No such file" in said


async def test_scale_to_zero_and_a_real_cold_start(stand):
    instances = stand.instances(InstanceSettings(idle_s=0.05))
    await instances.boot(spec())
    first = int((await stand.up()).payload["pid"])
    await until_gone(first)
    assert instances.try_acquire(KEY) is None
    lease = await instances.acquire(KEY)
    assert int(await call(lease)) != first
    await instances.close()


async def test_a_remembered_revision_starts_with_its_first_request(stand):
    instances = stand.instances()
    instances.remember(spec())
    assert stand.sink.lines == []
    assert await call(await instances.acquire(KEY))
    await instances.close()


async def test_a_second_instance_when_the_first_is_full(stand):
    instances = stand.instances()
    await instances.boot(spec(concurrency=1))
    leases = [await instances.acquire(KEY), await instances.acquire(KEY)]
    assert await call(leases[0]) != await call(leases[1])
    await instances.close()


async def test_an_instance_that_dies_is_said_so_and_replaced(stand):
    instances = stand.instances(InstanceSettings(restart_backoff_s=0))
    await instances.boot(spec(min_instances=1))
    lease = await instances.acquire(KEY)
    assert await call(lease, b"die") == b""
    await stand.sink.until(lambda it: it.payload == "Container called exit(3).")
    again = await instances.acquire(KEY)
    assert again.instance_id != lease.instance_id
    assert await call(again)
    await instances.close()


async def test_sigterm_is_heard(stand):
    instances = stand.instances()
    await instances.boot(spec("polite"))
    pid = (await stand.up()).payload["pid"]
    await instances.retire(KEY)
    assert started(pid) is None
    assert "bye" in stand.texts(STDOUT)
    assert "Container called exit(0)." not in stand.texts(SYSTEM)
    with pytest.raises(NoInstanceError):
        await instances.acquire(KEY)


async def test_sigkill_follows_after_the_grace(stand):
    instances = stand.instances(InstanceSettings(grace_s=0.1))
    await instances.boot(spec("deaf"))
    pid = (await stand.up()).payload["pid"]
    async with asyncio.timeout(60):
        await instances.close()
    assert started(pid) is None


async def test_children_of_an_instance_end_with_it_even_in_a_session_of_their_own(stand):
    instances = stand.instances()
    await instances.boot(spec("family"))
    child = await stand.sink.until(lambda it: str(it.payload).startswith("child "))
    pid = int(str(child.payload).split()[1])
    assert started(pid) is not None
    await instances.close()
    await until_gone(pid)


async def test_close_during_a_boot_leaves_nothing(stand):
    instances = stand.instances()
    booting = asyncio.ensure_future(instances.boot(spec("mute")))
    await until(lambda: list((stand.state / "instances").glob("*.json")))
    (record,) = (stand.state / "instances").glob("*.json")
    await instances.close()
    assert await booting is not None
    assert started(int(record.stem)) is None


@pytest.mark.parametrize(
    ("parent", "program", "code"),
    [(str(os.getpid()), "true", 0), (str(os.getpid()), "/none", 127), ("1", "true", 125)],
    ids=["its parent", "no such program", "somebody else's parent"],
)
def test_the_shim_becomes_the_command_of_its_own_parent_only(parent, program, code):
    command = [sys.executable, str(Path(shim.__file__)), parent, program]
    run = subprocess.run(command, capture_output=True, check=False)
    assert run.returncode == code
    assert (b"cannot run '/none'" in run.stderr) == (code == 127)


OWNER = """
import asyncio, sys
from pathlib import Path
from gate.local.instances import shim
from gate.local.images import load_images
from gate.local.instances.fleet import ProcessInstances
from gate.local.ports import (
    ContainerSpec, Mount, RevisionKey, RevisionSpec, ServiceKey, VolumeSpec
)

class Sink:
    def append(self, line):
        if isinstance(line.payload, dict):
            print("pid", line.payload["pid"], flush=True)
        elif str(line.payload).startswith("child"):
            print(line.payload, flush=True)

async def main():
    home = Path(sys.argv[1])
    instances = ProcessInstances(load_images(home / "images.yaml"), Sink(), home / "state")
    key = RevisionKey(ServiceKey("p", "l", "s"), "s-00001-abc")
    await instances.boot(RevisionSpec(
        key,
        ContainerSpec("family", mounts=(Mount("scratch", "/scratch"),)),
        volumes=(VolumeSpec("scratch"),),
    ))
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child's life to its parent")
async def test_a_killed_local_cloud_run_takes_its_instances_along_and_the_rest_is_found(stand):
    home = stand.state.parent
    (home / "images.yaml").write_text(
        f"images: {{family: {{command: [python, {home / 'app.py'}, family]}}}}"
    )
    owner = subprocess.Popen(  # noqa: ASYNC220 - a short wait, nothing else runs in this test
        [sys.executable, "-c", OWNER, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert owner.stdout is not None
    said = dict(owner.stdout.readline().split() for _ in range(2))
    instance, child = int(said["pid"]), int(said["child"])
    owner.kill()
    owner.wait()
    owner.stdout.close()
    await until_gone(instance)
    assert started(child) is not None
    instances = stand.instances()
    (secrets,) = (stand.state / "volumes").iterdir()
    assert await instances.reap_orphans() == 1
    assert not secrets.exists()
    await until_gone(child)
    assert await instances.reap_orphans() == 0
    assert list((stand.state / "instances").iterdir()) == []


async def test_a_process_that_only_shares_a_recorded_number_is_left_alone(stand):
    stranger = subprocess.Popen(["sleep", "600"])  # noqa: ASYNC220 - nothing else runs here
    try:
        instances = stand.instances()
        record = stand.state / "instances" / f"{stranger.pid}.json"
        record.write_text(
            f'{{"pid": {stranger.pid}, "started": "another boot:1", "marker": "M=1", '
            f'"owner_pid": {2**22 + 1}, "owner_started": "then"}}'
        )
        assert await instances.reap_orphans() == 0
        assert stranger.poll() is None
        assert not record.exists()
    finally:
        os.kill(stranger.pid, signal.SIGKILL)
        stranger.wait()
