"""Stopping the line and resuming it, over fakes: also beside a rollout that is at work."""

import pytest

from gate.controller.bookkeeping import Waits
from gate.controller.line import Line
from gate.core.annotation import KEY, Denied, RolloutAnnotation
from gate.core.state import Ending, Kind, Plan
from gate.core.traffic import Split
from gate.errors import InfrastructureError, UnavailableError
from gate.ledger.canonical import digest
from gate.report.html.tables import in_effect
from gate.report.outcome import outcome_lines
from tests.fakes.platform import REF, STABLE
from tests.fakes.world import FakeWorld

SILENT = Waits(intention_s=0.01, nothing_s=0.01, silent_s=0.01)


async def change(world, kind=Kind.STOP, reason="users cannot log in", waits=None):
    line = Line(world.platform, world.ledger, world.clock, waits)
    return await line.change(Plan(kind, REF, tag="", actor="ana", reason=reason), "s1")


async def mark(world):
    return (await world.platform.read_service()).rollout_annotation


async def test_it_is_stopped_and_resumed_and_traffic_stays():
    world = FakeWorld()
    before = world.platform.traffic
    ended, entry = await change(world)
    said = await mark(world)
    assert (ended.ending, ended.recorded, ended.exit_code) == (Ending.STOPPED, True, 0)
    assert (said.stopped.actor, said.stopped.reason) == ("ana", "users cannot log in")
    intention = world.ledger.kept[0]
    assert (said.entry, said.sequence) == (digest(intention), intention["sequence"])
    assert (entry["kind"], entry["ending"]) == ("stop", "stopped")
    assert entry["next"]["commands"][0].startswith("gate resume --project")
    resumed, _ = await change(world, Kind.RESUME, "it was the network")
    assert resumed.ending is Ending.RESUMED
    assert (await mark(world)).stopped is None
    assert world.platform.traffic == before


async def test_what_users_reach_does_not_differ_while_cloud_run_takes_the_word_in():
    world = FakeWorld()
    world.platform.reconciles_forever = True
    _, entry = await change(world)
    assert (entry["in_effect"], entry["reconciling"]) == (True, True)
    older = {**entry, "in_effect": False}  # as gates recorded it before
    for one in (entry, older):
        told = [line.text for line in outcome_lines(one) if line.text.startswith("traffic after")]
        assert told == [f"traffic after:  {STABLE} 100 % (a change is still under way)"]
        assert in_effect(one)
    moved = {**older, "effective_after": {"backend-00007-bad": 100}}
    assert "traffic after:  DESIRED AND EFFECTIVE DIFFER" in str(outcome_lines(moved))
    assert not in_effect(moved)


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        ((Kind.STOP, Kind.STOP), "nothing is changed, since the line is already stopped by ana"),
        ((Kind.RESUME,), "not stopped"),
    ],
)
async def test_what_is_so_already_is_not_written(kinds, text):
    world = FakeWorld()
    for kind in kinds:
        ended, entry = await change(world, kind)
    assert ended.ending is Ending.UNCHANGED
    assert text in entry["notes"][0]
    assert len(world.platform.writes) == len(kinds) - 1


async def test_what_was_barred_before_is_not_told_as_barred_by_it():
    world = FakeWorld()
    barred = RolloutAnnotation(denylist=(Denied("backend-00007-bad", actor="ben"),))
    world.platform.left(world.platform.traffic, {KEY: barred.text()})
    for kind in (Kind.STOP, Kind.RESUME):
        _, entry = await change(world, kind)
        assert "bars_added" not in entry or entry["bars_added"] == []
    assert (await mark(world)).denylist == barred.denylist


async def test_somebody_who_writes_in_between_is_not_overwritten():
    world = FakeWorld()
    traffic = Split.all_to(STABLE, {"mine": STABLE})
    world.platform.conflict_once(traffic)
    ended, _ = await change(world)
    assert ended.ending is Ending.STOPPED
    assert world.platform.traffic == traffic


async def test_a_lost_answer_is_looked_for():
    world = FakeWorld()
    world.platform.lose_next_reply()
    ended, _ = await change(world)
    assert ended.ending is Ending.STOPPED
    assert len(world.platform.writes) == 1


async def test_a_silent_ledger_stops_no_stop_and_lets_nothing_be_resumed():
    world = FakeWorld()
    world.ledger.speaks.clear()
    ended, _ = await change(world, waits=SILENT)
    assert (ended.ending, ended.recorded) == (Ending.STOPPED, False)
    with pytest.raises(InfrastructureError):
        await change(world, Kind.RESUME, waits=SILENT)
    assert (await mark(world)).stopped


async def test_an_annotation_that_nobody_can_read_is_left_as_it_is():
    world = FakeWorld()
    world.platform.left(world.platform.traffic, {KEY: "?"})
    ended, _ = await change(world)
    assert (ended.ending, ended.exit_code) == (Ending.REFUSED, 2)
    assert world.platform.writes == []


async def test_a_rollout_at_work_keeps_its_lease_and_moves_nobody():
    world = FakeWorld()
    asked, stops = world.probes.run, []

    async def run(probes, target, progress):
        if not stops:
            stops.append(await change(world))
        return await asked(probes, target, progress)

    world.probes.run = run
    rollout = await world.run()
    assert stops[0][0].ending is Ending.STOPPED
    assert (rollout.ending, rollout.exit_code) == (Ending.HELD, 5)
    assert rollout.verdict.reasons[0].subject == "stop"
    assert world.shares == {STABLE: 100}
    left = await mark(world)
    assert (left.holder, left.stopped.actor) == ("", "ana")
    again = await world.controller.run(rollout.plan, "r2")
    assert again.ending is Ending.HELD
    assert len(world.platform.writes) == 3


async def test_a_service_that_the_gate_never_wrote_on_can_be_stopped():
    world = FakeWorld()
    assert await mark(world) == RolloutAnnotation()
    world.platform.fail_next("set_traffic", UnavailableError("nobody answers"))
    ended, _ = await change(world)
    assert ended.ending is Ending.STOPPED
