"""What stable showed stands beside the candidate, everywhere, and counts nowhere."""

from dataclasses import replace

import pytest

from gate.core.attribution import attributed
from gate.core.evidence import STABLE, Evidence, Outcome, Repeat
from gate.core.fail_fast import not_asked
from gate.core.policy import Json, Probe
from gate.core.verdict import judge
from gate.kinds.soak import SoakProbe
from gate.kinds.suite import SuiteProbe
from gate.ledger.entry import outcome
from gate.ledger.evidence import probes_value
from gate.report.audit import show_blocks
from gate.report.evidence import outcome_of, probes_lines, stake
from gate.report.lines import plain
from tests.fakes.clock import START
from tests.unit.report.scenes import (
    HOSTILE,
    PROBES,
    SHOWN,
    STAKES,
    V2_EVIDENCE,
    Scene,
    failed,
    passed,
    plan,
)

TRIES = (Repeat.WRONG, Repeat.SILENT, Repeat.WRONG)
OWN = failed(repeats=TRIES)
CONTROL = passed("api-health", address=STABLE, seen="200 in 7 ms", repeats=(Repeat.RIGHT,) * 3)
SEEN = (passed(), replace(passed(), address=STABLE), OWN, CONTROL)
SAME = (passed(), OWN, replace(OWN, address=STABLE))


def told(seen: tuple[Evidence, ...]) -> str:
    probes = PROBES[:2]
    value = probes_value(attributed(probes, seen), probes, judge(probes, seen))
    return "\n".join(plain(probes_lines(value), 200))


def test_the_reasons_show_both_sides_and_whose_fault_it_is() -> None:
    text = told(SEEN)
    assert "1 of 2 probes passed: health" in text
    assert "fault: regression (stable passes the same probe" in text
    assert "stable: passed in 100 ms: 200 in 7 ms" in text
    assert "tries: 3 of 3 failed, 1 of them without an answer; of stable's 0 of 3" in text
    assert text.count("api-health:") == 1
    assert "@stable" not in text


def test_what_was_left_out_is_one_row() -> None:
    probes = (*PROBES[:2], Probe("suite", SuiteProbe(("pytest",))), Probe("held", SoakProbe("/")))
    left_out = not_asked(probes, SEEN)
    value = probes_value(SEEN, probes, judge(probes, SEEN, left_out=left_out), (), left_out)
    assert value["did_not_run"] == []
    assert value["not_asked"] == {"since": "api-health", "probes": ["suite", "held"]}
    text = "\n".join(plain(probes_lines(value), 200))
    assert "1 of 4 probes passed: health" in text
    assert "not asked, since api-health has failed: suite, held" in text
    assert text.count("not asked") == 1
    assert "did not run" not in text


def test_a_failure_that_was_there_before_is_said_to_be() -> None:
    text = told(SAME)
    assert "fault: already there (stable fails alike: mend that first" in text
    assert "verdict: hold" in text


def test_without_a_control_nobody_is_blamed() -> None:
    text = told((passed(), failed()))
    assert "fault" not in text


def test_what_is_known_without_a_control_is_said_in_one_word() -> None:
    probes = PROBES[1:2]
    value = probes_value(attributed(probes, [failed()], live=True), probes, None)
    lines = [line.text for line in probes_lines(value)]
    assert [line for line in lines if "fault" in line] == ["fault: regression"]


def test_machines_get_the_word_and_both_sides() -> None:
    seen = attributed(PROBES, SEEN)
    value = probes_value(seen, PROBES, judge(PROBES, SEEN))
    assert (value["passed"], value["asked"]) == (1, 5)
    evidence, verdict = value["evidence"], value["verdict"]
    assert isinstance(evidence, list)
    assert isinstance(verdict, dict)
    shown = [(one["address"], one["attribution"]) for one in evidence if isinstance(one, dict)]
    assert shown == [("", ""), ("stable", ""), ("", "regression"), ("stable", "")]
    reasons = verdict["reasons"]
    assert isinstance(reasons, list)
    assert isinstance(reasons[0], dict)
    assert reasons[0]["attribution"] == "regression"


def test_the_details_show_stable_beside_a_failure_and_not_beside_a_pass() -> None:
    rollout = replace(Scene().play(plan()), evidence=attributed(PROBES, SEEN))
    entry = outcome(rollout, START)
    text = "\n".join(plain(show_blocks([entry], verbose=True), 200))
    assert "FAILED (regression)" in text
    assert "307 to /api/health/; stable: 200 in 7 ms" in text
    assert "fault: regression" in text
    assert "tries: 3 of 3 failed" in text
    assert "api-health @stable (http): passed" in text
    assert text.count("@stable") == 1


def test_the_record_keeps_no_excerpts_of_a_control_that_nothing_hangs_on() -> None:
    rollout = replace(Scene().play(plan()), evidence=SEEN)
    evidence = outcome(rollout, START)["evidence"]
    assert isinstance(evidence, list)
    kept = [bool(one["excerpts"]) for one in evidence if isinstance(one, dict)]
    assert kept == [True, False, True, True]


def test_hostile_words_of_stable_do_nothing() -> None:
    control = replace(CONTROL, seen=HOSTILE, outcome=Outcome.FAILED)
    text = told((passed(), OWN, control))
    assert SHOWN in text
    assert all(line.isprintable() for line in text.splitlines())


def test_a_hint_is_a_hint_whatever_it_contains() -> None:
    finding = replace(failed().findings[0], hint="ask /a | /b; its own last words: none")
    verdict = judge(PROBES[:1], [failed("health", findings=(finding,))])
    lines = [line.text for line in probes_lines(probes_value([], PROBES[:1], verdict))]
    assert "hint: ask /a | /b; its own last words: none" in lines
    assert not any("log lines" in line or line.startswith("|") for line in lines)


def test_probes_alone() -> None:
    seen = V2_EVIDENCE[:3]
    value = probes_value(seen, PROBES, judge(PROBES, seen), STAKES)
    lines = plain(probes_lines(value), 100)
    assert "  did not run: same-user-concurrency, strangers" in lines
    assert "1 of 5 probes passed: health" in lines
    assert "verdict: reject (the candidate is not fit for users)" in lines
    assert "    at stake: chat (P1, $120K MRR)" in lines


def test_probes_alone_without_a_policy_or_verdict() -> None:
    lines = plain(probes_lines(probes_value(V2_EVIDENCE[:2], (), None)), 100)
    assert lines == [
        "1 of 2 probes passed: health",
        "  api-health: FAILED in 100 ms",
        "    asked: GET /api/health",
        "    redirect: got 307 to /api/health/, expected status 200",
        "      hint: a slash is added: the route is registered as /api/health/",
    ]
    assert probes_lines(probes_value((), (), None)) == []


def test_a_stake_names_what_it_is_worth_where_that_is_known() -> None:
    document: dict[str, Json] = {"stakes": {"chat": "P1, $120K MRR", "bare": ""}}
    assert stake(document, "chat") == "chat (P1, $120K MRR)"
    assert stake(document, "bare") == "bare"
    assert stake(document, "other") == "other"


def test_only_a_pass_without_findings_is_called_one() -> None:
    assert outcome_of({"outcome": "passed"}) == "passed"
    assert outcome_of({"outcome": "failed"}) == "FAILED"
    assert outcome_of({"outcome": "passed", "findings": [{"seen": "x"}]}) == "inconclusive"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("= unlike stable's: no title", True),
        ("= advice: log JSON with `severity`", True),
        ("< 200 OK", False),
    ],
)
def test_what_is_told_beside_a_pass_is_told_at_the_end(line: str, told: bool) -> None:
    item: dict[str, Json] = {"probe": "page", "outcome": "passed", "seen": "so it is"}
    lines = plain(probes_lines({"evidence": [{**item, "excerpts": [line]}]}), 200)
    assert ("  page: so it is" in lines) is told
