"""A person writes while a write of ours is in flight: at each write of each sort of run.

Where Cloud Run refuses ours, the person's traffic stands. Where it does not, what was overwritten
is said, nothing is moved any more, and no such run ends as a success.
"""

import asyncio
from datetime import timedelta

import pytest

from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.evidence import Outcome
from gate.core.state import Ending, Kind
from gate.core.traffic import Split, Target
from gate.errors import ExitCode
from tests.campaign import campaign
from tests.fakes.clock import START
from tests.fakes.platform import STABLE, FakePlatform
from tests.fakes.probes import evidence
from tests.fakes.world import PROBES, TAG, USERS, FakeWorld, plan

OLD = "backend-00000-old"
DEAD = "backend-00009-ded"
THEIRS = {
    "all to the old one": Split.all_to(OLD, {**USERS, "qa": OLD}),
    "half and half": Split.of([Target(OLD, 50), Target(STABLE, 50)]),
    "another tag": Split.all_to(STABLE, {**USERS, "green": OLD}),
    "to latest": Split.of([Target(None, 100)]),
}
STEPS = {"steps": (10, 50, 100), "dwell_s": 30.0}
RUNS = {
    "a rollout": plan(),
    "in steps": plan(**STEPS),
    "in steps, watched, renewed": plan(**STEPS, watch_s=60.0, lease_s=30.0),
    "a rejection": plan(),
    "a regression": plan(**STEPS),
    "an adoption": plan(revision=OLD),
    "a promotion": plan(Kind.PROMOTE, revision=OLD),
    "a rollback": plan(Kind.ROLLBACK, revision=OLD),
    "a rollback that asks": plan(Kind.ROLLBACK, revision=OLD, probes=PROBES),
    "a recovery": plan(Kind.RECOVER),
}
LEAST = 200
"""So often, at least, a person writes while a write of ours is in flight, here alone."""
FRESH = frozenset({"a promotion", "a rollback", "a recovery"})
"""Runs with one write: refused, they decide anew on what the person has set."""


class Scene(FakeWorld):
    """A service with two revisions, on which a person writes just before our nth write."""

    def __init__(self, name, theirs, number, **settings):
        super().__init__()
        platform = FakePlatform((OLD, STABLE, DEAD), Split.all_to(STABLE, USERS), clock=self.clock)
        self.__dict__.update(FakeWorld(platform).__dict__)
        for setting, value in settings.items():
            setattr(platform, setting, value)
        self.name, self.number = name, number
        platform.conflict_once(theirs, skip=number)
        if name == "a rejection":
            self.probes.sees = {"health": evidence("health", Outcome.FAILED)}
        if name == "a recovery":
            self.leave_half_done()
        asked = self.probes.run

        async def run(probes, target, progress):
            await asyncio.sleep(0)  # the lease is renewed meanwhile, where that is due
            self.clock.advance(11.0)
            if name == "a regression" and len(self.probes.targets) > 2:
                self.probes.sees = {"health": evidence("health", Outcome.FAILED)}
            return await asked(probes, target, progress)

        self.probes.run = run

    def leave_half_done(self):
        """A rollout has died with its candidate at 10 %."""
        half = Split.of([Target(STABLE, 90), Target(DEAD, 10), Target(DEAD, 0, TAG)])
        mark = RolloutAnnotation(
            fence=9,
            writer="r9",
            holder="r9",
            until=START - timedelta(hours=1),
            candidate=DEAD,
            tag=TAG,
            safe=((STABLE, 100),),
            wrote=((STABLE, 90), (DEAD, 10)),
        )
        self.platform.left(half, {KEY: mark.text()})

    @property
    def struck(self):
        """Whether the person has written."""
        return self.platform.overtaken is not None

    async def ended(self):
        return await self.run(RUNS[self.name])


async def each_write(name, theirs, **settings):
    """Runs that differ in the write that is in flight when the person writes, until none is."""
    number = 0
    while True:
        scene = Scene(name, theirs, number, **settings)
        rollout = await scene.ended()
        if not scene.struck:
            assert number > 0
            return
        yield scene, rollout
        number += 1


every_case = pytest.mark.parametrize("name", RUNS)
everybody = pytest.mark.parametrize("theirs", THEIRS.values(), ids=THEIRS)


@every_case
@everybody
@pytest.mark.parametrize(
    "status_moves_version",
    [pytest.param(False, id=""), pytest.param(True, id="status moves", marks=campaign)],
)
async def test_where_ours_is_refused_the_persons_traffic_stands(name, theirs, status_moves_version):
    async for scene, rollout in each_write(name, theirs, status_moves_version=status_moves_version):
        assert not scene.platform.overwritten
        assert not rollout.clashed
        if name in FRESH or scene.number == 0:  # decided anew, with the person's traffic in sight
            assert rollout.ending is not Ending.STUCK
            continue
        if theirs.shares != {STABLE: 100}:
            assert scene.shares == theirs.shares
        assert (
            scene.tags.items() >= {tag: to for tag, to in theirs.tags.items() if tag != TAG}.items()
        )


@every_case
@everybody
async def test_where_it_is_not_that_is_said_and_nothing_is_moved_any_more(name, theirs):
    async for scene, rollout in each_write(name, theirs, guards_ignored=True):
        (number,) = scene.platform.overwritten
        assert rollout.exit_code in {ExitCode.HELD, ExitCode.STUCK}
        assert "somebody wrote between" in str(rollout.verdict.reasons[0])
        assert "somebody wrote between" in scene.record
        shares = {str(write.traffic.shares) for write in scene.platform.writes[number:]}
        assert len(shares) == 1, "moved again"


async def test_that_is_often_and_at_renewals_too():
    calm = Scene("in steps, watched, renewed", None, 99)
    await calm.ended()
    assert len(calm.platform.writes) > len(calm.intentions) + 2
    many = 0
    for name in RUNS:
        async for _ in each_write(name, THEIRS["half and half"]):
            many += 1
    assert many * len(THEIRS) * 2 >= LEAST
