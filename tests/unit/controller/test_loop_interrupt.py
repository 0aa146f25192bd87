"""Ctrl-C and SIGTERM at any moment: traffic is safe, our tag is gone, and it is recorded."""

import asyncio
import signal
from datetime import datetime

import pytest

from gate.controller.loop import Controller
from gate.core.commands import LONGEST_LOOK_S
from gate.core.evidence import Outcome
from gate.core.messages import Command, Deploy, Interrupted, Look, Record, RunProbes, SetTraffic
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split
from gate.errors import ExitCode, UnavailableError
from tests.fakes.platform import STABLE, FakePlatform
from tests.fakes.probes import evidence
from tests.fakes.world import CANDIDATE, TAG, USERS, FakeWorld, plan

COMMANDS_MAX = 30


def interrupt_at(world: FakeWorld, number: int, times: int = 1) -> None:
    """Ctrl-C when the gate is about to carry out its command with this number."""

    def doing(current: int, _command: Command) -> None:
        if current == number:
            for _ in range(times):
                world.controller.interrupt()

    world.narrator.on_doing = doing


def interrupt_on(world: FakeWorld, kind: type[Command], times: int = 1) -> None:
    """Ctrl-C when the gate is about to carry out the first command of this kind."""

    def doing(_number: int, command: Command) -> None:
        if isinstance(command, kind):
            world.narrator.on_doing = lambda _number, _command: None
            for _ in range(times):
                world.controller.interrupt()

    world.narrator.on_doing = doing


def written_after_the_interruption(world: FakeWorld) -> list[Command]:
    events = world.narrator.events
    told = next(i for i, event in enumerate(events) if isinstance(event, Interrupted))
    # The command that Interrupted answered was not carried out, or cut off.
    return [c for c in world.narrator.commands[told + 1 :] if isinstance(c, Deploy | SetTraffic)]


@pytest.mark.parametrize("sees", [Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE])
@pytest.mark.parametrize("number", range(COMMANDS_MAX))
async def test_an_interruption_at_every_command(sees, number):
    world = FakeWorld()
    world.platform.propagation_reads = 2
    world.probes.sees["chat"] = evidence("chat", sees)
    interrupt_at(world, number)
    rollout = await world.run()
    assert rollout.phase is Phase.ENDED
    assert world.outcome["ending"] == rollout.ending.value
    moved = CANDIDATE in world.shares
    assert world.shares == world.effective_shares == {CANDIDATE if moved else STABLE: 100}
    assert not moved or sees is Outcome.PASSED
    kept = rollout.ending is Ending.HELD
    assert world.tags == ({**USERS, TAG: CANDIDATE} if kept else USERS)
    if rollout.interrupted:
        assert rollout.exit_code is ExitCode.INTERRUPTED
        after = written_after_the_interruption(world)
        assert all(not command.traffic.share_of(CANDIDATE) or moved for command in after)


@pytest.mark.parametrize("number", range(12))
@pytest.mark.parametrize("kind", [Kind.PROMOTE, Kind.ROLLBACK])
async def test_an_interruption_at_every_command_of_a_move_by_hand(kind, number):
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(STABLE, dict(USERS))))
    world.platform.propagation_reads = 2
    interrupt_at(world, number)
    rollout = await world.run(plan(kind, revision=CANDIDATE))
    assert rollout.phase is Phase.ENDED
    assert world.shares == world.effective_shares
    assert (world.shares == {CANDIDATE: 100}) == bool(world.platform.writes)
    assert rollout.exit_code in {ExitCode.DONE, ExitCode.INTERRUPTED}


async def test_an_interruption_before_the_first_command():
    world = FakeWorld()
    world.controller.interrupt()
    rollout = await world.run()
    assert rollout.ending is Ending.INTERRUPTED
    assert rollout.exit_code is ExitCode.INTERRUPTED
    assert world.platform.calls == []
    assert world.outcome["ending"] == "interrupted"


async def test_a_write_that_was_about_to_be_made_is_not_made():
    world = FakeWorld()
    interrupt_on(world, Deploy)
    rollout = await world.run()
    assert rollout.ending is Ending.INTERRUPTED
    assert world.platform.writes == []


async def test_a_write_that_has_begun_is_waited_for():
    world = FakeWorld()
    world.platform.before_next("deploy", world.controller.interrupt)
    rollout = await world.run()
    assert rollout.ending is Ending.INTERRUPTED
    assert [write.image for write in world.platform.writes] == ["app:2", ""]
    assert world.tags == USERS


async def test_a_move_that_has_begun_is_verified():
    world = FakeWorld()
    world.platform.before_next("set_traffic", world.controller.interrupt)
    rollout = await world.run()
    assert rollout.exit_code is ExitCode.INTERRUPTED
    assert world.shares == world.effective_shares == {CANDIDATE: 100}


async def test_a_move_that_did_not_happen_is_not_made_after_an_interruption():
    world = FakeWorld()

    def lose_it() -> None:
        world.controller.interrupt()
        raise UnavailableError("no answer")

    world.platform.before_next("set_traffic", lose_it)
    rollout = await world.run()
    assert rollout.exit_code is ExitCode.INTERRUPTED
    assert world.shares == world.effective_shares == {STABLE: 100}
    assert world.tags == USERS


async def test_running_probes_are_cut_off():
    world = FakeWorld()
    world.probes.hangs_at = "chat"
    running = asyncio.ensure_future(world.run())
    await asyncio.wait_for(world.probes.hanging.wait(), 5)
    world.controller.interrupt()
    rollout = await asyncio.wait_for(running, 5)
    assert world.probes.cancelled == 1
    assert rollout.ending is Ending.INTERRUPTED
    assert world.shares == {STABLE: 100}
    assert world.tags == USERS


async def test_a_look_is_cut_off():
    world = FakeWorld()
    world.platform.reconciles_forever = True
    interrupt_at(world, 4)
    rollout = await world.run()
    assert isinstance(world.narrator.commands[4], Look)
    assert rollout.ending is Ending.INTERRUPTED


async def seconds_to_the_end(world: FakeWorld, told_at: list[datetime]) -> float:
    rollout = await world.run()
    assert rollout.exit_code is ExitCode.INTERRUPTED
    assert world.effective_shares == {STABLE: 100}
    return (world.clock.now() - told_at[0]).total_seconds()


async def test_a_candidate_that_starts_for_ever_is_left_within_five_seconds():
    """Cloud Run goes on for longer: the gate says what it leaves, and does not wait for it."""
    world = FakeWorld()
    world.platform.reconciles_forever = True
    told_at: list[datetime] = []

    def doing(number: int, _command: Command) -> None:
        if number == 8:
            told_at.append(world.clock.now())
            world.controller.interrupt()

    world.narrator.on_doing = doing
    assert await seconds_to_the_end(world, told_at) <= 5 + LONGEST_LOOK_S
    assert world.tags == USERS


async def test_a_move_that_takes_for_ever_is_undone_within_twice_five_seconds():
    world = FakeWorld()
    told_at: list[datetime] = []

    def move() -> None:
        world.platform.reconciles_forever = True
        told_at.append(world.clock.now())
        world.controller.interrupt()

    world.platform.before_next("set_traffic", move)
    assert await seconds_to_the_end(world, told_at) <= 2 * (5 + LONGEST_LOOK_S)
    assert world.shares == {STABLE: 100}


async def test_the_second_interruption_abandons():
    world = FakeWorld()
    world.probes.hangs_at = "chat"
    running = asyncio.ensure_future(world.run())
    await asyncio.wait_for(world.probes.hanging.wait(), 5)
    world.controller.interrupt()
    world.controller.interrupt()
    rollout = await asyncio.wait_for(running, 5)
    assert rollout.phase is Phase.PROBING
    assert rollout.exit_code is ExitCode.INTERRUPTED
    assert world.probes.cancelled == 1
    assert world.shares == {STABLE: 100}
    assert all(entry["entry"] == "intention" for entry in world.ledger.kept)


async def test_abandoned_in_the_middle_of_a_move_needs_a_person():
    world = FakeWorld()

    def twice() -> None:
        world.controller.interrupt()
        world.controller.interrupt()

    world.platform.before_next("set_traffic", twice)
    rollout = await world.run()
    assert rollout.phase is Phase.VERIFYING
    assert rollout.exit_code is ExitCode.STUCK


async def test_abandoned_while_the_record_is_kept_says_so():
    world = FakeWorld()
    world.controller.interrupt()
    interrupt_on(world, Record)
    rollout = await world.run()
    assert rollout.ending is Ending.INTERRUPTED
    assert rollout.exit_code is ExitCode.INTERRUPTED


@pytest.fixture
def on_sigterm():
    """A handler of whoever runs the controller, as the command line has one."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGTERM, before)


async def test_signals_interrupt_and_are_given_back(on_sigterm):
    world = FakeWorld()
    before = on_sigterm
    caught = []

    def doing(_number: int, command: Command) -> None:
        if isinstance(command, RunProbes):
            caught.append(signal.getsignal(signal.SIGTERM) is not before)
            if caught[-1]:
                signal.raise_signal(signal.SIGTERM)

    world.narrator.on_doing = doing
    world.probes.hangs_at = "health"
    rollout = await asyncio.wait_for(world.run(), 5)
    assert caught == [True]
    assert rollout.ending is Ending.INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is before


async def test_a_run_that_is_cancelled_leaves_no_task_behind():
    world = FakeWorld()
    world.probes.hangs_at = "chat"
    running = asyncio.ensure_future(world.run())
    await asyncio.wait_for(world.probes.hanging.wait(), 5)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert world.probes.cancelled == 1
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_failing_read_leaves_no_other_read_behind():
    world = FakeWorld()
    world.platform.fail_next("read_revision", UnavailableError("no answer"))
    rollout = await world.run()
    assert rollout.ending is Ending.PROMOTED
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_a_controller_can_be_interrupted_before_a_loop_runs():
    world = FakeWorld()
    assert isinstance(world.controller, Controller)
    world.controller.interrupt()
    assert asyncio.run(world.run()).ending is Ending.INTERRUPTED
