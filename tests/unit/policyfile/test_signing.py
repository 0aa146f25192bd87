"""With what decisions are signed, and what an image must have passed: how a policy says it."""

import sys

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
    ("written", "places"),
    [
        ("", []),
        (f"sign: {{key: {{kms: {KMS}}}}}\n", ["sign"]),
        (f"sign: {{key: {{kms: {KMS}}}}}\nrequire_signed: true\n", ["sign"]),
        ("require_signed: {key: {file: gate.pub}}\n", ["require_signed"]),
    ],
)
def test_what_signs_and_is_not_installed_is_advice(tmp_path, monkeypatch, written, places):
    """A rollout says so before it writes anything; whoever checks may roll out elsewhere."""
    monkeypatch.setitem(sys.modules, "securesystemslib", None)  # as where it is not installed
    check = checked(tmp_path, written)
    assert check.policy is not None
    told = [one for one in check.advice if "extra" in one.message]
    missing = "needs the extra signing (got no securesystemslib)"
    assert [one.message for one in told] == [f"{place}: {missing}" for place in places]
    assert all("EXTRAS=signing" in one.hint for one in told)


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
