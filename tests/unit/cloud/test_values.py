import warnings
from datetime import UTC, datetime, timedelta

import pytest
from google.cloud.run_v2.types import condition, k8s_min, revision, service, traffic_target
from google.protobuf.timestamp_pb2 import Timestamp

from gate.cloud.values import (
    BY_NAME,
    LATEST,
    NAMELESS,
    condition_value,
    revision_value,
    service_value,
    serving_container,
    short_name,
    split_value,
    target_messages,
)
from gate.core.service import Condition, ConditionState, Effective, ServiceRef
from gate.core.traffic import Split, Target
from gate.errors import InfrastructureError

REF = ServiceRef("demo", "us-central1", "backend")
FULL = "projects/demo/locations/us-central1/services/backend/revisions/"
States = condition.Condition.State
AT = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def stamp(at=AT):
    message = Timestamp()
    message.FromDatetime(at)
    return message


def target(kind, name="", percent=0, tag=""):
    return traffic_target.TrafficTarget(type_=kind, revision=name, percent=percent, tag=tag)


def with_number(message, field, number):
    """The same message as a newer server would send it: an enum's number without a name."""
    kind = type(message)
    pb = kind.pb(message)
    setattr(pb, field, number)
    return kind.deserialize(pb.SerializeToString())


def test_a_service_with_everything():
    message = service.Service(
        name="projects/demo/locations/us-central1/services/backend",
        etag='"abc"',
        generation=7,
        observed_generation=6,
        reconciling=True,
        terminal_condition=condition.Condition(type_="Ready", state=States.CONDITION_RECONCILING),
        traffic=[target(BY_NAME, "backend-1", 100), target(BY_NAME, "backend-2", 0, "candidate")],
        traffic_statuses=[
            traffic_target.TrafficTargetStatus(
                type_=BY_NAME, revision=f"{FULL}backend-1", percent=100
            ),
            traffic_target.TrafficTargetStatus(
                type_=BY_NAME, revision="backend-2", tag="candidate", uri="https://c---b.app/"
            ),
        ],
        latest_ready_revision=f"{FULL}backend-1",
        latest_created_revision=f"{FULL}backend-2",
        uri="https://b.app/",
        last_modifier="ann@example.com",
        update_time=stamp(),
        annotations={"b": "2", "a": "1"},
    )
    value = service_value(message, REF)
    assert (value.ref, value.etag, value.generation, value.observed_generation) == (
        REF,
        '"abc"',
        7,
        6,
    )
    assert value.reconciling
    assert value.ready == Condition(ConditionState.RECONCILING)
    assert value.traffic == Split.of(
        [Target("backend-1", 100), Target("backend-2", 0, "candidate")]
    )
    assert value.effective == (
        Effective("backend-1", 100),
        Effective("backend-2", 0, "candidate", "https://c---b.app"),
    )
    assert (value.latest_ready, value.latest_created) == ("backend-1", "backend-2")
    assert (value.uri, value.last_modifier) == ("https://b.app", "ann@example.com")
    assert value.updated_at == AT
    assert type(value.updated_at) is datetime
    assert value.annotations == (("a", "1"), ("b", "2"))


def test_a_brand_new_service_has_nothing_and_serves_latest():
    value = service_value(service.Service(), REF)
    assert value.traffic == Split.of([Target(None, 100)])
    assert value.ready == Condition(ConditionState.UNKNOWN)
    assert (value.effective, value.latest_ready, value.updated_at) == ((), "", None)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (States.STATE_UNSPECIFIED, ConditionState.UNKNOWN),
        (States.CONDITION_PENDING, ConditionState.PENDING),
        (States.CONDITION_RECONCILING, ConditionState.RECONCILING),
        (States.CONDITION_FAILED, ConditionState.FAILED),
        (States.CONDITION_SUCCEEDED, ConditionState.SUCCEEDED),
    ],
)
def test_states(state, expected):
    assert condition_value(condition.Condition(state=state)).state is expected


def test_a_state_that_a_newer_server_invents_is_unknown():
    message = with_number(condition.Condition(), "state", 99)
    assert condition_value(message).state is ConditionState.UNKNOWN


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (condition.Condition(reason=condition.Condition.CommonReason.CONTAINER_MISSING), None),
        (
            condition.Condition(
                revision_reason=condition.Condition.RevisionReason.HEALTH_CHECK_CONTAINER_ERROR
            ),
            "HEALTH_CHECK_CONTAINER_ERROR",
        ),
        (with_number(condition.Condition(), "revision_reason", 77), "REVISION_REASON_77"),
        (condition.Condition(), ""),
    ],
)
def test_reasons(message, reason):
    expected = "CONTAINER_MISSING" if reason is None else reason
    assert condition_value(message).reason == expected


def test_a_targets_unknown_type_is_refused_not_guessed():
    strange = with_number(target(BY_NAME, "r", 100), "type_", 9)
    with pytest.raises(InfrastructureError, match=r"^service x: traffic target of a kind.*type 9"):
        split_value([strange], "service x")


def test_a_named_target_without_a_name_is_refused():
    with pytest.raises(InfrastructureError, match="of a kind this gate does not know"):
        split_value([target(BY_NAME, "", 100)], "service x")


def test_a_target_without_a_type_but_with_a_name_is_by_name():
    assert split_value([target(0, f"{FULL}r", 100)], "x") == Split.of([Target("r", 100)])


def test_percents_that_make_no_split_are_the_platforms_fault():
    with pytest.raises(InfrastructureError, match=r"^service x: traffic list makes no sense.*90"):
        split_value([target(BY_NAME, "r", 90)], "service x")


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [(LATEST, "", None), (LATEST, "r", "r"), (BY_NAME, "r", "r"), (BY_NAME, "", NAMELESS)],
)
def test_effective_revisions(kind, name, expected):
    line = traffic_target.TrafficTargetStatus(type_=kind, revision=name, percent=100)
    message = service.Service(traffic_statuses=[line])
    assert service_value(message, REF).effective == (Effective(expected, 100),)


def test_a_nameless_status_is_never_the_latest_revision():
    line = traffic_target.TrafficTargetStatus(type_=BY_NAME, percent=100)
    message = service.Service(traffic_statuses=[line], latest_ready_revision=f"{FULL}r")
    assert not service_value(message, REF).in_effect


def test_a_split_becomes_the_list_that_gcloud_writes():
    split = Split.of([Target(None, 30), Target("b", 70), Target("a", 0, "t"), Target(None, 0, "l")])
    messages = target_messages(split)
    assert [(m.type_, m.revision, m.percent, m.tag) for m in messages] == [
        (BY_NAME, "b", 70, ""),
        (LATEST, "", 30, ""),
        (LATEST, "", 0, "l"),
        (BY_NAME, "a", 0, "t"),
    ]
    assert split_value(messages, "x") == split


def test_a_revision_with_everything():
    message = revision.Revision(
        name=f"{FULL}backend-2",
        conditions=[
            condition.Condition(type_="Active", state=States.CONDITION_SUCCEEDED),
            condition.Condition(
                type_="Ready", state=States.CONDITION_FAILED, message="did not start"
            ),
        ],
        containers=[
            k8s_min.Container(name="proxy", image="p"),
            k8s_min.Container(
                name="app",
                image="app@sha256:1",
                ports=[k8s_min.ContainerPort(container_port=8080)],
                env=[k8s_min.EnvVar(name="A", value="secret"), k8s_min.EnvVar(name="B")],
            ),
        ],
        scaling={"min_instance_count": 2},
        timeout=timedelta(seconds=60),
        create_time=stamp(),
        annotations={"k": "v"},
    )
    value = revision_value(message)
    assert (value.name, value.image, value.env) == ("backend-2", "app@sha256:1", ("A", "B"))
    assert value.ready == Condition(ConditionState.FAILED, "", "did not start")
    assert [name for name, _ in value.conditions] == ["Active", "Ready"]
    assert (value.min_instances, value.timeout_s, value.created_at) == (2, 60.0, AT)
    assert "secret" not in repr(value)


def test_a_revision_without_a_ready_condition_is_not_ready():
    value = revision_value(revision.Revision(name="r"))
    assert value.ready == Condition(ConditionState.UNKNOWN)
    assert (value.image, value.env, value.created_at) == ("", (), None)


def test_the_serving_container():
    port = [k8s_min.ContainerPort(container_port=8080)]
    alone = k8s_min.Container(name="alone")
    app = k8s_min.Container(name="app", ports=port)
    assert serving_container([]) is None
    assert serving_container([alone]).name == "alone"
    assert serving_container([alone, app]).name == "app"
    assert serving_container([alone, alone]) is None
    assert serving_container([app, app]) is None


def test_short_names():
    assert short_name(f"{FULL}r-1") == short_name("r-1") == "r-1"
    assert short_name("") == ""
