"""`gate local up` as a process: its greeting, its end, its state, its messages."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from google.api_core import exceptions
from google.cloud import run_v2

from tests.contract.local_admin import Api, short, template, to, who
from tests.local_cloud_run import start_local_cloud_run, write_images

pytestmark = pytest.mark.xdist_group("local_admin_up")
ROOT = Path(__file__).parent.parent.parent
READY = "gate local: ready."


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path)


@pytest.fixture
def start(images):
    """Starts local Cloud Runs and stops what is left of them."""
    started = []

    def run(*arguments):
        started.append(start_local_cloud_run(images, ("--port", "0", *arguments)))
        return started[-1]

    yield run
    for running in started:
        running.stop(signal.SIGKILL)


def gate(*arguments):
    command = [sys.executable, "-m", "gate.cli", "local", "up", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )


def instances(directory):
    """The process ids of the instances that a state directory knows of."""
    return [int(file.stem) for file in (directory / "instances").glob("*.json")]


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def candidate(api, service):
    """Deploys a tagged candidate at 0 %; gives the service."""
    first = short(service.latest_ready_revision)
    name = f"{short(service.name)}-next"
    return api.deploy(service.name, to(first, 100), to(name, 0, "next"), revision=name)


def test_the_greeting_comes_once_with_every_endpoint_and_the_environment(start):
    running = start("--ephemeral", "--calm", "--seed", "7")
    said = running.greeting
    assert said.count(READY) == 1
    assert f"export CLOUD_RUN_EMULATOR_HOST={running.grpc}\n" in said
    assert f"export LOGGING_EMULATOR_HOST={running.grpc}\n" in said
    assert running.rest in said
    assert "seed 7" in said
    assert "calm" in said


def test_what_it_prints_for_gcloud_prints_gclouds_settings(start, tmp_path):
    running = start("--state", str(tmp_path / "my state"), "--calm")
    line = running.greeting.splitlines()[-1]
    said = subprocess.run(["sh", "-c", f"{line}; env"], capture_output=True, text=True, check=True)
    found = dict(one.split("=", 1) for one in said.stdout.splitlines() if "=" in one)
    for api in ("RUN", "LOGGING", "CLOUDRESOURCEMANAGER"):
        assert found[f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}"] == f"http://{running.grpc}/"
    assert found["CLOUDSDK_CONFIG"].startswith(str(tmp_path / "my state"))


def test_without_a_seed_one_is_drawn_and_printed(start):
    said = start("--ephemeral").greeting
    seed = said.partition("seed ")[2].split()[0]
    assert seed.isdigit()
    assert "rude" in said


def test_the_port_is_of_grpc_and_the_next_one_of_rest(images):
    port = free_pair()
    running = start_local_cloud_run(images, ("--ephemeral", "--port", str(port)))
    assert running.grpc == f"127.0.0.1:{port}"
    assert running.rest == f"http://127.0.0.1:{port + 1}"
    assert running.stop() == 0


def free_pair():
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    pass
            except OSError:
                continue
        return port


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_every_process_with_it(start, tmp_path, number):
    state = tmp_path / "state"
    running = start("--calm", "--state", str(state))
    service = running.create_service("backend")
    assert who(service.uri)
    pids = instances(state)
    assert pids
    assert all(map(alive, pids))
    assert running.stop(number) == 0
    assert not any(map(alive, pids))


def test_services_revisions_traffic_tags_ports_and_operations_survive_a_restart(start, tmp_path):
    state = tmp_path / "state"
    running = start("--calm", "--state", str(state))
    api = Api("grpc", running)
    before = candidate(api, running.create_service("backend"))
    operations = httpx.get(f"{running.rest}/v2/{before.name.partition('/serv')[0]}/operations")
    assert running.stop() == 0
    again = start("--calm", "--state", str(state))
    api = Api("grpc", again)
    assert api.get(before.name) == before
    assert len(list(api.revisions.list_revisions(parent=before.name))) == 2
    after = httpx.get(f"{again.rest}/v2/{before.name.partition('/serv')[0]}/operations")
    assert after.json() == operations.json()
    assert who(before.uri) == short(before.traffic[0].revision)
    assert who(before.traffic_statuses[1].uri) == before.traffic[1].revision


def test_a_port_that_was_taken_meanwhile_is_replaced_in_what_clients_read(start, tmp_path):
    state = tmp_path / "state"
    running = start("--calm", "--state", str(state))
    before = running.create_service("backend")
    running.stop()
    with socket.create_server(("127.0.0.1", int(before.uri.rpartition(":")[2]))):
        again = start("--calm", "--state", str(state))
        after = Api("grpc", again).get(before.name)
    assert after.uri != before.uri
    assert who(after.uri) == short(before.latest_ready_revision)


def test_after_sigkill_the_next_start_ends_what_was_left_and_goes_on(start, tmp_path):
    state = tmp_path / "state"
    running = start("--calm", "--state", str(state))
    service = running.create_service("backend")
    pids = instances(state)
    running.stop(signal.SIGKILL)
    again = start("--calm", "--state", str(state))
    assert not any(map(alive, pids))
    assert who(Api("grpc", again).get(service.name).uri) == short(service.latest_ready_revision)


def test_a_deploy_that_sigkill_cut_short_is_finished_by_the_next_start(start, tmp_path):
    state = tmp_path / "state"
    running = start("--seed", "3", "--state", str(state))
    api = Api("grpc", running)
    service = running.create_service("backend")
    wanted = run_v2.Service(name=service.name, template=template())
    operation = api.start_update(wanted, "template")
    running.stop(signal.SIGKILL)
    again = start("--calm", "--state", str(state))
    name = operation.operation.name
    url = f"{again.rest}/v2/{name}:wait"
    finished = httpx.post(url, json={"timeout": "30s"}, timeout=40).json()
    assert finished["done"] is True
    assert finished["response"]["generation"] == "2"
    after = Api("grpc", again).get(service.name)
    assert after.latest_ready_revision != service.latest_ready_revision
    assert who(after.uri) == short(after.latest_ready_revision)


def test_ephemeral_keeps_nothing_and_its_processes_die_with_it(start, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    running = start("--ephemeral", "--calm")
    running.create_service("backend")
    (directory,) = tmp_path.glob("gate-local-*")
    pids = instances(directory)
    assert pids
    running.stop(signal.SIGKILL)
    deadline, pause = time.monotonic() + 10, threading.Event()
    while any(map(alive, pids)):
        assert time.monotonic() < deadline
        pause.wait(0.02)
    fresh = start("--ephemeral", "--calm")
    with pytest.raises(exceptions.NotFound):
        Api("grpc", fresh).get("projects/demo/locations/us-central1/services/backend")


def test_ephemeral_leaves_no_record_of_an_instance(start, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    running = start("--ephemeral", "--calm")
    running.create_service("backend")
    (directory,) = tmp_path.glob("gate-local-*")
    assert directory.stat().st_mode & 0o77 == 0
    assert instances(directory)
    assert running.stop() == 0
    assert not instances(directory)


def test_a_directory_that_is_open_to_others_is_not_used(start, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / f"gate-local-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"gate-local-{os.getuid()}").chmod(0o777)
    running = start("--ephemeral", "--calm")
    assert len(list(tmp_path.glob("gate-local-*"))) == 2
    assert running.stop() == 0


# Messages


def said(answer, code):
    assert answer.returncode == code, answer
    assert "Traceback" not in answer.stderr
    assert READY not in answer.stdout
    return answer.stderr


@pytest.mark.parametrize("which", [0, 1])
def test_a_port_in_use_is_3_with_a_hint(which):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] - which
        message = said(gate("--ephemeral", "--port", str(port)), 3)
    either = f"({port}|{port + 1})"  # somebody else may have the other one
    assert re.search(rf"--port {port}: port {either} of 127\.0\.0\.1 is in use", message)
    assert "hint: give --port another number" in message
    assert len(message.splitlines()) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("--port", "x"),
        ("--port", "-1"),
        ("--port", "70000"),
        ("--seed", "x"),
        ("--nope",),
        ("--ephemeral", "--state", "x"),
    ],
)
def test_bad_flags_are_2(arguments):
    said(gate(*arguments), 2)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "[]",
        "images: {a: {command: notalist}}",
        "a: &x [1]\nimages: *x",
        "\x00",
        "images: {a: {}}\nimages: {}",
    ],
)
def test_a_bad_images_file_is_2_with_one_message(tmp_path, text):
    path = tmp_path / "images.yaml"
    if text is not None:
        path.write_text(text)
    assert str(path) in said(gate("--ephemeral", "--images", str(path)), 2)


def test_a_state_directory_in_use_is_3(start, tmp_path):
    state = str(tmp_path / "state")
    start("--calm", "--state", state)
    assert "in use by another local Cloud Run" in said(gate("--state", state, "--port", "0"), 3)


def test_a_state_directory_with_somebody_elses_files_is_3(tmp_path):
    file = tmp_path / "resources" / "services" / "x.json"
    file.parent.mkdir(parents=True)
    for text in ('{"service": {"name": "x"}}', "{", "[]"):
        file.write_text(text)
        message = said(gate("--state", str(tmp_path), "--port", "0"), 3)
        assert str(tmp_path) in message


@pytest.mark.parametrize("module", ["uvicorn", "google.cloud", "google.iam", "re2"])
def test_without_its_extra_it_says_how_to_get_it(module):
    code = (
        f"import sys; sys.modules['{module}'] = None\n"
        "from gate.cli.main import run; sys.exit(run(['local', 'up', '--ephemeral']))"
    )
    command = [sys.executable, "-c", code]
    answer = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert "pip install 'cloud-run-gate[local]'" in said(answer, 2)
