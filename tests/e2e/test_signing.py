"""Signed decisions from a stage to the next, with keys as openssl makes them."""

import base64
import json
import subprocess

import pytest

from tests.e2e.stage import eventually
from tests.local_cloud_run import PROJECT, REGION

PROBES = "  ok: {http: {path: /}}\n"


@pytest.fixture
def keys(tmp_path):
    def openssl(*arguments):
        subprocess.run(("openssl", *arguments), check=True, capture_output=True, cwd=tmp_path)

    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    for name in ("gate", "other"):
        openssl("genpkey", *curve, "-out", f"{name}.key")
        openssl("pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
    return tmp_path


def rolled_out(stage, folder, image, head):
    policy = stage.policy(folder, PROBES, head)
    return stage.gate("rollout", "--policy", policy, "--image", image)


def test_an_image_goes_from_a_stage_that_signed_to_the_next_and_no_other_way(stage_of, keys):
    staging, prod = stage_of("teller"), stage_of("small:v1")
    sign = "sign: {key: {file: gate.key}}\n"
    place = f"{{project: {PROJECT}, region: {REGION}, name: {staging.name}}}"
    require = f"require_signed: {{key: {{file: gate.pub}}, stage: {place}}}\n"

    done = rolled_out(prod, keys, "small:v2", require)
    assert (done.code, "the image is not known by digest (got small:v2)" in done.out) == (5, True)

    passed = rolled_out(staging, keys, "small:v2", sign)
    assert (passed.code, "\nsigned: gate audit verify --key" in passed.out) == (0, True), passed
    recorded = staging.recorded(passed.rollout)
    image = recorded["candidate"]["digest"]

    done = rolled_out(prod, keys, image, require.replace("gate.pub", "other.pub"))
    assert (done.code, "signed with another key" in done.out) == (5, True), done
    assert prod.traffic().latest_created == prod.first
    other = image[:-8] + "00000000"
    done = rolled_out(prod, keys, other, require)
    assert (done.code, "no decision about" in done.out) == (5, True), done
    done = rolled_out(prod, keys, image, require + sign)
    assert done.code == 0, done
    entry = prod.recorded(done.rollout)
    assert entry["earlier_stage"]["rollout"] == passed.rollout

    file = keys / "attestation.json"
    done = prod.gate("attest", entry["rollout"], "--output", "dsse", file)
    assert done.code == 0, done
    statement = json.loads(base64.b64decode(json.loads(file.read_text())["payload"]))
    assert statement["subject"][0]["digest"] == {"sha256": image.rpartition(":")[2]}
    assert statement["predicate"]["verificationResult"] == "PASSED"
    assert statement["predicate"]["inputAttestations"]

    arguments = ("attest", entry["rollout"], "--output", "binauthz")
    prod.gate(*arguments, "-").refused(2, "needs a --key")
    prod.gate(*arguments, "-", "--key", keys / "other.pub").refused(3, "signed with another key")
    done = prod.gate(*arguments, "-", "--key", keys / "gate.pub")
    assert done.json["critical"]["image"] == {"docker-manifest-digest": image.partition("@")[2]}

    done = staging.gate("audit", "verify", "--key", keys / "gate.pub")
    assert (done.code, "1 outcomes are signed as they should be" in done.out) == (0, True), done
    done = staging.gate("audit", "verify", "--key", keys / "other.pub")
    assert (done.code, "SIGNATURE" in done.out) == (1, True), done

    prod.pin()
    adopted = prod.deploy("small:v2")
    policy = prod.policy(keys, PROBES, require)
    done = prod.gate("rollout", "--policy", policy, "--revision", "latest")
    assert done.code == 0, done
    prod.only(adopted)

    back = staging.gate("rollback", "--yes", "--reason", "it is bad")
    assert back.code == 0, back
    eventually(lambda: len(staging.records()) == 2)
    done = rolled_out(prod, keys, image, require)
    assert (done.code, "users were moved away from it" in done.out) == (5, True), done


def test_what_cannot_be_used_is_said_before_anything_is_done(small, keys):
    done = rolled_out(small, keys, "small:v2", "sign: {key: {file: gate.pub}}\n")
    done.refused(2, "sign.key: is no private key")
    done = rolled_out(small, keys, "small:v2", "sign: {key: {env: NO_SUCH_KEY}}\n")
    done.refused(2, "sign.key: the environment variable NO_SUCH_KEY is not set")
    done = rolled_out(small, keys, "a@sha256:1", "require_signed: {key: {file: gate.key}}\n")
    done.refused(2, "require_signed.key: is a private key")
    small.gate("audit", "verify", "--key", keys / "none").refused(2, "--key: the file")
    small.gate("attest", "r1", "-").refused(2, "no outcome of a rollout 'r1'")
