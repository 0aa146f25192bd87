"""When a proof speaks for a policy, and when it says nothing."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gate.core.first_write import no_service, plan_first_write
from gate.core.messages import CallFailed, Failure
from gate.core.policy import Probe
from gate.core.proof import Proof, Proving, Trial, Trials
from gate.core.state import Ending, Phase
from gate.core.verdict import Decision
from gate.errors import ExitCode, ValueProblem
from gate.kinds.http import HttpProbe
from gate.kinds.suite import SuiteProbe
from tests.unit.core.rollouts import NOW, plan, rollout, service

PROBES = (Probe("health", HttpProbe("/health")), Probe("beta", HttpProbe("/b"), required=False))
PROOF = Proof("0.1.0", "p" * 64, "c" * 64, datetime(2026, 1, 2, tzinfo=UTC), 10, 9, {"health": 9})
FRESH = Proving(True, "backend.proof.json", "p" * 64, "c" * 64, PROOF)


def test_a_fresh_proof_lacks_nothing():
    assert FRESH.lacking(PROBES) == ""
    assert PROOF.kill_percent == 90


@pytest.mark.parametrize(
    ("proving", "said"),
    [
        (replace(FRESH, proof=None), "there is no backend.proof.json"),
        (replace(FRESH, proof=None, problem="x.json:1:2: bad"), "x.json:1:2: bad"),
        (replace(FRESH, policy_digest="q" * 64), "another policy (made 2026-01-02)"),
        (replace(FRESH, contract_digest="d" * 64), "another contract"),
        (replace(FRESH, proof=replace(PROOF, cannot_fail=("health",))), "health cannot fail"),
        (replace(FRESH, proof=replace(PROOF, mutants=0, killed=0)), "nothing at all"),
    ],
)
def test_what_is_stale_missing_or_toothless_is_no_proof(proving, said):
    assert said in proving.lacking(PROBES)


def test_a_proof_that_met_too_few_faults_is_too_little_and_otherwise_says_so():
    some = replace(FRESH, proof=replace(PROOF, reachable=40))
    assert some.lacking(PROBES) == ""
    told = "backend.proof.json speaks of 10 of 40 faults: the others were not tried"
    assert [note for note in aimed(some).notes if "proof" in note] == [told]
    assert replace(some, least_met=25.0).lacking(PROBES) == ""
    lacking = replace(some, least_met=30.0).lacking(PROBES)
    assert "speaks of 10 of 40 faults (25 %, expected 30 %)" in lacking
    assert aimed(replace(some, least_met=30.0)).ending is Ending.HELD


def test_a_probe_that_is_only_reported_may_be_one_that_cannot_fail():
    assert replace(FRESH, proof=replace(PROOF, cannot_fail=("beta",))).lacking(PROBES) == ""


SUITE = Probe("e2e", SuiteProbe(("pytest",)))
TESTS = {"e2e": {"test_a": 2, "test_b": 0}}


def can_fail(proving):
    health, suite = proving.shown((PROBES[0], SUITE))
    assert health is PROBES[0]
    return suite.spec.can_fail


def test_a_fresh_proof_says_which_tests_of_a_suite_can_fail():
    assert can_fail(replace(FRESH, proof=replace(PROOF, tests=TESTS))) == {"test_a"}
    assert can_fail(FRESH) == frozenset()  # it has none of the suite: nothing was seen to fail


@pytest.mark.parametrize(
    "change", [{"proof": None}, {"problem": "x"}, {"policy_digest": "q"}, {"contract_digest": "d"}]
)
def test_a_stale_proof_says_nothing_of_any_test(change):
    fresh = replace(FRESH, proof=replace(PROOF, tests=TESTS))
    assert can_fail(replace(fresh, **change)) is None


@pytest.mark.parametrize("killed", [-1, 11])
def test_more_kills_than_mutants_are_impossible(killed):
    with pytest.raises(ValueProblem):
        replace(PROOF, killed=killed)


def aimed(proving):
    asked = plan(probes=PROBES, proof=proving)
    fresh = {"before": None, "placed": None, "candidate": ""}
    return plan_first_write(
        rollout(Phase.READING, asked, **fresh), replace(service(), annotations=()), NOW
    )


def test_a_rollout_without_the_proof_that_its_policy_asks_for_is_held_before_a_deploy():
    r = aimed(replace(FRESH, proof=None))
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.HELD)
    assert r.ending.exit_code is ExitCode.HELD
    assert r.verdict.decision is Decision.HOLD
    assert "gate policy prove" in r.verdict.reasons[0].hint


def test_a_rollout_without_a_proof_that_nobody_asks_for_says_so_and_goes_on():
    r = aimed(replace(FRESH, proof=None, required=False))
    assert r.phase is Phase.DEPLOYING
    (told,) = (note for note in r.notes if "no proof that the probes can fail" in note)
    assert told.endswith("; make one with gate policy prove")


def test_a_fresh_proof_lets_through_and_needs_no_word():
    r = aimed(FRESH)
    assert r.phase is Phase.DEPLOYING
    assert not [note for note in r.notes if "proof" in note]


def test_a_first_deploy_waits_for_its_proof_as_well():
    failed = CallFailed(NOW, Failure.NOT_FOUND, "no such service")
    asked = plan(probes=PROBES, proof=replace(FRESH, proof=None), image="i", first_deploy=True)
    r = no_service(rollout(Phase.READING, asked), failed)
    assert (r.phase, r.ending) == (Phase.RECORDING, Ending.HELD)
    lax = replace(asked, proof=replace(asked.proof, required=False))
    r = no_service(rollout(Phase.READING, lax), failed)
    assert r.phase is Phase.DEPLOYING
    assert "no proof that the probes can fail" in r.notes[-1]


def trial(name, *noticed, ran=None, judged=None, killed=None):
    ran = noticed if ran is None else ran
    judged = noticed if judged is None else judged
    dead = bool(noticed) if killed is None else killed
    return Trial(name, "answer", "an exact status", bool(ran), ran, noticed, judged, dead)


TRIALS = Trials(
    ("health", "lax", "spare"),
    (
        trial("refused", "health", "lax", judged=()),
        trial("status 500", "health", ran=("lax", "health")),
        trial("field gone", ran=("health", "lax")),
        trial("only spare", "spare", killed=False),
        trial("21 open"),
    ),
)


def test_a_probe_that_notices_only_a_dead_line_cannot_fail():
    assert TRIALS.cannot_fail == ("lax",)
    assert TRIALS.kills == {"health": 2, "lax": 1, "spare": 1}
    assert TRIALS.ran == {"health": 3, "lax": 3, "spare": 1}


def test_a_mutant_that_nobody_met_counts_neither_way():
    assert (len(TRIALS.exercised), TRIALS.killed) == (4, 2)
    assert [one.mutant for one in TRIALS.survivors] == ["field gone", "only spare"]


def test_the_proof_says_the_same():
    proof = TRIALS.proof("0.1.0", "p" * 64, "c" * 64, NOW)
    assert (proof.mutants, proof.killed, proof.kill_percent) == (4, 2, 50)
    assert proof.cannot_fail == ("lax",)
    assert proof.survivors == TRIALS.survivors


def test_kills_are_counted_by_test_and_only_where_it_passed_with_nothing_wrong():
    met = replace(trial("status 500", "e2e"), failed={"e2e": frozenset({"test_a", "flaky"})})
    suites = {"e2e": ("test_a", "test_b", "test_${token}")}
    trials = Trials(("e2e",), (met, met, trial("21 open")), suites=suites)
    assert trials.tests == {"e2e": {"test_a": 2, "test_b": 0, "test_${token}": 0}}
    said = trials.said(lambda text: text.replace("${token}", "<token>"))
    assert said.tests == TESTS  # a name with a secret is nowhere, and so proves nothing
    assert said.proof("1", "p" * 64, "c" * 64, NOW).tests == TESTS
