"""Rollouts on fakes whose steps ask for users' requests."""

import asyncio

import pytest

from gate.core.policy import MetricsRule
from gate.core.state import Ending
from gate.core.user_requests import Source
from gate.errors import AccessError, UnavailableError
from tests.fakes.platform import STABLE
from tests.fakes.world import CANDIDATE, FakeWorld, plan
from tests.unit.controller.test_loop_lease import lease_left_s


def asked(**more):
    steps = {"steps": (5, 100), "requests": (200, 0), "dwell_s": 60.0}
    return plan(**{**steps, **more})


def world_with(users):
    world = FakeWorld()
    world.user_requests.users = users
    return world


def steadily(per_s, bad=0.0):
    return lambda seconds: (round(seconds * per_s * (1 - bad)), round(seconds * per_s * bad))


async def test_enough_good_requests_promote():
    world = world_with(steadily(10))
    rollout = await world.run(asked())
    assert rollout.ending is Ending.PROMOTED
    (step,) = world.outcome["user_requests"]
    assert (step["word"], step["percent"]) == ("on", 5)
    own, stable = step["revisions"]
    assert (own["revision"], stable["revision"]) == (CANDIDATE, STABLE)


async def test_few_are_waited_for_beyond_the_dwell():
    world = world_with(steadily(1))
    rollout = await world.run(asked())
    assert rollout.ending is Ending.PROMOTED
    last = world.user_requests.queries[-1]
    assert (last.now - last.since).total_seconds() >= 200


async def test_bad_ones_take_users_back_before_there_are_enough():
    world = world_with(steadily(1, bad=0.2))
    rollout = await world.run(asked())
    assert rollout.ending is Ending.REGRESSED
    assert world.shares == {STABLE: 100}
    last = world.user_requests.queries[-1]
    assert (last.now - last.since).total_seconds() < 60


@pytest.mark.parametrize("source", list(Source))
async def test_without_users_it_is_held_when_the_deadline_is_over(source):
    world = FakeWorld()
    rollout = await world.run(asked(metrics=MetricsRule(source)))
    assert rollout.ending is Ending.HELD
    assert world.shares == {STABLE: 100}
    assert "0 of 200 requests" in str(rollout.verdict)
    spent = (rollout.at - rollout.started_at).total_seconds()
    assert rollout.plan.deadline_s <= spent < rollout.plan.deadline_s + 60


async def test_the_watch_waits_for_them_too():
    world = FakeWorld()
    rollout = await world.run(asked(steps=(100,), requests=(50,), watch_s=30.0))
    assert rollout.ending is Ending.HELD
    assert world.shares == {STABLE: 100}


async def test_the_lease_is_kept_while_nothing_is_asked():
    world, left_s = FakeWorld(), []
    count = world.user_requests.count

    async def slowly(query):
        for _ in range(3):
            await asyncio.sleep(0)
        left_s.append(lease_left_s(world))
        return await count(query)

    world.user_requests.count = slowly
    short = {"verify_within_s": 10.0, "lease_s": 30.0}
    await world.run(asked(metrics=MetricsRule(Source.MONITORING), **short))
    assert len(left_s) > 50
    assert min(left_s) > 0


async def test_a_source_that_fails_for_a_while_is_asked_again():
    world = world_with(steadily(10))
    world.user_requests.fail_next("count", UnavailableError("no answer"), times=3)
    assert (await world.run(asked())).ending is Ending.PROMOTED


async def test_a_source_that_may_not_be_read_holds_at_once():
    world = world_with(steadily(10))
    world.user_requests.fail_next("count", AccessError("denied", "ask for the role"))
    rollout = await world.run(asked())
    assert rollout.ending is Ending.HELD
    assert world.shares == {STABLE: 100}
    assert rollout.verdict.reasons[0].hint == "ask for the role"
    assert len(world.user_requests.calls) == 1


async def test_steps_that_ask_for_none_read_nothing():
    world = FakeWorld()
    assert (await world.run(asked(requests=()))).ending is Ending.PROMOTED
    assert not world.user_requests.calls
    assert world.outcome["user_requests"] == []
