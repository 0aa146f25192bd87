"""`gate doctor` against a local Cloud Run: what it finds, in what order, with what exit code."""

import pytest
from google.cloud import run_v2

from tests.contract.local_faults import Faults
from tests.e2e.stage import environment, gate
from tests.local_cloud_run import CALM, finish, start_local_cloud_run

BUILDER = "builder@demo.iam.gserviceaccount.com"
NAMED = ("--project", "demo", "--region", "us-central1", "--service")


@pytest.fixture
def faults(cloud):
    face = Faults(cloud)
    yield face
    face.off()


def found(done, *results):
    """What was found of these results: check to its words and command."""
    listed = done.json["findings"]
    return {one["check"]: one for one in listed if one["result"] in results}


def holding(done):
    return found(done, "problem", "unknown")


def test_a_service_on_which_nothing_is_wrong(small, tmp_path):
    small.pin({"blue": small.first})
    policy = small.policy(tmp_path, "  health: {http: {path: /}}\n")
    done = small.gate("doctor", "--policy", policy, "--output", "json")
    assert (done.code, holding(done)) == (0, {}), done
    answers = [one["where"] for one in done.json["findings"] if one["check"] == "answer"]
    assert len(answers) == 2
    assert answers[1].startswith("tag blue at http://")
    text = small.gate("doctor", "--policy", policy)
    assert text.out.splitlines()[-1] == done.json["summary"]
    assert small.only(small.first, {"blue": small.first})


def test_each_denied_permission_is_named_with_what_grants_it(small, faults):
    for permission in ("run.services.update", "logging.logEntries.create", "run.revisions.list"):
        faults.on(
            {"do": "deny", "permission": permission}, name=permission.replace(".", "-").lower()
        )
    done = small.gate("doctor", "--output", "json")
    assert done.code == 5
    commands = {
        one["what"].partition(" ")[0]: one["command"]
        for one in done.json["findings"]
        if one["result"] == "problem"
    }
    assert set(commands) == {
        "run.services.update",
        "logging.logEntries.create",
        "run.revisions.list",
    }
    assert f"add-iam-policy-binding {small.name} " in commands["run.services.update"]
    assert commands["logging.logEntries.create"].startswith(
        "gcloud projects add-iam-policy-binding"
    )


def test_it_writes_nothing_not_even_into_its_log(small):
    before = small.read()
    assert small.gate("doctor").code == 0
    assert small.read() == before
    listed = small.gate("audit", "list", "--output", "json").json
    assert listed == []


def test_the_front_ends_404_is_told_from_the_applications(small, tmp_path):
    service = small.read()
    service.ingress = run_v2.IngressTraffic.INGRESS_TRAFFIC_INTERNAL_ONLY
    request = run_v2.UpdateServiceRequest(service=service, update_mask="ingress")
    finish(small.cloud.services().update_service(request))
    policy = small.policy(tmp_path, "  health: {http: {path: /}}\n")
    rollout = small.gate("rollout", "--policy", policy, "--image", "small:v2")
    assert rollout.code == 5, rollout
    lines = rollout.out.splitlines()
    said = next(i for i, one in enumerate(lines) if "in the service's place (HTTP 404" in one)
    assert said < next(i for i, one in enumerate(lines) if "health" in one)
    done = small.gate("doctor", "--output", "json")
    assert done.code == 5
    assert set(holding(done)) == {"ingress", "answer"}
    assert "the container was not asked" in holding(done)["answer"]["what"]


def test_a_private_service_with_a_token_and_without(images, stage_of):
    private = start_local_cloud_run(images, (*CALM, "--require-auth"))
    try:
        stage = stage_of("small:v1", private)
        issuer = {"GCE_METADATA_HOST": private.grpc}
        assert holding(stage.gate("doctor", "--output", "json", **issuer)) == {}
        done = stage.gate("doctor", "--output", "json")
        assert done.code == 5
        answer = holding(done)["answer"]
        assert answer["what"].startswith("HTTP 403: the front end refused the caller")
        assert "--role=roles/run.invoker" in answer["command"]
    finally:
        private.stop()


def test_what_is_not_there_and_what_cannot_be_reached(small):
    nobody = gate("doctor", *NAMED, f"{small.name}x", env=small.env)
    nobody.refused(2, "does not exist", small.name)
    away = {"CLOUD_RUN_EMULATOR_HOST": "127.0.0.1:9", "LOGGING_EMULATOR_HOST": "127.0.0.1:9"}
    gate("doctor", *NAMED, "backend", env=environment(away)).refused(3, "nothing answers")
    gate("doctor", *NAMED, "", env=small.env).refused(2, "--service")


def test_without_credentials_it_says_so_and_how_to_get_some():
    done = gate("doctor", *NAMED, "backend", env=environment({"GCE_METADATA_HOST": "127.0.0.1:9"}))
    assert done.code == 5
    assert done.out.startswith("PROBLEM  credentials")
    assert "gcloud auth application-default login" in done.out


def test_the_applications_404_is_told_with_the_revision_that_gave_it(backend_of):
    stage = backend_of()
    done = stage.gate("doctor", "--output", "json")
    assert done.code == 0, done
    answer = found(done, "ok")["answer"]["what"]
    assert answer.startswith("the application itself answers HTTP 404, and not the front end")
    assert answer.endswith(f"whose log has it from {stage.first}")


def test_a_log_that_gives_no_answer_holds_although_it_may_be_written(small):
    done = small.gate("doctor", "--output", "json", LOGGING_EMULATOR_HOST="127.0.0.1:9")
    assert done.code == 5
    assert set(holding(done)) == {"log"}


def test_a_secret_of_secret_manager_that_is_not_there_or_may_not_be_read(small, tmp_path, faults):
    probes = '  health: {http: {path: /, headers: {X-Token: "${jwt}"}}}\n'
    head = "secrets: {jwt: {secret: projects/demo/secrets/nowhere/versions/1}}\n"
    head += "notify: [{url: {env: NO_SUCH_HOOK}}]\n"
    policy = small.policy(tmp_path, probes, head)
    done = small.gate("doctor", "--policy", policy, "--output", "json")
    assert done.code == 5
    assert set(holding(done)) == {"secret"}
    assert "nowhere" in holding(done)["secret"]["what"]
    assert "NO_SUCH_HOOK is not set" in found(done, "warning")["notify"]["what"]
    faults.on({"do": "deny", "permission": "secretmanager.versions.access"})
    done = small.gate("doctor", "--policy", policy, "--output", "json")
    assert holding(done)["permission"]["command"].startswith(
        "gcloud secrets add-iam-policy-binding nowhere "
    )


def test_a_build_whose_account_may_make_no_tokens_is_told_which_role_it_lacks(images, stage_of):
    asked = (*CALM, "--require-auth", "--metadata", "cloud-build")
    private = start_local_cloud_run(images, (*asked, "--caller", BUILDER))
    try:
        stage = stage_of("small:v1", private)
        tokens = dict.fromkeys(("GCE_METADATA_HOST", "GCE_METADATA_IP"), private.grpc)
        tokens["IAM_CREDENTIALS_EMULATOR_HOST"] = private.grpc
        done = stage.gate("doctor", "--output", "json", **tokens)
        assert holding(done) == {}, done
        face = Faults(private)
        face.on({"do": "deny", "permission": "iam.serviceAccounts.getOpenIdToken"})
        done = stage.gate("doctor", "--output", "json", **tokens)
        assert done.code == 5
        assert "id token" in holding(done), done
    finally:
        private.stop()
