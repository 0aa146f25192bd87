"""Rollouts on fakes where calls fail, replies are lost, and other people write, too."""

from dataclasses import replace

import pytest

from gate.core.service import Condition, ConditionState
from gate.core.state import Ending, Kind
from gate.core.traffic import Split, Target
from gate.errors import (
    AccessError,
    ExitCode,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
)
from tests.fakes.platform import STABLE, FakePlatform
from tests.fakes.world import CANDIDATE, TAG, USERS, FakeWorld, plan

RIVAL = "backend-00009-rival"
DOWN = UnavailableError("Cloud Run: no answer")


def safe(world: FakeWorld) -> bool:
    """Users are served what they were, and nothing of ours is left."""
    return world.shares == world.effective_shares == {STABLE: 100} and world.tags == USERS


# --- calls that fail


@pytest.mark.parametrize(
    ("error", "ending", "code"),
    [
        (AccessError("403"), Ending.FAILED, ExitCode.INFRASTRUCTURE),
        (DOWN, Ending.FAILED, ExitCode.INFRASTRUCTURE),
        (NotFoundError("404"), Ending.REFUSED, ExitCode.USAGE),
    ],
)
async def test_a_service_that_cannot_be_read_ends_it(error, ending, code):
    world = FakeWorld()
    world.platform.fail_next("read_service", error)
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (ending, code)
    assert str(error) in rollout.notes[-1]
    assert safe(world)


async def test_a_deploy_that_is_refused_leaves_everything_as_it_was():
    world = FakeWorld()
    world.platform.fail_next("deploy", InfrastructureError("400: image is not a reference"))
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert "400: image is not a reference" in rollout.notes[-1]
    assert safe(world)


async def test_a_move_that_is_refused_takes_our_tag_back():
    world = FakeWorld()
    world.platform.fail_next("set_traffic", AccessError("403: no actAs"))
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert safe(world)


def seen_twice(world):
    """The service, and then what the candidate is built on."""
    for _ in range(2):
        world.platform.before_next("read_service", lambda: None)


async def test_looks_that_are_denied_while_waiting_end_it_soon_and_our_tag_goes():
    world = FakeWorld()
    world.platform.before_next("read_revision", lambda: None)  # what the candidate is built on
    world.platform.fail_next("read_revision", AccessError("403: no run.revisions.get"), 1000)
    began = world.clock.now()
    rollout = await world.run(plan(ready_within_s=240))
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert (world.clock.now() - began).total_seconds() < 60
    assert rollout.way_out[0].startswith("gate doctor ")
    assert safe(world)


@pytest.mark.parametrize("times", [1, 20])
async def test_looks_that_fail_while_waiting_are_repeated(times):
    world = FakeWorld()
    world.platform.hidden_reads = 1
    seen_twice(world)
    world.platform.fail_next("read_service", DOWN, times)
    assert (await world.run()).ending is Ending.PROMOTED


async def test_a_platform_that_stays_away_while_the_candidate_starts_is_given_up():
    world = FakeWorld()
    seen_twice(world)
    world.platform.fail_next("read_service", DOWN, 10_000)
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert any("was left on" in note for note in rollout.notes)
    assert sum(world.clock.slept) < 400


async def test_a_platform_that_stays_away_after_a_move_needs_a_person():
    world = FakeWorld()
    world.platform.before_next(
        "set_traffic", lambda: world.platform.fail_next("read_service", DOWN, 10_000)
    )
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.STUCK, ExitCode.STUCK)


async def test_a_service_that_is_deleted_under_us_ends_it():
    world = FakeWorld()

    def delete() -> None:
        world.platform.exists = False

    world.probes.before_next("run", delete)
    rollout = await world.run()
    assert rollout.ending is Ending.FAILED
    assert world.shares == {STABLE: 100}


async def test_a_candidate_that_is_deleted_under_us_is_not_waited_for_long():
    world = FakeWorld()
    world.platform.propagation_reads = 5
    calls = iter(range(100))

    def delete_later() -> None:
        if next(calls) == 0:
            world.platform.before_next("read_revision", delete_later)
        else:
            world.platform.remove_revision(CANDIDATE)

    world.platform.before_next("read_revision", delete_later)
    rollout = await world.run()
    assert rollout.ending is Ending.FAILED
    assert any("somebody deleted it" in note for note in rollout.notes)
    assert sum(world.clock.slept) < 60


# --- replies that are lost


async def test_a_deploy_whose_reply_was_lost_goes_on():
    world = FakeWorld()
    world.platform.lose_next_reply()
    rollout = await world.run()
    assert rollout.ending is Ending.PROMOTED
    assert world.platform.calls.count("deploy") == 1


async def test_a_move_whose_reply_was_lost_is_not_made_twice():
    world = FakeWorld()
    world.platform.before_next("set_traffic", world.platform.lose_next_reply)
    rollout = await world.run()
    assert rollout.ending is Ending.PROMOTED
    assert world.platform.calls.count("set_traffic") == 2  # the second gives the lease back


@pytest.mark.parametrize("kind", [Kind.PROMOTE, Kind.ROLLBACK])
async def test_a_move_by_hand_whose_reply_was_lost_is_not_made_twice(kind):
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE]))
    world.platform.lose_next_reply()
    rollout = await world.run(plan(kind, revision=CANDIDATE))
    assert rollout.exit_code is ExitCode.DONE
    assert world.platform.calls.count("set_traffic") == 1


async def test_a_lost_deploy_that_never_happened_fails_soon():
    world = FakeWorld()
    world.platform.fail_next("deploy", DOWN)
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert any("never happened" in note for note in rollout.notes)
    assert sum(world.clock.slept) < 60
    assert safe(world)


async def test_a_lost_tagging_that_never_happened_is_no_rejection():
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(STABLE, dict(USERS))))
    world.platform.fail_next("set_traffic", DOWN)
    rollout = await world.run(plan(revision=CANDIDATE))
    assert rollout.ending is Ending.FAILED
    assert sum(world.clock.slept) < 60
    assert safe(world)


@pytest.mark.parametrize(
    "asked",
    [plan(), plan(Kind.PROMOTE, revision=CANDIDATE), plan(Kind.ROLLBACK, revision=CANDIDATE)],
)
async def test_a_lost_move_that_never_happened_is_made_once_more(asked):
    platform = FakePlatform([STABLE] if asked.image else [STABLE, CANDIDATE])
    world = FakeWorld(platform)
    world.platform.fail_next("set_traffic", DOWN)
    rollout = await world.run(asked)
    assert rollout.exit_code is ExitCode.DONE
    assert world.effective_shares == {CANDIDATE: 100}
    gives_back_the_lease = asked.kind is Kind.ROLLOUT
    assert world.platform.calls.count("set_traffic") == 2 + gives_back_the_lease


async def test_a_move_that_never_happens_is_given_up():
    world = FakeWorld()
    world.platform.fail_next("set_traffic", DOWN, 6)
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert safe(world)


async def test_a_lost_untagging_is_repeated_only_where_it_did_not_happen():
    for happened, calls in ((True, 1), (False, 2)):
        world = FakeWorld()
        world.probes.before_next("run", lambda world=world: world.clock.advance(10_000))
        if happened:
            world.platform.before_next("set_traffic", world.platform.lose_next_reply)
        else:
            world.platform.fail_next("set_traffic", DOWN)
        rollout = await world.run(plan(on_hold=plan().on_hold.DROP))
        assert rollout.ending is Ending.HELD
        assert world.platform.calls.count("set_traffic") == calls
        assert safe(world)


# --- other people


async def test_a_conflict_over_nothing_is_decided_anew():
    world = FakeWorld()
    world.platform.conflict_once()
    world.probes.before_next("run", world.platform.conflict_once)
    rollout = await world.run()
    assert rollout.ending is Ending.PROMOTED
    assert rollout.conflicts == 2


async def test_a_service_that_everybody_writes_all_the_time_is_left_alone():
    world = FakeWorld()

    def again() -> None:
        world.platform.conflict_once()
        world.platform.before_next("deploy", again)

    world.platform.before_next("deploy", again)
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.FAILED, ExitCode.INFRASTRUCTURE)
    assert world.platform.calls.count("deploy") == 6
    assert safe(world)


@pytest.mark.parametrize("when", ["while we probe", "as we move", "after we moved"])
async def test_traffic_that_a_person_moves_is_left_alone(when):
    world = FakeWorld()
    theirs = Split.of([Target(STABLE, 50), Target(None, 50), Target(STABLE, 0, "blue")])

    def they_move() -> None:
        world.platform.human_moves_traffic(theirs, by="eve@example.com")

    if when == "while we probe":
        world.probes.before_next("run", they_move)
    elif when == "as we move":
        world.platform.before_next("set_traffic", lambda: world.platform.conflict_once(theirs))
    else:
        world.platform.before_next(
            "set_traffic", lambda: world.platform.before_next("read_service", they_move)
        )
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.HELD, ExitCode.HELD)
    assert world.platform.traffic == theirs
    assert rollout.verdict is not None
    assert rollout.verdict.reasons[0].subject == "traffic"
    if when != "as we move":
        assert "eve@example.com" in rollout.verdict.reasons[0].text


@pytest.mark.parametrize("restores_our_tag", [False, True])
async def test_a_persons_rollback_after_our_move_is_not_rolled_over_again(restores_our_tag):
    world = FakeWorld()
    tags = {**USERS, TAG: CANDIDATE} if restores_our_tag else dict(USERS)

    def they_roll_back() -> None:
        world.platform.human_moves_traffic(Split.all_to(STABLE, tags), by="eve@example.com")

    world.platform.before_next(
        "set_traffic", lambda: world.platform.before_next("read_service", they_roll_back)
    )
    rollout = await world.run()
    assert rollout.ending is Ending.HELD
    assert world.shares == world.effective_shares == {STABLE: 100}
    assert len([w for w in world.platform.writes if w.traffic.share_of(CANDIDATE)]) == 1


async def test_a_persons_rollback_after_a_promotion_by_name_is_not_rolled_over_again():
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE]))
    world.platform.before_next(
        "set_traffic",
        lambda: world.platform.before_next(
            "read_service", lambda: world.platform.human_moves_traffic(Split.all_to(STABLE))
        ),
    )
    rollout = await world.run(plan(Kind.PROMOTE, revision=CANDIDATE))
    assert rollout.ending is Ending.HELD
    assert world.shares == {STABLE: 100}
    assert len(world.platform.writes) == 1


async def test_a_tag_that_a_person_adds_while_traffic_moves_does_not_undo_the_move():
    world = FakeWorld()

    def they_add() -> None:
        world.platform.human_moves_traffic(world.platform.traffic.with_tag("green", STABLE))

    world.platform.before_next(
        "set_traffic", lambda: world.platform.before_next("read_service", they_add)
    )
    rollout = await world.run()
    assert rollout.ending is Ending.PROMOTED
    assert world.tags == {**USERS, "green": STABLE}


async def test_a_tag_that_a_person_takes_from_the_candidate_holds():
    world = FakeWorld()
    stolen = Split.all_to(STABLE, {**USERS, TAG: STABLE})
    world.probes.before_next("run", lambda: world.platform.human_moves_traffic(stolen))
    rollout = await world.run()
    assert rollout.ending is Ending.HELD
    assert world.platform.traffic == stolen


async def test_a_tag_of_the_same_name_on_users_traffic_is_not_taken():
    for target in (STABLE, None):
        platform = FakePlatform(traffic=Split.of([Target(None, 100), Target(target, 0, TAG)]))
        world = FakeWorld(platform)
        rollout = await world.run()
        assert rollout.ending is Ending.REFUSED
        assert "choose another candidate.tag" in rollout.notes[-1]
        assert platform.writes == []


async def test_another_revision_that_is_deployed_while_we_probe_holds():
    world = FakeWorld()

    def they_deploy() -> None:
        world.platform._latest_created = RIVAL

    world.probes.before_next("run", they_deploy)
    rollout = await world.run()
    assert rollout.ending is Ending.HELD
    assert rollout.verdict is not None
    assert RIVAL in rollout.verdict.reasons[0].text


async def test_a_service_in_the_middle_of_a_change_is_waited_for_then_refused():
    world = FakeWorld()
    world.platform.propagation_reads = 10
    world.platform.human_moves_traffic(world.platform.traffic)
    assert (await world.run()).ending is Ending.PROMOTED
    busy = FakeWorld()
    busy.platform.reconciles_forever = True
    busy.platform.human_moves_traffic(Split.all_to(STABLE))
    rollout = await busy.run()
    assert rollout.ending is Ending.FAILED
    assert "another update" in rollout.notes[-1]
    assert busy.platform.writes == []


# --- moves that do not come into effect


async def test_a_slow_move_is_waited_for():
    world = FakeWorld()

    def slow() -> None:
        world.platform.propagation_reads = 40

    world.platform.before_next("set_traffic", slow)
    assert (await world.run()).ending is Ending.PROMOTED
    assert world.effective_shares == {CANDIDATE: 100}


def endless(world: FakeWorld) -> None:
    world.platform.reconciles_forever = True


async def test_a_promotion_that_never_comes_into_effect_is_undone():
    world = FakeWorld()
    world.platform.before_next("set_traffic", lambda: endless(world))
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.REVERTED, ExitCode.INFRASTRUCTURE)
    assert safe(world)
    assert any("still being changed" in note for note in rollout.notes)


async def test_a_rollback_that_never_comes_into_effect_needs_a_person():
    world = FakeWorld(FakePlatform([STABLE, CANDIDATE], Split.all_to(CANDIDATE)))
    endless(world)
    rollout = await world.run(plan(Kind.ROLLBACK, revision=STABLE))
    assert (rollout.ending, rollout.exit_code) == (Ending.STUCK, ExitCode.STUCK)
    assert "did not come into effect" in rollout.notes[-1]


def candidate_breaks(world: FakeWorld) -> None:
    broken = Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "it died")
    revision = world.platform._revisions[CANDIDATE]
    world.platform._revisions[CANDIDATE] = replace(revision, ready=broken)


@pytest.mark.parametrize("conflicts", [False, True])
@pytest.mark.parametrize("lost", [False, True])
async def test_a_promotion_that_cloud_run_gives_up_is_undone(conflicts, lost):
    world = FakeWorld()

    def break_it() -> None:
        candidate_breaks(world)
        if conflicts:
            world.platform.before_next("set_traffic", world.platform.conflict_once)
        if lost:
            world.platform.before_next("set_traffic", world.platform.lose_next_reply)

    world.platform.before_next("set_traffic", break_it)
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.REVERTED, ExitCode.INFRASTRUCTURE)
    assert safe(world)


async def test_a_way_back_that_is_refused_needs_a_person():
    world = FakeWorld()

    def break_it() -> None:
        candidate_breaks(world)
        world.platform.fail_next("set_traffic", AccessError("403"))

    world.platform.before_next("set_traffic", break_it)
    rollout = await world.run()
    assert (rollout.ending, rollout.exit_code) == (Ending.STUCK, ExitCode.STUCK)


async def test_a_way_back_goes_to_what_latest_was_when_we_began():
    platform = FakePlatform([STABLE, CANDIDATE, RIVAL], Split.of([]))
    platform._latest_ready = STABLE
    world = FakeWorld(platform)

    def break_it() -> None:
        candidate_breaks(world)
        platform._latest_ready = RIVAL

    platform.before_next("set_traffic", break_it)
    rollout = await world.run(plan(Kind.PROMOTE, revision=CANDIDATE))
    assert rollout.ending is Ending.REVERTED
    assert world.shares == {STABLE: 100}
