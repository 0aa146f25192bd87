from datetime import UTC, datetime

import pytest

from gate.cloud.values import (
    NAMELESS,
    condition_value,
    reason_name,
    revision_value,
    service_value,
    split_value,
    traffic_items,
)
from gate.core.service import Condition, ConditionState, Effective, ServiceRef
from gate.core.traffic import Split, Target
from gate.errors import InfrastructureError
from tests.unit.cloud.knative_documents import (
    AT,
    DIGEST,
    IMAGE,
    container,
    revision_of,
    service,
    template,
)

REF = ServiceRef("acme", "europe-west1", "shop")
LATER = datetime(2026, 5, 4, 3, 2, 1, 678900, tzinfo=UTC)


def with_status(**changes):
    document = service()
    document["status"] = {**document["status"], **changes}
    return document


def ready(status, **more):
    return [{"type": "Ready", "status": status, **more}]


def test_a_service_with_everything():
    value = service_value(service(), REF)
    assert (value.ref, value.etag) == (REF, "AAZEDQKk1OQ")
    assert (value.generation, value.observed_generation, value.reconciling) == (7, 7, False)
    assert value.ready == Condition(ConditionState.SUCCEEDED)
    assert value.traffic == Split.of(
        [Target("shop-00001-aaa", 100), Target("shop-00002-abc", 0, "candidate")]
    )
    assert value.effective == (
        Effective("shop-00001-aaa", 100),
        Effective("shop-00002-abc", 0, "candidate", "https://candidate---shop-x-ew.a.run.app"),
    )
    assert (value.latest_ready, value.latest_created) == ("shop-00001-aaa", "shop-00002-abc")
    assert (value.uri, value.last_modifier) == ("https://shop-x-ew.a.run.app", "ann@acme.example")
    assert value.updated_at == LATER
    assert value.annotations == (("a", "1"), ("b", "2"))
    assert value.ingress == "internal"
    assert dict(value.settings)["concurrency"] == "80"
    assert (value.template_name, value.template_image) == ("", f"{IMAGE}:v1")
    assert value.in_effect


def test_a_template_that_names_its_revision():
    document = service()
    document["spec"]["template"]["metadata"]["name"] = "shop-00009-new"
    assert service_value(document, REF).template_name == "shop-00009-new"


def test_a_service_whose_first_revision_failed():
    document = with_status(
        conditions=ready("False", reason="HealthCheckContainerError", message="did not start"),
        latestCreatedRevisionName="shop-00001-aaa",
    )
    document["spec"]["traffic"] = [{"percent": 100, "latestRevision": True}]
    for name in ("url", "traffic", "latestReadyRevisionName"):
        del document["status"][name]
    value = service_value(document, REF)
    assert value.ready == Condition(
        ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "did not start"
    )
    assert value.gave_up
    assert (value.effective, value.latest_ready, value.uri) == ((), "", "")
    assert not value.in_effect


@pytest.mark.parametrize(
    ("generation", "observed", "status", "reconciling"),
    [
        (7, 7, "True", False),
        (7, 7, "False", False),
        (7, 7, "Unknown", True),
        (8, 7, "True", True),
        (8, 7, "False", True),  # how an earlier write ended
        (7, 7, "Certainly", True),
    ],
)
def test_when_a_write_is_still_being_carried_out(generation, observed, status, reconciling):
    document = with_status(observedGeneration=observed, conditions=ready(status))
    document["metadata"]["generation"] = generation
    assert service_value(document, REF).reconciling is reconciling


def test_a_service_that_says_nothing_of_itself_is_not_ready():
    document = service()
    del document["status"]
    value = service_value(document, REF)
    assert value.reconciling
    assert value.ready == Condition(ConditionState.UNKNOWN)
    assert not value.in_effect


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("True", ConditionState.SUCCEEDED),
        ("False", ConditionState.FAILED),
        ("Unknown", ConditionState.RECONCILING),
        ("true", ConditionState.UNKNOWN),
        (True, ConditionState.UNKNOWN),
        ("", ConditionState.UNKNOWN),
    ],
)
def test_states(status, expected):
    assert condition_value({"status": status}).state is expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("HealthCheckContainerError", "HEALTH_CHECK_CONTAINER_ERROR"),
        ("MinInstancesNotProvisioned", "MIN_INSTANCES_NOT_PROVISIONED"),
        ("Retired", "RETIRED"),
        ("ImmediateRetry", "IMMEDIATE_RETRY"),
        ("VPCNetworkNotFound", "VPC_NETWORK_NOT_FOUND"),
        ("ALREADY_SO", "ALREADY_SO"),
        ("", ""),
    ],
)
def test_reasons_are_named_as_v2_names_them(reason, expected):
    assert reason_name(reason) == expected


@pytest.mark.parametrize(
    "strange",
    [
        {"configurationName": "shop", "percent": 100},
        {"percent": 100},
        {"revisionName": "r", "latestRevision": True, "percent": 100},
        {"revisionName": "r", "percent": "100"},
        {"revisionName": "r", "percent": 99.5},
        {"revisionName": "r", "percent": True},
        {"revisionName": ["r"], "percent": 100},
        {"revisionName": "r", "percent": 100, "tag": 7},
        "r",
        None,
    ],
)
def test_a_target_of_another_form_is_refused_not_guessed(strange):
    with pytest.raises(InfrastructureError, match=r"^service x: traffic target of a kind"):
        split_value([strange], "service x")


def test_percents_that_make_no_split_are_the_platforms_fault():
    with pytest.raises(InfrastructureError, match=r"^service x: traffic list makes no sense.*90"):
        split_value([{"revisionName": "r", "percent": 90}], "service x")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ({"latestRevision": True}, None),
        ({"latestRevision": True, "revisionName": "r"}, "r"),
        ({"revisionName": "r"}, "r"),
        ({}, NAMELESS),
        ({"latestRevision": "yes"}, NAMELESS),
    ],
)
def test_effective_revisions(line, expected):
    document = with_status(traffic=[{**line, "percent": 100}])
    assert service_value(document, REF).effective == (Effective(expected, 100),)


def test_a_nameless_status_is_never_the_latest_revision():
    assert not service_value(with_status(traffic=[{"percent": 100}]), REF).in_effect


def test_a_split_becomes_the_list_that_gcloud_writes():
    split = Split.of([Target(None, 30), Target("b", 70), Target("a", 0, "t"), Target(None, 0, "l")])
    listed = traffic_items(split)
    assert listed == [
        {"revisionName": "b", "percent": 70},
        {"latestRevision": True, "percent": 30},
        {"latestRevision": True, "tag": "l"},
        {"revisionName": "a", "tag": "t"},
    ]
    assert split_value(listed, "x") == split


def test_a_revision_with_everything():
    made = template(
        {"name": "proxy", "image": "envoy:1"},
        container(),
        annotations={"autoscaling.knative.dev/minScale": "2", "k": "v"},
    )
    document = revision_of(made)
    document["status"]["conditions"] = [
        {"type": "Active", "status": "True"},
        {"type": "Ready", "status": "False", "message": "did not start\n\nLogs URL: x \nFor more"},
    ]
    value = revision_value(document)
    assert (value.name, value.env) == ("shop-00002-abc", ("MODE", "JWT"))
    assert (value.image, value.digest) == (DIGEST, DIGEST)
    assert value.ready == Condition(ConditionState.FAILED, "", "did not start")
    assert [name for name, _ in value.conditions] == ["Active", "Ready"]
    assert (value.min_instances, value.timeout_s, value.created_at) == (2, 60.0, LATER)
    assert value.annotations == (("k", "v"),)
    assert "hunter2" not in repr(value)


def noted(named, digest=DIGEST, client=""):
    """A revision whose template has a note of what its image is called, or none."""
    made = template(annotations={"client.knative.dev/user-image": named} if named else {})
    made["metadata"]["annotations"].pop("run.googleapis.com/client-name")
    if client:
        made["metadata"]["annotations"]["run.googleapis.com/client-name"] = client
    return revision_of(made, digest=digest)


@pytest.mark.parametrize(
    ("named", "image"),
    [
        (f"{IMAGE}:v1", f"{IMAGE}:v1"),
        (IMAGE, IMAGE),
        (DIGEST, DIGEST),
        (f"{IMAGE}@sha256:{'cd' * 32}", DIGEST),  # of another image: left there by another client
        ("elsewhere/shop:v1", DIGEST),
        ("", DIGEST),
    ],
)
def test_an_image_is_told_as_it_was_named_where_that_can_be_true(named, image):
    value = revision_value(noted(named))
    assert (value.image, value.digest) == (image, DIGEST)


def test_what_gcloud_found_noted_is_not_believed():
    value = revision_value(noted(f"{IMAGE}:v1", client="gcloud"))
    assert (value.image, value.image_label) == (DIGEST, f"{IMAGE}:v1")


def test_a_host_with_a_port_is_no_tag():
    image = "localhost:5000/shop"
    made = noted(f"{image}:v1", digest=f"{image}@sha256:{'ab' * 32}")
    assert revision_value(made).image == f"{image}:v1"


def test_an_unresolved_image_has_no_digest():
    document = revision_of(template(), digest=f"{IMAGE}:v1")
    assert (revision_value(document).image, revision_value(document).digest) == (f"{IMAGE}:v1", "")


def test_a_revision_without_a_ready_condition_is_not_ready():
    value = revision_value({"metadata": {"name": "r"}})
    assert value.ready == Condition(ConditionState.UNKNOWN)
    assert (value.image, value.env, value.created_at) == ("", (), None)
    assert value.timeout_s == 300.0


def test_floating_secrets_are_named():
    latest = {"secretKeyRef": {"name": "jwt", "key": "latest"}}
    made = template(container(env=[{"name": "JWT", "valueFrom": latest}]))
    assert revision_value(revision_of(made)).floating == ("secret JWT",)
    assert revision_value(revision_of(template())).floating == ()


def test_the_time_of_the_last_change_is_the_last_that_v1_tells():
    assert service()["metadata"]["creationTimestamp"] < AT
    assert service_value(with_status(conditions=[]), REF).updated_at == datetime(
        2026, 5, 1, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("condition", "start_s"),
    [
        ({}, 7.25),
        ({"message": "Containers became healthy in 1m2.5s."}, 62.5),
        ({"message": "Containers became healthy in 2m."}, 120),
        ({"lastTransitionTime": "2023-07-05T20:56:22Z"}, 7.25),  # it has been retired meanwhile
        ({"message": ""}, 0),
        ({"message": "Containers became healthy in time."}, 0),
        ({"type": "Ready"}, 0),
        ({"status": "Unknown"}, 0),
    ],
)
def test_how_long_a_start_takes_is_what_cloud_run_says_of_the_first(condition, start_s):
    healthy = {"type": "ContainerHealthy", "status": "True"}
    healthy["message"] = "Containers became healthy in 7.25s."
    healthy["lastTransitionTime"] = "2023-07-04T20:56:30.500Z"
    document = {
        "metadata": {"name": "shop-1", "creationTimestamp": "2023-07-04T20:56:23Z"},
        "status": {"conditions": [healthy | condition]},
    }
    assert revision_value(document).start_s == start_s
