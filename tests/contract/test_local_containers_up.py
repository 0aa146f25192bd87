"""Containers as a caller of `gate local up` sees them: by wire and front end."""

import subprocess
import threading

import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import run_v2

from tests.contract.local_admin import HTTP
from tests.e2e.stage import eventually
from tests.local_cloud_run import CALM, PARENT, finish, start_local_cloud_run

pytestmark = pytest.mark.xdist_group("local_containers_up")

# Answers what it was started with; /die ends it, /sick fails from then on, /wait never answers.
APP = """
import os, socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
healthy = True
def serve(peer):
    global healthy
    with peer:
        head = peer.recv(65536)
        path = head.split()[1].decode()
        if path == "/die":
            os._exit(3)
        if path == "/wait":
            print("waiting", flush=True)
            threading.Event().wait()
        if path == "/sick":
            healthy = False
        body = " ".join([*sys.argv[1:], os.environ.get("KEY", ""), str(os.getpid())]).encode()
        code = b"200" if healthy else b"500"
        size = b"Content-Length: %d" % len(body)
        peer.sendall(b"\\r\\n".join([b"HTTP/1.1 " + code + b" X", size, b"", body]))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""
KEY = {
    "name": "KEY",
    "value_source": {"secret_key_ref": {"secret": "key", "version": "latest"}},
}


class Cloud:
    """A `gate local up` whose images file changes."""

    def __init__(self, home, arguments=CALM):
        self._home = home
        self._arguments = arguments
        (home / "app.py").write_text(APP)
        self.write("one")
        self.start()

    def start(self):
        images = self._home / "images.yaml"
        self.running = start_local_cloud_run(images, self._arguments, stderr=subprocess.PIPE)
        self._services = self.running.services()

    def stop(self):
        self.running.stop()
        self.running.process.stderr.close()

    def write(self, word, key="old", image="app"):
        command = f'["{{python}}", -ISu, app.py, {word}, --port, $PORT]'
        text = f"images: {{{image}: {{command: {command}}}}}\nsecrets: {{key: {key}}}\n"
        (self._home / "images.yaml").write_text(text)

    def break_file(self):
        (self._home / "images.yaml").write_text("images: [")

    def deploy(self, name, image="app", **container):
        template = run_v2.RevisionTemplate(
            containers=[run_v2.Container(image=image, env=[KEY], **container)]
        )
        service = run_v2.Service(name=f"{PARENT}/services/{name}", template=template)
        request = run_v2.UpdateServiceRequest(service=service, allow_missing=True)
        return finish(self._services.update_service(request, timeout=30)).uri


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    yield made
    made.stop()


def ask(uri, path="/"):
    return HTTP.get(f"{uri}{path}")


def test_the_images_file_is_read_anew_and_what_is_deployed_keeps_what_it_was_made_of(cloud):
    first = cloud.deploy("first")
    word, option, port, key, pid = ask(first).text.split()
    assert (word, option, key) == ("one", "--port", "old")
    assert port.isdigit()
    cloud.write("second", key="fresh")
    assert ask(cloud.deploy("second")).text.startswith("second --port ")
    ask(first, "/die")
    again = ask(first).text.split()
    assert again[0] == "one"
    assert again[3] == "fresh"  # latest: read when the instance starts
    assert again[4] != pid


def test_a_broken_images_file_is_said_once_and_what_is_deployed_outlives_a_restart(tmp_path):
    state = ("--state", str(tmp_path / "state"))
    cloud = Cloud(tmp_path, tuple(part for part in CALM if part != "--ephemeral") + state)
    uri = cloud.deploy("first")
    cloud.break_file()
    assert ask(cloud.deploy("second")).status_code == 200
    assert ask(cloud.deploy("third")).status_code == 200
    assert cloud.running.stop() == 0
    said = cloud.running.process.stderr.read()
    cloud.running.process.stderr.close()
    assert said.count("images.yaml: cannot be read as YAML") == 1
    assert said.count("hint: ") == 1
    cloud.write("another")
    cloud.start()
    assert ask(uri).text.startswith("one ")
    cloud.stop()


def test_an_image_that_is_not_there_yet_needs_no_restart(cloud):
    with pytest.raises(GoogleAPICallError, match="'new' not found"):
        cloud.deploy("not-yet", "new")
    cloud.write("new", image="new")
    assert ask(cloud.deploy("by-now", "new")).text.startswith("new")
    cloud.write("one")


def test_requests_in_flight_end_in_503_when_a_liveness_probe_shuts_the_instance_down(cloud):
    probe = {
        "http_get": {"path": "/"},
        "period_seconds": 3,
        "timeout_seconds": 3,
        "failure_threshold": 1,
    }
    uri = cloud.deploy("lively", liveness_probe=probe)
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(ask(uri, "/wait")))
    waiting.start()
    heard = {"resourceNames": ["projects/demo"], "filter": 'textPayload="waiting"'}
    eventually(
        lambda: HTTP.post(f"{cloud.running.rest}/v2/entries:list", json=heard).json().get("entries")
    )
    pid = ask(uri).text.split()[-1]
    ask(uri, "/sick")
    waiting.join(timeout=90)
    assert [answer.status_code for answer in answers] == [503]
    after = ask(uri)
    assert after.status_code == 200
    assert after.text.split()[-1] != pid


def test_a_startup_probe_that_answers_500_fails_the_deploy(cloud):
    probe = {"http_get": {"path": "/sick"}, "period_seconds": 1, "failure_threshold": 2}
    with pytest.raises(GoogleAPICallError, match="failed the configured startup probe checks"):
        cloud.deploy("sick", startup_probe=probe)


def test_sidecars_come_with_their_service(cloud):
    template = run_v2.RevisionTemplate(
        containers=[
            {
                "name": "main",
                "image": "app",
                "ports": [{"container_port": 8080}],
                "depends_on": ["side"],
            },
            {"name": "side", "image": "none"},
        ]
    )
    services = cloud.running.services()
    service = run_v2.Service(template=template)
    request = run_v2.CreateServiceRequest(parent=PARENT, service=service, service_id="both")
    with pytest.raises(GoogleAPICallError, match="'none' not found"):
        finish(services.create_service(request, timeout=30))
