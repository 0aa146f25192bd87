"""The Admin API as the real client sees it, over gRPC and over REST: shared by the suite."""

import itertools
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from google.cloud import run_v2
from google.protobuf.field_mask_pb2 import FieldMask

from tests.local_cloud_run import PARENT, LocalCloudRun, finish

LATEST = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
State = run_v2.Condition.State
HTTP = httpx.Client(
    verify=False, trust_env=False, timeout=60, limits=httpx.Limits(max_keepalive_connections=0)
)
"""Asks over new connections. `httpx.get` reads all authorities first: 30 ms of work each time."""
_NUMBERS = itertools.count(1)


def to(revision: str, percent: int = 0, tag: str = "") -> run_v2.TrafficTarget:
    """A target that names a revision."""
    return run_v2.TrafficTarget(type_=BY_NAME, revision=revision, percent=percent, tag=tag)


def latest(percent: int = 0, tag: str = "") -> run_v2.TrafficTarget:
    """A target that follows the latest ready revision."""
    return run_v2.TrafficTarget(type_=LATEST, percent=percent, tag=tag)


def template(image: str = "demo/app:v2", revision: str = "", **env: str) -> run_v2.RevisionTemplate:
    """A template with one container."""
    variables = [run_v2.EnvVar(name=name, value=value) for name, value in env.items()]
    container = run_v2.Container(image=image, env=variables)
    return run_v2.RevisionTemplate(revision=revision, containers=[container])


def short(name: str) -> str:
    """The last segment of a resource name."""
    return name.rpartition("/")[2]


def condition(resource: Any, kind: str) -> run_v2.Condition:
    """The condition of that type."""
    (found,) = [item for item in resource.conditions if item.type_ == kind]
    return found


def who(uri: str) -> str:
    """The revision that answers at an address."""
    return str(HTTP.get(uri).json()["K_REVISION"])


@dataclass
class Api:
    """One transport of one local Cloud Run.

    Attributes:
        transport: "grpc" or "rest".
        running: the local Cloud Run.
    """

    transport: str
    running: LocalCloudRun

    @property
    def services(self) -> run_v2.ServicesClient:
        """The real client of Services."""
        return self.running.services(self.transport)

    @property
    def revisions(self) -> run_v2.RevisionsClient:
        """The real client of Revisions."""
        return self.running.revisions(self.transport)

    def new_id(self) -> str:
        """A service id that nobody has."""
        return f"svc-{next(_NUMBERS)}"

    def start_create(
        self, service: run_v2.Service, service_id: str = "", *, dry: bool = False
    ) -> Any:
        """Starts the creation of a service; gives the operation."""
        request = run_v2.CreateServiceRequest(
            parent=PARENT,
            service=service,
            service_id=service_id or self.new_id(),
            validate_only=dry,
        )
        return self.services.create_service(request, timeout=30)

    def create(self, image: str = "demo/app:v1", revision: str = "") -> run_v2.Service:
        """Creates a service, named as its revision asks, and waits until it serves."""
        wanted = run_v2.Service(template=template(image, revision))
        return finish(self.start_create(wanted, revision.rpartition("-")[0]))

    def start_update(self, service: run_v2.Service, *paths: str, **options: bool) -> Any:
        """Starts an update; gives the operation."""
        request = run_v2.UpdateServiceRequest(
            service=service, update_mask=FieldMask(paths=paths), **options
        )
        return self.services.update_service(request, timeout=30)

    def update(self, service: run_v2.Service, *paths: str) -> run_v2.Service:
        """Updates a service and waits until that is done."""
        return finish(self.start_update(service, *paths))

    def move(self, name: str, *traffic: run_v2.TrafficTarget) -> run_v2.Service:
        """Replaces the traffic of a service: the minimal service with mask `traffic`."""
        return self.update(run_v2.Service(name=name, traffic=list(traffic)), "traffic")

    def deploy(
        self, name: str, *traffic: run_v2.TrafficTarget, image: str = "demo/app:v2", revision: str
    ) -> run_v2.Service:
        """Adds a revision and replaces the traffic in the same update."""
        wanted = run_v2.Service(name=name, template=template(image, revision), traffic=traffic)
        return self.update(wanted, "template", "traffic")

    def get(self, name: str) -> run_v2.Service:
        """Reads a service."""
        return self.services.get_service(name=name)

    def revision(self, name: str) -> run_v2.Revision:
        """Reads a revision by its full name."""
        return self.revisions.get_revision(name=name)


@pytest.fixture(scope="module")
def api(local_cloud_run: LocalCloudRun) -> Api:
    """The module's local Cloud Run over gRPC; what REST makes of it is test_local_admin_rest's."""
    return Api("grpc", local_cloud_run)
