"""What an earlier stage says is asked over the wire; what nobody knows is no pass."""

from dataclasses import replace

import pytest

from gate.api.earlier import with_earlier
from gate.core.policy import EarlierStage, KeyRef, Policy, Probe, ServiceName
from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import UsageError
from gate.kinds.http import HttpProbe
from tests.contract.kms_server import NAME, kms_server
from tests.fakes.platform import FakePlatform
from tests.unit.signing.decisions import IMAGE, p256, public_pem

PROD = ServiceRef("demo", "us-central1", "prod")
PLAN = Plan(Kind.ROLLOUT, PROD, tag="", image=f"app@sha256:{IMAGE}")


def policy(key, stage="staging"):
    required = EarlierStage(key, ServiceName(name=stage))
    return Policy(ServiceName(), (Probe("a", HttpProbe("/")),), require_signed=required)


@pytest.fixture
def nothing(monkeypatch, unused_tcp_port_factory):
    """Addresses at which nobody listens, and a public key in the environment."""
    for name in ("LOGGING_EMULATOR_HOST", "CLOUD_KMS_EMULATOR_HOST"):
        monkeypatch.setenv(name, f"127.0.0.1:{unused_tcp_port_factory()}")
    monkeypatch.setenv("PUBLIC_KEY", public_pem(p256()).decode())


@pytest.mark.parametrize(
    ("key", "silent"),
    [
        (KeyRef(env="PUBLIC_KEY"), "LOGGING_EMULATOR_HOST: nothing answers"),
        (KeyRef(kms=NAME), "CLOUD_KMS_EMULATOR_HOST: nothing answers"),
    ],
)
async def test_a_stage_that_says_nothing_is_no_pass(nothing, key, silent):
    found = (await with_earlier(PLAN, policy(key), FakePlatform())).earlier
    assert "nobody knows whether the image has passed the earlier stage" in found.problem
    assert silent in found.problem


async def test_a_key_that_is_disabled_is_no_pass(monkeypatch, nothing):
    with kms_server(p256(), "rsa") as server:
        monkeypatch.setenv("CLOUD_KMS_EMULATOR_HOST", server.where)
        found = (await with_earlier(PLAN, policy(KeyRef(kms=NAME)), FakePlatform())).earlier
    assert "signs in another way" in found.problem


@pytest.mark.parametrize(
    "asked", [{"image": "app:2"}, {"image": "", "revision": "backend-00001-aaa"}]
)
async def test_an_image_that_nobody_knows_by_digest_is_no_pass(nothing, asked):
    plan = replace(PLAN, **asked)
    found = (await with_earlier(plan, policy(KeyRef(env="PUBLIC_KEY")), FakePlatform())).earlier
    assert found.problem.startswith("the image is not known by digest (got ")


async def test_nothing_is_asked_where_nothing_is_required_or_a_person_moves(nothing):
    by_hand = replace(PLAN, kind=Kind.PROMOTE)
    assert (await with_earlier(by_hand, policy(KeyRef(kms=NAME)), FakePlatform())).earlier is None
    assert (await with_earlier(PLAN, None, FakePlatform())).earlier is None


async def test_a_service_is_no_stage_before_itself(nothing):
    with pytest.raises(UsageError, match=r"require_signed\.stage: is the service itself"):
        await with_earlier(PLAN, policy(KeyRef(env="PUBLIC_KEY"), "prod"), FakePlatform())
