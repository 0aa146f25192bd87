from dataclasses import replace

import pytest

from gate.core.attribution import Attribution
from gate.core.evidence import SERVICE, STABLE, Finding, Outcome, Symptom
from gate.core.policy import Probe
from gate.core.service import Condition, ConditionState
from gate.core.verdict import PLATFORM_REASONS, Decision, Reason, Verdict, judge, unready
from gate.errors import ExitCode
from gate.kinds.http import HttpProbe
from tests.unit.core.rollouts import BROKEN, CANDIDATE, evidence

HEALTH = Probe("health", HttpProbe("/health"), capability="chat")
CHAT = Probe("chat", HttpProbe("/chat"))
NICE = Probe("nice", HttpProbe("/nice"), required=False)
PASS = evidence()
FAIL = evidence(Outcome.FAILED)
UNCLEAR = evidence(Outcome.INCONCLUSIVE)


def decision(probes, seen):
    return judge(probes, seen).decision


@pytest.mark.parametrize(
    ("probes", "seen", "expected"),
    [
        ([HEALTH], [PASS], Decision.PROMOTE),
        ([HEALTH], [FAIL], Decision.REJECT),
        ([HEALTH], [UNCLEAR], Decision.HOLD),
        ([HEALTH], [], Decision.HOLD),
        ([], [], Decision.HOLD),
        ([NICE], [evidence(probe="nice")], Decision.HOLD),
        ([HEALTH, NICE], [PASS], Decision.PROMOTE),
        ([HEALTH, NICE], [PASS, evidence(Outcome.FAILED, "nice")], Decision.PROMOTE),
        ([HEALTH, CHAT], [PASS], Decision.HOLD),
        ([HEALTH, CHAT], [FAIL], Decision.REJECT),
        ([HEALTH, CHAT], [UNCLEAR, evidence(Outcome.FAILED, "chat")], Decision.REJECT),
        ([HEALTH], [PASS, PASS], Decision.HOLD),
        ([HEALTH], [PASS, FAIL], Decision.REJECT),
        ([HEALTH, HEALTH], [PASS, PASS], Decision.HOLD),
        ([HEALTH], [evidence(probe="other")], Decision.HOLD),
        ([HEALTH], [replace(PASS, findings=FAIL.findings)], Decision.HOLD),
        ([HEALTH], [PASS, replace(PASS, address=SERVICE)], Decision.PROMOTE),
        ([HEALTH], [PASS, replace(UNCLEAR, address=SERVICE)], Decision.HOLD),
        ([HEALTH], [UNCLEAR, replace(PASS, address=SERVICE)], Decision.HOLD),
    ],
)
def test_a_decision(probes, seen, expected):
    assert decision(probes, seen) is expected


def test_a_reason_says_whether_its_subject_is_a_probe():
    named = replace(HEALTH, name="stop")
    for seen in ([], [evidence(Outcome.FAILED, "stop")], [evidence(Outcome.INCONCLUSIVE, "stop")]):
        assert [one.by_probe for one in judge([named], seen).reasons] == [True]
    assert not any(one.by_probe for one in judge([], []).reasons)
    assert not any(one.by_probe for one in Verdict.hold("stop", "the line").blaming(None).reasons)


def test_reasons_name_probe_and_capability_and_the_first_finding():
    first = Finding(Symptom.REDIRECT, "200", "307 to /api/health/")
    second = Finding(Symptom.BODY, "ready", "starting", hint="wait longer")
    (reason,) = judge([HEALTH], [replace(FAIL, findings=(first, second))]).reasons
    assert (reason.subject, reason.capability) == ("health", "chat")
    assert reason.text == "redirect: got 307 to /api/health/, expected 200 (and 1 more)"
    assert reason.hint == "wait longer"
    assert str(reason) == f"health: {reason.text}"


def test_failures_come_before_what_is_unclear():
    reasons = judge([HEALTH, CHAT], [UNCLEAR, evidence(Outcome.FAILED, "chat")]).reasons
    assert [reason.subject for reason in reasons] == ["chat", "health"]


def test_what_did_not_run_and_what_ran_twice_says_so():
    assert judge([HEALTH], []).reasons[0].text == "did not run"
    assert "2 times" in judge([HEALTH], [PASS, PASS]).reasons[0].text


def test_an_unclear_answer_without_findings_says_what_was_seen():
    bare = replace(UNCLEAR, findings=())
    assert judge([HEALTH], [bare]).reasons[0].text == "500"
    mute = replace(bare, seen="")
    assert judge([HEALTH], [mute]).reasons[0].text == "inconclusive"


def test_a_candidate_that_is_not_ready_is_rejected_with_its_own_words():
    verdict = unready(CANDIDATE, BROKEN, ["one", "two"])
    assert verdict.decision is Decision.REJECT
    assert "HEALTH_CHECK_CONTAINER_ERROR: it did not start" in verdict.reasons[0].text
    assert (verdict.reasons[0].lines, verdict.reasons[0].hint) == (("one", "two"), "")


@pytest.mark.parametrize("reason", sorted(PLATFORM_REASONS))
def test_what_the_platform_did_is_not_held_against_it(reason):
    condition = Condition(ConditionState.FAILED, reason, "later")
    verdict = unready(CANDIDATE, condition, [])
    assert verdict.decision is Decision.HOLD
    assert "the platform says so" in verdict.reasons[0].hint


def test_its_own_last_words_are_kept_also_then():
    condition = Condition(ConditionState.FAILED, "INTERNAL", "later")
    reason = unready(CANDIDATE, condition, ["one"]).reasons[0]
    assert (reason.lines, reason.hint) == (("one",), "the platform says so, not the candidate")


def test_one_finding_is_told_alone():
    assert judge([HEALTH], [FAIL]).reasons[0].text == "status: got 500, expected 200"


def test_verdicts_for_one_reason():
    assert Verdict.hold("a", "b", "c") == Verdict(Decision.HOLD, (Reason("a", "b", "c"),))
    assert Verdict.reject("a", "b").decision is Decision.REJECT


def test_exit_codes_of_decisions():
    assert [each.exit_code for each in Decision] == [
        ExitCode.DONE,
        ExitCode.REJECTED,
        ExitCode.HELD,
    ]


SICK = replace(FAIL, address=STABLE)


def test_what_stable_shows_as_well_is_held_with_what_to_do():
    (reason,) = judge([HEALTH], [FAIL, SICK]).reasons
    assert judge([HEALTH], [FAIL, SICK]).decision is Decision.HOLD
    assert reason.attribution is Attribution.ALREADY_THERE
    assert "stable fails alike" in reason.hint


def test_one_fault_is_no_excuse_for_another():
    elsewhere = replace(FAIL, address=SERVICE)
    verdict = judge([HEALTH], [FAIL, elsewhere, SICK])
    assert verdict.decision is Decision.REJECT
    assert verdict.reasons[0].attribution is Attribution.UNKNOWN


def test_a_control_is_no_answer_of_the_candidate():
    control = replace(PASS, address=STABLE)
    assert judge([HEALTH], [control]).reasons[0].text == "did not run"
    assert judge([HEALTH], [PASS, control]).decision is Decision.PROMOTE
    assert judge([HEALTH], [PASS, SICK]).decision is Decision.PROMOTE


def test_without_a_control_a_failure_is_nobodys_and_rejects_as_ever():
    (reason,) = judge([HEALTH], [FAIL]).reasons
    assert (reason.attribution, reason.hint) == (Attribution.UNKNOWN, "")
