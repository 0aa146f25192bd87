"""Rollouts whose policies ask about the revision itself: its configuration, routes and start."""

import pytest
from google.cloud import run_v2

from tests.local_cloud_run import finish

STEPS = "baseline: stable\ntraffic: [50, 100]\ndwell: 1s\n"
PROBES = """\
  health: {http: {path: /health}}
  configuration: {diff: {}}
  api: {routes: {path: /openapi.json}}
  startup:
    startup: {path: /health, warm_requests: 3}
    expect: {first: 20s, warm: 5s}
"""
ABOUT = {"configuration", "api", "startup"}
VALUES = ("a-value-nobody-may-see", "another-value-nobody-may-see")
pytestmark = pytest.mark.xdist_group("questions")


def own(outcome):
    return {item["probe"]: item for item in outcome["evidence"] if item["address"] == ""}


def deploy(stage, image, tmp_path, probes=PROBES, head=STEPS):
    policy = stage.policy(tmp_path, probes, head)
    done = stage.gate("rollout", "--policy", policy, "--image", image)
    return done, stage.recorded(done.rollout)


def test_a_good_release_keeps_every_route_and_is_set_up_as_before(backend_of, tmp_path):
    stage = backend_of()
    done, outcome = deploy(stage, "backend:v6", tmp_path)
    assert done.code == 0, done
    assert outcome["ending"] == "promoted"
    seen = own(outcome)
    assert {name: seen[name]["outcome"] for name in ABOUT} == dict.fromkeys(ABOUT, "passed")
    assert seen["configuration"]["expected"] == f"as {stage.first}"
    assert "routes kept" in seen["api"]["seen"]
    assert "3 warm ones in" in seen["startup"]["seen"]
    # What a revision is was asked once, before it had users; the rest again, of users, too.
    # Stable's routes and answers are evidence beside it, its configuration is not.
    asked = [(item["probe"], item["address"]) for item in outcome["evidence"]]
    beside = {name for name, address in asked if address == "stable"}
    assert beside & {*ABOUT} == {"api", "startup"}
    asked = [pair for pair in asked if pair[1] != "stable"]
    assert sorted(name for name, _ in asked if name in ABOUT) == sorted(ABOUT)
    assert ("health", "service") in asked
    assert "did not run" not in done.out
    stage.only(outcome["candidate"]["revision"])


def test_a_release_that_lost_a_route_is_rejected(backend_of, tmp_path):
    stage = backend_of()
    done, outcome = deploy(stage, "backend:v2", tmp_path)
    assert done.code == 1, done
    assert outcome["ending"] == "rejected"
    (finding,) = own(outcome)["api"]["findings"]
    assert (finding["symptom"], finding["seen"]) == ("routes", "GET /api/health is gone")
    assert "GET /api/health is gone" in done.out
    stage.only(stage.first)


def test_a_candidate_that_lacks_a_variable_is_rejected_by_its_name(stage_of, tmp_path):
    stage = stage_of("small:v1", env={"MODE": VALUES[0], "JWT_SECRET": VALUES[1]}).pin()
    service = stage.read()
    changed = [run_v2.EnvVar(name="MODE", value=VALUES[1]), run_v2.EnvVar(name="NEW", value="x")]
    service.template.containers[0].env = changed
    service.template.revision = ""
    request = run_v2.UpdateServiceRequest(service=service, update_mask="template")
    finish(stage.cloud.services().update_service(request))
    candidate = stage.traffic().latest_created

    policy = stage.policy(tmp_path, "  configuration: {diff: {}}\n  health: {http: {path: /}}\n")
    done = stage.gate("rollout", "--policy", policy, "--revision", candidate)
    outcome = stage.recorded(done.rollout)
    assert (done.code, outcome["ending"]) == (1, "rejected"), done
    found = {item["seen"] for item in own(outcome)["configuration"]["findings"]}
    assert found == {"JWT_SECRET: missing", "MODE: another value"}
    assert "NEW: only the candidate has it" in str(own(outcome)["configuration"]["excerpts"])
    everything = done.out + done.err + str(outcome)
    assert not any(value in everything for value in VALUES)
    stage.only(stage.first)

    probes = """\
  configuration:
    diff: {}
    expect: {missing: [JWT_SECRET], changed: [MODE]}
  health: {http: {path: /}}
"""
    allowed = stage.gate(
        "probe", "--policy", stage.policy(tmp_path, probes), "--revision", candidate
    )
    assert allowed.code == 2, allowed  # it has lost its tag, and so its URL
    done = stage.gate("rollout", "--policy", tmp_path / "policy.yaml", "--revision", candidate)
    assert done.code == 0, done
    stage.only(candidate)
