import pytest

from gate.local.instances import texts
from gate.local.instances.pool import StartReason
from gate.local.ports import BootReason, ContainerSpec, ProbeKind, ProbeSpec, RevisionSpec
from tests.fakes.local_data_plane import revision

HTTP = ProbeSpec(ProbeKind.HTTP, 8080, "/up", timeout_s=1, period_s=1, failure_threshold=3)
TCP = ProbeSpec(timeout_s=1, period_s=1, failure_threshold=30)


def said(say, probe, tries=1, **fields):
    container = ContainerSpec("app", startup=probe, **fields)
    return say(RevisionSpec(revision(), container), container, probe, tries)


@pytest.mark.parametrize("reason", StartReason)
def test_a_start_is_said_with_its_reason(reason):
    said = texts.starting(reason)
    assert said.startswith(f"Starting new instance. Reason: {reason.value} - Instance started due")


def test_the_default_probe_is_known_by_its_values():
    assert said(texts.succeeded, ProbeSpec()) == (
        'Default STARTUP TCP probe succeeded after 1 attempt for container "backend-1" '
        "on port 8080."
    )
    assert said(texts.succeeded, ProbeSpec(failure_threshold=2)).startswith("STARTUP TCP probe ")


def test_attempts_and_the_path_of_http_are_named():
    assert said(texts.succeeded, HTTP, 3, name="app") == (
        'STARTUP HTTP probe succeeded after 3 attempts for container "app" on port 8080 path "/up".'
    )


def test_failures_in_a_row_are_counted():
    assert said(texts.not_started, TCP, 30, name="proxy") == (
        'STARTUP TCP probe failed 30 times consecutively for container "proxy" on port 8080. '
        "The instance was not started."
    )


def test_a_liveness_probe_shuts_the_instance_down():
    assert said(texts.shut_down, HTTP, 3) == (
        'LIVENESS HTTP probe failed 3 times consecutively for container "backend-1" on port 8080 '
        'path "/up". The instance has been shut down.'
    )


def test_what_takes_requests_is_never_without_a_startup_probe():
    assert texts.startup_probe(ContainerSpec("app", port=9000)) == ProbeSpec(port=9000)
    assert texts.startup_probe(ContainerSpec("app", startup=HTTP)) is HTTP
    assert texts.startup_probe(ContainerSpec("side", port=0)) is None


SIDE = ContainerSpec("side", name="side", port=0)
SIDE_PROBED = ContainerSpec("side", name="side", port=0, startup=TCP)


@pytest.mark.parametrize(
    ("container", "sidecars", "begins"),
    [
        (
            ContainerSpec("app", port=9000),
            (),
            "The user-provided container failed to start and listen on the port defined provided ",
        ),
        (
            ContainerSpec("app", startup=HTTP),
            (),
            "The user-provided container failed the configured startup probe checks. ",
        ),
        (
            SIDE_PROBED,
            (SIDE_PROBED,),
            "The user-provided container 'side' failed the configured startup probe checks. ",
        ),
        (SIDE, (SIDE,), "The user-provided container 'side' exited. "),
    ],
    ids=["default probe", "probe of its own", "sidecar", "sidecar without a probe"],
)
def test_the_condition_says_what_failed(container, sidecars, begins):
    spec = RevisionSpec(revision(), ContainerSpec("app"), sidecars)
    failure = texts.startup_failure(spec, container)
    assert failure.reason is BootReason.HEALTH_CHECK_CONTAINER_ERROR
    assert failure.message.startswith(begins)
    assert failure.message.endswith("Logs for this revision might contain more information.")
