import pytest

from gate.core.state import MOVES, Ending, Phase
from gate.errors import ExitCode
from tests.unit.core.rollouts import later, plan, rollout


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        (Ending.PROMOTED, 0),
        (Ending.ROLLED_BACK, 0),
        (Ending.UNCHANGED, 0),
        (Ending.REJECTED, 1),
        (Ending.REFUSED, 2),
        (Ending.FAILED, 3),
        (Ending.REVERTED, 3),
        (Ending.STUCK, 4),
        (Ending.HELD, 5),
        (Ending.INTERRUPTED, 130),
    ],
)
def test_exit_codes_are_the_documented_ones(ending, code):
    assert ending.exit_code == code
    assert rollout(Phase.ENDED, ending=ending).exit_code == code


def test_every_ending_has_an_exit_code():
    assert {ending.exit_code for ending in Ending} == set(ExitCode)


@pytest.mark.parametrize("ending", Ending)
def test_an_interrupted_rollout_says_so_unless_a_person_is_needed(ending):
    r = rollout(Phase.ENDED, ending=ending, interrupted=True)
    stuck = ending is Ending.STUCK
    assert r.exit_code is (ExitCode.STUCK if stuck else ExitCode.INTERRUPTED)


@pytest.mark.parametrize("phase", Phase)
def test_an_abandoned_rollout_says_what_it_leaves(phase):
    code = rollout(phase).exit_code
    assert code is (ExitCode.STUCK if phase in MOVES else ExitCode.INTERRUPTED)


def test_the_deadline_counts_from_the_start():
    assert rollout(Phase.READING, plan(deadline_s=90)).deadline_at == later(90)


def test_only_the_last_phase_is_the_end():
    assert [phase for phase in Phase if rollout(phase).ended] == [Phase.ENDED]
