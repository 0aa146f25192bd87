"""Ledgers as gates write them are whole; whatever changes what one says is found."""

import json
import random

import pytest

from gate.ledger.findings import Head, What
from gate.ledger.verify import verify
from tests.campaign import campaign
from tests.property.forged_ledgers import FORGERIES, SERVICE
from tests.property.honest_ledgers import honest

SEEDS = 1_000
BATCH = 50
FORGED_EACH = 10
"""Forgeries of each honest ledger."""
quick = pytest.param(range(12), id="some")
at_length = [
    pytest.param(range(start, start + BATCH), id=f"from {start}", marks=campaign)
    for start in range(0, SEEDS, BATCH)
]


def told(report):
    return [f"{one.what.value}: {one.text}" for one in report.findings]


@pytest.mark.parametrize("seeds", [quick, *at_length])
def test_ledgers_of_many_writers_with_bad_luck_are_whole(seeds):
    for seed in seeds:
        ledger = honest(seed)
        found = told(verify(ledger.lines, SERVICE, ledger.heads))
        assert bool(found) is ledger.unrecorded, (seed, found)
        assert ledger.unrecorded or told(verify(ledger.lines)) == [], seed


@pytest.mark.parametrize("seeds", [quick, *at_length])
def test_every_change_of_what_a_ledger_says_is_found(seeds):
    for seed in seeds:
        ledger, dice = honest(seed), random.Random(seed)
        (before,) = verify(ledger.lines, SERVICE, ledger.heads).services
        for _ in range(FORGED_EACH):
            forge = dice.choice(FORGERIES)
            forged = forge(dice, ledger)
            if forged is not None:
                report = verify(forged.lines, SERVICE, forged.heads)
                named = forged.altered != "outcome" and is_named(report, before, forged)
                assert report.findings or named, (seed, forge)


def is_named(report, before, forged):
    """Whether what was changed is what nobody vouches for, by the report's own word."""
    (after,) = report.services
    if (after.since, after.first) != (before.since, before.first):
        return True  # the beginning is gone, as it is when it is no longer kept
    if (after.unfinished, after.taken_back) != (before.unfinished, before.taken_back):
        return True
    dead = {*before.unfinished, *before.taken_back}
    return bool(forged.whose & {*before.unvouched, *after.unvouched, *dead})


@pytest.mark.parametrize("seed", range(5))
def test_a_ledger_is_the_same_however_its_values_are_spelled(seed):
    ledger = honest(seed, lost=0.0)
    spelled = [json.dumps(json.loads(line), indent=1).encode() for line in ledger.lines]
    floats = [line.replace(b'"sequence": 1,', b'"sequence": 1.0,') for line in spelled]
    turned = [json.dumps(dict(reversed(json.loads(line).items()))).encode() for line in floats]
    compact = [
        json.dumps(json.loads(line), separators=(",", ":"), sort_keys=True).encode()
        for line in ledger.lines
    ]
    assert any(b"\\u" in line for line in compact)
    for lines in (spelled, floats, turned, compact):
        assert told(verify(lines, SERVICE, ledger.heads)) == []


@pytest.mark.parametrize("seed", range(5))
def test_what_comes_twice_counts_once(seed):
    ledger = honest(seed, lost=0.0)
    twice = [line for line in ledger.lines for _ in range(2)]
    report = verify(twice, SERVICE, ledger.heads)
    assert told(report) == []
    assert report.services[0].doubled == len(ledger.lines)


@pytest.mark.parametrize("seed", range(20))
def test_writes_that_nobody_recorded_are_missing_and_nothing_else_is(seed):
    ledger = honest(1000 + seed, lost=0.2)
    found = {one.what for one in verify(ledger.lines, SERVICE, ledger.heads).findings}
    if ledger.unrecorded:
        assert found
        assert found <= {What.MISSING, What.END_LOST, What.ALTERED}
    else:
        assert found == set()


def test_a_service_that_says_nothing_of_its_own_is_verified_by_its_entries():
    ledger = honest(3)
    assert verify(ledger.lines, SERVICE, {SERVICE: Head(10**6, "f" * 64)}).findings
    assert verify(ledger.lines, SERVICE).whole
