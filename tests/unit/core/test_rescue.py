"""The one command that is right for a service as it stands."""

from dataclasses import replace

import pytest

from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.rescue import NextStep, mending, next_step, sole_effective, stuck, withdrawn
from gate.core.service import Revision
from gate.core.traffic import Split, Target
from tests.unit.core.rollouts import (
    BEFORE,
    BROKEN,
    CANDIDATE,
    MOVED,
    NOW,
    OLD,
    OURS,
    READY,
    STABLE,
    later,
    marked,
    ours,
    service,
)

WHICH = "--project demo --region us-central1 --service backend"
BY_HAND = f'{WHICH} --reason "..." --yes'
ALL = tuple(
    Revision(name, READY, created_at=later(age))
    for age, name in enumerate((OLD, STABLE, CANDIDATE))
)
CANARY = Split.of([Target(STABLE, 80), Target(CANDIDATE, 20, "candidate")])
APART = Split.of([Target(STABLE, 90), Target(CANDIDATE, 10)])
HALF = replace(service(APART, effective=BEFORE, ready=BROKEN), annotations=())
NOBODY = replace(HALF, effective=(), latest_ready="")
GATES = RolloutAnnotation(4, wrote=((CANDIDATE, 100),))
GAVE = replace(GATES, wrote=((OLD, 100),))
LEFT = marked(GATES, MOVED, effective=BEFORE, ready=BROKEN)


@pytest.mark.parametrize(
    ("seen", "revisions", "command"),
    [
        (service(BEFORE, annotations=()), ALL, ""),
        (ours(), ALL, ""),
        (ours(CANARY), ALL, f"gate rollback {BY_HAND}"),
        (marked(replace(OURS, until=later(-60))), ALL, f"gate recover {WHICH}"),
        (service(BEFORE, annotations=((KEY, "{"),)), ALL, f"gate unlock {BY_HAND}"),
        (HALF, ALL, f"gate rollback --to {STABLE} {BY_HAND}"),
        (replace(HALF, reconciling=True), ALL, ""),
        (NOBODY, (), f"gate rollout --policy POLICY --image IMAGE {WHICH}"),
        (replace(HALF, effective=()), ALL, f"gate rollback --to {OLD} {BY_HAND}"),
        (LEFT, ALL, f"gate recover {WHICH}"),
        (LEFT, ALL[:2], f"gate rollback --to {STABLE} {BY_HAND}"),
    ],
    ids=[
        "well",
        "at work, nobody on the candidate",
        "in mid-canary",
        "died",
        "unreadable",
        "half done",
        "under way",
        "never served",
        "nobody served",
        "the gate's own",
        "the gate's own, and gone",
    ],
)
def test_one_command_for_each_state(seen, revisions, command):
    step = next_step(seen, revisions, NOW)
    assert step.command == command
    assert bool(step.why) == bool(command)


def test_among_several_that_are_reached_the_way_back_or_the_largest():
    apart = service(MOVED, effective=APART, ready=BROKEN, annotations=())
    assert sole_effective(apart) == ""
    assert f"--to {STABLE} " in mending(apart, ALL).command
    assert f"--to {STABLE} " in mending(apart, ()).command
    assert f"--to {OLD} " in mending(marked(GAVE, MOVED, effective=APART), ALL).command


def test_after_a_stuck_end_it_goes_back_or_on():
    seen = service(MOVED, annotations=())
    assert f"--to {STABLE} " in stuck(seen, ALL).command
    assert stuck(seen, ()).command.startswith("gate rollout --policy")
    assert f"--to {OLD} " in stuck(seen, (), OLD).command


@pytest.mark.parametrize(
    ("seen", "by", "share"),
    [
        (ours(CANARY), "rollout r1", 20),
        (marked(replace(GATES, writer="r1"), MOVED), "rollout r1", 100),
        (marked(GAVE, MOVED), "somebody", 100),
        (replace(service(MOVED), annotations=((KEY, "{"),)), "somebody", 100),
        (ours(BEFORE, effective=CANARY), "somebody", 20),
    ],
)
def test_an_approval_that_is_taken_back_too_late_leads_to_a_rollback(seen, by, share):
    late = withdrawn(seen, CANDIDATE)
    assert late.command == f"gate rollback {BY_HAND}"
    assert f"{by} has already moved users to {CANDIDATE} ({share} % of the traffic)" in late.why


def test_one_that_is_taken_back_in_time_leads_nowhere():
    assert withdrawn(ours(), CANDIDATE) == NextStep()
