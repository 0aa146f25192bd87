"""Ctrl-C: what each phase makes of it."""

import pytest

from gate.core.interruption import interrupted
from gate.core.state import Ending, Kind, Phase
from tests.unit.core.rollouts import NOW, later, plan, rollout

PROMOTE, ROLL_BACK = plan(Kind.PROMOTE), plan(Kind.ROLLBACK)


@pytest.mark.parametrize("phase", [Phase.READING, Phase.DEPLOYING, Phase.TAGGING])
def test_before_the_first_write_there_is_nothing_to_take_back(phase):
    r = interrupted(rollout(phase), NOW)
    assert (r.phase, r.ending, r.goal) == (Phase.RECORDING, Ending.INTERRUPTED, None)


@pytest.mark.parametrize("asked", [PROMOTE, ROLL_BACK])
def test_a_move_by_hand_that_was_not_made_is_not_made(asked):
    r = interrupted(rollout(Phase.MOVING, asked), NOW)
    assert (r.phase, r.ending, r.goal) == (Phase.RECORDING, Ending.INTERRUPTED, None)


@pytest.mark.parametrize(
    "phase", [Phase.WAITING, Phase.EXPLAINING, Phase.PROBING, Phase.CONFIRMING, Phase.MOVING]
)
def test_a_candidate_at_zero_is_let_go(phase):
    r = interrupted(rollout(phase), NOW)
    assert (r.phase, r.ending, r.goal) == (Phase.CLEANING, Ending.INTERRUPTED, None)
    assert r.limit_at == later(5)


@pytest.mark.parametrize(
    "phase",
    [
        Phase.VERIFYING,
        Phase.BACKING_OUT,
        Phase.REVERTING,
        Phase.PROVING,
        Phase.CLEANING,
        Phase.UNTAGGING,
        Phase.SETTLING,
        Phase.RECORDING,
    ],
)
def test_what_leads_to_safety_goes_on_and_hurries(phase):
    r = interrupted(rollout(phase), NOW)
    assert (r.phase, r.interrupted, r.limit_at) == (phase, True, later(5))


def test_an_unlock_is_not_made_after_all_unless_it_has_been_made_before():
    asked = plan(Kind.RECOVER, force=True)
    r = interrupted(rollout(Phase.RECOVERING, asked, guard=0), NOW)
    assert r.ending is Ending.INTERRUPTED
    sent = rollout(Phase.RECOVERING, asked, guard=1)
    assert interrupted(sent, NOW).phase is Phase.RECOVERING


def test_a_wait_is_never_made_longer():
    assert interrupted(rollout(Phase.VERIFYING, limit_at=later(2)), NOW).limit_at == later(2)


def test_a_second_interruption_gives_no_more_time():
    once = interrupted(rollout(Phase.VERIFYING), NOW)
    assert interrupted(once, later(4)) == once
