from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.run_v2.types import Condition

from gate.local.admin.conditions import Kind, Reason, Standing, State, find, reason_of, state_of
from gate.local.admin.readiness import (
    Start,
    boot_failed,
    booted,
    deploying,
    elapsed,
    with_standing,
)
from gate.local.ports import BootFailure, BootReason

AT = datetime(2026, 11, 22, tzinfo=UTC)
START = Start(AT, AT + timedelta(seconds=3.5))
LATER = AT + timedelta(minutes=1)
DEAF = BootFailure(BootReason.HEALTH_CHECK_CONTAINER_ERROR, "why")


def states(conditions):
    return {item.type_: state_of(item) for item in conditions}


def test_a_starting_revision_is_reconciling():
    assert states(deploying(AT))["Ready"] is State.RECONCILING


def test_a_booted_revision_is_ready():
    assert set(states(booted(START)).values()) == {State.SUCCEEDED}


def test_a_start_that_succeeded_says_how_long_it_took():
    texts = {item.type_: item.message for item in booted(START)}
    assert texts == {
        "Ready": "Deploying revision succeeded in 3.5s.",
        "ResourcesAvailable": "Provisioning imported containers completed in 0s.",
        "ContainerReady": "Container image import completed in 0s.",
        "ContainerHealthy": "Containers became healthy in 3.5s.",
    }


def test_a_container_that_does_not_listen_was_imported_and_provisioned_before():
    conditions = boot_failed(START, DEAF)
    assert states(conditions) == {
        "Ready": State.FAILED,
        "ResourcesAvailable": State.SUCCEEDED,
        "ContainerReady": State.SUCCEEDED,
        "ContainerHealthy": State.FAILED,
        "Retry": State.SUCCEEDED,
    }
    for kind in (Kind.READY, Kind.CONTAINER_HEALTHY):
        assert find(conditions, kind).message == "why"
        assert reason_of(find(conditions, kind)) is Reason.HEALTH_CHECK_CONTAINER_ERROR
        assert find(conditions, kind).last_transition_time == START.ended
    assert find(conditions, Kind.CONTAINER_READY).last_transition_time == AT
    assert find(conditions, Kind.RESOURCES).message == (
        "Provisioning imported containers completed in 0s. Checking container health. This will "
        "wait for up to 4m for the configured startup probe, including an initial delay of 0s."
    )


def test_a_failed_startup_probe_is_to_be_tried_again_at_once():
    retry = find(boot_failed(START, DEAF), Kind.RETRY)
    assert reason_of(retry) is Reason.IMMEDIATE_RETRY
    assert retry.severity == Condition.Severity.INFO
    assert retry.message == "System will retry after 00:00 from lastTransitionTime for attempt 0."


def test_an_image_that_is_missing_is_where_the_start_ends():
    failure = BootFailure(BootReason.CONTAINER_MISSING, "Image 'x' not found.")
    conditions = boot_failed(START, failure)
    assert states(conditions) == {
        "Ready": State.FAILED,
        "ResourcesAvailable": State.PENDING,
        "ContainerReady": State.FAILED,
        "ContainerHealthy": State.PENDING,
    }
    assert reason_of(find(conditions, Kind.READY)) is Reason.CONTAINER_MISSING


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(0, "0s"), (240, "4m"), (23.22, "23.22s"), (94.11, "1m34.11s"), (7.3, "7.3s"), (59.999, "1m")],
)
def test_durations_are_written_as_cloud_run_writes_them(duration_s, text):
    assert elapsed(duration_s) == text


def test_a_serving_revision_is_active():
    found = with_standing(booted(START), AT, Standing.SERVING, min_instances=0)
    assert states(found)["Active"] is State.SUCCEEDED
    assert find(found, Kind.ACTIVE).severity == Condition.Severity.INFO
    assert find(found, Kind.READY).message == "Deploying revision succeeded in 3.5s."
    assert find(found, Kind.MIN_INSTANCES) is None


@pytest.mark.parametrize("standing", [Standing.RESERVE, Standing.RETIRED])
def test_not_serving_is_told_by_active_with_severity_info_and_ready_stays(standing):
    found = with_standing(booted(START), AT, standing, min_instances=0)
    active = find(found, Kind.ACTIVE)
    assert state_of(active) is State.FAILED
    assert active.severity == Condition.Severity.INFO
    assert reason_of(active) is Reason[standing.name]
    assert states(found)["Ready"] is State.SUCCEEDED


def test_a_retired_revision_stays_ready_with_the_reason_and_gives_back_what_it_ran_on():
    found = with_standing(booted(START), LATER, Standing.RETIRED, min_instances=0)
    assert states(found) == {
        "Ready": State.SUCCEEDED,
        "ResourcesAvailable": State.RECONCILING,
        "ContainerReady": State.SUCCEEDED,
        "ContainerHealthy": State.RECONCILING,
        "Active": State.FAILED,
    }
    for kind in (Kind.READY, Kind.RESOURCES, Kind.CONTAINER_HEALTHY, Kind.ACTIVE):
        assert reason_of(find(found, kind)) is Reason.RETIRED
    assert find(found, Kind.READY).message == "Revision retired."


def test_a_retired_revision_that_serves_again_is_ready_without_a_reason():
    retired = with_standing(booted(START), AT, Standing.RETIRED, min_instances=0)
    found = with_standing(retired, LATER, Standing.SERVING, min_instances=0)
    assert set(states(found).values()) == {State.SUCCEEDED}
    assert reason_of(find(found, Kind.READY)) is None


def test_a_retired_revision_with_min_instances_has_them_not_provisioned():
    found = with_standing(booted(START), AT, Standing.RETIRED, min_instances=2)
    reserved = find(found, Kind.MIN_INSTANCES)
    assert reason_of(reserved) is Reason.MIN_INSTANCES_NOT_PROVISIONED
    assert reserved.severity == Condition.Severity.INFO
    live = with_standing(found, AT, Standing.RESERVE, min_instances=2)
    assert states(live)["MinInstancesProvisioned"] is State.SUCCEEDED


def test_a_condition_that_did_not_change_keeps_its_transition_time():
    before = with_standing(booted(START), AT, Standing.SERVING, min_instances=0)
    after = with_standing(before, LATER, Standing.SERVING, min_instances=0)
    assert find(after, Kind.ACTIVE).last_transition_time == AT
    moved = with_standing(after, LATER, Standing.RETIRED, min_instances=0)
    assert find(moved, Kind.ACTIVE).last_transition_time == LATER
