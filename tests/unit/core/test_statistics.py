"""Counts that decide: the sequential test, Fisher's test, and how many sessions it takes."""

import random

import pytest

from gate.core.statistics import SprtResult, at_most, noticed, sample_size, sequential, worse

RATES = {"low": 0.1, "high": 0.5, "alpha": 0.05, "beta": 0.05}


@pytest.mark.parametrize(
    ("bad", "trials", "odds"),
    [
        (0, 0, SprtResult.OPEN),
        (1, 1, SprtResult.OPEN),
        (2, 2, SprtResult.HIGH),
        (0, 5, SprtResult.OPEN),
        (0, 6, SprtResult.LOW),
        (1, 8, SprtResult.OPEN),
        (1, 9, SprtResult.LOW),
        (4, 10, SprtResult.OPEN),
        (3, 6, SprtResult.HIGH),
    ],
)
def test_the_sequential_test_by_hand(bad, trials, odds):
    assert sequential(bad, trials, **RATES) is odds


def decide(rate, chance):
    bad = trials = 0
    while (odds := sequential(bad, trials, **RATES)) is SprtResult.OPEN:
        trials += 1
        bad += chance.random() < rate
    return odds


@pytest.mark.parametrize(("rate", "wrong"), [(0.1, SprtResult.HIGH), (0.5, SprtResult.LOW)])
def test_it_is_wrong_no_more_often_than_it_says(rate, wrong):
    chance = random.Random(7)
    times = sum(decide(rate, chance) is wrong for _ in range(4000))
    assert times / 4000 <= 0.06


def test_fishers_test_on_known_tables():
    assert worse(0, 7, 7, 7) == pytest.approx(1 / 3432)
    assert worse(1, 10, 9, 10) == pytest.approx(0.000547, abs=1e-6)
    assert worse(7, 7, 7, 7) == pytest.approx(1)
    assert worse(9, 10, 1, 10) == pytest.approx(1, abs=1e-4)
    assert worse(90_000, 100_000, 95_000, 100_000) < 1e-300


def test_the_binomial_tail_on_known_values():
    assert at_most(0, 29, 0.1) == pytest.approx(0.9**29)
    assert at_most(2, 4, 0.5) == pytest.approx(11 / 16)
    assert at_most(5, 5, 0.3) == pytest.approx(1)


def test_a_service_that_is_good_nine_times_in_ten_takes_29_sessions_to_tell_from_a_perfect_one():
    assert sample_size(0, bad=0.1) == 29
    assert noticed(0, 28, bad=0.1) < 0.95 <= noticed(0, 29, bad=0.1)
    assert noticed(0, 7, bad=0.1) == pytest.approx(0.52, abs=0.01)


def test_an_error_budget_takes_more_sessions():
    assert sample_size(0.05, bad=0.1) == 103
    assert noticed(0.05, 102, bad=0.1) < 0.95
    assert all(noticed(0.05, size, bad=0.1) >= 0.95 for size in range(103, 600))
    assert sample_size(0.09, bad=0.1) > 500
