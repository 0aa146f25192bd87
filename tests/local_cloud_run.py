"""A local Cloud Run for tests: a process of its own, calm and ephemeral, on free ports.

In a test module:

    from tests.local_cloud_run import local_cloud_run, local_images  # noqa: F401 - fixtures

    def test_something(local_cloud_run):
        service = local_cloud_run.create_service("backend", image="demo/app:v1")
        httpx.get(service.uri)

`local_images` (a path) may be overridden in the module to bring images of its own.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.client_options import ClientOptions
from google.api_core.future.polling import DEFAULT_POLLING
from google.api_core.operation import Operation
from google.auth.credentials import AnonymousCredentials
from google.cloud import run_v2
from google.cloud.run_v2.services import revisions, services

PROJECT = "demo"
REGION = "us-central1"
PARENT = f"projects/{PROJECT}/locations/{REGION}"
READY_WITHIN_S = 30.0
CALM = ("--ephemeral", "--calm", "--port", "0", "--seed", "1")
APP = Path(__file__).parent / "fakes" / "local_app.py"
_ENDPOINT = re.compile(r"^export CLOUD_RUN_EMULATOR_HOST=(\S+)$", re.MULTILINE)
_REST = re.compile(r"^  admin API \(REST\) +(\S+)$", re.MULTILINE)
_LAST_LINE = "gate local env --gcloud"


@dataclass
class LocalCloudRun:
    """A running local Cloud Run.

    Attributes:
        grpc: host:port of the Admin and Logging APIs, plaintext; REST answers there too.
        rest: base URL of the REST face.
        greeting: everything it printed until it was ready.
    """

    process: subprocess.Popen[str]
    grpc: str
    rest: str
    greeting: str
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def services(self, transport: str = "grpc") -> run_v2.ServicesClient:
        """The real client of Services, over "grpc" or "rest"."""
        return self._client("Services", transport)

    def revisions(self, transport: str = "grpc") -> run_v2.RevisionsClient:
        """The real client of Revisions, over "grpc" or "rest"."""
        return self._client("Revisions", transport)

    def env(self) -> dict[str, str]:
        """The environment for a `gate` that is to use it."""
        names = ("CLOUD_RUN", "LOGGING", "SECRET_MANAGER", "MONITORING")
        return {f"{name}_EMULATOR_HOST": self.grpc for name in names}

    def create_service(
        self, name: str, image: str = "demo/app:v1", env: dict[str, str] | None = None
    ) -> run_v2.Service:
        """Creates a service and waits until it serves; returns it."""
        variables = [run_v2.EnvVar(name=key, value=value) for key, value in (env or {}).items()]
        container = run_v2.Container(image=image, env=variables)
        service = run_v2.Service(template=run_v2.RevisionTemplate(containers=[container]))
        request = run_v2.CreateServiceRequest(parent=PARENT, service=service, service_id=name)
        return finish(self.services().create_service(request, timeout=30))

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it with a signal; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=30)

    def _client(self, kind: str, transport: str) -> Any:
        if (kind, transport) not in self._clients:
            make = _rest_client if transport == "rest" else _grpc_client
            self._clients[kind, transport] = make(kind, self)
        return self._clients[kind, transport]


def finish(operation: Operation, within_s: float = 60.0) -> Any:
    """Waits for a long-running operation without the client's pauses of a second; its result.

    Raises:
        GoogleAPICallError: the operation failed.
    """
    pauses = DEFAULT_POLLING.with_delay(0.02, 0.1, 1.5).with_timeout(within_s)
    return operation.result(polling=pauses)


def start_local_cloud_run(
    images: Path | None = None,
    arguments: Sequence[str] = CALM,
    stderr: int | None = None,
) -> LocalCloudRun:
    """Starts one and waits until it is ready; the caller stops it.

    Args:
        images: its images file.
        arguments: of `gate local up`.
        stderr: as `subprocess.Popen`'s; None is this process's own.
    """
    command = [sys.executable, "-m", "gate.cli", "local", "up", *arguments]
    if images is not None:
        command += ["--images", str(images)]
    root = Path(__file__).parent.parent
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    greeting = _read_greeting(process)
    found = [pattern.search(greeting) for pattern in (_ENDPOINT, _REST)]
    endpoints = [match[1] for match in found if match]
    assert len(endpoints) == 2, f"not ready: {process.wait(timeout=30)}, said {greeting!r}"
    return LocalCloudRun(process, *endpoints, greeting)


def write_images(directory: Path) -> Path:
    """Writes an images file and returns its path.

    It has demo/app:v1, :v2, demo/exits and demo/deaf, and the secret `key`.
    """
    commands = {
        "demo/app:v1": ["{python}", "-ISu", str(APP)],
        "demo/app:v2": ["{python}", "-ISu", str(APP)],
        "demo/exits": ["{python}", "-ISu", str(APP), "--exit", "3"],
        "demo/deaf": ["{python}", "-ISu", str(APP), "--deaf"],
    }
    lines = ["images:"]
    for name, command in commands.items():
        quoted = ", ".join(f'"{part}"' for part in command)
        lines.append(f'  "{name}": {{command: [{quoted}]}}')
    lines.append('secrets: {key: "open sesame"}')
    path = directory / "images.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(scope="module")
def local_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images file of the module's local Cloud Run."""
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="module")
def local_cloud_run(local_images: Path) -> Iterator[LocalCloudRun]:
    """A calm, ephemeral local Cloud Run for the whole module."""
    running = start_local_cloud_run(local_images)
    yield running
    assert running.stop() == 0


def _read_greeting(process: subprocess.Popen[str]) -> str:
    said = []
    assert process.stdout is not None
    for line in process.stdout:
        said.append(line)
        if _LAST_LINE in line:
            break
    return "".join(said)


def _grpc_client(kind: str, running: LocalCloudRun) -> Any:
    channel = grpc.insecure_channel(running.grpc)
    if kind == "Services":
        transport = services.transports.ServicesGrpcTransport(channel=channel)
        return run_v2.ServicesClient(transport=transport)
    return run_v2.RevisionsClient(
        transport=revisions.transports.RevisionsGrpcTransport(channel=channel)
    )


def _rest_client(kind: str, running: LocalCloudRun) -> Any:
    client = run_v2.ServicesClient if kind == "Services" else run_v2.RevisionsClient
    return client(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options=ClientOptions(api_endpoint=running.rest),
    )
