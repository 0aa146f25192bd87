"""What the server fills in where a caller left a field empty.

The values are those of a recorded CreateService answer of v2: 100 instances at most, 300 s,
512Mi and one CPU, port 8080 named http1, one TCP startup probe of 240 s, concurrency 80, the
project's compute service account, GA, ingress from everywhere.
"""

import hashlib
from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration

from gate.local.admin.messages import (
    Container,
    ContainerPort,
    IngressTraffic,
    Probe,
    ResourceRequirements,
    RevisionTemplate,
    Service,
    TCPSocketAction,
)
from gate.local.admin.traffic import with_default

DEFAULT_PORT = 8080
DEFAULT_TIMEOUT_S = 300
DEFAULT_MAX_INSTANCES = 100
DEFAULT_STARTUP_S = 240
_GA = 4  # google.api.LaunchStage


def project_number(project: str) -> str:
    """Gives the number of a project: its own name when numeric, else twelve stable digits."""
    if project.isdigit():
        return project
    digest = int.from_bytes(hashlib.sha256(project.encode()).digest()[:8])
    return str(10**11 + digest % (9 * 10**11))


def fill_service(service: Service, project: str) -> None:
    """Fills the empty fields of a service in place."""
    if "ingress" not in service:
        service.ingress = IngressTraffic(1)  # INGRESS_TRAFFIC_ALL
    if not service.launch_stage:
        service.launch_stage = _GA
    service.traffic = with_default(service.traffic)
    fill_template(service.template, project)


def fill_template(template: RevisionTemplate, project: str) -> None:
    """Fills the empty fields of a revision template in place."""
    if not template.scaling.max_instance_count:
        template.scaling.max_instance_count = DEFAULT_MAX_INSTANCES
    if "timeout" not in template:
        template.timeout = Duration(seconds=DEFAULT_TIMEOUT_S)
    if not template.service_account:
        account = f"{project_number(project)}-compute@developer.gserviceaccount.com"
        template.service_account = account
    if len(template.containers) == 1 and not template.containers[0].ports:
        template.containers[0].ports = [ContainerPort(name="http1", container_port=DEFAULT_PORT)]
    for container in template.containers:
        _fill_container(container)
    if not template.max_instance_request_concurrency and template.containers:
        small = cpus(main_container(template.containers)) < 1
        template.max_instance_request_concurrency = 1 if small else 80


def main_container(containers: Sequence[Container]) -> Container:
    """Gives the container that takes requests: the one with a port; there is at least one."""
    return next((container for container in containers if container.ports), containers[0])


def cpus(container: Container) -> float:
    """Gives a container's CPU limit as a number of CPUs ("1000m" is 1.0); 0 when unreadable."""
    limit = container.resources.limits.get("cpu", "")
    milli = limit.endswith("m")
    try:
        return float(limit.removesuffix("m")) / (1000 if milli else 1)
    except ValueError:
        return 0.0


def default_startup_probe(port: int) -> Probe:
    """Gives the probe of a container that says none."""
    return Probe(
        timeout_seconds=DEFAULT_STARTUP_S,
        period_seconds=DEFAULT_STARTUP_S,
        failure_threshold=1,
        tcp_socket=TCPSocketAction(port=port),
    )


def _fill_container(container: Container) -> None:
    if "resources" not in container:
        container.resources = ResourceRequirements(cpu_idle=True)
    for name, limit in (("cpu", "1000m"), ("memory", "512Mi")):
        container.resources.limits.setdefault(name, limit)
    for port in container.ports:
        port.container_port = port.container_port or DEFAULT_PORT
        port.name = port.name or "http1"
    if "startup_probe" not in container and container.ports:
        container.startup_probe = default_startup_probe(container.ports[0].container_port)
    port_number = container.ports[0].container_port if container.ports else 0
    for kind in ("startup_probe", "liveness_probe", "readiness_probe"):
        if kind in container:
            _fill_probe(getattr(container, kind), port_number)


def _fill_probe(probe: Probe, port: int) -> None:
    """Fills a probe's numbers (google.cloud.run.v2.Probe)."""
    probe.timeout_seconds = probe.timeout_seconds or 1
    probe.period_seconds = probe.period_seconds or 10
    probe.failure_threshold = probe.failure_threshold or 3
    for action in ("tcp_socket", "http_get", "grpc"):
        if action in probe and not getattr(probe, action).port:
            getattr(probe, action).port = port
