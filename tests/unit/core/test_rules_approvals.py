"""Approvals in a rollout and a promotion: asked of the ledger when users are first moved."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.approvals import Approval, ApprovalRule
from gate.core.commands import command_of
from gate.core.freeze import Freeze
from gate.core.messages import Accepted, Failure, Overwrote
from gate.core.permits import Who
from gate.core.rollout import step
from gate.core.service import Revision
from gate.core.state import Ending, Kind, Phase
from gate.core.traffic import Split
from gate.errors import IllegalEventError
from tests.unit.core.rollouts import (
    CANDIDATE,
    MOVED,
    NOW,
    OURS,
    PLACED,
    READY,
    STABLE,
    failed,
    later,
    marked,
    plan,
    rollout,
    seen,
    service,
)

ANA, CI = (Who(f"{name}@example.com", authenticated=True) for name in ("ana", "ci"))
RULE = {"approve": ApprovalRule(1), "who": CI, "policy_digest": "d1"}
IMAGE = "app@sha256:" + "2" * 64
READ = {CANDIDATE: Revision(CANDIDATE, READY, "app:2", digest=IMAGE)}
GIVEN = Approval(
    "r0", CANDIDATE, IMAGE, "d1", ANA, NOW - timedelta(hours=1), authors=(CI,), digest="a" * 64
)


def looked(at=NOW, given=(GIVEN,), what=None, **more):
    return replace(seen(what or marked(OURS), at=at), revisions=READ, approvals=given, **more)


def confirming(asked, **more):
    return rollout(Phase.CONFIRMING, asked, service=marked(OURS), revisions=READ, **more)


def test_it_asks_the_ledger_before_users_are_moved_and_at_no_other_time():
    (look,) = command_of(confirming(plan(**RULE), at=NOW))
    assert look.approvals_since == NOW - timedelta(hours=24, minutes=1)
    assert command_of(confirming(plan()))[0].approvals_since is None
    step_two = confirming(plan(steps=(10, 100), **RULE), stepped=1)
    assert command_of(step_two)[0].approvals_since is None
    reading = rollout(Phase.READING, plan(Kind.PROMOTE, revision=CANDIDATE, **RULE))
    assert command_of(reading)[0].approvals_since
    back = rollout(Phase.READING, plan(Kind.ROLLBACK, revision=CANDIDATE, **RULE))
    assert command_of(back)[0].approvals_since is None


def test_with_approvals_that_count_users_are_moved():
    r, _ = step(confirming(plan(**RULE)), looked())
    assert (r.phase, r.approved) == (Phase.MOVING, (GIVEN,))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ((), "waits for 1 approval"),
        ((replace(GIVEN, withdraws=True),), "that of ana@example.com was withdrawn"),
        ((replace(GIVEN, who=CI),), "who asked for the rollout"),
        ((replace(GIVEN, image="app@sha256:" + "3" * 64),), "another image"),
        (None, "nobody can tell who has approved"),
    ],
)
def test_without_it_is_held_and_the_candidate_stays(given, text):
    r, _ = step(confirming(plan(**RULE)), looked(given=given, unread="the ledger is silent"))
    (reason,) = r.verdict.reasons
    assert (r.phase, r.ending, reason.subject) == (Phase.CLEANING, Ending.HELD, "approve")
    assert text in reason.text
    assert r.keeps_tag
    assert r.way_out[0].startswith("gate approve r1 --project demo")


def test_where_the_rollout_has_a_policy_the_approval_is_looked_at_by_it_too():
    r, _ = step(confirming(plan(**RULE, policy_file="my policies/web.yaml")), looked(given=()))
    assert all(" --policy 'my policies/web.yaml' " in command for command in r.way_out[:2])
    assert r.way_out[0].startswith("gate approve r1 --policy ")


def test_whoever_asks_for_this_rollout_does_not_approve_it_either():
    r, _ = step(confirming(plan(**{**RULE, "who": ANA})), looked())
    assert "who asked for the rollout" in r.verdict.reasons[0].text


def test_an_image_that_is_known_by_a_name_only_is_approved_by_nobody():
    named = {CANDIDATE: Revision(CANDIDATE, READY, "app:2")}
    given = (replace(GIVEN, image="app:2"),)
    r, _ = step(confirming(plan(**RULE)), replace(looked(given=given), revisions=named))
    assert "whose digest nobody knows" in r.verdict.reasons[0].text


def test_a_silent_ledger_is_never_an_approval():
    r, _ = step(confirming(plan(**RULE)), looked(given=None, unread="503"))
    assert "503" in r.verdict.reasons[0].text


def test_it_waits_for_approvals_as_long_as_was_asked_for():
    asked = plan(approval_wait_s=300.0, deadline_s=1200.0, **RULE)
    r, (look,) = step(confirming(asked, at=NOW), looked(given=()))
    assert (r.phase, look.after_s) == (Phase.CONFIRMING, 10.0)
    r, _ = step(r, looked(later(299), None))
    assert r.phase is Phase.CONFIRMING
    over, _ = step(r, looked(later(300), ()))
    assert over.ending is Ending.HELD
    given, _ = step(r, looked(later(299.5)))
    assert (given.phase, given.approved) == (Phase.MOVING, (GIVEN,))
    after, (look,) = step(given, Accepted(later(300)))
    assert look.after_s < 1.0
    assert after.phase is Phase.VERIFYING


def test_while_it_waits_a_service_that_cannot_be_read_once_ends_nothing():
    asked = plan(approval_wait_s=300.0, **RULE)
    waits, _ = step(confirming(asked), looked(given=()))
    assert [note for note in waits.notes if "gate approve r1 " in note]
    r, _ = step(waits, failed(Failure.LOST, later(10)))
    assert (r.phase, r.notes) == (Phase.CONFIRMING, waits.notes)
    over, _ = step(r, failed(Failure.LOST, later(300)))
    assert over.ending is Ending.FAILED
    refused, _ = step(waits, failed(Failure.REFUSED, later(10)))
    assert refused.ending is Ending.FAILED
    at_once, _ = step(confirming(asked), failed(Failure.LOST))
    assert at_once.ending is Ending.FAILED


def test_a_renewal_that_overwrote_somebody_ends_the_wait():
    waits, _ = step(confirming(plan(approval_wait_s=300.0, **RULE)), looked(given=()))
    r, _ = step(waits, Overwrote(later(15), 7, 9))
    assert (r.phase, r.ending) == (Phase.CLEANING, Ending.HELD)


def test_once_users_are_at_the_first_step_nobody_waits_any_more():
    asked = plan(steps=(10, 100), approval_wait_s=300.0, **RULE)
    waits, _ = step(confirming(asked, at=NOW), looked(given=()))
    moving, (write,) = step(waits, looked())
    verifying, _ = step(moving, Accepted(later(5), 2))
    there = marked(write.annotation, write.traffic, generation=2)
    r, _ = step(verifying, seen(there, at=later(6)))
    r = replace(r, phase=Phase.CONFIRMING)
    with pytest.raises(IllegalEventError):
        step(r, Overwrote(later(70), 8, 10))
    lost, _ = step(r, failed(Failure.LOST, later(70)))
    assert (r.stepped, lost.phase) == (1, Phase.BACKING_OUT)


def test_what_it_waits_for_is_told_in_a_sentence():
    asked = confirming(plan(approval_wait_s=300.0, **RULE))
    lacking, _ = step(asked, looked(given=()))
    silent, _ = step(asked, looked(given=None, unread="503"))
    assert "has passed and waits for people (waits for 1 approval): gate" in lacking.notes[-1]
    assert "waits for people (nobody can tell who has approved" in silent.notes[-1]


def test_the_deadline_ends_the_wait():
    asked = plan(approval_wait_s=3000.0, deadline_s=100.0, ready_within_s=10.0, **RULE)
    r, _ = step(confirming(asked), looked(later(99), ()))
    assert r.phase is Phase.CONFIRMING
    r, _ = step(r, looked(later(100), ()))
    assert (r.ending, r.verdict.reasons[0].subject) == (Ending.HELD, "approve")


def test_who_is_frozen_does_not_wait_for_approvals():
    wall = NOW.replace(tzinfo=None)
    frozen = (Freeze(wall, wall + timedelta(hours=1)),)
    r, _ = step(confirming(plan(approval_wait_s=300.0, freeze=frozen, **RULE)), looked(given=()))
    assert (r.ending, r.verdict.reasons[0].subject) == (Ending.HELD, "freeze")
    assert r.way_out == ()


@pytest.mark.parametrize(
    ("given", "phase"), [((GIVEN,), Phase.MOVING), ((), Phase.RECORDING), (None, Phase.RECORDING)]
)
def test_a_promotion_by_hand_needs_them_too(given, phase):
    asked = plan(Kind.PROMOTE, revision=CANDIDATE, **{**RULE, "who": ANA})
    fresh = {"before": None, "placed": None, "candidate": CANDIDATE, "wanted": (STABLE,)}
    r = rollout(Phase.READING, asked, at=NOW, **fresh)
    r, _ = step(r, looked(given=given, what=service()))
    assert r.phase is phase


def test_a_rollback_needs_none():
    r = rollout(
        Phase.READING,
        plan(Kind.ROLLBACK, revision=STABLE, **RULE),
        before=None,
        placed=None,
        candidate=STABLE,
        wanted=(CANDIDATE, STABLE),
    )
    back = replace(seen(service(MOVED)), revisions={STABLE: Revision(STABLE, READY)})
    r, _ = step(r, back)
    assert r.phase is Phase.MOVING


def test_a_services_first_revision_needs_none():
    first = confirming(plan(**RULE), before=None, placed=Split.all_to(CANDIDATE), reached=PLACED)
    assert command_of(first)[0].approvals_since is None
