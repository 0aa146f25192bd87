from dataclasses import replace
from itertools import pairwise

import pytest

from gate.core.commands import BETWEEN_ROUNDS_S, LONGEST_LOOK_S, command_of
from gate.core.control import Baseline, Repeats
from gate.core.messages import Deploy, Look, ReadLogs, Record, RunProbes, SetTraffic
from gate.core.policy import CandidateRule, Probe
from gate.core.state import Kind, Phase
from gate.core.traffic import Split, Target
from gate.kinds.http import HttpProbe
from gate.kinds.latency import LatencyProbe
from tests.unit.core.rollouts import (
    BEFORE,
    CANDIDATE,
    MOVED,
    NOW,
    PLACED,
    PROBES,
    STABLE,
    TAG,
    later,
    plan,
    revisions,
    rollout,
    service,
)


def only(r):
    (command,) = command_of(r)
    return command


def test_deploy():
    command = only(rollout(Phase.DEPLOYING))
    why = f"deploy app:2 as {CANDIDATE} at 0 %"
    assert command == Deploy("app:2", CANDIDATE, PLACED, "guard", why, command.annotation)
    assert (command.annotation.holder, command.annotation.fence, command.annotation.tag) == (
        "r1",
        1,
        TAG,
    )
    assert command.annotation.safe == command.annotation.wrote == ((STABLE, 100),)


def test_tag():
    command = only(rollout(Phase.TAGGING))
    why = f"give {CANDIDATE} the tag {TAG} at 0 %"
    assert command == SetTraffic(PLACED, "guard", why, annotation=command.annotation)
    assert command.annotation.holder == "r1"


def test_move_forward_only_on_the_record():
    move = only(rollout(Phase.MOVING))
    assert move == SetTraffic(MOVED, "guard", f"promote to {CANDIDATE}", annotation=move.annotation)
    assert (move.annotation.holder, move.annotation.wrote) == ("r1", ((CANDIDATE, 100),))
    assert move.annotation.safe == ((STABLE, 100),)
    by_hand = only(rollout(Phase.MOVING, plan(Kind.PROMOTE)))
    assert not by_hand.even_unrecorded


def test_moves_to_safety_do_not_need_the_ledger():
    back = only(rollout(Phase.MOVING, plan(Kind.ROLLBACK)))
    why = f"roll back to {CANDIDATE}"
    assert back == SetTraffic(MOVED, "guard", why, even_unrecorded=True, annotation=back.annotation)
    assert back.annotation.holder == ""
    assert [bar.revision for bar in back.annotation.denylist] == [STABLE]
    assert only(rollout(Phase.TAGGING, plan(Kind.ROLLBACK))).even_unrecorded
    assert only(rollout(Phase.REVERTING)).even_unrecorded
    assert only(rollout(Phase.REVERTING, service=service(MOVED))).traffic == BEFORE
    assert only(rollout(Phase.UNTAGGING)).even_unrecorded


def test_untagging_takes_our_tag_from_the_list_as_last_seen():
    seen = service(PLACED.with_tag("new", STABLE), etag="7")
    command = only(rollout(Phase.UNTAGGING, service=seen))
    assert command.traffic == BEFORE.with_tag("new", STABLE)
    assert command.etag == "7"


def test_probes_are_run_until_the_deadline_against_the_candidates_own_url():
    inside = service(PLACED, ingress="internal")
    command = only(rollout(Phase.PROBING, url="https://candidate---x", service=inside))
    assert command == RunProbes(
        PROBES,
        "https://candidate---x",
        CANDIDATE,
        "https://x",
        NOW,
        later(1200),
        compare_with=(STABLE,),
        ingress="internal",
        ready_until=later(60),
    )


@pytest.mark.parametrize(
    ("rule", "until_s"),
    [
        (CandidateRule(), 180),
        (CandidateRule(starting_within_s=20), 20),
        (CandidateRule(ready_within_s=100), 100),
        (CandidateRule(ready_within_s=600), 600),
        (CandidateRule(ready_within_s=60, starting_within_s=90), 60),
    ],
)
def test_one_that_is_starting_is_waited_for_only_so_long(rule, until_s):
    asked = plan(not_yet_s=rule.not_yet_s)
    r = rollout(Phase.PROBING, asked, url="https://candidate---x", service=service(PLACED))
    late = replace(r, at=later(10), limit_at=later(10 + rule.ready_within_s))
    assert only(late).ready_until == later(10 + until_s)


COMPARED = {"baseline": Baseline.STABLE, "repeats": Repeats(at_most=3)}


def test_stable_is_asked_as_a_control_while_the_candidate_has_no_users():
    command = only(rollout(Phase.PROBING, plan(**COMPARED)))
    assert (command.control, command.compare_with) == (Repeats(at_most=3), (STABLE,))
    split = Split.of([Target("a", 40), Target("b", 60), Target(CANDIDATE, 0, TAG)])
    assert only(rollout(Phase.PROBING, plan(**COMPARED), placed=split)).control


@pytest.mark.parametrize(
    "r",
    [
        rollout(Phase.PROBING),
        rollout(Phase.DWELLING, plan(**COMPARED)),
        rollout(Phase.WATCHING, plan(**COMPARED)),
        rollout(Phase.PROBING, plan(Kind.ROLLBACK, probes=PROBES, **COMPARED)),
        rollout(Phase.PROBING, plan(**COMPARED), before=None, placed=Split.all_to(CANDIDATE, {})),
    ],
    ids=["no baseline", "canary", "watch", "rollback", "first deploy"],
)
def test_nobody_is_asked_as_a_control(r):
    assert only(r).control is None


def test_latency_is_compared_with_stable_only_while_stable_is_asked_beside_it():
    """Else a good candidate would be held in the middle of its canary, for want of a stable."""
    both = Probe("quick", LatencyProbe("/", p95_s=1, slower_percent=20))
    alone = Probe("quick", LatencyProbe("/", p95_s=1))
    compared = plan(**COMPARED, probes=(both,))
    assert only(rollout(Phase.PROBING, compared)).probes == (both,)
    for phase in (Phase.DWELLING, Phase.WATCHING):
        command = only(rollout(phase, compared))
        assert command.probes == command.service_probes == (alone,)
    first = rollout(Phase.PROBING, compared, before=None, placed=Split.all_to(CANDIDATE, {}))
    assert only(first).probes == (alone,)
    assert only(rollout(Phase.PROBING, plan(probes=(both,)))).probes == (both,)


def test_logs_are_read_from_the_start():
    assert only(rollout(Phase.EXPLAINING)) == ReadLogs(CANDIDATE, NOW)


def test_what_changes_something_is_not_asked_of_stable_while_its_candidate_does_not_start():
    reading, writing = HttpProbe("/"), HttpProbe("/", method="POST")
    asked = [
        Probe("reads", reading),
        Probe("writes", writing),
        Probe("allowed", writing, stable_writes=True),
    ]
    command = only(rollout(Phase.EXPLAINING, plan(probes=tuple(asked), **COMPARED)))
    assert [one.name for one in command.control] == ["reads", "allowed"]


def test_the_record_and_the_end():
    assert only(rollout(Phase.RECORDING)) == Record()
    assert command_of(rollout(Phase.ENDED)) == ()


def test_while_waiting_the_stable_revisions_are_read_once():
    assert only(rollout(Phase.WAITING, revisions={})).revisions == (CANDIDATE, STABLE)
    known = revisions(name=STABLE)
    assert only(rollout(Phase.WAITING, revisions=known)).revisions == (CANDIDATE,)


@pytest.mark.parametrize(
    "phase",
    [
        Phase.CONFIRMING,
        Phase.VERIFYING,
        Phase.BACKING_OUT,
        Phase.PROVING,
        Phase.CLEANING,
        Phase.SETTLING,
    ],
)
def test_other_looks_are_at_the_service_alone(phase):
    assert only(rollout(phase)) == Look((), 0.0)


def test_looks_come_at_once_then_ever_more_rarely():
    pauses = [only(rollout(Phase.VERIFYING, looks=looks)).after_s for looks in range(200)]
    assert pauses[:3] == [0.0, 0.05, pytest.approx(0.075)]
    assert all(one <= other for one, other in pairwise(pauses))
    assert pauses[-1] == LONGEST_LOOK_S == 2.0


def test_a_look_after_very_many_looks_still_works():
    assert only(rollout(Phase.VERIFYING, looks=100_000)).after_s == LONGEST_LOOK_S


def test_rounds_pause_but_not_beyond_the_dwell_that_they_are_in():
    first = only(rollout(Phase.DWELLING, at=NOW))
    assert first.after_s == 0
    assert only(rollout(Phase.DWELLING, looks=1, at=NOW)).after_s == BETWEEN_ROUNDS_S
    assert only(rollout(Phase.WATCHING, looks=1, at=later(58.5))).after_s == 1.5
    assert only(rollout(Phase.WATCHING, looks=9, at=later(61))).after_s == 0
