import random
from collections import Counter
from math import sqrt

import pytest

from gate.local.frontend.split import Split
from gate.local.ports import RevisionKey, ServiceKey, Share

SERVICE = ServiceKey("demo", "us-central1", "backend")
A, B, C = (RevisionKey(SERVICE, name) for name in "abc")


def counts(shares, draws, seed=7):
    split = Split(shares, random.Random(seed))
    return Counter(split.pick().revision for _ in range(draws))


@pytest.mark.parametrize("seed", range(10))
def test_90_to_10_is_right_within_noise(seed):
    seen = counts((Share(A, 90), Share(B, 10)), 1000, seed)
    assert abs(seen[B] - 100) <= 4 * sqrt(1000 * 0.1 * 0.9)
    assert seen[A] + seen[B] == 1000


def test_the_same_seed_repeats_a_run():
    shares = (Share(A, 50), Share(B, 30), Share(C, 20))
    picks = [[Split(shares, random.Random(3)).pick().revision for _ in range(1)] for _ in range(2)]
    assert picks[0] == picks[1]


def test_no_percent_gets_nothing_and_a_lone_share_everything():
    assert counts((Share(A, 0), Share(B, 100)), 1000) == {B: 1000}
    assert counts((Share(A, 0),), 10) == {A: 10}


@pytest.mark.parametrize("shares", [(), (Share(A, 0), Share(B, 0)), (Share(A, -1), Share(B, 101))])
def test_weights_that_are_no_split_are_refused(shares):
    with pytest.raises(ValueError, match="split: weights"):
        Split(shares, random.Random(1))


def test_a_client_comes_back_to_a_revision_that_keeps_its_clients_and_has_traffic():
    shares = (Share(A, 50, affinity=True), Share(B, 50), Share(C, 0, affinity=True))
    split = Split(shares, random.Random(1))
    assert split.sticky
    assert split.again("a") == shares[0]
    assert split.again("b") is None
    assert split.again("c") is None
