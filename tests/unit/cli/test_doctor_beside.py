"""Which resources beside its service `gate doctor` asks about, by the policy and GATE_BUNDLES."""

import pytest

from gate.cli.doctor_beside import beside
from gate.core.policy import EarlierStage, KeyRef, Policy, Probe, SecretRef, ServiceName, SignRule
from gate.doctor.permissions import Resource, When
from gate.errors import UsageError
from gate.kinds.http import HttpProbe

KEYS = "projects/acme/locations/global/keyRings/gate/cryptoKeys"
KMS = KeyRef(kms=f"{KEYS}/decisions/cryptoKeyVersions/1")
OTHER = KeyRef(kms=f"{KEYS}/staging/cryptoKeyVersions/2")
SECRET = "projects/acme/secrets/key/versions/1"
KEPT = KeyRef(secret=SECRET)
SIGNING = (Resource.KEY, f"{KEYS}/decisions", When.SIGNS)
REQUIRED = (Resource.STAGE_KEY, f"{KEYS}/decisions", When.REQUIRES)
IN_A_SECRET = (Resource.SECRET, SECRET, When.SECRETS)


def policy(**more):
    return Policy(ServiceName(), (Probe("health", HttpProbe("/health")),), **more)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (None, []),
        (policy(), []),
        (policy(sign=SignRule(KeyRef(file="gate.key"))), []),
        (policy(sign=SignRule(KMS)), [SIGNING]),
        (policy(sign=SignRule(KMS), require_signed=EarlierStage()), [SIGNING, REQUIRED]),
        (
            policy(require_signed=EarlierStage(OTHER)),
            [(Resource.STAGE_KEY, f"{KEYS}/staging", When.REQUIRES)],
        ),
        (policy(sign=SignRule(KEPT)), [IN_A_SECRET]),
        (
            policy(secrets={"jwt": SecretRef(secret=SECRET)}, require_signed=EarlierStage(KEPT)),
            [IN_A_SECRET],  # once
        ),
    ],
)
def test_what_the_policy_names_is_asked_about_once(given, found):
    assert [(one.resource, one.name, one.when) for one in beside(given)] == found


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("gs://acme-evidence/gate", [(Resource.BUCKET, "acme-evidence", When.BUNDLES)]),
        ("/var/evidence", []),
    ],
)
def test_the_bucket_of_bundles_is_asked_about_and_a_folder_is_not(monkeypatch, place, found):
    monkeypatch.setenv("GATE_BUNDLES", place)
    assert [(one.resource, one.name, one.when) for one in beside(None)] == found


def test_what_no_rollout_takes_for_a_bucket_is_refused(monkeypatch):
    monkeypatch.setenv("GATE_BUNDLES", "s3://acme")
    with pytest.raises(UsageError, match="GATE_BUNDLES: is no bucket"):
        beside(policy())
