"""An image has passed the stage before by a good signature of a promotion, and by nothing else."""

from dataclasses import replace

import pytest

from gate.api.signing import unsigned_digest
from gate.core.earlier import Earlier
from gate.core.state import Ending, Kind
from gate.ledger.canonical import digest
from gate.signing.earlier import Trust, earlier
from gate.signing.keys import public_keys
from gate.signing.statement import verifier_of
from tests.fakes.platform import FakePlatform
from tests.fakes.world import FakeWorld, plan
from tests.unit.signing.decisions import (
    AT,
    IMAGE,
    certificate,
    later,
    outcome,
    p256,
    signed,
    trusted,
)

STAGING = verifier_of("demo", "us-central1", "staging")
PROD = verifier_of("demo", "us-central1", "prod")
WANTED = f"sha256:{IMAGE}"
KEY, OTHER = p256(), p256()
TRUST = Trust(trusted(KEY), STAGING, PROD, AT, unsigned_digest)


async def test_a_signed_promotion_of_the_same_image_is_a_pass_and_says_which():
    entry = await signed(outcome(), KEY)
    for trust in (TRUST, replace(TRUST, stage="")):
        found = earlier([entry], WANTED, trust)
        assert (found.problem, found.verifier, found.rollout) == ("", STAGING, "r-promoted")
        assert len(found.envelope) == 64
    nothing_new = [outcome("refused"), outcome("busy"), outcome(kind="rollback")]
    assert earlier([*nothing_new, entry], WANTED, TRUST).problem == ""


async def told(entry, trust=TRUST, image=WANTED):
    found = earlier([entry], image, trust)
    assert found.hint
    return found.problem


async def test_each_way_of_not_having_passed_has_its_own_words():
    good, held = await signed(outcome(), KEY), await signed(outcome("held"), KEY)
    elsewhere = await signed(outcome(service="other"), KEY)
    another = await signed(outcome(image="c" * 64), KEY)
    barred = outcome("rolled back", kind="rollback", bars_added=[{"image": f"app@{WANTED}"}])
    expired = replace(TRUST, keys=public_keys(certificate(KEY, later(-9), later(-1)), "test"))
    words = [
        await told({}),
        await told(another),
        await told(outcome()),
        await told(held),
        await told(await signed(outcome(), OTHER)),
        await told({**good, "attestation": good["attestation"][:-8] + "AAAAAAA="}),
        await told({**good, "attestation": elsewhere["attestation"]}),
        await told({**good, "attestation": another["attestation"]}),
        await told({**good, "attestation": held["attestation"]}),
        await told({**good, "traffic_after": []}),
        await told({**held, "ending": "promoted", "exit_code": 0}),
        await told(good, expired),
        await told(barred),
        await told(good, replace(TRUST, own=STAGING)),
    ]
    for said, expected in zip(
        words,
        [
            "no decision about sha256:aaaaaaaaaaaa is in the ledger of demo/us-central1/staging",
            "no decision about sha256:aaaaaaaaaaaa is in the ledger",
            "its decision is not signed (demo/us-central1/staging, rollout r-promoted",
            "it did not pass there: held",
            "signed with another key",
            "what stands for its signature is none",
            "decided by another verifier (got demo/us-central1/other, expected demo/us-central1/st",
            "signed about another image (got sha256:cccccccccccc)",
            "its decision has the signature of another one (rollout r-held)",
            "its decision is not as it was signed: it was altered",
            "its decision is not as it was signed: it was altered",
            "its key was not valid (from 2026-11-21 until 2026-11-29",
            "users were moved away from it at demo/us-central1/staging (rollout r-rolled back",
            "no decision about",
        ],
        strict=True,
    ):
        assert said.startswith(expected)


async def test_the_newest_word_counts():
    passed = await signed(outcome(at=later(-1)), KEY)
    failed = await signed(outcome("regressed"), KEY)
    assert "did not pass there: regressed" in earlier([failed, passed], WANTED, TRUST).problem
    again = await signed(outcome(at=later(1)), KEY)
    assert earlier([again, failed, passed], WANTED, TRUST).problem == ""


async def test_a_rollout_is_held_before_anything_is_written_and_says_why():
    world = FakeWorld()
    asked = plan(image=f"app@{WANTED}", earlier=Earlier(WANTED, "it did not pass there: held", "x"))
    rollout = await world.run(asked)
    assert (rollout.ending, world.platform.writes) == (Ending.HELD, [])
    (reason,) = rollout.verdict.reasons
    assert (reason.subject, reason.text) == ("require_signed", "it did not pass there: held")
    assert "earlier_stage" not in world.outcome


async def test_what_let_it_pass_is_in_the_record():
    world = FakeWorld()
    found = Earlier(WANTED, verifier=STAGING, rollout="r1", envelope="e" * 64)
    rollout = await world.run(plan(image=f"app@{WANTED}", earlier=found))
    assert rollout.ending is Ending.PROMOTED
    assert world.outcome["earlier_stage"] == {
        "verifier": STAGING,
        "rollout": "r1",
        "envelope_digest": "e" * 64,
    }
    assert digest(world.outcome)


@pytest.mark.parametrize(
    ("image", "ending"),
    [
        (f"app@{WANTED}", Ending.PROMOTED),
        (f"app@sha256:{'c' * 64}", Ending.HELD),
        ("app:2", Ending.HELD),
    ],
)
async def test_an_adopted_revision_must_be_of_the_image_that_was_looked_for(image, ending):
    world = FakeWorld(FakePlatform(("backend-1", "backend-2")))
    known = world.platform._revisions
    known["backend-2"] = replace(known["backend-2"], digest=image)
    rollout = await world.run(
        plan(Kind.ROLLOUT, revision="backend-2", earlier=Earlier(WANTED, verifier=STAGING))
    )
    assert rollout.ending is ending
