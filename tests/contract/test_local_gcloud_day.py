"""A day's work with the real gcloud, and what deploy pipelines call of it, on one service each."""

import pytest

from tests.contract.local_admin import who
from tests.contract.local_gcloud import gcloud, needs_gcloud, read, ready, split
from tests.local_cloud_run import PARENT, local_cloud_run, local_images

__all__ = ["gcloud", "local_cloud_run", "local_images"]
pytestmark = [pytest.mark.xdist_group("local_gcloud_day"), needs_gcloud]
PRIVATE = "--no-allow-unauthenticated"


def answers(uri):
    """Who answered a number of requests."""
    return {who(uri) for _ in range(60)}


def tagged(service, tag):
    (found,) = [each.uri for each in service.traffic_statuses if each.tag == tag]
    return found


def test_a_days_work(gcloud, local_cloud_run):
    """Deploy, canary by hand, rollback, logs, delete."""
    move = ("run", "services", "update-traffic", "shop")
    gcloud.ok("run", "deploy", "shop", "--image=demo/app:v1", PRIVATE)
    first = ready(read(local_cloud_run, "shop"))

    candidate = ("--no-traffic", "--tag=candidate", "--revision-suffix=two")
    gcloud.ok("run", "deploy", "shop", "--image=demo/app:v2", *candidate)
    service = read(local_cloud_run, "shop")
    assert answers(service.uri) == {first}
    assert who(tagged(service, "candidate")) == "shop-two"

    gcloud.ok(*move, "--to-tags=candidate=50")
    assert answers(service.uri) == {first, "shop-two"}
    gcloud.ok(*move, "--to-revisions=shop-two=100", "--clear-tags")
    assert answers(service.uri) == {"shop-two"}

    gcloud.ok(*move, f"--to-revisions={first}=100")
    assert answers(service.uri) == {first}
    newest = gcloud.refused("run", "revisions", "delete", "shop-two")
    assert "because it is the latest revision of its service" in newest

    third = gcloud.json("run", "deploy", "shop", "--image=demo/app:v1")["status"]
    assert answers(service.uri) == {first}
    gcloud.ok("run", "revisions", "delete", "shop-two")
    names = {each["metadata"]["name"] for each in gcloud.json("run", "revisions", "list")}
    assert names == {first, third["latestCreatedRevisionName"]}

    gcloud.ok("run", "services", "delete", "shop")
    assert "Cannot find service [shop]" in gcloud.refused("run", "services", "describe", "shop")


def test_a_broken_deploy_leaves_the_users_where_they_were(gcloud, local_cloud_run):
    gcloud.ok("run", "deploy", "bank", "--image=demo/app:v1", PRIVATE)
    first = ready(read(local_cloud_run, "bank"))
    said = gcloud.refused("run", "deploy", "bank", "--image=demo/exits")
    assert "failed to start and listen on the port" in said
    service = read(local_cloud_run, "bank")
    assert ready(service) == first
    assert answers(service.uri) == {first}
    gcloud.ok("run", "deploy", "bank", "--image=demo/app:v2")
    assert answers(service.uri) == {ready(read(local_cloud_run, "bank"))} != {first}


def test_logs_are_read_and_written(gcloud, local_cloud_run):
    service = local_cloud_run.create_service("talk")
    assert who(service.uri) == ready(service)
    read_logs = ("run", "services", "logs", "read", "talk", "--limit=5")
    assert f"GET 200 {service.uri}/" in gcloud.ok(*read_logs)

    gcloud.ok("logging", "write", "notes", "first", "--severity=ERROR")
    gcloud.ok("logging", "write", "notes", '{"number": 2}', "--payload-type=json")
    found = gcloud.json("logging", "read", "logName:notes", "--order=asc")
    assert [each.get("textPayload", each.get("jsonPayload")) for each in found] == [
        "first",
        {"number": 2},
    ]
    newest = gcloud.json("logging", "read", "logName:notes AND severity>=ERROR", "--limit=1")
    assert [each["textPayload"] for each in newest] == ["first"]
    assert "projects/demo/logs/notes" in gcloud.json("logging", "logs", "list")
    gcloud.ok("logging", "logs", "delete", "notes")
    assert gcloud.json("logging", "read", "logName:notes") == []


def pipeline(gcloud, *arguments):
    """A command as google-github-actions/deploy-cloudrun builds it (source: its main.ts)."""
    where = ("--platform", "managed", "--region", "us-central1", "--project", "demo")
    return gcloud.json(*arguments, *where)


def labels(sha):
    url = "github-repo-url=unknown"
    return f"managed-by=github-actions,commit-sha={sha},{url},github-actor=somebody"


def deploy_by_pipeline(gcloud, image, *flags, sha="abc123"):
    command = ("run", "deploy", "site", "--image", image, "--quiet")
    return pipeline(gcloud, *command, *flags, "--update-labels", labels(sha))


def test_deploy_cloudruns_own_sequence_of_commands(gcloud, local_cloud_run):
    """Its outputs are the service's address, or that of the tag; then it moves the traffic."""
    more = ("--update-env-vars", "A=1,B=2", "--update-secrets", "KEY=key:latest")
    first = deploy_by_pipeline(gcloud, "demo/app:v1", *more, PRIVATE)
    service = read(local_cloud_run, "site")
    assert first["status"]["url"] == service.uri
    assert dict(service.labels)["commit-sha"] == "abc123"
    old = ready(service)

    more = ("--tag", "blue", "--revision-suffix", "next", "--no-traffic", "--timeout", "30")
    second = deploy_by_pipeline(gcloud, "demo/app:v2", *more, sha="def456")
    (target,) = [each for each in second["status"]["traffic"] if each.get("tag") == "blue"]
    assert who(target["url"]) == "site-next"
    assert answers(service.uri) == {old}

    move = ("run", "services", "update-traffic", "site")
    shown = pipeline(gcloud, *move, "--to-revisions", f"site-next=20,{old}=80")
    assert {each["serviceUrl"] for each in shown} == {service.uri}
    assert {each["revisionName"]: each["specPercent"] for each in shown} == {
        "site-next": "20",
        old: "80",
    }
    shown = pipeline(gcloud, *move, "--to-tags", "blue=100")
    assert [each["urls"] for each in shown if each["tags"]] == [[target["url"]]]
    assert answers(service.uri) == {"site-next"}
    moved = [("site-next", 100, ""), ("site-next", 0, "blue")]
    assert split(read(local_cloud_run, "site")) == moved


def test_deploy_cloudrun_replaces_a_service_by_its_metadata_file(gcloud, tmp_path):
    file = tmp_path / "service.yaml"
    file.write_text(
        "apiVersion: serving.knative.dev/v1\n"
        "kind: Service\n"
        "metadata: {name: by-file}\n"
        "spec: {template: {spec: {containers: [{image: 'demo/app:v1'}]}}}\n"
    )
    made = pipeline(gcloud, "run", "services", "replace", str(file))
    assert who(made["status"]["url"]) == made["status"]["latestReadyRevisionName"]
    assert PARENT.endswith(made["metadata"]["labels"]["cloud.googleapis.com/location"])
