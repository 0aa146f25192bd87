"""Decisions are signed by Cloud KMS, over its REST API; whatever fails there is said."""

import pytest

from gate.api.signing import public_keys_of, signer_of
from gate.core.policy import EarlierStage, KeyRef, Policy, Probe, ServiceName, SignRule
from gate.errors import InfrastructureError, NotFoundError
from gate.kinds.http import HttpProbe
from gate.ledger.canonical import digest
from gate.signing.envelope import opened
from gate.signing.statement import said
from tests.contract.kms_server import NAME, kms_server
from tests.unit.signing.decisions import AT, IMAGE, ed25519, outcome, p256, trusted


def policy(name=NAME):
    return Policy(
        ServiceName(),
        (Probe("a", HttpProbe("/")),),
        sign=SignRule(KeyRef(kms=name)),
        require_signed=EarlierStage(),
    )


async def attested(monkeypatch, server, name=NAME):
    monkeypatch.setenv("CLOUD_KMS_EMULATOR_HOST", server.where)
    entry = outcome()
    return await signer_of(policy(name)).sign(entry, digest(entry))


@pytest.mark.parametrize("make", [p256, ed25519])
async def test_what_kms_signs_is_verified_by_its_public_key_alone(monkeypatch, make):
    key = make()
    with kms_server(key) as server:
        text = await attested(monkeypatch, server)
        (theirs,) = await public_keys_of(policy())
    for keys in (trusted(key), (theirs,)):
        assert said(opened(text, keys, AT)).digest == IMAGE
    (asked,) = server.signed
    assert set(asked) & {"digest", "data"}


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ("disabled", "is not enabled, current state is: DISABLED"),
        ("damaged", "what came is damaged"),
        ("lost", "what was sent came damaged"),
        ("empty", "what came is no signature"),
        ("foreign", "what came is no signature"),
        ("wrong", "what came is no signature of this key"),
        ("rsa", "signs in another way (got RSA_SIGN_PSS_2048_SHA256, expected EC_SIGN_P256_SHA256"),
    ],
)
async def test_whatever_fails_is_said(monkeypatch, broken, told):
    with kms_server(p256(), broken) as server, pytest.raises(InfrastructureError) as info:
        await attested(monkeypatch, server)
    assert told in info.value.message


async def test_a_key_that_is_not_there_is_named(monkeypatch):
    name = NAME.replace("/k/", "/other/")
    with kms_server(p256()) as server, pytest.raises(NotFoundError, match=name):
        await attested(monkeypatch, server, name)
