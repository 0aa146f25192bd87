import copy
from datetime import UTC, datetime

import pytest

from gate.local.admin.conditions import Kind, Reason, State, condition
from gate.local.admin.defaults import fill_service, project_number
from gate.local.admin.etags import resource_version
from gate.local.admin.messages import Service
from gate.local.admin.outcome import Failure, finished, reconciling_conditions
from gate.local.admin.plan import plan_create
from gate.local.admin.readiness import Start, booted
from gate.local.admin.tables import RevisionRecord, ServiceRecord
from gate.local.admin.template import make_revision
from gate.local.admin.traffic import statuses
from gate.local.admin.v1.fields import dig
from gate.local.admin.v1.revision import revision_v1
from gate.local.admin.v1.service import read_service, service_v1
from gate.local.api.errors import ApiError, Code
from gate.local.ports import RevisionKey, ServiceKey
from tests.fakes.local_everything import everything
from tests.fakes.local_messages import NAME, complete, latest, to

AT = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
KEY = ServiceKey("demo", "us-central1", "backend")
NAMESPACES = ("demo", project_number("demo"))
RUN = "run.googleapis.com"


def serving(*traffic):
    wanted = complete(revision="r1", traffic=traffic or (latest(100),))
    made = finished(plan_create(wanted, NAME, "uid", "me", AT), AT, None)
    made.latest_ready_revision = made.latest_created_revision = f"{NAME}/revisions/r1"
    made.traffic_statuses = statuses(made.traffic, {"blue": "http://blue"})
    made.uri = "http://main"
    made.urls = ["http://main"]
    return made


def shown(service, operation=""):
    return service_v1(ServiceRecord(KEY, service), operation)


def full():
    wanted = everything()
    wanted.traffic = [latest(100), to("r1", 0, "blue")]
    fill_service(wanted, "demo")
    return plan_create(wanted, NAME, "uid", "me", AT)


def read(body, current):
    made = read_service(body, "backend", NAMESPACES, current).service
    fill_service(made, "demo")
    return made


def refused(body, current):
    with pytest.raises(ApiError) as caught:
        read_service(body, "backend", NAMESPACES, current)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


# --- what is shown


def test_generations_are_numbers_and_the_namespace_is_the_projects():
    made = shown(serving(), "op-1")
    assert dig(made, "metadata", "generation") == 1
    assert dig(made, "status", "observedGeneration") == 1
    assert dig(made, "metadata", "namespace") == project_number("demo")
    assert dig(made, "metadata", "annotations", f"{RUN}/operation-id") == "op-1"
    assert dig(made, "metadata", "annotations", f"{RUN}/urls") == '["http://main"]'
    assert dig(made, "metadata", "labels", "cloud.googleapis.com/location") == "us-central1"


def test_ready_is_among_the_conditions_with_true_false_or_unknown():
    conditions = dig(shown(serving()), "status", "conditions")
    assert [(item["type"], item["status"]) for item in conditions] == [
        ("Ready", "True"),
        ("ConfigurationsReady", "True"),
        ("RoutesReady", "True"),
    ]
    fresh = plan_create(complete(), NAME, "uid", "me", AT)
    (ready,) = dig(shown(fresh), "status", "conditions")
    assert ready == {"type": "Ready", "status": "Unknown"}
    assert "traffic" not in dig(shown(fresh), "status")
    assert dig(shown(fresh), "status", "observedGeneration") == 0


def test_ready_is_as_old_as_the_routes_and_the_version_as_the_status():
    later = AT.replace(microsecond=45_000)
    fresh = plan_create(complete(), NAME, "uid", "me", AT)
    fresh.conditions = reconciling_conditions([], AT)
    made = finished(fresh, later, None, AT)
    (ready, *_) = dig(shown(made), "status", "conditions")
    assert ready["lastTransitionTime"] == "2026-11-22T01:02:03.000000Z"
    assert dig(shown(made), "metadata", "resourceVersion") == resource_version(later)


def test_a_first_service_that_failed_has_no_address_no_traffic_and_no_ready_revision():
    reason = Reason.HEALTH_CHECK_CONTAINER_ERROR
    both = frozenset({Kind.ROUTES, Kind.CONFIGURATIONS})
    failure = Failure(both, Code.FAILED_PRECONDITION, "It did not listen.", reason)
    made = finished(plan_create(complete(), NAME, "uid", "me", AT), AT, failure)
    made.latest_created_revision = f"{NAME}/revisions/backend-00001-bcd"
    status = dig(shown(made), "status")
    assert status.keys() == {"observedGeneration", "conditions", "latestCreatedRevisionName"}
    assert status["observedGeneration"] == 1
    assert [(item["type"], item["status"], item["reason"]) for item in status["conditions"]] == [
        ("Ready", "False", "HealthCheckContainerError"),
        ("ConfigurationsReady", "False", "HealthCheckContainerError"),
        ("RoutesReady", "False", "HealthCheckContainerError"),
    ]


def test_the_version_moves_with_the_status():
    made = serving()
    before = dig(shown(made), "metadata", "resourceVersion")
    later = AT.replace(microsecond=7)
    made.terminal_condition = condition(Kind.READY, State.SUCCEEDED, later)
    assert dig(shown(made), "metadata", "resourceVersion") != before


def test_a_name_that_nobody_gave_is_not_shown():
    assert "name" not in dig(shown(plan_create(complete(), NAME, "u", "me", AT)), *TEMPLATE)
    assert dig(shown(serving()), *TEMPLATE, "name") == "r1"


TEMPLATE = ("spec", "template", "metadata")


def test_the_status_merges_latest_and_named_entries_of_one_revision():
    made = serving(latest(60), to("r1", 30), to("r2", 10), to("r1", 0, "blue"))
    assert dig(shown(made), "status", "traffic") == [
        {"revisionName": "r1", "percent": 90, "latestRevision": True},
        {"revisionName": "r2", "percent": 10},
        {"revisionName": "r1", "tag": "blue", "url": "http://blue"},
    ]


def test_the_spec_keeps_every_target_and_drops_zero_percent():
    made = serving(latest(100), to("r1", 0, "blue"))
    assert dig(shown(made), "spec", "traffic") == [
        {"percent": 100, "latestRevision": True},
        {"revisionName": "r1", "tag": "blue"},
    ]


def test_every_field_that_v1_knows_is_shown():
    made = shown(full())
    annotations, template = dig(made, "metadata", "annotations"), dig(made, "spec", "template")
    assert annotations[f"{RUN}/ingress"] == "internal-and-cloud-load-balancing"
    assert annotations[f"{RUN}/launch-stage"] == "BETA"
    assert annotations[f"{RUN}/custom-audiences"] == '["one","two"]'
    assert annotations[f"{RUN}/manualInstanceCount"] == "0"
    assert template["metadata"]["annotations"] == {
        "example.com/note": "template",
        "autoscaling.knative.dev/minScale": "1",
        "autoscaling.knative.dev/maxScale": "3",
        f"{RUN}/cpu-throttling": "false",
        f"{RUN}/startup-cpu-boost": "true",
        f"{RUN}/sessionAffinity": "true",
        f"{RUN}/vpc-access-connector": "c",
        f"{RUN}/vpc-access-egress": "private-ranges-only",
        f"{RUN}/network-interfaces": '[{"network":"n","subnetwork":"s","tags":["t"]}]',
        f"{RUN}/encryption-key": "projects/p/key",
        f"{RUN}/post-key-revocation-action-type": "shut-down",
        f"{RUN}/encryption-key-shutdown-hours": "3",
        f"{RUN}/execution-environment": "gen2",
        f"{RUN}/mesh": "mesh",
        f"{RUN}/health-check-disabled": "true",
        f"{RUN}/gpu-zonal-redundancy-disabled": "false",
        f"{RUN}/container-dependencies": '{"main":["side"]}',
        f"{RUN}/base-images": '{"main":"base/image"}',
        f"{RUN}/secrets": "key-2:projects/other/secrets/key",
        f"{RUN}/cloudsql-instances": "p:r:i,p:r:j",
    }
    main, side = template["spec"]["containers"]
    assert main["env"] == [
        {"name": "PLAIN", "value": "1"},
        {"name": "UNSET"},
        {"name": "EMPTY", "value": ""},
        {"name": "NEAR", "valueFrom": {"secretKeyRef": {"name": "key", "key": "2"}}},
        {"name": "FAR", "valueFrom": {"secretKeyRef": {"name": "key-2", "key": "latest"}}},
    ]
    assert main["volumeMounts"] == [{"name": "keys", "mountPath": "/keys", "subPath": "a"}]
    assert main["livenessProbe"]["httpGet"] == {
        "path": "/live",
        "port": 9000,
        "httpHeaders": [{"name": "x-probe", "value": "yes"}],
    }
    assert "ports" not in side
    kinds = [next(key for key in each if key != "name") for each in template["spec"]["volumes"]]
    assert kinds == ["secret", "emptyDir", "nfs", "csi", "csi"]


# --- what is read back


def test_what_was_shown_is_read_as_it_was_to_the_last_field():
    assert read(shown(full()), full()) == full()


def test_other_traffic_changes_nothing_else():
    body, wanted = shown(full()), full()
    dig(body, "spec")["traffic"] = [{"revisionName": "r2", "percent": 100, "tag": "t"}]
    wanted.traffic = [to("r2", 100, "t")]
    assert read(body, full()) == wanted


def test_one_change_in_the_template_keeps_what_v1_cannot_express():
    body, wanted = shown(full()), full()
    dig(body, *TEMPLATE)["labels"]["new"] = "1"
    wanted.template.labels["new"] = "1"
    assert read(body, full()) == wanted


def test_a_whole_service_is_read_from_nothing_but_for_what_v1_cannot_express():
    made, wanted = read(shown(full()), Service()), full()
    pb = Service.pb(wanted)
    pb.template.timeout.nanos = 0
    pb.template.encryption_key_shutdown_duration.seconds = 3 * 3600
    pb.template.containers[0].ClearField("source_code")
    pb.template.containers[1].resources.cpu_idle = False
    pb.template.containers[1].resources.startup_cpu_boost = True
    pb.multi_region_settings.ClearField("multi_region_id")
    wanted.template.volumes[3].gcs.mount_options = ["a=b", "c", "d"]
    assert plan_create(made, NAME, "uid", "me", AT) == wanted


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        (f"{RUN}/ingress", "internal", "ingress", 2),
        (f"{RUN}/ingress", None, "ingress", 1),
        (f"{RUN}/description", "new", "description", "new"),
        (f"{RUN}/minScale", "2", "scaling.min_instance_count", 2),
        (f"{RUN}/iap-enabled", None, "iap_enabled", False),
        (f"{RUN}/launch-stage", None, "launch_stage", 4),
        (f"{RUN}/binary-authorization", "default", "binary_authorization.use_default", True),
        (f"{RUN}/custom-audiences", '["x"]', "custom_audiences", ["x"]),
        (f"{RUN}/scalingMode", None, "scaling.scaling_mode", 0),
    ],
)
def test_an_annotation_of_the_service_sets_its_field(name, value, field, expected):
    body = shown(full())
    annotations = dig(body, "metadata", "annotations")
    annotations.pop(name)
    if value is not None:
        annotations[name] = value
    made = read(body, full())
    for part in field.split("."):
        made = getattr(made, part)
    assert made == expected


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda b: b["metadata"]["annotations"].update({f"{RUN}/x": "1"}), f"{RUN}/x"),
        (lambda b: b["metadata"]["annotations"].update({f"{RUN}/minScale": "x"}), "minScale"),
        (lambda b: b["metadata"]["annotations"].update({f"{RUN}/ingress": "x"}), "ingress"),
        (lambda b: b["metadata"].update(name="other"), "metadata.name"),
        (lambda b: b["metadata"].update(namespace="other"), "metadata.namespace"),
        (lambda b: b["spec"].pop("template"), "spec.template"),
        (lambda b: b["spec"].update(runLatest={"a": 1}), "spec.runLatest"),
        (lambda b: b.update(kind="Job"), "kind"),
        (lambda b: containers(b)[0].update(securityContext={"a": 1}), "securityContext"),
        (lambda b: containers(b)[0].update(env=[{"name": "A", "valueFrom": {"x": {"y": 1}}}]), "x"),
        (lambda b: containers(b)[0].update(env=[{"name": "A", "value": 1}]), "env[0].value"),
        (lambda b: containers(b)[0]["ports"][0].update(protocol="UDP"), "protocol"),
        (lambda b: pod(b).update(volumes=[{"name": "v", "configMap": {"a": "b"}}]), "volumes[0]"),
        (lambda b: pod(b).update(volumes=[{"name": "v", "csi": {"driver": "x"}}]), "driver"),
        (lambda b: pod(b).update(timeoutSeconds="x"), "timeoutSeconds"),
        (lambda b: pod(b).update(nodeSelector={"a": "b"}), "nodeSelector.a"),
        (lambda b: template(b)["annotations"].update({f"{RUN}/cpu-throttling": "x"}), "throttling"),
        (
            lambda b: template(b)["annotations"].update({f"{RUN}/network-interfaces": "{"}),
            "network",
        ),
        (lambda b: template(b)["annotations"].update({f"{RUN}/secrets": "x"}), "secrets"),
        (lambda b: template(b)["annotations"].update({f"{RUN}/unheard": "x"}), "unheard"),
    ],
)
def test_what_is_not_understood_is_refused_and_not_dropped(change, text):
    body = copy.deepcopy(shown(full()))
    change(body)
    assert text in refused(body, full())


def pod(body):
    return body["spec"]["template"]["spec"]


def containers(body):
    return pod(body)["containers"]


def template(body):
    return body["spec"]["template"]["metadata"]


# --- traffic


def test_traffic_is_read_back_as_it_was_given():
    targets = [latest(60), to("r1", 40), to("r1", 0, "blue")]
    assert list(read(shown(serving(*targets)), serving()).traffic) == targets


@pytest.mark.parametrize(
    "items",
    [
        {},
        ["x"],
        [{"percent": 1.5, "revisionName": "r"}],
        [{"percent": "x", "revisionName": "r"}],
        [{"revisionName": 3}],
        [{"revisionName": "r", "latestRevision": True}],
        [{"tag": []}],
        [{"configurationName": "x"}],
    ],
)
def test_other_traffic_is_refused(items):
    body = shown(serving())
    dig(body, "spec")["traffic"] = items
    assert "spec.traffic" in refused(body, serving())


# --- revisions


def made_revision(**fields):
    owner = ServiceRecord(KEY, complete(image="demo/good:v1", revision="r1"))
    key = RevisionKey(KEY, "r1")
    revision = make_revision(key, owner.resource, "uid", "me", AT)
    revision.conditions = booted(Start(AT, AT))
    return revision_v1(RevisionRecord(key, revision, 3, **fields), owner)


def test_a_revision_names_its_service_and_its_generation_in_labels():
    made = made_revision()
    assert dig(made, "metadata", "labels", "serving.knative.dev/service") == "backend"
    generation = dig(made, "metadata", "labels", "serving.knative.dev/configurationGeneration")
    assert generation == "3"
    assert dig(made, "metadata", "name") == "r1"
    assert dig(made, "spec", "containerConcurrency") == 80


def test_conditions_of_a_revision_are_ready_and_then_by_name():
    conditions = dig(made_revision(), "status", "conditions")
    assert [item["type"] for item in conditions] == [
        "Ready",
        "ContainerHealthy",
        "ContainerReady",
        "ResourcesAvailable",
    ]


def test_a_revision_says_that_its_startup_probe_is_the_default_one():
    labels = dig(made_revision(), "metadata", "labels")
    assert labels["run.googleapis.com/startupProbeType"] == "Default"


def test_the_owner_of_a_revision_has_an_id_of_its_own():
    (owner,) = dig(made_revision(), "metadata", "ownerReferences")
    assert owner["uid"] == dig(made_revision(), "metadata", "ownerReferences")[0]["uid"]
    assert owner["uid"] != "uid"


def test_each_container_has_a_status_with_its_digest():
    made = made_revision(images={"demo/good:v1": "demo/good@sha256:0"})
    assert dig(made, "status", "containerStatuses") == [
        {"name": "backend-1", "imageDigest": "demo/good@sha256:0"}
    ]
    assert dig(made_revision(), "status", "containerStatuses") == [{"name": "backend-1"}]


def test_a_revision_shows_its_image_by_digest_and_a_name_for_its_container():
    made = made_revision(images={"demo/good:v1": "demo/good@sha256:0"})
    (container,) = dig(made, "spec", "containers")
    assert (container["name"], container["image"]) == ("backend-1", "demo/good@sha256:0")
    assert dig(made, "status", "imageDigest") == "demo/good@sha256:0"


def test_a_revision_of_an_image_that_was_not_there_has_no_digest():
    made = made_revision()
    assert dig(made, "spec", "containers")[0]["image"] == "demo/good:v1"
    assert dig(made, "status", "imageDigest") is None


def test_digging_past_the_end_gives_nothing():
    assert dig({"a": {"b": 1}}, "a", "b", "c") is None
    assert dig({}, "a") is None
