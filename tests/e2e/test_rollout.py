"""`gate rollout` against versions of the example backend: the golden scenario, as processes.

Each test holds four things against each other: the exit code, where traffic is (asked for and in
effect), what the ledger keeps, and the reason: the right probes and no others, with the right
symptom.
"""

import threading
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e.stage import ROOT, eventually, traffic_of
from tests.local_cloud_run import start_local_cloud_run

POLICY = ROOT / "policies" / "backend.yaml"
RUDE = ("--ephemeral", "--port", "0", "--seed", "20")


def roll_out(stage, image):
    return stage.gate("rollout", "--policy", POLICY, "--image", image, "--reason", "a new release")


def own(outcome):
    """What the candidate showed, without what stable did."""
    return [item for item in outcome["evidence"] if item["address"] != "stable"]


def blame(outcome):
    """Of each probe that did not pass, whose fault that is."""
    return {item["probe"]: item["attribution"] for item in own(outcome) if item["attribution"]}


def symptoms(outcome):
    """Of each probe that did not pass, the symptom that it found first."""
    return {
        item["probe"]: item["findings"][0]["symptom"]
        for item in own(outcome)
        if item["outcome"] != "passed"
    }


def evidence(outcome, probe):
    return next(item for item in own(outcome) if item["probe"] == probe)


def rejected(stage, image):
    """Rolls an image out that must be rejected by its probes; returns what is recorded."""
    done = roll_out(stage, image)
    assert done.code == 1
    assert "exit code: 1 (the gate said no, and traffic is safe)" in done.out
    stage.only(stage.first)
    outcome = stage.recorded(done.rollout)
    assert (outcome["ending"], outcome["exit_code"]) == ("rejected", 1)
    assert outcome["verdict"]["decision"] == "reject"
    assert outcome["candidate"]["image"] == image
    (stable,) = outcome["stable"]
    assert (stable["revision"], stable["percent"]) == (stage.first, 100)
    assert stable["image"].startswith("backend@sha256:")  # as Cloud Run names it
    assert outcome["effective_after"] == {stage.first: 100}
    assert [line for line in outcome["traffic_after"] if line["tag"]] == []
    assert outcome["reason"] == "a new release"
    return outcome


def rejected_by_probes(stage, image):
    outcome = rejected(stage, image)
    assert len(own(outcome)) == 20
    assert {item["outcome"] for item in own(outcome)} == {"passed", "failed"}
    stable = [item for item in outcome["evidence"] if item["address"] == "stable"]
    assert len(stable) == 19 - ("logs" not in symptoms(outcome))
    assert {item["outcome"] for item in stable} == {"passed"}
    reasons = {reason["subject"] for reason in outcome["verdict"]["reasons"]}
    assert reasons == set(symptoms(outcome))
    return outcome


def v2_is_rejected(stage):
    outcome = rejected_by_probes(stage, "backend:v2")
    assert symptoms(outcome) == {
        "api-health": "redirect",
        "discovery": "status",
        "same-user-concurrency": "closed",
        "logs": "logs",
    }
    assert set(blame(outcome).values()) == {"regression"}
    assert "307" in evidence(outcome, "api-health")["seen"]
    assert evidence(outcome, "api-health")["findings"][0]["hint"]
    assert "500" in evidence(outcome, "discovery")["seen"]
    together = evidence(outcome, "same-user-concurrency")
    assert (together["asked_times"], together["right_times"]) == (7, 5)
    assert '1011 "Factory SSOT validation failed"' in together["findings"][0]["seen"]
    assert "FACTORY_INIT_FAILED" in together["findings"][0]["seen"]


def v3_is_rejected(stage):
    outcome = rejected(stage, "backend:v3")
    assert {item["address"] for item in outcome["evidence"]} <= {"stable"}
    (reason,) = outcome["verdict"]["reasons"]
    assert reason["subject"] == "readiness"
    assert "HEALTH_CHECK_CONTAINER_ERROR" in reason["text"]
    assert "failed to start and listen on the port" in reason["text"]
    assert "K_INSTANCE_ATTESTATION not set" in "".join(reason["lines"])


def v6_is_promoted(stage):
    done = roll_out(stage, "backend:v6")
    assert done.code == 0
    assert "20 of 20 probes passed" in done.out
    outcome = stage.recorded(done.rollout)
    candidate = outcome["candidate"]["revision"]
    stage.only(candidate)
    assert (outcome["ending"], outcome["exit_code"]) == ("promoted", 0)
    assert outcome["verdict"] == {"decision": "promote", "reasons": []}
    assert outcome["candidate"]["image"] == "backend:v6"
    assert outcome["effective_after"] == {candidate: 100}
    assert symptoms(outcome) == {}
    assert len(own(outcome)) == 20
    return candidate


def test_v3_and_v2_are_rejected_and_v6_is_promoted_on_a_rude_cloud_run(images, backend_of):
    cloud = start_local_cloud_run(images, RUDE)
    try:
        stage = backend_of(cloud)
        v3_is_rejected(stage)
        v2_is_rejected(stage)
        candidate = v6_is_promoted(stage)
        with httpx.Client(trust_env=False) as client:
            assert client.get(f"{stage.read().uri}/health").headers["x-revision"] == candidate
        endings = [outcome["ending"] for outcome in stage.records()]
        assert endings == ["promoted", "rejected", "rejected"]
    finally:
        assert cloud.stop() == 0


# What users see meanwhile.


@contextmanager
def watching(stage):
    """Everything that is seen of the service's traffic, by asking for it and as a user."""
    stop, seen, served = threading.Event(), [], set()
    uri = stage.read().uri

    def watch():
        with httpx.Client(trust_env=False) as client:
            while not stop.wait(0.005):
                seen.append(traffic_of(stage.cloud.services().get_service(name=stage.full_name)))
                served.add(client.get(f"{uri}/").json()["K_REVISION"])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        eventually(lambda: seen)
        yield seen, served
    finally:
        stop.set()
        watcher.join()


@pytest.mark.parametrize("expected", ["healthy", "ill"])
def test_traffic_on_latest_is_pinned_by_the_update_that_creates_the_revision(
    small, tmp_path, expected
):
    policy = small.policy(
        tmp_path,
        f'  who: {{http: {{path: /}}, expect: {{json: {{K_SERVICE: "{small.name}"}}}}}}\n'
        if expected == "healthy"
        else "  who: {http: {path: /}, expect: {json: {K_SERVICE: somebody-else}}}\n",
    )
    assert small.traffic().desired == {"LATEST": 100}
    with watching(small) as (seen, served):
        done = small.gate("rollout", "--policy", policy, "--image", "small:v2")
    candidate = small.traffic().latest_created
    known = [one for one in seen if one.latest_created == candidate]
    assert known, "the candidate was never seen"
    if expected == "ill":
        assert done.code == 1
        assert served == {small.first}
        assert {tuple(one.desired.items()) for one in known} == {((small.first, 100),)}
        assert all(candidate not in one.effective for one in seen)
        small.only(small.first)
    else:
        assert done.code == 0
        assert served <= {small.first, candidate}
        steps = list(dict.fromkeys(tuple(one.desired.items()) for one in known))
        assert steps in (
            [((small.first, 100),), ((candidate, 100),)],
            [((small.first, 100),)],  # the watcher was stopped first
        )
        small.only(candidate)
    assert all(one.desired != {"LATEST": 100} for one in known)
    assert "traffic followed LATEST and is pinned from now on" in done.out


def test_a_revision_that_is_there_is_adopted(small, tmp_path):
    small.pin()
    name = small.deploy("small:v2")
    policy = small.policy(tmp_path, "  who: {http: {path: /}}\n")
    done = small.gate("rollout", "--policy", policy, "--revision", name)
    assert done.code == 0
    small.only(name)
    outcome = small.recorded(done.rollout)
    assert (outcome["ending"], outcome["candidate"]["revision"]) == ("promoted", name)
    assert outcome["candidate"]["image"].startswith("small@sha256:")  # as Cloud Run names it


@pytest.mark.parametrize(("status", "code"), [(200, 0), (418, 1)])
def test_a_users_own_tags_survive(small, tmp_path, status, code):
    small.pin({"mine": small.first, "old": small.first})
    policy = small.policy(tmp_path, f"  it: {{http: {{path: /}}, expect: {{status: {status}}}}}\n")
    done = small.gate("rollout", "--policy", policy, "--image", "small:v2")
    assert done.code == code
    expected = small.first if code else small.traffic().latest_created
    small.only(expected, {"mine": small.first, "old": small.first})


def test_one_json_document_for_machines_is_what_the_ledger_keeps(small, tmp_path):
    policy = small.policy(tmp_path, "  it: {http: {path: /}, expect: {status: 404}}\n")
    done = small.gate("rollout", "--policy", policy, "--image", "small:v2", "--output", "json")
    assert done.code == done.json["exit_code"] == 1
    assert done.json["entry"] == "outcome"
    assert symptoms(done.json) == {"it": "status"}
    recorded = small.recorded(done.json["rollout"])
    for changing in ("at", "duration_ms"):
        recorded.pop(changing)
        done.json.pop(changing)
    assert recorded.keys() == done.json.keys() - {"at", "duration_ms"}
    assert {**recorded, "notes": 0} == {
        **{key: value for key, value in done.json.items() if key in recorded},
        "notes": 0,
    }
    assert "probing" in done.err  # people may watch all the same
