"""A private service: with tokens of the local issuer, and without."""

import json
import re

import pytest

from tests.e2e.stage import Stage
from tests.local_cloud_run import CALM, start_local_cloud_run

PROBES = """\
  health: {http: {path: /}}
  chat: {websocket: {path: /ws}}
"""
EVERY_WAY = """\
  health: {http: {path: /health}}
  stranger: {http: {path: /api/messages}, expect: {status: 401}}
  refused: {websocket: {path: /ws}, expect: {refused: [401, 403, 1008]}}
  chat:
    websocket:
      path: /ws
      users: [alice, bob]
      connections: 2
      script: [{send: {type: ping}}, {expect: {json: {type: pong}}}]
  soak: {soak: {path: /ws, for: 1s, ping_every: 200ms, headers: {Authorization: "Bearer ${alice}"}}}
  steps: {journey: {steps: [{get: /health}, {get: /api/messages, expect: {status: 401}}]}}
  suite:
    suite:
      run: [python, -m, pytest, -q, -p, "no:cacheprovider", -c, /dev/null, test_suite.py]
      env: {BASE_URL: "${url}"}
      timeout: 30s
"""
SUITE = """\
import os, urllib.request

def test_health():
    with urllib.request.urlopen(os.environ["BASE_URL"] + "/health") as answer:
        assert answer.status == 200

def test_no_token_is_given_away():
    assert not [name for name, value in os.environ.items() if "eyJ" in value]
"""
HEAD = """\
baseline: stable
traffic: [50, 100]
dwell: 1s
watch: 1s
secrets: {alice: {env: STAGING_JWT_ALICE}, bob: {env: STAGING_JWT_BOB}}
"""


@pytest.fixture(scope="module", params=["compute", "cloud-build"])
def private(images, request):
    arguments = (*CALM, "--require-auth", "--metadata", request.param)
    running = start_local_cloud_run(images, arguments)
    yield running
    assert running.stop() == 0


@pytest.fixture
def stage(private, stage_of) -> Stage:
    return stage_of("small:v1", private)


def issuer(stage):
    """What `up` prints to export for ID tokens."""
    return dict(re.findall(r"\b((?:GCE|IAM)_\w+)=(\S+)", stage.cloud.greeting))


def test_with_the_local_issuers_tokens_a_private_candidate_is_promoted(
    private, backend_of, tmp_path
):
    stage = backend_of(private)
    (tmp_path / "test_suite.py").write_text(SUITE)
    policy = stage.policy(tmp_path, EVERY_WAY, HEAD)
    asked = ("rollout", "--policy", policy, "--image", "backend:v6", "--output", "json")
    done = stage.gate(*asked, **issuer(stage))
    wrong = [item for item in done.json["evidence"] if item["outcome"] != "passed"]
    assert not wrong, json.dumps(wrong)
    assert done.code == 0, done
    assert stage.first not in stage.traffic().effective


def test_every_command_that_asks_gets_in(stage, tmp_path):
    policy = stage.policy(tmp_path, "  health: {http: {path: /}}\n")
    tokens, url = issuer(stage), stage.read().uri
    for where in (("--url", url), ("--revision", stage.pin({"own": stage.first}).first)):
        done = stage.gate("probe", "--policy", policy, *where, **tokens)
        assert done.code == 0, done
    proved = stage.gate("policy", "prove", policy, "--url", url, "--no-file", **tokens)
    assert "no mutant" not in proved.out
    assert proved.code in (0, 1), proved
    drafted = stage.gate("init", "--out", tmp_path / "drafted", **tokens)
    assert drafted.code == 0, drafted
    new = stage.deploy("small:v2")
    back = ("rollback", "--to", new, "--policy", policy, "--yes", "--reason", "to see it")
    done = stage.gate(*back, **tokens)
    assert done.code == 0, done
    assert stage.traffic().effective == {new: 100}


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


def test_a_token_of_somebody_else_or_for_somebody_else_gets_nowhere(stage, tmp_path):
    """Whom the service's policy does not name, and an audience that the service does not have."""
    stranger = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": "stranger@demo.example.com"}
    policy = stage.policy(tmp_path, "  health: {http: {path: /}}\n")
    for head, more in (("", stranger), ("audience: https://elsewhere.example.com, ", {})):
        text = policy.read_text().replace("candidate: {", f"candidate: {{{head}")
        policy.write_text(text)
        asked = ("probe", "--policy", policy, "--url", stage.read().uri, "--output", "json")
        done = stage.gate(*asked, **issuer(stage), **more)
        assert done.code == 5, done
        assert "the front end refused the caller" in done.out


def test_without_its_iam_credentials_the_gate_says_what_is_missing(stage, tmp_path):
    policy = stage.policy(tmp_path, "  health: {http: {path: /}}\n")
    name = {"CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT": "robot@demo.example.com"}
    only = {"GCE_METADATA_HOST": stage.cloud.grpc, **name}
    done = stage.gate("probe", "--policy", policy, "--url", stage.read().uri, **only)
    assert done.code == 3, done
    assert "IAM_CREDENTIALS_EMULATOR_HOST" in done.err


def test_secrets_come_from_secret_manager_and_their_version_is_recorded(stage_of, tmp_path):
    stage = stage_of("teller")
    (tmp_path / "pin").write_text("a-pin-in-a-file\n")
    head = (
        "secrets: {alice: {secret: projects/demo/secrets/token/versions/latest}, "
        "bob: {file: pin}}\n"
    )
    sent = '{path: /echo, headers: {X-Token: "${alice}", Cookie: "s=${bob}"}}'
    policy = stage.policy(tmp_path, f"  heard: {{http: {sent}, expect: {{status: 418}}}}\n", head)
    asked = ("rollout", "--policy", policy, "--image", "teller", "--output", "json")
    done = stage.gate(*asked)
    assert done.code == 1, done
    version = done.json["secret_versions"]["alice"]
    assert re.fullmatch(r"projects/\d+/secrets/token/versions/1", version)
    assert done.json["secret_versions"].keys() == {"alice"}
    (kept,) = stage.records()
    assert kept["secret_versions"] == done.json["secret_versions"]
    for told in (done.out, done.err, json.dumps(kept)):
        assert "a-token-of-secret-manager" not in told
        assert "a-pin-in-a-file" not in told
    assert "[secret alice]" in done.out
    assert "[secret bob]" in done.out


def test_all_secrets_that_are_missing_are_named_before_anything_is_sent(stage_of, tmp_path):
    stage = stage_of("small:v1")
    head = (
        "secrets: {alice: {secret: projects/demo/secrets/nothing/versions/3}, "
        "bob: {file: nowhere}, carol: {env: NOT_SET_ANYWHERE}}\n"
    )
    policy = stage.policy(tmp_path, "  health: {http: {path: /}}\n", head)
    done = stage.gate("rollout", "--policy", policy, "--image", "small:v2")
    done.refused(2, "secret alice: ", "secret bob: ", "secret carol: ", "does not exist")
    assert stage.traffic().latest_created == stage.first
