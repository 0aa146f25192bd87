"""gcloud run deploy, update, replace, describe, list, delete: each effect, seen through v2.

And the other way round: what v2 wrote, as gcloud shows it.
"""

import json
import re
import sys
from types import SimpleNamespace

import pytest
import yaml
from google.cloud import run_v2

from tests.contract.local_admin import Api, latest, short, template, to
from tests.contract.local_gcloud import gcloud, needs_gcloud, read, ready, split
from tests.fakes import local_app
from tests.local_cloud_run import local_cloud_run, local_images

__all__ = ["gcloud", "local_cloud_run", "local_images"]
pytestmark = [pytest.mark.xdist_group("local_admin_gcloud"), needs_gcloud]
PRIVATE = "--no-allow-unauthenticated"
INTERNAL = run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
ALL = run_v2.IngressTraffic.INGRESS_TRAFFIC_ALL
GEN2 = run_v2.ExecutionEnvironment.EXECUTION_ENVIRONMENT_GEN2
EVERY_FLAG = (
    *("--no-traffic", "--tag=candidate", "--revision-suffix=two", "--labels=team=blue"),
    *("--set-env-vars=A=1,B=2", "--set-secrets=KEY=key:latest", "--cpu=2", "--memory=1Gi"),
    *("--min=1", "--min-instances=1", "--max-instances=3", "--concurrency=20", "--timeout=60"),
    *("--service-account=runner@demo.iam.gserviceaccount.com", "--ingress=internal"),
    *("--no-cpu-throttling", "--session-affinity", "--execution-environment=gen2"),
    *(f"--command={sys.executable}", f"--args=-ISu,{local_app.__file__}"),
)
UPDATE = (
    *("--update-env-vars=C=3", "--remove-env-vars=A", "--remove-secrets=KEY", "--ingress=all"),
    *("--update-labels=tier=web", "--clear-labels", "--min=default", "--cpu-throttling"),
)


@pytest.fixture(scope="module")
def done(gcloud, local_cloud_run):
    """A service after each command, as v2 has it."""
    gcloud.ok("run", "deploy", "shop", "--image=demo/app:v1", PRIVATE)
    created = read(local_cloud_run, "shop")
    said = gcloud.json("run", "deploy", "shop", "--image=demo/app:v2", *EVERY_FLAG)
    deployed = read(local_cloud_run, "shop")
    gcloud.ok("run", "services", "update", "shop", "--no-traffic", *UPDATE)
    updated = read(local_cloud_run, "shop")
    return SimpleNamespace(created=created, said=said, deployed=deployed, updated=updated)


def one(service):
    (container,) = service.template.containers
    return container


def env(service):
    return {each.name: each.value for each in one(service).env if not each.value_source}


def secrets(service):
    found = ((each.name, each.value_source.secret_key_ref) for each in one(service).env)
    return {name: (key.secret, key.version) for name, key in found if key}


def own_labels(service):
    return dict(service.labels)


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (lambda made: made.generation, 1),
        (lambda made: one(made).image, "demo/app:v1"),
        (split, [("", 100, "")]),
        (lambda made: made.template.revision, ""),
        (lambda made: made.ingress, ALL),
        (lambda made: made.client, "gcloud"),
        (lambda made: made.terminal_condition.state, run_v2.Condition.State.CONDITION_SUCCEEDED),
    ],
    ids=["generation", "image", "traffic", "no revision name", "ingress", "client", "ready"],
)
def test_deploy_of_a_new_service(done, what, expected):
    assert what(done.created) == expected


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        pytest.param(lambda made: made.generation, 2, id="one write"),
        pytest.param(lambda made: one(made).image, "demo/app:v2", id="--image"),
        pytest.param(lambda made: made.template.revision, "shop-two", id="--revision-suffix"),
        pytest.param(lambda made: split(made)[1], ("shop-two", 0, "candidate"), id="--tag"),
        pytest.param(own_labels, {"team": "blue"}, id="--labels"),
        pytest.param(env, {"A": "1", "B": "2"}, id="--set-env-vars"),
        pytest.param(secrets, {"KEY": ("key", "latest")}, id="--set-secrets"),
        pytest.param(lambda made: one(made).resources.limits["cpu"], "2", id="--cpu"),
        pytest.param(lambda made: one(made).resources.limits["memory"], "1Gi", id="--memory"),
        pytest.param(lambda made: one(made).resources.cpu_idle, False, id="--no-cpu-throttling"),
        pytest.param(lambda made: list(one(made).command), [sys.executable], id="--command"),
        pytest.param(lambda made: one(made).args[0], "-ISu", id="--args"),
        pytest.param(lambda made: made.scaling.min_instance_count, 1, id="--min"),
        pytest.param(
            lambda made: made.template.scaling.min_instance_count, 1, id="--min-instances"
        ),
        pytest.param(
            lambda made: made.template.scaling.max_instance_count, 3, id="--max-instances"
        ),
        pytest.param(
            lambda made: made.template.max_instance_request_concurrency, 20, id="--concurrency"
        ),
        pytest.param(lambda made: made.template.timeout.total_seconds(), 60, id="--timeout"),
        pytest.param(
            lambda made: made.template.service_account,
            "runner@demo.iam.gserviceaccount.com",
            id="--service-account",
        ),
        pytest.param(lambda made: made.ingress, INTERNAL, id="--ingress"),
        pytest.param(lambda made: made.template.session_affinity, True, id="--session-affinity"),
        pytest.param(
            lambda made: made.template.execution_environment, GEN2, id="--execution-environment"
        ),
    ],
)
def test_each_flag_of_deploy_on_a_service_that_is_there(done, what, expected):
    assert what(done.deployed) == expected


def test_no_traffic_keeps_it_where_it_was(done):
    assert split(done.deployed)[0] == (ready(done.created), 100, "")


def test_deploy_shows_the_address_of_the_tag(done):
    (shown,) = [each for each in done.said["status"]["traffic"] if each.get("tag") == "candidate"]
    (status,) = [each for each in done.deployed.traffic_statuses if each.tag == "candidate"]
    assert shown["url"] == status.uri


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        pytest.param(env, {"B": "2", "C": "3"}, id="env vars"),
        pytest.param(secrets, {}, id="--remove-secrets"),
        pytest.param(own_labels, {"tier": "web"}, id="labels"),
        pytest.param(lambda made: made.ingress, ALL, id="--ingress"),
        pytest.param(lambda made: made.scaling.min_instance_count, 0, id="--min=default"),
        pytest.param(lambda made: one(made).resources.cpu_idle, True, id="--cpu-throttling"),
        pytest.param(lambda made: made.template.timeout.total_seconds(), 60, id="the rest stays"),
        pytest.param(lambda made: made.template.revision, "", id="the server names it"),
    ],
)
def test_update_changes_what_it_names_and_nothing_else(done, what, expected):
    assert what(done.updated) == expected


def test_update_without_traffic_leaves_the_traffic(done):
    assert split(done.updated) == split(done.deployed)
    assert short(done.updated.latest_created_revision) != "shop-two"
    assert ready(done.updated) == "shop-two"  # nobody reaches the new one


# --- the other way round, and whole objects


@pytest.fixture(scope="module")
def shown(gcloud, local_cloud_run, done):
    """What gcloud shows of a service that v2 wrote, beside another one."""
    api = Api("grpc", local_cloud_run)
    service = api.create()
    first = short(service.latest_ready_revision)
    asked = run_v2.Service(name=service.name, template=template(GREETING="hello"))
    asked.labels["team"] = "red"
    asked.traffic = [latest(70), to(first, 30, "stable")]
    service = api.update(asked, "template", "labels", "traffic")
    name = short(service.name)
    return SimpleNamespace(
        service=service,
        first=first,
        described=gcloud.json("run", "services", "describe", name),
        everywhere=gcloud.json("run", "services", "list"),
        there=gcloud.json("run", "services", "list", "--region=us-central1", "--limit=1"),
        revisions=gcloud.json("run", "revisions", "list", f"--service={name}"),
        exported=gcloud.ok("run", "services", "describe", name, "--format=export"),
    )


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        (lambda seen: seen.described["status"]["url"], lambda seen: seen.service.uri),
        (lambda seen: seen.described["metadata"]["labels"]["team"], lambda _: "red"),
        (
            lambda seen: seen.described["status"]["observedGeneration"],
            lambda seen: seen.service.generation,
        ),
        (
            lambda seen: seen.described["spec"]["template"]["spec"]["containers"][0]["env"],
            lambda _: [{"name": "GREETING", "value": "hello"}],
        ),
        (
            lambda seen: seen.described["spec"]["traffic"],
            lambda seen: [
                {"latestRevision": True, "percent": 70},
                {"percent": 30, "revisionName": seen.first, "tag": "stable"},
            ],
        ),
    ],
    ids=["url", "labels", "generation", "env", "traffic"],
)
def test_describe_shows_what_v2_wrote(shown, what, expected):
    assert what(shown) == expected(shown)


def test_services_are_listed_with_and_without_a_region(shown):
    name = short(shown.service.name)
    assert {each["metadata"]["name"] for each in shown.everywhere} == {"shop", name}
    assert len(shown.there) == 1


def test_revisions_list_shows_the_revisions_of_one_service(shown):
    names = {each["metadata"]["name"] for each in shown.revisions}
    assert names == {shown.first, ready(shown.service)}


def test_revisions_describe_shows_the_image_by_digest(gcloud, shown):
    described = gcloud.json("run", "revisions", "describe", shown.first)
    assert re.fullmatch(r"demo/app@sha256:[0-9a-f]{64}", described["status"]["imageDigest"])
    assert described["metadata"]["labels"]["serving.knative.dev/service"] == short(
        shown.service.name
    )


def test_an_exported_service_can_be_edited_and_replaced(gcloud, local_cloud_run, shown, tmp_path):
    body = yaml.safe_load(shown.exported)
    body["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "goodbye"
    body["metadata"]["labels"]["team"] = "green"
    edited = tmp_path / "service.yaml"
    edited.write_text(json.dumps(body))
    gcloud.ok("run", "services", "replace", str(edited))
    after = read(local_cloud_run, short(shown.service.name))
    assert env(after) == {"GREETING": "goodbye"}
    assert own_labels(after) == {"team": "green"}
    assert ready(after) not in ("", ready(shown.service))
    assert split(after) == split(shown.service)


def test_replace_makes_a_service_of_a_file_with_several_containers(
    gcloud, local_cloud_run, tmp_path
):
    web = {"name": "web", "image": "demo/app:v1", "ports": [{"containerPort": 8080}]}
    side = {"name": "side", "image": "demo/deaf"}
    body = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "pair"},
        "spec": {"template": {"spec": {"containers": [web, side]}}},
    }
    file = tmp_path / "service.yaml"
    file.write_text(json.dumps(body))
    gcloud.ok("run", "services", "replace", str(file))
    made = read(local_cloud_run, "pair")
    assert [each.name for each in made.template.containers] == ["web", "side"]
    assert split(made) == [("", 100, "")]


def test_deploy_takes_the_flags_of_each_container(gcloud, local_cloud_run):
    web = ("--container=web", "--image=demo/app:v1", "--port=8080", "--set-env-vars=A=1")
    side = ("--container=side", "--image=demo/deaf", "--memory=256Mi")
    gcloud.ok("run", "deploy", "several", PRIVATE, *web, *side)
    by_name = {each.name: each for each in read(local_cloud_run, "several").template.containers}
    assert {name: each.image for name, each in by_name.items()} == {
        "web": "demo/app:v1",
        "side": "demo/deaf",
    }
    assert by_name["side"].resources.limits["memory"] == "256Mi"
    assert [each.name for each in by_name["web"].env] == ["A"]


# --- what fails


def test_a_service_that_does_not_exist_cannot_be_found(gcloud):
    assert "Cannot find service [nope]" in gcloud.refused("run", "services", "describe", "nope")


def test_an_image_that_is_missing_fails_the_deploy_in_cloud_runs_words(gcloud):
    said = gcloud.refused("run", "deploy", "broken", "--image=demo/nothing", PRIVATE)
    assert "Image 'demo/nothing' not found." in said


def test_what_is_not_imitated_fails_at_once_and_says_so(gcloud):
    assert "gate local: jobs are not imitated" in gcloud.refused("run", "jobs", "list")
