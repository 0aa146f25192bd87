"""What Cloud Run says about containers: conditions of revisions, lines of its system log.

The texts were read in logs that users of Cloud Run have published. No text was found for an answer
with another HTTP status, for gRPC, and for what only this imitation does: those are our own.
"""

from typing import Final

from gate.local.instances.pool import StartReason
from gate.local.ports import (
    BootFailure,
    BootReason,
    ContainerSpec,
    ProbeKind,
    ProbeSpec,
    RevisionSpec,
)

DEFAULT_PROBE: Final = ProbeSpec()
NOT_CONNECTED: Final = "Connection failed with status ERROR_CONNECTION_FAILED."
TOO_LATE: Final = "Connection failed with status DEADLINE_EXCEEDED."
_REASONS: Final = {
    StartReason.DEPLOYMENT_ROLLOUT: (
        "Instance started due to traffic shifting between revisions due to deployment, traffic "
        "split adjustment, or deployment health check."
    ),
    StartReason.AUTOSCALING: (
        "Instance started due to configured scaling factors (e.g. CPU utilization, request "
        "throughput, etc.) or no existing capacity for current traffic."
    ),
}
_MORE: Final = "Logs for this revision might contain more information."


def startup_probe(container: ContainerSpec) -> ProbeSpec | None:
    """Gives what decides whether a container has started: on a port never nothing."""
    if container.startup is None and container.port:
        return ProbeSpec(port=container.port)
    return container.startup


def is_default(container: ContainerSpec, probe: ProbeSpec) -> bool:
    """Tells whether a probe is the one that Cloud Run gives to a container without one.

    Its values tell: what is read and written whole carries them like any other
    (run/docs/configuring/healthchecks, "The default TCP startup probe").
    """
    return bool(container.port) and probe == ProbeSpec(port=container.port)


def container_name(spec: RevisionSpec, container: ContainerSpec) -> str:
    """Gives the name that Cloud Run's lines have for a container."""
    return container.name or f"{spec.key.service.service}-1"


def starting(reason: StartReason) -> str:
    """The system log's line for an instance that is about to be started."""
    return f"Starting new instance. Reason: {reason.value} - {_REASONS[reason]}"


def succeeded(spec: RevisionSpec, container: ContainerSpec, probe: ProbeSpec, tries: int) -> str:
    """The system log's line for a startup probe that succeeded."""
    often = "1 attempt" if tries == 1 else f"{tries} attempts"
    return f"{_startup(container, probe)} succeeded after {often} {_where(spec, container, probe)}."


def not_started(spec: RevisionSpec, container: ContainerSpec, probe: ProbeSpec, tries: int) -> str:
    """The system log's line for a startup probe that failed for good, without the cause."""
    where = _where(spec, container, probe)
    return (
        f"{_startup(container, probe)} failed {_times(tries)} consecutively {where}. "
        "The instance was not started."
    )


def shut_down(spec: RevisionSpec, container: ContainerSpec, probe: ProbeSpec, tries: int) -> str:
    """The system log's line for a liveness probe that failed for good."""
    where = _where(spec, container, probe)
    return (
        f"LIVENESS {probe.kind.value} probe failed {_times(tries)} consecutively {where}. "
        "The instance has been shut down."
    )


def startup_failure(spec: RevisionSpec, container: ContainerSpec) -> BootFailure:
    """The condition of a revision one of whose containers did not start."""
    probe = startup_probe(container)
    if probe is not None and is_default(container, probe):
        text = (
            "The user-provided container failed to start and listen on the port defined provided "
            f"by the PORT={container.port} environment variable within the allocated timeout. "
            "This can happen when the container port is misconfigured or if the timeout is too "
            f"short. The health check timeout can be extended. {_MORE}"
        )
    elif not spec.sidecars:
        text = f"The user-provided container failed the configured startup probe checks. {_MORE}"
    elif probe is not None:
        name = container_name(spec, container)
        text = (
            f"The user-provided container '{name}' failed the configured startup probe checks. "
            f"{_MORE}"
        )
    else:
        name = container_name(spec, container)
        text = f"The user-provided container '{name}' exited. {_MORE}"
    return BootFailure(BootReason.HEALTH_CHECK_CONTAINER_ERROR, text)


def _startup(container: ContainerSpec, probe: ProbeSpec) -> str:
    prefix = "Default " if is_default(container, probe) else ""
    return f"{prefix}STARTUP {probe.kind.value} probe"


def _times(tries: int) -> str:
    return "1 time" if tries == 1 else f"{tries} times"


def _where(spec: RevisionSpec, container: ContainerSpec, probe: ProbeSpec) -> str:
    path = f' path "{probe.path}"' if probe.kind is ProbeKind.HTTP else ""
    return f'for container "{container_name(spec, container)}" on port {probe.port}{path}'
