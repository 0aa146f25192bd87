"""`gate policy prove` on the example backend, and what its proof is worth to a rollout."""

import json
import signal

import pytest

from tests.e2e.stage import ROOT

HEAD = """\
secrets: {alice: {env: STAGING_JWT_ALICE}}
require_proof: true
"""
STRICT = """\
  health:
    http: {path: /health, timeout: 3s}
    expect: {schema: schemas/health.json, headers: {Content-Type: application/json}}
  strangers:
    http: {path: /api/messages, timeout: 3s}
    expect: {status: 401}
  welcome:
    websocket:
      path: /ws
      headers: {Authorization: "Bearer ${alice}"}
      script: [{expect: {schema: schemas/welcome.json, within: 2s}}]
"""
LAX = """\
  lax:
    http: {path: /health/live, timeout: 2s}
    expect: {status: [200, 307, 401, 403, 404, 500, 503]}
"""


@pytest.fixture
def backend(backend_of):
    return backend_of()


def policy(stage, folder, probes, head=HEAD):
    (folder / "schemas").mkdir(exist_ok=True)
    for name in ("health.json", "welcome.json"):
        schema = (ROOT / "policies" / "schemas" / name).read_text()
        (folder / "schemas" / name).write_text(schema)
    return stage.policy(folder, probes, head)


def prove(stage, path, *more):
    return stage.gate("policy", "prove", path, "--output", "json", *more)


def roll_out(stage, path):
    return stage.gate("rollout", "--policy", path, "--image", "backend:v6", "--output", "json")


def test_a_proof_lets_a_rollout_through_until_the_policy_or_the_contract_changes(backend, tmp_path):
    path = policy(backend, tmp_path, STRICT)
    held = roll_out(backend, path)
    assert (held.code, held.json["ending"]) == (5, "held")
    assert held.json["verdict"]["reasons"][0]["subject"] == "proof"
    assert "gate policy prove" in held.json["verdict"]["reasons"][0]["hint"]
    assert held.json["candidate"]["url"] == ""
    assert backend.traffic().latest_created == backend.first  # nothing was deployed

    proved = prove(backend, path)
    assert proved.code == 0, proved
    said = proved.json
    assert said["mutants"] > 100
    assert said["not_provable"] == []
    assert all(probe["kills"] and not probe["cannot_fail"] for probe in said["probes"])
    survived = {one["mutant"] for one in said["survivors"]}
    assert "GET /api/messages: field error dropped" in survived  # only its status is asked for
    assert not [one for one in survived if one.startswith(("everywhere", "GET /health: field"))]
    kept = json.loads((tmp_path / "policy.proof.json").read_text())
    assert (kept["mutants"], kept["killed"]) == (said["mutants"], said["killed"])
    token = backend.secrets["STAGING_JWT_ALICE"]
    assert token not in json.dumps(kept) + proved.out + proved.err

    promoted = roll_out(backend, path)
    assert (promoted.code, promoted.json["ending"]) == (0, "promoted"), promoted
    assert not [note for note in promoted.json["notes"] if "proof" in note]

    policy(backend, tmp_path, STRICT.replace("timeout: 3s", "timeout: 4s", 1))
    stale = roll_out(backend, path)
    assert stale.code == 5, stale
    assert "made with another policy" in stale.json["verdict"]["reasons"][0]["text"]
    policy(backend, tmp_path, STRICT, head=HEAD.replace("true", "false"))
    told = roll_out(backend, path)
    assert told.code == 0, told
    assert [note for note in told.json["notes"] if "no fresh proof" in note]


def test_a_probe_that_takes_any_answer_is_found_out_and_is_no_proof(backend, tmp_path):
    path = policy(backend, tmp_path, LAX)
    proved = prove(backend, path)
    assert proved.code == 1, proved
    (probe,) = proved.json["probes"]
    assert probe["cannot_fail"]
    assert probe["kills"] > 0  # a dead line stops any question
    survived = {one["mutant"] for one in proved.json["survivors"]}
    assert "GET /health/live: status 500" in survived
    held = roll_out(backend, path)
    assert held.code == 5
    assert "lax cannot fail" in held.json["verdict"]["reasons"][0]["text"]


def test_where_the_healthy_service_fails_nothing_is_proved_and_nothing_is_kept(backend, tmp_path):
    path = policy(backend, tmp_path, "  gone: {http: {path: /nowhere}}\n")
    proved = backend.gate("policy", "prove", path)
    assert proved.code == 5, proved
    assert "does not pass before the mutants" in proved.err
    assert "gone: 404 Not Found" in proved.err
    assert not (tmp_path / "policy.proof.json").exists()


def test_where_nobody_is_that_is_said_and_no_place_for_the_proof_is_noticed_first(
    backend, tmp_path
):
    path = policy(backend, tmp_path, STRICT)
    nobody = backend.gate("policy", "prove", path, "--url", "http://127.0.0.1:1")
    assert nobody.code == 3, nobody
    assert nobody.err.startswith("http://127.0.0.1:1: no connection (")
    (tmp_path / "policy.proof.json").mkdir()
    placeless = backend.gate("policy", "prove", path)
    assert placeless.code == 2, placeless
    assert placeless.out == ""
    assert "policy.proof.json: is not a file" in placeless.err


def test_a_proof_that_cannot_be_read_is_none_and_says_where(backend, tmp_path):
    path = policy(backend, tmp_path, STRICT)
    (tmp_path / "policy.proof.json").write_text('{"format": 1')
    held = roll_out(backend, path)
    assert held.code == 5, held
    assert "policy.proof.json: is not JSON" in held.json["verdict"]["reasons"][0]["text"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_proof_that_is_stopped_keeps_nothing_and_says_no_more_than_that(
    backend, tmp_path, number
):
    path = policy(backend, tmp_path, STRICT)
    proving = backend.start("policy", "prove", path, "--at-once", "1")  # far from done by then
    done = proving.until("mutants,").signal(number).end().clean()
    assert done.code == 130, done
    assert done.err == "gate: interrupted before anything was changed\n"
    assert [file.name for file in tmp_path.glob("*.json")] == []
