import functools
from dataclasses import fields, replace
from datetime import time

import pytest

from gate.core.approvals import ApprovalRule
from gate.core.control import Baseline, Repeats
from gate.core.freeze import Freeze, WeekTime
from gate.core.permits import Permits
from gate.core.policy import (
    CandidateRule,
    IdentityRule,
    MetricsRule,
    OnHold,
    Policy,
    ServiceName,
    TemplateSource,
)
from gate.core.service import ServiceRef
from gate.core.state import MOVES, Ending, Kind, Phase, Plan
from gate.errors import ExitCode
from tests.unit.core.rollouts import MOVED, PLACED, PROBES, later, plan, rollout, service


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


SHARED = {
    "probes": "probes",
    "traffic": "steps",
    "dwell_s": "dwell_s",
    "watch_s": "watch_s",
    "requests": "requests",
    "metrics": "metrics",
    "deadline_s": "deadline_s",
    "lease_s": "lease_s",
    "on_hold": "on_hold",
    "first_deploy": "first_deploy",
    "template": "template",
    "baseline": "baseline",
    "repeats": "repeats",
    "fail_fast": "fail_fast",
    "freeze": "freeze",
    "approve": "approve",
    "allow": "allow",
    "digest": "policy_digest",
    "source": "policy_source",
    "candidate.tag": "tag",
    "candidate.ready_within_s": "ready_within_s",
    "candidate.identity": "identity",
}
"""Where a plan keeps what a policy says."""
ELSEWHERE = {"service", "candidate", "require_proof", "secrets", "capabilities", "folder"} | {
    "lines",
    "sign",  # the controller's signer knows it
    "require_signed",  # what was found of it is `earlier`
    "notify",  # who is told is no part of what is asked
    "candidate.arrival_within_s",  # the runner knows it
    "candidate.starting_within_s",  # the same
    "candidate.audience",  # whoever gets the tokens knows it
}
"""What a plan does not hold, or holds in another form."""
POLICY = Policy(
    ServiceName("demo", "us-central1", "backend"),
    PROBES,
    CandidateRule("next", 17.0, IdentityRule("x-revision")),
    traffic=(10, 100),
    requests=(200, 50),
    metrics=MetricsRule(percentile=90),
    dwell_s=3.0,
    watch_s=4.0,
    deadline_s=500.0,
    lease_s=300.0,
    on_hold=OnHold.DROP,
    first_deploy=True,
    template=TemplateSource.SERVICE,
    baseline=Baseline.STABLE,
    repeats=Repeats(at_most=5),
    freeze=(Freeze(WeekTime(4, time(16)), WeekTime(0, time(8))),),
    approve=ApprovalRule(2),
    allow=Permits({"promote": ("ana@example.com",)}),
    digest="d1",
    source="p.yaml",
)
"""Nothing in it is the default."""
BY_HAND = {"steps": (100,), "watch_s": 0.0, "requests": ()}
"""A move by hand is one step without a watch."""


def said(path):
    return functools.reduce(getattr, path.split("."), POLICY)


def test_every_key_of_a_policy_has_its_place_in_a_plan():
    names = {field.name for field in fields(Policy)} | {
        f"candidate.{field.name}" for field in fields(CandidateRule)
    }
    assert names == set(SHARED) | ELSEWHERE


@pytest.mark.parametrize("kind", [Kind.ROLLOUT, Kind.PROMOTE, Kind.ROLLBACK])
@pytest.mark.parametrize("path", sorted(SHARED))
def test_a_plan_has_what_the_policy_says_whatever_is_asked_for(kind, path):
    made = Plan.from_policy(kind, ServiceRef("demo", "us-central1", "backend"), POLICY)
    name = SHARED[path]
    expected = said(path)
    if kind is not Kind.ROLLOUT:
        expected = BY_HAND.get(name, expected)
    if kind is Kind.PROMOTE and name == "probes":
        expected = ()
    assert getattr(made, name) == expected


def test_the_command_line_goes_before_the_policy():
    ref = ServiceRef("demo", "us-central1", "backend")
    made = Plan.from_policy(Kind.PROMOTE, ref, POLICY, "mine", wait_s=5.0)
    assert (made.tag, made.wait_s) == ("mine", 5.0)


@pytest.mark.parametrize(
    ("kind", "ending", "shares", "moved_nothing"),
    [
        (Kind.ROLLBACK, Ending.REJECTED, PLACED, True),
        (Kind.PROMOTE, Ending.HELD, PLACED, True),
        (Kind.ROLLBACK, Ending.HELD, MOVED, False),
        (Kind.ROLLBACK, Ending.STUCK, PLACED, False),
        (Kind.PROMOTE, Ending.REVERTED, PLACED, False),
        (Kind.ROLLOUT, Ending.REJECTED, PLACED, False),
    ],
)
def test_what_moved_nothing_is_a_refusal_or_ends_as_it_began(kind, ending, shares, moved_nothing):
    wrote = rollout(Phase.RECORDING, plan(kind), ending=ending, service=service(shares), guard=7)
    assert wrote.moved_nothing is moved_nothing
    assert replace(wrote, guard=0, sent=None).moved_nothing
