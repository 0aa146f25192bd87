"""The lease while probes run, over fakes: renewed in time, also between short rounds."""

import asyncio
from dataclasses import replace

from gate.core.annotation import KEY, parse_annotation
from gate.core.state import Ending
from gate.core.traffic import Split
from gate.errors import UnavailableError
from tests.fakes.platform import STABLE
from tests.fakes.world import CANDIDATE, FakeWorld, plan

STEPS = {"steps": (10, 100), "dwell_s": 300.0, "watch_s": 300.0, "deadline_s": 3600.0}


def lease_left_s(world):
    """How long the lease of the service still runs."""
    writes = [write for write in world.platform.writes if write.annotations]
    mark = parse_annotation(dict(writes[-1].annotations)[KEY])
    return (mark.until - world.clock.now()).total_seconds()


class Watched(FakeWorld):
    """A world that notes at each round of probes how long the lease still runs."""

    def __init__(self):
        super().__init__()
        self.left_s = []
        asked = self.probes.run

        async def run(probes, target, progress):
            await asyncio.sleep(0)
            self.left_s.append(lease_left_s(self))
            self.clock.advance(1.0)
            return await asked(probes, target, progress)

        self.probes.run = run


async def test_rounds_shorter_than_the_pause_between_renewals_keep_the_lease():
    world = Watched()
    rollout = await world.run(plan(lease_s=15.0, verify_within_s=10.0, **STEPS))
    assert rollout.ending is Ending.PROMOTED
    assert len(world.left_s) > 50
    assert min(world.left_s) > 0


async def test_a_short_rollout_writes_nothing_only_to_renew():
    world = FakeWorld()
    await world.run()
    assert len(world.platform.writes) == len(world.intentions)


async def test_a_renewal_that_fails_is_tried_again():
    world = Watched()

    error = UnavailableError("nobody answers")
    world.clock.after(60, lambda: world.platform.fail_next("set_traffic", error))
    rollout = await world.run(plan(lease_s=60.0, verify_within_s=10.0, **STEPS))
    assert rollout.ending is Ending.PROMOTED
    assert min(world.left_s) > 0


async def test_traffic_that_a_person_moves_between_rounds_is_noticed_and_left_alone():
    world = Watched()
    theirs = Split.all_to(STABLE, {"blue": STABLE, "candidate": CANDIDATE})
    world.clock.after(60, lambda: world.platform.human_moves_traffic(theirs, by="bob"))
    rollout = await world.run(plan(lease_s=15.0, **STEPS))
    assert rollout.ending is Ending.HELD
    assert "bob" in str(rollout.verdict.reasons[0])
    assert world.shares == theirs.shares
    assert len(world.left_s) < 2 * (60 + 15) / 6 + 4


async def test_progress_says_which_address_was_asked():
    world = Watched()
    heard = []
    world.narrator.progress = heard.append
    await world.run(plan(**STEPS))
    assert {news.address for news in heard} == {"", "service"}
    for news in heard:
        assert news.evidence is None or news.evidence == replace(
            news.evidence, address=news.address
        )
