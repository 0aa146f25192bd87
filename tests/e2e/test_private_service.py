"""A private service: `gate rollout` with tokens of the local issuer, and without."""

import pytest

from tests.e2e.stage import Stage
from tests.local_cloud_run import CALM, start_local_cloud_run

PROBES = """\
  health: {http: {path: /}}
  chat: {websocket: {path: /ws}}
"""


@pytest.fixture(scope="module")
def private(images):
    running = start_local_cloud_run(images, (*CALM, "--require-auth"))
    yield running
    assert running.stop() == 0


@pytest.fixture
def stage(private, stage_of) -> Stage:
    return stage_of("small:v1", private)


def issuer(stage):
    return {"GCE_METADATA_HOST": stage.cloud.grpc}


def test_with_the_local_issuers_tokens_a_private_candidate_is_promoted(stage, tmp_path):
    policy = stage.policy(tmp_path, "  health: {http: {path: /}}\n")
    done = stage.gate("rollout", "--policy", policy, "--image", "small:v2", **issuer(stage))
    assert done.code == 0, done
    assert stage.first not in stage.traffic().effective


def test_without_a_token_no_probe_blames_the_candidate(stage, tmp_path):
    policy = stage.policy(tmp_path, PROBES)
    done = stage.gate("rollout", "--policy", policy, "--image", "small:v2", "--output", "json")
    assert done.json["verdict"]["decision"] == "hold", done
    assert stage.traffic().effective == {stage.first: 100}
    evidence = done.json["evidence"]
    assert {item["probe"] for item in evidence} == {"health", "chat"}
    for item in evidence:
        (finding,) = item["findings"]
        assert (item["outcome"], item["attribution"]) == ("inconclusive", "probe fault")
        assert finding["symptom"] == "platform"
        assert "the container was not asked" in finding["seen"]
        assert "roles/run.invoker" in finding["hint"]
