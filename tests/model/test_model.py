"""Every interleaving of two runs of the gate, of people, of Cloud Run and of bad luck.

`make test` explores two scenarios, `make check` all small ones, and `make model` the large ones
whole, too (some ten minutes).
"""

import os
import random

import pytest

from tests.campaign import at_length, campaign
from tests.model.scenarios import LARGE, SAID, SMALL, STRICT, UNLOCKED
from tests.model.search import search, walk

WHOLE = os.environ.get("GATE_MODEL") == "whole"
MOST = 5_000_000


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "scenario",
    at_length(
        SMALL + STRICT + SAID + (LARGE if WHOLE else ()),
        "unlocked under its feet",
        "by hand, unlocked",
    ),
)
def test_every_interleaving(scenario):
    found = search(scenario, MOST)
    assert not found.violation, "\n".join(found.trace)
    assert found.whole
    assert found.endings


@pytest.mark.parametrize("walks", [3, pytest.param(150, marks=campaign)])
@pytest.mark.parametrize("scenario", LARGE, ids=lambda scenario: scenario.name)
def test_some_interleavings(scenario, walks):
    for seed in range(walks):
        walk(scenario, random.Random(seed))


@pytest.mark.parametrize("scenario", UNLOCKED, ids=lambda scenario: scenario.name)
def test_without_a_lock_somebody_is_overwritten(scenario):
    """What v2's etags, which are not enforced, would have let happen: the model can see it."""
    found = search(scenario, MOST)
    assert any(what in found.violation for what in OVERWRITTEN), found


OVERWRITTEN = ("without a look", "is changed", "has taken over", "overrides", "are moved")
