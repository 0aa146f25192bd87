"""A test suite as a probe of a rollout: one that is as tolerant as suites in the field are.

Its only gate is an import-time check of a health endpoint: where that is not 200, every test is
skipped and pytest exits with 0. Half of its tests ask nobody.
"""

from datetime import UTC, datetime

import pytest

from gate.core.proof import Proof
from gate.mutation.proof_file import proof_path, write_proof
from gate.policyfile import contract_digest, load_policy

TOLERANT = """
import asyncio, json, os
import httpx, pytest, websockets

BASE, WS, TOKEN = (os.environ[name] for name in ("BASE_URL", "WS_URL", "TOKEN"))

def is_available():
    try:
        return httpx.get(BASE + "/api/health", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False

pytestmark = pytest.mark.skipif(not is_available(), reason="staging is not available")

@pytest.mark.P1
def test_health():
    assert httpx.get(BASE + "/api/health").json()["status"] == "healthy"

@pytest.mark.P1
def test_websocket():
    async def welcome():
        async with websockets.connect(
            WS + "/ws", additional_headers={"Authorization": f"Bearer {TOKEN}"}
        ) as connection:
            return json.loads(await connection.recv())
    assert asyncio.run(welcome())

def test_errors_are_tolerated():
    try:
        assert httpx.get(BASE + "/api/nothing").status_code < 600
    except httpx.HTTPError:
        pass

def test_targets():
    assert {"api": 0.1}["api"] < 0.2

def test_structure():
    assert isinstance({"type": "ping"}, dict)
"""
PROBES = """
  suite:
    suite:
      run: [python, -m, pytest, -q, -p, "no:cacheprovider", -c, /dev/null, .]
      env: {BASE_URL: "${url}", WS_URL: "${ws_url}", TOKEN: "${alice}"}
      directory: suite
      timeout: 30s
    expect: {pass_rate: {P1: 100%}, tests: [test_websocket]}
"""


@pytest.fixture
def policy(tmp_path):
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "test_staging.py").write_text(TOLERANT)
    path = tmp_path / "policy.yaml"
    head = "version: 1\nbaseline: stable\ncandidate: {ready_within: 30s}\ndeadline: 60s\n"
    secrets = "secrets: {alice: {env: STAGING_JWT_ALICE}}\n"
    path.write_text(f"{head}{secrets}probes:{PROBES}")
    return path


def test_a_suite_that_asks_promotes_and_says_which_tests_asked(backend_of, policy):
    stage = backend_of()
    done = stage.gate("rollout", "--policy", policy, "--image", "backend:v6")
    assert done.code == 0, done
    (seen,) = stage.recorded(done.rollout)["evidence"]  # stable is asked where it does not pass
    assert seen["seen"] == (
        "3 tests are evidence, 2 of 5 are not: 2 passed without asking the candidate; exit code 0"
    )
    assert "test_staging.py::test_targets" in "\n".join(seen["excerpts"])
    token = stage.secrets["STAGING_JWT_ALICE"]
    assert token not in done.out + done.err + str(seen)


def test_a_suite_that_is_skipped_by_what_the_candidate_answered_rejects_it(backend_of, policy):
    stage = backend_of()
    done = stage.gate("rollout", "--policy", policy, "--image", "backend:v2")
    assert done.code == 1, done
    text = " ".join(done.out.split())
    assert "status: got 307 to GET /api/health, outside of its tests, expected 200, as" in text
    assert "no test ran: 5 skipped, exit code 0" in text
    assert "fault: regression" in text
    assert "tests: 307 to GET /api/health, outside of its tests; no test is evidence" in text
    assert stage.traffic().effective == {stage.first: 100}
    outcome = stage.recorded(done.rollout)
    assert outcome["ending"] == "rejected"
    seen, control = outcome["evidence"]
    assert (seen["outcome"], seen["attribution"]) == ("failed", "regression")
    assert (control["outcome"], control["address"]) == ("passed", "stable")
    assert {finding["symptom"] for finding in seen["findings"]} == {"status", "no evidence"}
    assert {(test["outcome"], test["counts"]) for test in seen["tests"]} == {("skipped", False)}
    assert sum(test["counts"] for test in control["tests"]) == 3
    assert "GET /api/health 307" in "\n".join(seen["excerpts"])


def test_a_suite_is_not_asked_once_a_quicker_probe_has_failed(backend_of, policy):
    stage = backend_of()
    health = "  health:\n    http: {path: /api/health}\n"
    policy.write_text(policy.read_text().replace("probes:\n", f"probes:\n{health}"))
    done = stage.gate("rollout", "--policy", policy, "--image", "backend:v2")
    assert done.code == 1, done
    assert "not asked, since health has failed: suite" in done.out
    outcome = stage.recorded(done.rollout)
    assert {item["probe"] for item in outcome["evidence"]} == {"health"}
    assert outcome["not_asked"] == {"since": "health", "probes": ["suite"]}
    assert outcome["did_not_run"] == []
    reasons = {one["subject"]: one["text"] for one in outcome["verdict"]["reasons"]}
    assert reasons["suite"] == "not asked, since health has failed"
    policy.write_text(policy.read_text().replace("version: 1", "version: 1\nfail_fast: false"))
    done = stage.gate("rollout", "--policy", policy, "--image", "backend:v2")
    assert {item["probe"] for item in stage.recorded(done.rollout)["evidence"]} >= {"suite"}


def test_after_a_proof_only_tests_that_were_seen_to_fail_count(backend_of, policy):
    read = load_policy(policy)
    names = ("test_health", "test_websocket", "test_errors_are_tolerated")
    tests = {
        f"test_staging.py::{name}": kills for name, kills in zip(names, (9, 1, 0), strict=True)
    }
    digests = (read.digest, contract_digest(read))
    proof = Proof("1", *digests, datetime.now(UTC), 9, 9, {"suite": 9}, tests={"suite": tests})
    write_proof(proof_path(policy), proof)
    stage = backend_of()
    done = stage.gate("rollout", "--policy", policy, "--image", "backend:v6")
    assert done.code == 0, done
    (seen,) = stage.recorded(done.rollout)["evidence"]
    assert seen["seen"] == (
        "2 tests are evidence, 3 of 5 are not: 2 passed without asking the candidate, "
        "1 passed without a proof that they can fail; exit code 0"
    )
