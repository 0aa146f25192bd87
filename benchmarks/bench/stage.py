"""The stage: one local Cloud Run, and the services of a scenario on it.

Everything goes through Cloud Run's own APIs, by Google's own clients.
"""

import json
import os
import re
import secrets
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import yaml
from google.api_core.exceptions import GoogleAPICallError
from google.api_core.future.polling import DEFAULT_POLLING
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport

from benchmarks.bench.scenario import Scenario
from examples.backend.tokens import mint

ROOT = Path(__file__).parent.parent.parent
PROJECT, REGION = "demo", "us-central1"
PARENT = f"projects/{PROJECT}/locations/{REGION}"
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
READY_WITHIN_S = 30.0
CREATED_WITHIN_S = 25.0
ARRIVED_WITHIN_S = 10.0


class NotReadyError(Exception):
    """Cloud Run says that a revision cannot be started: `gcloud run deploy` fails."""


@dataclass(frozen=True)
class Cloud:
    """A running local Cloud Run."""

    exports: Mapping[str, str]
    services: run_v2.ServicesClient

    @property
    def rest(self) -> str:
        return f"http://{self.exports['CLOUD_RUN_EMULATOR_HOST']}"

    def faults(self, name: str, rules: tuple[Mapping[str, Any], ...]) -> None:
        """Switches faults on that strike what is about this service."""
        body = json.dumps({"about": name, "rules": list(rules)}).encode()
        self._call("PUT", f"/local/faults/{name}", body)

    def no_faults(self, name: str) -> None:
        """Switches them off."""
        with suppress(OSError):
            self._call("DELETE", f"/local/faults/{name}", None)

    def _call(self, method: str, path: str, body: bytes | None) -> None:
        request = urllib.request.Request(self.rest + path, body, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()


@contextmanager
def local_cloud_run(images: Mapping[str, Any], folder: Path, seed: int) -> Iterator[Cloud]:
    """Starts one, with Cloud Run's bad manners; ends it and all that it started."""
    path = folder / "images.yaml"
    path.write_text(yaml.safe_dump({"images": dict(images)}), encoding="utf-8")
    command = [sys.executable, "-m", "gate.cli", "local", "up", "--ephemeral", "--port", "0"]
    command += ["--images", str(path), "--seed", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=env_of())
    watchdog = threading.Timer(READY_WITHIN_S, process.kill)
    watchdog.start()
    assert process.stdout is not None
    exports = _exports(process.stdout)
    watchdog.cancel()
    threading.Thread(target=process.stdout.read, daemon=True).start()  # never let it block
    try:
        channel = grpc.insecure_channel(exports["CLOUD_RUN_EMULATOR_HOST"])
        with channel:
            transport = ServicesGrpcTransport(channel=channel)
            yield Cloud(exports, run_v2.ServicesClient(transport=transport))
    finally:
        process.terminate()
        process.wait(30)


def env_of(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a process that finds this project."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), **(more or {})}


def _exports(lines: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        found |= dict(re.findall(r"(CLOUD\w+|LOGGING\w+)=(\S+)", line))
        if "gate local env --gcloud" in line:  # the last one
            return found
    raise SystemExit("bench: the local Cloud Run did not start")


class Stage:
    """What one scenario needs: a service at stable, and tokens.

    Args:
        cloud: where.
        scenario: which.
    """

    def __init__(self, cloud: Cloud, scenario: Scenario) -> None:
        self.cloud = cloud
        self.scenario = scenario
        self.name = f"backend-{scenario.alias}"
        self._key = secrets.token_urlsafe(32)
        self.first = ""

    @property
    def full_name(self) -> str:
        return f"{PARENT}/services/{self.name}"

    def tokens(self) -> dict[str, str]:
        """The policy's secrets as the gate gets them, the bad ones of the scenario among them."""
        return {
            f"STAGING_JWT_{user.upper()}": self._token(user, self.scenario.tokens.get(user, "good"))
            for user in ("alice", "bob")
        }

    def good_tokens(self) -> dict[str, str]:
        """Tokens that users have."""
        return {user: mint(user, self._key) for user in ("alice", "bob")}

    def _token(self, user: str, state: str) -> str:
        if state == "forged":
            return mint(user, secrets.token_urlsafe(32))
        if state == "stranger":
            return mint("mallory", self._key)
        return mint(user, self._key, -60 if state == "expired" else 3600)

    def set_up(self) -> None:
        """Deploys stable, which then serves everybody."""
        made = self._create(self.name, self._template("stable"))
        self.first = made.latest_ready_revision.rpartition("/")[2]

    def url(self) -> str:
        """Where users reach it, once the front end knows it."""
        uri = str(self.cloud.services.get_service(name=self.full_name).uri)
        _arrive(uri)
        return uri

    @contextmanager
    def alone(self) -> Iterator[str]:
        """The candidate as a service of its own, for those that need none beside it; its URL.

        Raises:
            NotReadyError: it cannot be deployed.
        """
        name = f"{self.name}-alone"
        try:
            uri = self._create(name, self._template("candidate")).uri
            _arrive(uri)
        except (GoogleAPICallError, TimeoutError) as error:
            self._delete(name)
            raise NotReadyError(str(error)[:200]) from error
        try:
            yield uri
        finally:
            self._delete(name)

    def deploy_by_other_means(self) -> str:
        """Deploys the candidate as it is configured, at no traffic; its revision's name."""
        service = self.cloud.services.get_service(name=self.full_name)
        line = run_v2.TrafficTarget(type_=BY_NAME, revision=self.first, percent=100)
        wanted = run_v2.Service(
            name=self.full_name, template=self._template("candidate"), traffic=[line]
        )
        request = run_v2.UpdateServiceRequest(service=wanted, update_mask="template,traffic")
        with suppress(
            GoogleAPICallError, TimeoutError
        ):  # a candidate that cannot start is the gate's to refuse
            _finish(self.cloud.services.update_service(request))
        service = self.cloud.services.get_service(name=self.full_name)
        return str(service.latest_created_revision.rpartition("/")[2])

    def shares(self) -> dict[str, int]:
        """Who has users in the end, by the Admin API: revision to percent, obeyed."""
        service = self.cloud.services.get_service(name=self.full_name)
        latest = service.latest_ready_revision.rpartition("/")[2]
        lines = [line for line in service.traffic_statuses if line.percent]
        return {line.revision or latest: line.percent for line in lines}

    def tear_down(self) -> None:
        """Deletes the service and so ends its instances."""
        self.cloud.no_faults(self.name)
        self._delete(self.name)

    def _template(self, role: str) -> run_v2.RevisionTemplate:
        deploy = self.scenario.deploy if role == "candidate" else {}
        variables = {"JWT_SECRET_KEY": self._key, **self.scenario.env, **deploy.get("env", {})}
        env = [run_v2.EnvVar(name=key, value=value) for key, value in variables.items() if value]
        image = self.scenario.reference(role)
        template = run_v2.RevisionTemplate(
            containers=[run_v2.Container(image=image, env=env, ports=self._ports())],
            max_instance_request_concurrency=deploy.get("concurrency", 80),
            service_account=deploy.get("service_account", ""),
        )
        if "max_instances" in deploy:
            template.scaling = run_v2.RevisionScaling(max_instance_count=deploy["max_instances"])
        if "timeout_s" in deploy:
            template.timeout = {"seconds": deploy["timeout_s"]}
        return template

    def _ports(self) -> list[run_v2.ContainerPort]:
        if self.scenario.speaks == "http":
            return []
        return [run_v2.ContainerPort(name="h2c", container_port=8080)]

    def _create(self, name: str, template: run_v2.RevisionTemplate) -> run_v2.Service:
        request = run_v2.CreateServiceRequest(
            parent=PARENT, service=run_v2.Service(template=template), service_id=name
        )
        return _finish(self.cloud.services.create_service(request, timeout=30))

    def _delete(self, name: str) -> None:
        with suppress(GoogleAPICallError):
            self.cloud.services.delete_service(name=f"{PARENT}/services/{name}")


def _arrive(uri: str) -> None:
    """Waits until the front end knows a new address: no rule should be judged by that page."""
    ends = time.monotonic() + ARRIVED_WITHIN_S
    while time.monotonic() < ends:
        with suppress(httpx.HTTPError):
            answer = httpx.get(f"{uri}/arrived", timeout=2, trust_env=False)
            if answer.status_code != 404 or "<html" not in answer.text:
                return
        time.sleep(0.1)


def _finish(operation: Any) -> Any:
    """Waits without the client's pauses of a second."""
    pauses = DEFAULT_POLLING.with_delay(0.05, 0.2, 1.5).with_timeout(CREATED_WITHIN_S)
    return operation.result(polling=pauses)
