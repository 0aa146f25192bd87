from datetime import UTC, datetime

import pytest

from gate.local.admin.conditions import booted
from gate.local.admin.defaults import project_number
from gate.local.admin.errors import ApiError, Code
from gate.local.admin.knative import (
    dig,
    read_traffic,
    revision_v1,
    same_pod,
    service_v1,
    template_v1,
)
from gate.local.admin.outcome import finished
from gate.local.admin.plan import plan_create
from gate.local.admin.template import make_revision
from gate.local.admin.traffic import statuses
from gate.local.ports import RevisionKey, ServiceKey
from tests.fakes.local_messages import NAME, complete, latest, to

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
KEY = ServiceKey("demo", "us-central1", "backend")


def serving(*traffic):
    wanted = complete(revision="r1", traffic=traffic or (latest(100),))
    made = finished(plan_create(wanted, NAME, "uid", "me", AT), AT, None)
    made.latest_ready_revision = made.latest_created_revision = f"{NAME}/revisions/r1"
    made.traffic_statuses = statuses(made.traffic, {"blue": "http://blue"})
    made.uri = "http://main"
    made.urls = ["http://main"]
    return made


def test_generations_are_numbers_and_the_namespace_is_the_projects():
    made = service_v1(serving(), KEY, "op-1")
    assert dig(made, "metadata", "generation") == 1
    assert dig(made, "status", "observedGeneration") == 1
    assert dig(made, "metadata", "namespace") == project_number("demo")
    assert dig(made, "metadata", "annotations", "run.googleapis.com/operation-id") == "op-1"
    assert dig(made, "metadata", "annotations", "run.googleapis.com/urls") == '["http://main"]'
    assert dig(made, "metadata", "labels", "cloud.googleapis.com/location") == "us-central1"


def test_ready_is_among_the_conditions_with_true_false_or_unknown():
    conditions = dig(service_v1(serving(), KEY, ""), "status", "conditions")
    assert [(item["type"], item["status"]) for item in conditions] == [
        ("Ready", "True"),
        ("RoutesReady", "True"),
        ("ConfigurationsReady", "True"),
    ]
    fresh = plan_create(complete(), NAME, "uid", "me", AT)
    (ready,) = dig(service_v1(fresh, KEY, ""), "status", "conditions")
    assert ready["status"] == "Unknown"
    assert dig(service_v1(fresh, KEY, ""), "status", "observedGeneration") == 0


def test_the_status_merges_latest_and_named_entries_of_one_revision():
    made = serving(latest(60), to("r1", 30), to("r2", 10), to("r1", 0, "blue"))
    assert dig(service_v1(made, KEY, ""), "status", "traffic") == [
        {"revisionName": "r1", "percent": 90, "latestRevision": True},
        {"revisionName": "r2", "percent": 10},
        {"revisionName": "r1", "tag": "blue", "url": "http://blue"},
    ]


def test_the_spec_keeps_every_target_and_drops_zero_percent():
    made = serving(latest(100), to("r1", 0, "blue"))
    assert dig(service_v1(made, KEY, ""), "spec", "traffic") == [
        {"percent": 100, "latestRevision": True},
        {"revisionName": "r1", "tag": "blue"},
    ]


def test_a_revision_names_its_service_in_a_label():
    owner = complete(revision="r1")
    key = RevisionKey(KEY, "r1")
    revision = make_revision(key, owner, "uid", "me", AT)
    revision.conditions = booted(AT)
    made = revision_v1(revision, KEY)
    assert dig(made, "metadata", "labels", "serving.knative.dev/service") == "backend"
    assert dig(made, "metadata", "name") == "r1"
    assert dig(made, "spec", "containerConcurrency") == 80


def test_traffic_is_read_back_as_it_was_given():
    targets = [latest(60), to("r1", 40), to("r1", 0, "blue")]
    made = service_v1(serving(*targets), KEY, "")
    assert read_traffic(dig(made, "spec", "traffic")) == targets


@pytest.mark.parametrize(
    "items",
    [
        None,
        {},
        ["x"],
        [{"percent": 1.5, "revisionName": "r"}],
        [{"percent": "x", "revisionName": "r"}],
        [{"revisionName": 3}],
        [{"revisionName": "r", "latestRevision": True}],
        [{"tag": []}],
    ],
)
def test_other_traffic_is_refused(items):
    with pytest.raises(ApiError) as caught:
        read_traffic(items)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_template_that_only_leaves_things_out_is_the_same():
    whole = template_v1(complete(revision="r1").template)
    assert same_pod(whole, whole)
    assert same_pod({"spec": {"containers": [{"image": "demo/good"}]}}, whole)
    assert same_pod({"metadata": {"labels": {}}}, whole)
    assert not same_pod({"spec": {"containers": [{"image": "demo/new"}]}}, whole)
    assert not same_pod({"spec": {"containers": []}}, whole)
    assert not same_pod({"metadata": {"labels": {"a": "b"}}}, whole)


def test_digging_past_the_end_gives_nothing():
    assert dig({"a": {"b": 1}}, "a", "b", "c") is None
    assert dig({}, "a") is None
