from dataclasses import replace

import pytest

from gate.core.stable import choose_stable
from gate.core.state import PastMove
from gate.core.traffic import Split
from tests.unit.core.rollouts import CANDIDATE, MOVED, OLD, STABLE, service


def move(before, after):
    return PastMove(tuple(before.items()), tuple(after.items()))


FORTH = move({STABLE: 100}, {CANDIDATE: 100})
REJECTED = move({CANDIDATE: 100}, {CANDIDATE: 100})
ELSEWHERE = move({STABLE: 100}, {OLD: 100})
SPLIT = move({STABLE: 50, OLD: 50}, {CANDIDATE: 100})


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([FORTH], STABLE),
        ([REJECTED, FORTH], STABLE),
        ([ELSEWHERE, FORTH], STABLE),
        ([move({OLD: 100}, {CANDIDATE: 100}), FORTH], OLD),
        ([], None),
        ([ELSEWHERE], None),
        ([REJECTED], None),
        ([SPLIT], None),
        ([SPLIT, FORTH], STABLE),
    ],
)
def test_the_newest_move_that_led_here_says_where_traffic_was(history, expected):
    assert choose_stable(history, service(MOVED)) == expected


def test_what_is_in_effect_counts_and_not_what_was_asked_for():
    half_way = service(Split.all_to(OLD), effective=MOVED)
    assert choose_stable([FORTH], half_way) == STABLE


def test_a_service_without_effective_traffic_is_read_by_what_was_asked_for():
    assert choose_stable([FORTH], replace(service(MOVED), effective=())) == STABLE
    latest = service(Split.of([]), latest_ready=CANDIDATE)
    assert choose_stable([FORTH], replace(latest, effective=())) == STABLE
