"""A rollout that waits for people, over fakes: the ledger is asked again, and the lease is kept."""

import asyncio
from dataclasses import replace

import pytest

from gate.controller.bookkeeping import Waits
from gate.core.annotation import RolloutAnnotation
from gate.core.approvals import Approval, ApprovalRule
from gate.core.origin import Origin
from gate.core.permits import Permits, Who
from gate.core.state import Ending
from gate.errors import UnavailableError
from gate.ledger.approvals import approval_entry, subject_of
from tests.fakes.platform import REF, STABLE
from tests.fakes.world import CANDIDATE, FakeWorld, plan

IMAGE = "app@sha256:" + "2" * 64
ANA, CI = (Who(f"{name}@example.com", authenticated=True) for name in ("ana", "ci"))
ASKED = plan(
    image=IMAGE,
    approve=ApprovalRule(1),
    allow=Permits(),
    who=CI,
    policy_digest="d1",
    lease_s=15.0,
    approval_wait_s=600.0,
)


async def approve(world, rollout="r1", who=ANA, withdraws=False):
    """What `gate approve` writes, of a rollout at work or of one that was held."""
    service = await world.platform.read_service()
    entries = tuple(one for one in reversed(world.ledger.kept) if one["rollout"] == rollout)
    mark = service.rollout_annotation
    subject = replace(subject_of(rollout, entries, mark), image=IMAGE)
    assert not subject.unfit
    one = Approval(
        rollout,
        subject.revision,
        subject.image,
        subject.policy_digest,
        who,
        world.clock.now(),
        "looks right",
        withdraws,
        subject.authors,
    )
    entry = approval_entry(REF, subject, one, Origin(), RolloutAnnotation())
    await world.ledger.append(entry, rollout, 900_000 + len(world.ledger.kept))
    return entry


def soon(world, what, at=3):
    """Has this happen while the rollout waits, at its third look at the ledger, or a later one."""
    asked, looks = world.ledger.entries, []

    async def entries(query):
        if query.since is not None:
            looks.append(query)
            if len(looks) == at:
                await what()
        return await asked(query)

    world.ledger.entries = entries
    return looks


async def test_a_rollout_that_waits_goes_on_once_it_is_approved():
    world = FakeWorld()
    looks = soon(world, lambda: approve(world))
    rollout = await world.run(ASKED)
    assert (rollout.ending, world.shares) == (Ending.PROMOTED, {CANDIDATE: 100})
    assert len(looks) == 3
    moves = [one for one in world.ledger.kept if "promote to" in str(one.get("why"))]
    assert moves[0]["approvals"][0]["name"] == ANA.name
    assert world.outcome["approvals"] == moves[0]["approvals"]


async def test_it_keeps_its_lease_while_it_waits_and_is_held_in_the_end():
    world = FakeWorld()
    left = []

    async def nobody():
        mark = (await world.platform.read_service()).rollout_annotation
        left.append((mark.until - world.clock.now()).total_seconds())

    looks = soon(world, nobody, at=55)  # beyond the lease that it began with
    rollout = await world.run(ASKED)
    assert (rollout.ending, world.shares) == (Ending.HELD, {STABLE: 100})
    assert world.tags["candidate"] == CANDIDATE
    assert 55 < len(looks) < 65
    assert left[0] > 0
    assert world.outcome["next"]["commands"][0].startswith("gate approve r1 ")


@pytest.mark.parametrize("silent", ["fails", "hangs"])
async def test_a_silent_ledger_holds(silent):
    world = FakeWorld(waits=Waits(approvals_s=0.05))
    asked = world.ledger.entries

    async def entries(query):
        if query.since is not None and silent == "fails":
            raise UnavailableError("nobody answers")
        if query.since is not None:
            await asyncio.Event().wait()
        return await asked(query)

    world.ledger.entries = entries
    rollout = await world.run(replace(ASKED, approval_wait_s=0.0))
    assert (rollout.ending, world.shares) == (Ending.HELD, {STABLE: 100})
    assert "nobody can tell who has approved" in rollout.verdict.reasons[0].text


async def test_held_then_approved_then_rolled_out_again_or_withdrawn():
    world = FakeWorld()
    held = await world.run(replace(ASKED, approval_wait_s=0.0))
    assert held.ending is Ending.HELD
    await approve(world)
    again = replace(ASKED, image="", revision=CANDIDATE, approval_wait_s=0.0)
    await approve(world, withdraws=True)
    withdrawn = await world.controller.run(again, "r2")
    assert (withdrawn.ending, world.shares) == (Ending.HELD, {STABLE: 100})
    world.clock.advance(1.0)
    await approve(world)
    promoted = await world.controller.run(again, "r3")
    assert (promoted.ending, world.shares) == (Ending.PROMOTED, {CANDIDATE: 100})


async def test_somebody_who_takes_over_while_it_waits_ends_it():
    world = FakeWorld()

    async def moved():
        world.platform.human_moves_traffic(world.platform.traffic.moved_to(CANDIDATE))

    soon(world, moved)
    rollout = await world.run(ASKED)
    assert (rollout.ending, rollout.verdict.reasons[0].subject) == (Ending.HELD, "traffic")
