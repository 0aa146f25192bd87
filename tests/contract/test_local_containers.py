"""Instances of several containers, with probes and volumes, as real processes."""

import asyncio
import sys
import textwrap

import pytest

from gate.local.images import Image, Images
from gate.local.instances.fleet import ProcessInstances
from gate.local.instances.launcher import free_port
from gate.local.instances.logs import STDOUT, SYSTEM
from gate.local.instances.records import started
from gate.local.instances.settings import InstanceSettings
from gate.local.ports import (
    BootReason,
    ContainerSpec,
    Mount,
    ProbeKind,
    ProbeSpec,
    RevisionSpec,
    SecretFile,
    SecretRef,
    VolumeSpec,
)
from tests.contract.local_wire import until
from tests.fakes.local_data_plane import ListSink, revision

KEY = revision()
SETTINGS = InstanceSettings(idle_s=3600, grace_s=5, restart_backoff_s=0)

# Answers HTTP on PORT or --port; GET /sick makes it fail from then on, /die ends it.
SERVER = """
import json, os, signal, socket, sys, threading
arguments = sys.argv[1:]
if "--deaf" in arguments:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
def given(name, otherwise):
    return arguments[arguments.index(name) + 1] if name in arguments else otherwise
port, status = int(given("--port", os.environ.get("PORT"))), given("--status", "200")
listener = socket.create_server(("127.0.0.1", port))
print(json.dumps({"message": "up", "pid": os.getpid(), "arguments": arguments,
                  "env": dict(os.environ)}), flush=True)
asked = 0
def serve(peer):
    global status, asked
    with peer:
        path = peer.recv(65536).split()[1].decode()
        if path == "/die":
            os._exit(3)
        if path == "/sick":
            status = "500"
        if path == "/third":
            asked += 1
            code = "200" if asked >= 3 else "503"
            print("asked", asked, flush=True)
        else:
            code = status
        peer.sendall(f"HTTP/1.1 {code} X\\r\\nContent-Length: 0\\r\\n\\r\\n".encode())
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
IDLE = "import time; print('here', flush=True); time.sleep(600)"


class Stand:
    """Instances of small real containers, with their log."""

    def __init__(self, tmp_path, settings=SETTINGS):
        app = tmp_path / "app.py"
        app.write_text(textwrap.dedent(SERVER))
        run = (sys.executable, "-ISu", str(app))
        self.images = Images(
            {
                "app": Image((), tmp_path, {}, run),
                "idle": Image((sys.executable, "-c", IDLE), tmp_path),
                "exits": Image((sys.executable, "-c", "raise SystemExit(4)"), tmp_path),
            },
            {"key": "open sesame"},
        )
        self.state = tmp_path / "state"
        self.sink = ListSink()
        self.instances = ProcessInstances(self.images, self.sink, self.state, settings)

    async def boot(self, main, *sidecars, volumes=(), **fields):
        return await self.instances.boot(RevisionSpec(KEY, main, sidecars, volumes, **fields))

    def system(self):
        """The platform's lines, without those that say that something begins."""
        said = [line.payload for line in self.sink.lines if line.log_id == SYSTEM]
        return [text for text in said if not text.startswith("Starting new instance.")]

    async def up(self, container=None):
        """The payload that a container logs when it is up."""
        line = await self.sink.until(
            lambda it: (
                it.log_id == STDOUT
                and isinstance(it.payload, dict)
                and it.labels.get("container_name") == container
            )
        )
        return line.payload


@pytest.fixture
async def stand(tmp_path):
    made = Stand(tmp_path)
    yield made
    await made.instances.close()


def http(path="/", port=8080, tries=1, **fields):
    fields = {"timeout_s": 30, "period_s": 0.02, **fields}
    return ProbeSpec(ProbeKind.HTTP, port, path, failure_threshold=tries, **fields)


async def get(port, path):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\n\r\n".encode())
    answer = await reader.read()
    writer.close()
    return answer


async def until_gone(pid):
    await until(lambda: started(pid) is None)


async def test_an_http_startup_probe_waits_for_a_success(stand):
    assert await stand.boot(ContainerSpec("app", startup=http("/third", tries=10_000))) is None
    (said,) = stand.system()
    assert said.startswith("STARTUP HTTP probe succeeded after ")
    assert said.endswith('attempts for container "backend-1" on port 8080 path "/third".')


async def test_an_http_startup_probe_that_is_refused_fails_at_once_as_recorded(stand):
    failure = await stand.boot(ContainerSpec("idle", startup=http("/up", timeout_s=240)))
    assert failure is not None
    assert failure.message.startswith(
        "The user-provided container failed the configured startup probe checks."
    )
    (said,) = stand.system()
    assert said == (
        'STARTUP HTTP probe failed 1 time consecutively for container "backend-1" on port 8080 '
        'path "/up". The instance was not started. '
        "Connection failed with status ERROR_CONNECTION_FAILED."
    )


async def test_an_http_startup_probe_that_answers_500_is_not_saved_by_an_open_port(stand):
    main = ContainerSpec("app", args=("--status", "500"), startup=http(tries=40))
    assert await stand.boot(main) is not None
    (said,) = stand.system()
    assert "failed 40 times consecutively" in said


async def test_command_and_args_reach_the_process(stand):
    await stand.boot(ContainerSpec("app", args=("--status", "204", "$PORT")))
    assert (await stand.up())["arguments"] == ["--status", "204", "$PORT"]


def living(**fields):
    return ContainerSpec("app", liveness=http("/", tries=2), **fields)


async def test_a_liveness_probe_restarts_an_instance_that_has_gone_bad(stand):
    await stand.boot(living(), min_instances=1)
    pid = (await stand.up())["pid"]
    lease = await stand.instances.acquire(KEY)
    await get(lease.port, "/sick")
    said = await stand.sink.until(lambda it: "LIVENESS" in str(it.payload))
    assert said.severity == "ERROR"
    assert said.payload.startswith(
        'LIVENESS HTTP probe failed 2 times consecutively for container "backend-1" '
        'on port 8080 path "/". The instance has been shut down.'
    )
    await until_gone(pid)
    again = await stand.instances.acquire(KEY)
    assert again.instance_id != lease.instance_id
    assert b" 200 " in await get(again.port, "/")


async def test_an_instance_whose_liveness_probe_failed_is_not_waited_for(tmp_path):
    stand = Stand(tmp_path, InstanceSettings(grace_s=3600))
    await stand.boot(living(args=("--deaf",)))
    pid = (await stand.up())["pid"]
    await get((await stand.instances.acquire(KEY)).port, "/sick")
    await until_gone(pid)
    await stand.instances.close()


async def test_a_liveness_probe_leaves_an_instance_alone_that_fails_less_than_its_threshold(stand):
    await stand.boot(ContainerSpec("app", liveness=http("/third", tries=3)))
    lease = await stand.instances.acquire(KEY)
    await stand.sink.until(lambda it: it.payload == "asked 5")
    assert not [text for text in stand.system() if "LIVENESS" in text]
    assert (await stand.instances.acquire(KEY)).instance_id == lease.instance_id


def sidecar(port, *arguments, **fields):
    probe = fields.pop("startup", http("/", port=port, tries=10_000))
    args = ("--port", str(port), *arguments)
    return ContainerSpec("app", name="side", port=0, args=args, startup=probe, **fields)


async def test_a_sidecar_runs_beside_and_is_named_in_its_logs(stand):
    port = free_port()
    main = ContainerSpec("app", name="main", env=(("SIDE", f"localhost:{port}"),))
    assert await stand.boot(main, sidecar(port)) is None
    side, own = await stand.up("side"), await stand.up("main")
    assert "PORT" not in side["env"]
    assert side["env"]["K_REVISION"] == own["env"]["K_REVISION"]
    assert b" 200 " in await get(port, "/")
    await stand.instances.close()
    assert [started(each["pid"]) for each in (side, own)] == [None, None]
    assert list((stand.state / "instances").iterdir()) == []


async def test_a_container_starts_after_those_it_depends_on_have_passed(stand):
    port = free_port()
    slow = sidecar(port, startup=http("/third", port=port, tries=10_000))
    main = ContainerSpec("app", name="main", depends_on=("side",))
    assert await stand.boot(main, slow) is None
    await stand.up("main")
    lines = stand.sink.lines
    passed = next(line for line in lines if "HTTP probe succeeded" in str(line.payload))
    first = next(line for line in lines if line.labels.get("container_name") == "main")
    assert passed.labels["container_name"] == "side"
    assert lines.index(passed) < lines.index(first)


async def test_a_sidecar_that_fails_its_probe_fails_the_revision_and_is_named(stand):
    port = free_port()
    bad = sidecar(port, "--status", "500", startup=http("/", port=port, tries=40))
    failure = await stand.boot(ContainerSpec("app", name="main"), bad)
    assert failure is not None
    assert "'side'" in failure.message
    assert any(f'for container "side" on port {port} path "/"' in text for text in stand.system())


async def test_a_sidecar_that_exits_at_the_start_fails_the_revision_without_waiting(stand):
    exits = ContainerSpec("exits", name="side", port=0)
    deaf = ContainerSpec("idle", name="main")
    async with asyncio.timeout(60):
        failure = await stand.boot(deaf, exits)
    assert failure is not None
    assert failure.reason is BootReason.HEALTH_CHECK_CONTAINER_ERROR
    assert "'side' exited" in failure.message
    assert "Container called exit(4)." in stand.system()


async def test_a_sidecar_without_an_image_is_container_missing(stand):
    failure = await stand.boot(ContainerSpec("app"), ContainerSpec("none", name="side", port=0))
    assert failure is not None
    assert failure.reason is BootReason.CONTAINER_MISSING
    assert failure.message == "Image 'none' not found."
    assert stand.sink.lines == []


async def test_an_instance_ends_as_a_whole_when_one_container_dies(stand):
    port = free_port()
    await stand.boot(ContainerSpec("app", name="main"), sidecar(port))
    main = await stand.up("main")
    assert await get(port, "/die") == b""
    await until_gone(main["pid"])
    assert stand.instances.try_acquire(KEY) is None


async def test_containers_that_depend_on_each_other_start_nothing(stand):
    one = ContainerSpec("app", name="one", depends_on=("two",))
    two = ContainerSpec("app", name="two", port=0, depends_on=("one",))
    failure = await stand.boot(one, two)
    assert failure is not None
    assert "in a circle" in failure.message
    assert list((stand.state / "instances").iterdir()) == []


VOLUMES = (
    VolumeSpec("keys", (SecretFile("tls.pem", SecretRef("key")),)),
    VolumeSpec("scratch"),
)


async def test_secrets_as_files_and_a_shared_directory_last_as_long_as_the_instance(stand):
    main = ContainerSpec(
        "app",
        name="main",
        env=(("PEM", "/etc/keys/tls.pem"), ("KEY", SecretRef("key"))),
        mounts=(Mount("keys", "/etc/keys"), Mount("scratch", "/scratch")),
    )
    side = ContainerSpec(
        "idle",
        name="side",
        port=0,
        mounts=(Mount("scratch", "/tmp/shared"),),
    )
    assert await stand.boot(main, side, volumes=VOLUMES) is None
    env = (await stand.up("main"))["env"]
    assert env["KEY"] == "open sesame"
    with open(env["PEM"]) as file:  # noqa: PTH123, ASYNC230 - a few bytes
        assert file.read() == "open sesame"
    assert env["PEM"] == f"{env['GATE_LOCAL_MOUNT_KEYS']}/tls.pem"
    assert env["GATE_LOCAL_MOUNT_SCRATCH"].startswith(str(stand.state))
    await stand.instances.close()
    assert list((stand.state / "volumes").iterdir()) == []


async def test_a_start_that_fails_leaves_no_secret_behind(stand):
    main = ContainerSpec("exits", mounts=(Mount("keys", "/etc/keys"),))
    assert await stand.boot(main, volumes=VOLUMES) is not None
    assert list((stand.state / "volumes").iterdir()) == []


async def test_a_secret_that_is_gone_at_the_start_fails_it(stand):
    failure = await stand.boot(ContainerSpec("app", env=(("KEY", SecretRef("other")),)))
    assert failure is not None
    (said,) = stand.system()
    assert said == (
        "The container could not be started: The images file has no such secret any more: 'other'."
    )


async def test_a_working_dir_that_is_not_there_is_said(stand):
    await stand.boot(ContainerSpec("app", working_dir="/not/here"))
    assert any("There is no directory '/not/here' here" in text for text in stand.system())
