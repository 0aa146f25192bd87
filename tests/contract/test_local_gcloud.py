"""The unmodified gcloud: one chain of commands on one service, each effect seen through v2.

Each call takes about a second: the chain runs once, each call does several things, and each test
looks at some of what they did. What gcloud's requests mean is known from the suites of v1.
"""

import json
import re
import sys
from types import SimpleNamespace

import pytest
import yaml
from google.cloud import run_v2

from tests.contract.local_admin import HTTP, short, who
from tests.contract.local_gcloud import Gcloud, needs_gcloud
from tests.fakes import local_app
from tests.local_cloud_run import CALM, PARENT, start_local_cloud_run

pytestmark = [pytest.mark.xdist_group("local_gcloud"), pytest.mark.timeout(600), needs_gcloud]
INTERNAL = run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
ALL = run_v2.IngressTraffic.INGRESS_TRAFFIC_ALL
GEN2 = run_v2.ExecutionEnvironment.EXECUTION_ENVIRONMENT_GEN2
ACCOUNT = "runner@demo.iam.gserviceaccount.com"
STRANGER = "user:stranger@example.com"
PIPELINE = ("--platform", "managed", "--region", "us-central1", "--project", "demo", "--quiet")
"""What google-github-actions/deploy-cloudrun adds to each command (source: its main.ts)."""
SETTING = (
    *("--allow-unauthenticated", "--labels=team=blue", "--set-env-vars=A=1,B=2"),
    *("--set-secrets=KEY=key:latest", "--cpu=2", "--memory=1Gi", "--min=1", "--min-instances=1"),
    *("--max-instances=3", "--concurrency=20", "--timeout=60", f"--service-account={ACCOUNT}"),
    *("--ingress=internal", "--no-cpu-throttling", "--session-affinity"),
    *("--execution-environment=gen2", f"--command={sys.executable}"),
    f"--args=-ISu,{local_app.__file__}",
)
CHANGING = (
    *("--no-traffic", "--tag=candidate", "--revision-suffix=two", "--update-env-vars=C=3"),
    *("--remove-env-vars=A", "--remove-secrets=KEY", "--ingress=all", "--clear-labels"),
    *("--update-labels=tier=web", "--min=default", "--cpu-throttling"),
)


@pytest.fixture(scope="module")
def cloud(local_images):
    running = start_local_cloud_run(local_images, (*CALM, "--require-auth"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def gcloud(cloud, tmp_path_factory):
    return Gcloud(cloud, tmp_path_factory.mktemp("state"))


@pytest.fixture(scope="module")
def read(cloud):
    """Reads a service as v2 has it."""
    return lambda name="shop": cloud.services().get_service(name=f"{PARENT}/services/{name}")


@pytest.fixture(scope="module")
def created(gcloud, read):
    said = gcloud.json("run", "deploy", "shop", "--image=demo/app:v1", *PIPELINE, *SETTING)
    return SimpleNamespace(said=said, service=read())


@pytest.fixture(scope="module")
def deployed(gcloud, read, created):
    said = gcloud.json("run", "deploy", "shop", "--image=demo/app:v2", *PIPELINE, *CHANGING)
    return SimpleNamespace(said=said, service=read())


@pytest.fixture(scope="module")
def moved(gcloud, read, created, deployed):
    """The traffic after two moves: to percents with new tags, then to one of the tags."""
    move = ("run", "services", "update-traffic", "shop", *PIPELINE)
    old = ready(created.service)
    percents = (f"--to-revisions=LATEST=40,{old}=60", f"--set-tags=new=LATEST,old={old}")
    said = gcloud.json(*move, *percents)
    first = read()
    gcloud.ok(*move, "--to-tags=old=100")
    return SimpleNamespace(said=said, first=first, service=read(), old=old)


@pytest.fixture(scope="module")
def exported(gcloud, moved):
    return yaml.safe_load(gcloud.ok("run", "services", "describe", "shop", "--format=export"))


def one(service):
    (container,) = service.template.containers
    return container


def env(service):
    return {each.name: each.value for each in one(service).env if not each.value_source}


def secrets(service):
    found = ((each.name, each.value_source.secret_key_ref) for each in one(service).env)
    return {name: (key.secret, key.version) for name, key in found if key}


def split(service):
    """The traffic that is asked for: revision ("" is the latest one), percent, tag."""
    return [(target.revision, target.percent, target.tag) for target in service.traffic]


def ready(service):
    return short(service.latest_ready_revision)


def test_a_deploy_of_a_new_service_sets_what_its_flags_say(created):
    service, container = created.service, one(created.service)
    template = service.template
    assert (service.generation, service.client) == (1, "gcloud")
    assert split(service) == [("", 100, "")]
    assert created.said["status"]["url"] == service.uri
    assert created.said["status"]["latestReadyRevisionName"] == ready(service)
    assert container.image == "demo/app:v1"
    assert (env(service), secrets(service)) == ({"A": "1", "B": "2"}, {"KEY": ("key", "latest")})
    assert dict(service.labels) == {"team": "blue"}
    assert dict(container.resources.limits) == {"cpu": "2", "memory": "1Gi"}
    assert not container.resources.cpu_idle
    assert (list(container.command), container.args[0]) == ([sys.executable], "-ISu")
    assert service.scaling.min_instance_count == template.scaling.min_instance_count == 1
    assert template.scaling.max_instance_count == 3
    assert template.max_instance_request_concurrency == 20
    assert (template.timeout.total_seconds(), template.service_account) == (60, ACCOUNT)
    assert (service.ingress, template.session_affinity) == (INTERNAL, True)
    assert template.execution_environment is GEN2


def test_a_deploy_changes_what_its_flags_name_in_one_write(created, deployed):
    service = deployed.service
    assert (service.generation, one(service).image) == (2, "demo/app:v2")
    assert (env(service), secrets(service)) == ({"B": "2", "C": "3"}, {})
    assert dict(service.labels) == {"tier": "web"}
    assert (service.ingress, service.scaling.min_instance_count) == (ALL, 0)
    assert one(service).resources.cpu_idle
    assert (service.template.timeout.total_seconds(), service.template.revision) == (60, "shop-two")
    assert split(service) == [(ready(created.service), 100, ""), ("shop-two", 0, "candidate")]


def test_a_deploy_shows_the_address_of_its_tag(deployed):
    (shown,) = [each for each in deployed.said["status"]["traffic"] if each.get("tag")]
    (status,) = [each for each in deployed.service.traffic_statuses if each.tag]
    assert shown["url"] == status.uri


def test_a_deploy_that_allows_everybody_does_and_one_without_a_word_leaves_it(moved):
    assert who(moved.service.uri) == moved.old


def test_traffic_moves_by_revision_and_by_tag_and_no_move_makes_a_revision(deployed, moved):
    tags = [("", 0, "new"), (moved.old, 0, "old")]
    assert sorted(split(moved.first)) == sorted([("", 40, ""), (moved.old, 60, ""), *tags])
    assert sorted(split(moved.service)) == sorted([(moved.old, 100, ""), *tags])
    assert moved.service.generation == deployed.service.generation + 2
    assert short(moved.service.latest_created_revision) == "shop-two"
    shown = {each["revisionName"]: each["specPercent"] for each in moved.said}
    assert set(shown.values()) == {"40", "60"}
    assert {each["serviceUrl"] for each in moved.said} == {moved.service.uri}


def test_a_broken_deploy_is_waited_for_said_and_leaves_the_users_where_they_were(gcloud, moved):
    said = gcloud.refused("run", "deploy", "shop", "--image=demo/exits", "--command=", "--args=")
    assert "failed to start and listen on the port" in said
    assert who(moved.service.uri) == moved.old


def test_an_exported_service_can_be_edited_and_replaced_as_another(
    gcloud, read, exported, tmp_path
):
    template = exported["spec"]["template"]
    main = template["spec"]["containers"][0]
    main["env"] = [{"name": "GREETING", "value": "hello"}]
    template["spec"]["containers"] = [
        {**main, "name": "web", "image": "demo/app:v1"},
        {"name": "side", "image": "demo/deaf"},
    ]
    template["metadata"].pop("name", None)
    exported["metadata"] |= {"name": "pair", "labels": {"team": "green"}}
    exported["spec"]["traffic"] = [{"latestRevision": True, "percent": 100}]
    edited = tmp_path / "service.yaml"
    edited.write_text(json.dumps(exported))
    gcloud.ok("run", "services", "replace", str(edited))
    made = read("pair")
    assert [each.name for each in made.template.containers] == ["web", "side"]
    assert [(each.name, each.value) for each in made.template.containers[0].env] == [
        ("GREETING", "hello")
    ]
    assert dict(made.labels) == {"team": "green"}
    assert ready(made).startswith("pair-")
    assert HTTP.get(made.uri).status_code == 403  # nobody said that everybody may call it
    policy = gcloud.json(
        *("run", "services", "add-iam-policy-binding", "pair", f"--member={STRANGER}"),
        "--role=roles/run.invoker",
    )
    assert policy["bindings"] == [{"role": "roles/run.invoker", "members": [STRANGER]}]
    listed = gcloud.json("run", "services", "list")
    assert {each["metadata"]["name"] for each in listed} == {"shop", "pair"}
    gcloud.ok("run", "services", "delete", "pair")
    gone = gcloud.refused("run", "services", "describe", "pair")
    assert "Cannot find service [pair]" in gone


def test_revisions_are_listed_by_service_and_one_that_serves_stays(gcloud, moved):
    listed = gcloud.json("run", "revisions", "list", "--service=shop")
    names = {each["metadata"]["name"]: each for each in listed}
    assert {moved.old, "shop-two"} <= set(names)
    digest = names[moved.old]["status"]["imageDigest"]
    assert re.fullmatch(r"demo/app@sha256:[0-9a-f]{64}", digest)
    assert "actively serving" in gcloud.refused("run", "revisions", "delete", moved.old)


def test_logs_are_read_and_written(gcloud, moved):
    assert who(moved.service.uri)
    read_logs = ("run", "services", "logs", "read", "shop", "--limit=50")
    assert f"GET 200 {moved.service.uri}/" in gcloud.ok(*read_logs)
    asked = ("--payload-type=json", "--severity=ERROR")
    gcloud.ok("logging", "write", "notes", '{"number": 2}', *asked)
    found = gcloud.json("logging", "read", "logName:notes AND severity>=ERROR", "--limit=1")
    assert [each["jsonPayload"] for each in found] == [{"number": 2}]
    assert "projects/demo/logs/notes" in gcloud.json("logging", "logs", "list")


def test_what_is_not_imitated_fails_at_once_and_says_so(gcloud):
    assert "gate local: jobs are not imitated" in gcloud.refused("run", "jobs", "list")
