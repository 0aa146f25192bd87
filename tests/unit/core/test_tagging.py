"""A candidate whose answers name nobody is asked at a tag that nobody used lately."""

from dataclasses import replace

import pytest

from gate.core.commands import command_of
from gate.core.first_write import plan_first_write
from gate.core.moving import back_out
from gate.core.policy import IdentityRule, OnHold
from gate.core.service import ServiceRef
from gate.core.state import Ending, Kind, Phase
from gate.core.tagging import fresh_tag, own_tag
from gate.core.traffic import Split, Target, tag_problem
from gate.core.verdict import Decision, Verdict
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    NOW,
    OLD,
    PROBES,
    STABLE,
    TAG,
    USERS,
    marked,
    ours,
    plan,
    rollout,
    service,
)

OWN = own_tag(plan())
FRESH = f"{TAG}-xyz"


def test_a_rollout_draws_a_tag_of_its_own():
    assert (OWN.tag, OWN.kept_as) == (FRESH, TAG)
    named = plan(identity=IdentityRule(header="x-revision"))
    assert own_tag(named) == named  # answers say whose they are


def test_a_rollback_that_asks_its_target_does_so_too_and_one_that_asks_nothing_needs_no_tag():
    back = own_tag(plan(Kind.ROLLBACK, revision=STABLE, probes=PROBES))
    assert (back.tag, back.kept_as) == (FRESH, "")
    assert own_tag(plan(Kind.ROLLBACK)).tag == TAG
    assert own_tag(plan(Kind.PROMOTE, probes=PROBES)).tag == TAG  # it finds its revision there


@pytest.mark.parametrize(
    ("tag", "service_name", "expected"),
    [
        ("candidate", "backend", "candidate-xyz"),
        ("next", "s" * 40, "ne-xyz"),
        ("a-b", "s" * 40, "a-xyz"),  # no hyphen at the seam
        ("next", "s" * 42, "xyz"),
        ("next", "s" * 43, "xyz"),
        ("n", "s" * 45, "x"),
    ],
)
def test_a_tag_of_its_own_fits_whatever_the_service_is_called(tag, service_name, expected):
    assert fresh_tag(tag, "xyz", service_name) == expected
    assert tag_problem(expected, service_name) is None


def test_a_service_whose_name_leaves_no_room_is_refused_as_before():
    asked = own_tag(plan(service=ServiceRef("p", "r", "s" * 46)))
    r = aimed(asked, service(ref=asked.service))
    assert r.ending is Ending.REFUSED
    assert "46" in r.notes[-1]


def aimed(asked, seen):
    fresh = {"before": None, "placed": None, "candidate": asked.revision, "service": seen}
    return plan_first_write(
        rollout(Phase.READING, asked, **fresh), replace(seen, annotations=()), NOW
    )


def test_the_candidate_gets_the_new_tag_and_an_earlier_one_loses_the_old():
    r = aimed(OWN, service(BEFORE.with_tag(TAG, OLD)))
    assert r.placed == Split.all_to(STABLE, {**USERS, FRESH: CANDIDATE})
    assert r.notes == (f"tag {TAG} was on {OLD} and is taken from it",)
    (deploy,) = command_of(r)
    assert (deploy.annotation.tag, deploy.annotation.candidate) == (FRESH, CANDIDATE)


@pytest.mark.parametrize("tag", [TAG, FRESH])
def test_neither_tag_may_be_on_users_traffic(tag):
    tagged = Split.of([*BEFORE, Target(STABLE, 0, tag)])
    r = aimed(OWN, service(tagged))
    assert r.ending is Ending.REFUSED
    assert "choose another candidate.tag" in r.notes[-1]


def test_a_tag_that_somebody_happens_to_use_is_not_taken():
    r = aimed(OWN, service(BEFORE.with_tag(FRESH, OLD)))
    assert r.ending is Ending.REFUSED
    assert "run it again" in r.notes[-1]


def tidying(**changes):
    placed = BEFORE.with_tag(FRESH, CANDIDATE)
    mark = replace(ours().rollout_annotation, tag=FRESH)
    asked = replace(OWN, **changes)
    return rollout(Phase.UNTAGGING, asked, service=marked(mark, placed), ending=Ending.HELD)


def test_a_candidate_that_is_kept_is_found_at_the_policys_tag():
    (write,) = command_of(tidying())
    assert write.traffic == BEFORE.with_tag(TAG, CANDIDATE)
    assert write.why == f"keep {CANDIDATE} at the tag {TAG}"
    (dropped,) = command_of(tidying(on_hold=OnHold.DROP))
    assert dropped.traffic == BEFORE


def test_a_rejected_one_is_not_kept():
    (write,) = command_of(replace(tidying(), ending=Ending.REJECTED))
    assert write.traffic == BEFORE


def test_one_that_is_held_with_users_on_it_is_kept_there_by_the_way_back():
    canary = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10, FRESH)])
    mark = replace(ours(canary).rollout_annotation, tag=FRESH)
    placed = Split.all_to(STABLE, {FRESH: CANDIDATE})
    held = Verdict(Decision.HOLD)
    r = rollout(Phase.BACKING_OUT, OWN, ending=Ending.HELD, verdict=held, stepped=1, placed=placed)
    back = back_out(r, marked(mark, canary), NOW)
    assert (back.phase, back.goal) == (Phase.REVERTING, Split.all_to(STABLE, {TAG: CANDIDATE}))
