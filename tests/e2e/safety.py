"""`gate` as a process beside people with Google's own client, on a local Cloud Run."""

import json
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import Conflict
from google.cloud import run_v2
from google.protobuf.field_mask_pb2 import FieldMask

from gate.core.annotation import KEY, RolloutAnnotation, parse_annotation
from tests.e2e.stage import Done, Running, environment, eventually
from tests.local_cloud_run import PARENT, PROJECT, REGION, LocalCloudRun, finish

DIGESTS = {letter: f"host/shop@sha256:{letter * 64}" for letter in ("a", "b")}
CONTAINER = Path(__file__).with_name("moody_container.py")
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION


@dataclass
class Site:
    """One service, its files, and what can be done to it.

    Attributes:
        spoilt: while this file exists, the images `spoils` and `slow` answer 500.
        go: once this file exists, `/slow` of the image `slow` answers.
    """

    cloud: LocalCloudRun
    folder: Path
    name: str = "shop"
    env: dict[str, str] = field(default_factory=dict)
    running: list[Running] = field(default_factory=list)

    @property
    def spoilt(self) -> Path:
        """While it exists, some images are spoilt."""
        return self.folder / "spoilt"

    @property
    def go(self) -> Path:
        """Lets slow answers go."""
        return self.folder / "go"

    def policy(self, text: str = "", path: str = "/health", more: str = "") -> Path:
        """Writes a policy with three probes and returns its path."""
        file = self.folder / "policy.yaml"
        file.write_text(
            f"version: 1\nservice: {{project: {PROJECT}, region: {REGION}, name: {self.name}}}\n"
            f"{text}\nprobes:\n"
            f"  health: {{http: {{path: {path}, timeout: 50s}}}}\n"
            "  cart: {http: {path: /cart}}\n"
            f"  search: {{http: {{path: /search}}}}\n{more}"
        )
        return file

    # --- the gate

    def start(self, *arguments: object, actor: str = "alice") -> Running:
        """Starts a gate and leaves it running."""
        env = environment(self.cloud.env(), self.env, {"GATE_ACTOR": actor})
        self.running.append(Running(arguments, env))
        return self.running[-1]

    def gate(self, *arguments: object, actor: str = "alice") -> Done:
        """Runs a gate to its end."""
        return self.start(*arguments, actor=actor).end()

    def rollout(self, policy: Path, image: str, *more: object, actor: str = "alice") -> Done:
        """Rolls an image out, to its end."""
        return self.gate("rollout", "--policy", policy, "--image", image, *more, actor=actor)

    @property
    def where(self) -> list[str]:
        """The arguments that name the service."""
        return ["--project", PROJECT, "--region", REGION, "--service", self.name]

    def outcomes(self) -> list[dict[str, Any]]:
        """What the ledger says of the service, newest first."""
        listed = self.gate("audit", "list", *self.where, "--output", "json")
        return [entry for entry in json.loads(listed.out) if entry["entry"] == "outcome"]

    def status(self) -> dict[str, Any]:
        """`gate status` for machines."""
        value: dict[str, Any] = json.loads(self.gate("status", *self.where, "--output", "json").out)
        return value

    # --- the service, by Google's own client

    def create(self, image: str = "good:1") -> None:
        """The first revision, by other means than the gate."""
        self.cloud.create_service(self.name, image)

    def service(self) -> run_v2.Service:
        """As it stands."""
        return self.cloud.services().get_service(name=f"{PARENT}/services/{self.name}")

    @property
    def shares(self) -> dict[str, int]:
        """Revision to percent, as the front end obeys it; LATEST by what it means."""
        service = self.service()
        return {
            (line.revision or service.latest_ready_revision).rpartition("/")[2]: line.percent
            for line in service.traffic_statuses
            if line.percent
        }

    @property
    def tags(self) -> dict[str, str]:
        """Tag to revision, as asked for."""
        return {line.tag: line.revision for line in self.service().traffic if line.tag}

    @property
    def mark(self) -> RolloutAnnotation:
        """What the gate wrote on the service."""
        return parse_annotation(self.service().annotations.get(KEY, ""))

    def stable(self) -> str:
        """The revision that has all the traffic."""
        ((name, percent),) = self.shares.items()
        assert percent == 100
        return name

    def human(self, by: str, *paths: str, **changes: Any) -> None:
        """Somebody changes the service with Google's own client, whoever else does so, too."""
        caller = (("x-gate-local-caller", by),)
        for _ in range(20):
            service = self.service()
            for path in paths:
                setattr(service, path, changes[path])
            mask = FieldMask(paths=paths)
            request = run_v2.UpdateServiceRequest(service=service, update_mask=mask)
            with suppress(Conflict):  # somebody was faster
                finish(self.cloud.services().update_service(request, metadata=caller))
                return
        raise AssertionError("always somebody faster")

    def human_moves(self, by: str, shares: dict[str, int]) -> None:
        """Somebody moves traffic; tags stay."""
        lines = [
            run_v2.TrafficTarget(type_=BY_NAME, revision=name, percent=percent)
            for name, percent in shares.items()
        ]
        lines += [
            run_v2.TrafficTarget(type_=BY_NAME, revision=name, tag=tag)
            for tag, name in self.tags.items()
        ]
        self.human(by, "traffic", traffic=lines)

    def wait_until_probing(self) -> str:
        """Waits until a rollout probes, and has renewed its lease at that; its candidate."""
        eventually(lambda: self.mark.holder)
        first = self.mark.until
        eventually(lambda: self.mark.until != first)
        return self.mark.candidate


def named(request: pytest.FixtureRequest) -> str:
    """A service name of a test's own."""
    return f"shop-{zlib.crc32(request.node.name.encode())}"


@contextmanager
def site(cloud: LocalCloudRun, folder: Path, name: str) -> Iterator[Site]:
    """A site whose gates are all gone in the end."""
    one = Site(cloud, folder, name)
    try:
        yield one
    finally:
        for running in one.running:
            running.process.kill()


def moody_images(folder: Path) -> list[str]:
    """The moody container in each of its moods, and two digests, as lines of an images file."""
    arguments = {
        **dict.fromkeys(("good:1", "good:2", "good:3", *DIGESTS.values()), ()),
        "shy": ("--shy",),
        "tenth": ("--tenth",),
        "spoils": ("--while", str(folder / "spoilt")),
        "slow": ("--until", str(folder / "go")),
    }
    return [
        f"  {json.dumps(name)}: "
        f"{{command: {json.dumps(['{python}', '-ISu', str(CONTAINER), *given])}}}"
        for name, given in arguments.items()
    ]
