"""With what decisions are signed, and what an image must have passed: how a policy says it."""

import pytest

from gate.core.policy import EarlierStage, KeyRef, ServiceName, SignRule
from gate.policyfile import check_policy

PROBES = "probes:\n  a: {http: {path: /}}\n"
KMS = "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"


def checked(tmp_path, text):
    path = tmp_path / "policy.yaml"
    path.write_text(f"version: 1\n{text}{PROBES}")
    return check_policy(path)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", EarlierStage()),
        ("false", None),
        ("{key: {file: gate.pub}}", EarlierStage(KeyRef(file="gate.pub"))),
        (
            "{stage: {name: staging, project: other}}",
            EarlierStage(stage=ServiceName("other", "", "staging")),
        ),
    ],
)
def test_what_is_written_is_what_is_meant(tmp_path, written, meant):
    sign = f"sign: {{key: {{kms: {KMS}}}}}\n"
    policy = checked(tmp_path, f"{sign}require_signed: {written}\n").policy
    assert policy.sign == SignRule(KeyRef(kms=KMS))
    assert policy.require_signed == meant
    plain = checked(tmp_path, "").policy
    assert checked(tmp_path, sign).policy.digest == plain.digest
    assert (policy.digest == plain.digest) is (meant is None)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("sign: {}", "sign: key is missing"),
        ("sign: {key: {env: A, file: b}}", "sign.key"),
        ("sign: {key: gate.key}", "sign.key: has the wrong form"),
        ("sign: {key: {kms: projects/p/cryptoKeys/k}}", "sign.key.kms: has the wrong form"),
        ("require_signed: true", "require_signed: says no key"),
        ("require_signed: staging", "require_signed: has the wrong form"),
        ("require_signed: {key: {file: a}, stage: staging}", "require_signed.stage: "),
        (
            "service: {name: x, region: r}\nrequire_signed: {key: {file: a}, stage: {name: x}}",
            "require_signed: names the policy's own service",
        ),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path, written, told):
    check = checked(tmp_path, f"{written}\n")
    assert check.policy is None
    assert told in check.problems[0].message
