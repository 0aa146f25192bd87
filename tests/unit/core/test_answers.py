"""Which answers are worse than stable's, outside of the tests that count."""

import pytest

from gate.core.answers import NO_ANSWER, worse, wrong
from gate.core.evidence import Answered, Asked

HEALTH = Asked("GET", "/health")


def answered(*codes, aside=True, place=HEALTH):
    return Answered(place, frozenset(codes), aside)


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ([307], [200], (307, 200)),
        ([404], [200, 201], (404, 200)),
        ([503], [401], (503, 401)),
        ([NO_ANSWER], [500], (NO_ANSWER, 500)),
        ([1011], [1000], (1011, 1000)),
        ([403], [1005], (403, 1005)),
        ([204], [200], None),
        ([503, 200], [200], None),
        ([503], [200, 503], None),
        ([401], [302], None),
        ([1001], [1000], None),
        ([307], [], None),
    ],
)
def test_worse_is_what_stable_always_does_better(here, there, told):
    found = list(worse([answered(*here)], [answered(*there, aside=False)]))
    assert found == ([(HEALTH, *told)] if told else [])


def test_only_what_no_counting_test_vouches_for_and_only_the_same_place():
    stable = [answered(200)]
    assert list(worse([answered(500, aside=False)], stable)) == []
    assert list(worse([answered(500, place=Asked("POST", "/health"))], stable)) == []


def test_what_is_wrong_by_itself():
    assert wrong([answered(200), answered(307)])
    assert not wrong([answered(200), answered(307, 200), answered(500, aside=False)])
    assert not wrong([])
