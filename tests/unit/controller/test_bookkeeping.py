"""How long a rollout waits for a ledger that says nothing."""

import asyncio

import pytest

from gate.controller.bookkeeping import Waits
from gate.core.evidence import Outcome
from gate.core.state import Ending, Kind, Past
from gate.core.traffic import Split
from gate.errors import ExitCode, UnavailableError
from tests.fakes.platform import STABLE, FakePlatform
from tests.fakes.probes import evidence
from tests.fakes.world import CANDIDATE, PROBES, FakeWorld, plan

DOWN = UnavailableError("Cloud Logging: no answer")
HANGS_S = 20.0
"""Only so that a defect cannot hang the tests."""
SHORT = Waits(intention_s=0.01, nothing_s=0.02, silent_s=0.03, stopping_s=0.04)


def mute_world(waits=SHORT, serving=CANDIDATE):
    """Users are on one of two revisions, and the ledger answers nothing."""
    platform = FakePlatform([STABLE, CANDIDATE], Split.all_to(serving))
    world = FakeWorld(platform, waits=waits)
    world.ledger.speaks.clear()
    return world


async def ended(world, asked):
    return await asyncio.wait_for(world.run(asked), HANGS_S)


def unkept(rollout):
    """What its last note says of the outcome."""
    return rollout.notes[-1].removeprefix("the ledger did not keep the outcome: ")


@pytest.mark.parametrize(
    ("asked", "ending"),
    [
        (plan(Kind.ROLLBACK, revision="backend-00009-non"), Ending.REFUSED),
        (plan(Kind.ROLLBACK, revision=CANDIDATE), Ending.UNCHANGED),
        (plan(revision="backend-00009-non"), Ending.REFUSED),
    ],
    ids=["rollback to nothing", "rollback to itself", "rollout of nothing"],
)
async def test_what_moved_nothing_waits_little_for_its_record_and_says_that_there_is_none(
    asked, ending
):
    world = mute_world()
    rollout = await ended(world, asked)
    assert rollout.ending is ending
    assert not rollout.recorded
    assert unkept(rollout) == "the ledger gave no answer in 0.02 s"
    assert world.ledger.given_up == 1


async def test_it_waits_less_for_a_ledger_that_was_silent_before_it_began():
    world = mute_world()
    asked = plan(Kind.ROLLBACK, revision="backend-00009-non", past=Past(silent="no answer"))
    assert unkept(await ended(world, asked)) == "the ledger gave no answer in 0.03 s"


async def test_a_promotion_by_hand_does_not_wait_for_long_and_moves_nothing():
    world = mute_world(serving=STABLE)
    rollout = await ended(world, plan(Kind.PROMOTE, revision=CANDIDATE))
    assert rollout.exit_code is ExitCode.INFRASTRUCTURE
    assert "could not be recorded: the ledger gave no answer in 0.01 s" in rollout.notes[0]
    assert unkept(rollout) == "the ledger gave no answer in 0.03 s"
    assert world.platform.writes == []


async def test_a_rollback_that_its_target_fails_ends_soon_and_leaves_nothing():
    world = mute_world()
    world.probes.sees["health"] = evidence("health", Outcome.FAILED, "500")
    rollout = await ended(world, plan(Kind.ROLLBACK, revision=STABLE, probes=PROBES))
    assert rollout.ending is Ending.REJECTED
    assert world.shares == {CANDIDATE: 100}
    assert world.tags == {}
    assert unkept(rollout) == "the ledger gave no answer in 0.03 s"


async def test_what_moved_users_is_recorded_with_patience():
    world = mute_world()
    concluding = asyncio.Event()
    for begun in (lambda: None, concluding.set):  # the intention, and the outcome
        world.ledger.before_next("append", begun)
    running = asyncio.ensure_future(ended(world, plan(Kind.ROLLBACK, revision=STABLE)))
    await asyncio.wait_for(concluding.wait(), HANGS_S)
    await asyncio.wait({running}, timeout=3 * SHORT.stopping_s)
    assert not running.done()
    world.ledger.speaks.set()
    rollout = await running
    assert rollout.ending is Ending.ROLLED_BACK
    assert rollout.recorded


async def test_users_wait_for_a_silent_ledger_once_and_then_no_more():
    world = mute_world(Waits(intention_s=HANGS_S))
    world.platform.before_next("set_traffic", world.ledger.speaks.set)
    asked = plan(Kind.ROLLBACK, revision=STABLE, past=Past(silent="no answer"))
    rollout = await asyncio.wait_for(world.run(asked), HANGS_S / 2)
    assert rollout.ending is Ending.ROLLED_BACK
    assert world.effective_shares == {STABLE: 100}


async def test_an_intention_that_comes_late_is_kept_beside_the_move():
    world = mute_world()
    world.platform.before_next("set_traffic", world.ledger.speaks.set)
    rollout = await ended(world, plan(Kind.ROLLBACK, revision=STABLE))
    assert rollout.ending is Ending.ROLLED_BACK
    assert world.intentions == [f"roll back to {STABLE}"]
    assert world.ledger.given_up == 0


async def test_a_rollback_asks_its_target_although_the_ledger_is_down():
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(CANDIDATE)))
    world.ledger.fail_next("append", DOWN, 100)
    rollout = await world.run(plan(Kind.ROLLBACK, revision=STABLE, probes=PROBES))
    assert rollout.ending is Ending.ROLLED_BACK
    assert world.probes.calls
    assert world.effective_shares == {STABLE: 100}
