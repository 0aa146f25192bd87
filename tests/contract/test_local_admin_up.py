"""`gate local up` as a process: its greeting, its end, its state, its messages."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from tests.contract.local_admin import HTTP, Api, short, template, to, who
from tests.e2e.stage import eventually
from tests.local_cloud_run import start_local_cloud_run, write_images

pytestmark = [pytest.mark.xdist_group("local_admin_up"), pytest.mark.timeout(300)]
ROOT = Path(__file__).parent.parent.parent
READY = "gate local: ready."


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def start(images):
    """Starts local Cloud Runs and stops what is left of them."""
    started = []

    def run(*arguments, port=0):
        started.append(start_local_cloud_run(images, ("--port", str(port), *arguments)))
        return started[-1]

    yield run
    for running in started:
        running.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def standing(start, tmp_path_factory):
    """One that nothing happens to: its port, its state directory and itself."""
    state = tmp_path_factory.mktemp("my state")
    while True:
        with socket.create_server(("127.0.0.1", 0)) as found:
            port = found.getsockname()[1]
        try:
            return port, state, start("--calm", "--seed", "7", "--state", str(state), port=port)
        except AssertionError:  # somebody took the port, or the next one
            continue


def instances(directory):
    """The process ids of the instances that a state directory knows of."""
    return [int(file.stem) for file in (directory / "instances").glob("*.json")]


def alive(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def until_dead(pids):
    eventually(lambda: not any(map(alive, pids)))


def port_of(uri):
    return int(uri.rpartition(":")[2])


def test_the_greeting_comes_once_with_every_endpoint_and_the_environment(standing):
    port, _, running = standing
    said = running.greeting
    assert said.count(READY) == 1
    assert f"export CLOUD_RUN_EMULATOR_HOST=127.0.0.1:{port}\n" in said
    assert f"export LOGGING_EMULATOR_HOST=127.0.0.1:{port}\n" in said
    assert f"export MONITORING_EMULATOR_HOST=127.0.0.1:{port}\n" in said
    assert running.rest == f"http://127.0.0.1:{port + 1}"
    assert "seed 7" in said
    assert "calm" in said


def test_what_it_prints_for_gcloud_prints_gclouds_settings(standing):
    _, state, running = standing
    line = running.greeting.splitlines()[-1]
    said = subprocess.run(["sh", "-c", f"{line}; env"], capture_output=True, text=True, check=True)
    found = dict(one.split("=", 1) for one in said.stdout.splitlines() if "=" in one)
    for api in ("RUN", "LOGGING", "CLOUDRESOURCEMANAGER"):
        assert found[f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}"] == f"http://{running.grpc}/"
    assert found["CLOUDSDK_CONFIG"].startswith(str(state))


def test_everything_survives_the_ends_that_a_local_cloud_run_can_have(start, tmp_path):
    """SIGTERM, SIGINT while somebody takes a port, SIGKILL in the middle of a deploy."""
    state = tmp_path / "state"
    calm = ("--calm", "--state", str(state))
    running = start(*calm)
    api = Api("grpc", running)
    service = running.create_service("backend")
    first, name = short(service.latest_ready_revision), service.name
    before = api.deploy(
        name, to(first, 100), to("backend-next", 0, "next"), revision="backend-next"
    )
    operations = f"/v2/{name.partition('/serv')[0]}/operations"
    listed = HTTP.get(running.rest + operations).json()
    pids = instances(state)
    assert pids
    assert all(map(alive, pids))
    assert running.stop(signal.SIGTERM) == 0
    assert not any(map(alive, pids))

    running = start(*calm)
    api = Api("grpc", running)
    assert api.get(name) == before
    assert len(list(api.revisions.list_revisions(parent=name))) == 2
    assert HTTP.get(running.rest + operations).json() == listed
    assert who(before.uri) == first
    assert who(before.traffic_statuses[1].uri) == "backend-next"
    pids = instances(state)
    assert running.stop(signal.SIGINT) == 0
    assert not any(map(alive, pids))

    with socket.create_server(("127.0.0.1", port_of(before.uri))):
        running = start("--seed", "3", "--state", str(state))
        api = Api("grpc", running)
        after = api.get(name)
    assert after.uri != before.uri
    operation = api.start_update(run_v2.Service(name=name, template=template(A="1")), "template")
    pids = instances(state)
    running.stop(signal.SIGKILL)

    running = start(*calm)
    until_dead(pids)
    url = f"{running.rest}/v2/{operation.operation.name}:wait"
    finished = HTTP.post(url, json={"timeout": "30s"}, timeout=40).json()
    assert finished["done"] is True
    assert finished["response"]["generation"] == "3"
    after = Api("grpc", running).get(name)
    assert after.latest_created_revision != before.latest_created_revision
    assert who(after.uri) == first


def test_ephemeral_keeps_nothing_and_its_processes_die_with_it(start, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    running = start("--ephemeral", "--calm")
    service = running.create_service("backend")
    (first,) = tmp_path.glob("gate-local-*")
    pids = instances(first)
    assert pids
    running.stop(signal.SIGKILL)
    until_dead(pids)
    first.chmod(0o777)  # open to others, it is not used again

    fresh = start("--ephemeral")
    assert re.search(r"seed \d+", fresh.greeting)
    assert "rude" in fresh.greeting
    with pytest.raises(exceptions.NotFound):
        Api("grpc", fresh).get(service.name)
    fresh.create_service("backend")
    (second,) = set(tmp_path.glob("gate-local-*")) - {first}
    assert second.stat().st_mode & 0o77 == 0
    assert instances(second)
    assert fresh.stop() == 0
    assert not instances(second)


# Messages

_SEVERAL = """
import contextlib, io, json, sys
from gate.cli.main import run
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["local", "up", *arguments])
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""
_WITHOUT = """
import os, sys
from gate.cli.main import run
for module in sys.argv[1:]:
    if os.fork() == 0:
        sys.modules[module] = None
        print(module, run(["local", "up", "--ephemeral"]), flush=True)
        os._exit(0)
    os.wait()
"""
BAD_FLAGS = (
    ("--port", "x"),
    ("--port", "-1"),
    ("--port", "70000"),
    ("--seed", "x"),
    ("--nope",),
    ("--ephemeral", "--state", "x"),
)
BAD_IMAGES = (
    None,
    "",
    "[]",
    "images: {a: {command: notalist}}",
    "a: &x [1]\nimages: *x",
    "\x00",
    "images: {a: {}}\nimages: {}",
)
BAD_STATES = ('{"service": {"name": "x"}}', "{", "[]")


@pytest.fixture(scope="module")
def refused(standing, tmp_path_factory):
    """Runs command lines that must not start anything, in one process: {arguments: stderr}."""
    port, state, _ = standing
    home = tmp_path_factory.mktemp("bad")
    cases = dict.fromkeys(BAD_FLAGS, 2)
    for number, text in enumerate(BAD_IMAGES):
        path = home / f"{number}.yaml"
        if text is not None:
            path.write_text(text)
        cases["--ephemeral", "--images", str(path)] = 2
    for number, text in enumerate(BAD_STATES):
        file = home / str(number) / "resources" / "services" / "x.json"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        cases["--port", "0", "--state", str(home / str(number))] = 3
    cases["--port", "0", "--state", str(state)] = 3
    cases |= {("--ephemeral", "--port", str(taken)): 3 for taken in (port, port - 1)}
    said = subprocess.run(
        [sys.executable, "-c", _SEVERAL],
        input=json.dumps(list(cases)),
        capture_output=True,
        text=True,
        timeout=240,
        check=True,
        cwd=ROOT,
    ).stdout.splitlines()
    answers = dict(zip(cases, map(json.loads, said), strict=True))
    for arguments, (code, out, err) in answers.items():
        assert code == cases[arguments], (arguments, err)
        assert READY not in out
        assert "internal error" not in err
    return {arguments: err for arguments, (_, _, err) in answers.items()}


def test_bad_flags_bad_images_files_and_foreign_state_are_one_message(refused):
    for arguments, said in refused.items():
        if "--images" in arguments or ("--state" in arguments and "--ephemeral" not in arguments):
            assert arguments[-1] in said
            assert len(said.splitlines()) == 2, said
        assert said.strip()


def test_a_port_in_use_is_named_with_a_hint(standing, refused):
    port, _, _ = standing
    for asked in (port, port - 1):
        said = refused["--ephemeral", "--port", str(asked)]
        either = f"({asked}|{asked + 1})"  # somebody else may have the other one
        assert re.search(rf"--port {asked}: port {either} of 127\.0\.0\.1 is in use", said)
        assert "hint: give --port another number" in said


def test_a_state_directory_in_use_is_said_to_be(standing, refused):
    said = refused["--port", "0", "--state", str(standing[1])]
    assert "in use by another local Cloud Run" in said


def test_without_its_extra_it_says_how_to_get_it():
    modules = ("uvicorn", "google.cloud", "google.iam", "re2")
    command = [sys.executable, "-c", _WITHOUT, *modules]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=True, cwd=ROOT
    )
    assert answer.stdout.splitlines() == [f"{module} 2" for module in modules]
    assert answer.stderr.count("EXTRAS=local") == len(modules)
    assert "Traceback" not in answer.stderr
