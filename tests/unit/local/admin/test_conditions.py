from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.run_v2.types import Condition

from gate.local.admin.conditions import (
    Kind,
    Reason,
    Standing,
    State,
    boot_failed,
    booted,
    condition,
    deploying,
    find,
    reason_of,
    state_of,
    with_standing,
)
from gate.local.ports import BootFailure, BootReason

AT = datetime(2026, 11, 22, tzinfo=UTC)
LATER = AT + timedelta(minutes=1)


def states(conditions):
    return {item.type_: state_of(item) for item in conditions}


def test_our_enums_are_the_librarys():
    for state in State:
        name = f"{'STATE' if state is State.UNSPECIFIED else 'CONDITION'}_{state.name}"
        assert Condition.State[name] == state
    kinds = {"reason": Condition.CommonReason, "revision_reason": Condition.RevisionReason}
    for reason in Reason:
        member, number = reason.value
        assert kinds[member][reason.name] == number


def test_exactly_one_kind_of_reason_is_set():
    made = condition(Kind.READY, State.FAILED, AT, reason=Reason.CONTAINER_MISSING)
    assert Condition.pb(made).WhichOneof("reasons") == "reason"
    made = condition(Kind.READY, State.FAILED, AT, reason=Reason.HEALTH_CHECK_CONTAINER_ERROR)
    assert Condition.pb(made).WhichOneof("reasons") == "revision_reason"
    assert reason_of(made) is Reason.HEALTH_CHECK_CONTAINER_ERROR


def test_a_starting_revision_is_reconciling():
    assert states(deploying(AT))["Ready"] is State.RECONCILING


def test_a_booted_revision_is_ready():
    assert set(states(booted(AT)).values()) == {State.SUCCEEDED}


@pytest.mark.parametrize(
    ("reason", "culprit", "kept"),
    [
        (BootReason.CONTAINER_MISSING, "ContainerReady", Reason.CONTAINER_MISSING),
        (
            BootReason.HEALTH_CHECK_CONTAINER_ERROR,
            "ContainerHealthy",
            Reason.HEALTH_CHECK_CONTAINER_ERROR,
        ),
    ],
)
def test_a_failed_boot_shows_on_ready_and_on_its_own_condition(reason, culprit, kept):
    conditions = boot_failed(AT, BootFailure(reason, "why"))
    found = states(conditions)
    assert found["Ready"] is found[culprit] is State.FAILED
    assert found["ResourcesAvailable"] is State.SUCCEEDED
    assert find(conditions, Kind.READY).message == "why"
    assert reason_of(find(conditions, Kind.READY)) is kept


def test_a_serving_revision_is_active():
    found = with_standing(booted(AT), AT, Standing.SERVING, min_instances=0)
    assert states(found)["Active"] is State.SUCCEEDED
    assert find(found, Kind.MIN_INSTANCES) is None


@pytest.mark.parametrize("standing", [Standing.RESERVE, Standing.RETIRED])
def test_not_serving_is_told_by_active_with_severity_info_and_ready_stays(standing):
    found = with_standing(booted(AT), AT, standing, min_instances=0)
    active = find(found, Kind.ACTIVE)
    assert state_of(active) is State.FAILED
    assert active.severity == Condition.Severity.INFO
    assert reason_of(active) is Reason[standing.name]
    assert states(found)["Ready"] is State.SUCCEEDED


def test_a_retired_revision_with_min_instances_has_them_not_provisioned():
    found = with_standing(booted(AT), AT, Standing.RETIRED, min_instances=2)
    reserved = find(found, Kind.MIN_INSTANCES)
    assert reason_of(reserved) is Reason.MIN_INSTANCES_NOT_PROVISIONED
    assert reserved.severity == Condition.Severity.INFO
    live = with_standing(found, AT, Standing.RESERVE, min_instances=2)
    assert states(live)["MinInstancesProvisioned"] is State.SUCCEEDED


def test_a_condition_that_did_not_change_keeps_its_transition_time():
    before = with_standing(booted(AT), AT, Standing.SERVING, min_instances=0)
    after = with_standing(before, LATER, Standing.SERVING, min_instances=0)
    assert find(after, Kind.ACTIVE).last_transition_time == AT
    moved = with_standing(after, LATER, Standing.RETIRED, min_instances=0)
    assert find(moved, Kind.ACTIVE).last_transition_time == LATER
