"""A decision as JUnit XML: read back by two readers, red where the gate said no."""

import re
from dataclasses import replace

import pytest
from defusedxml import ElementTree
from junitparser import JUnitXml

from gate.core.evidence import Attribution, OneTest, Outcome
from gate.core.verdict import judge
from gate.errors import ExitCode
from gate.ledger.entry import outcome
from gate.ledger.evidence import probes_value
from gate.report.junit import junit
from tests.unit.report.scenes import (
    ALL_PASSED,
    PROBES,
    V2_EVIDENCE,
    Scene,
    failed,
    hostile_evidence,
    inconclusive,
    passed,
    plan,
    rollback_plan,
)


def entry(evidence=ALL_PASSED, **changes):
    rollout = Scene(evidence=tuple(evidence)).play(plan(**changes))
    return outcome(rollout, rollout.at)


def instead(*wrong):
    """All passed but these."""
    names = {item.probe for item in wrong}
    return [*wrong, *(item for item in ALL_PASSED if item.probe not in names)]


def cases(*documents):
    """Each test by its name: what became of it, and the message; held to what it counts."""
    text = junit(documents)
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for suite in root:
        for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.get(count)) == len(suite.findall(f"testcase/{tag}"))
        assert int(suite.get("tests")) == len(suite.findall("testcase"))
        assert re.fullmatch(r"\d+\.\d{3}", suite.get("time"))
    found = {}
    for suite in JUnitXml.fromstring(text.encode()):
        for case in suite:
            (result,) = case.result or [None]
            told = (type(result).__name__, result.message) if result else ("passed", "")
            assert (case.classname, case.name) not in found
            found[case.classname, case.name] = told
    return found


def test_a_promotion_is_green_whatever_a_probe_that_decides_nothing_says():
    found = cases(entry(instead(failed("strangers"))))
    skipped, why = found.pop(("gate.backend", "strangers"))
    assert skipped == "Skipped"
    assert why.startswith("not required, so it decides nothing: failed: expected status 200, seen")
    assert set(found.values()) == {("passed", "")}
    assert ("gate.backend", "rollout") in found
    assert len(found) == len(PROBES)


@pytest.mark.parametrize(
    ("evidence", "decision", "probe"),
    [
        (
            instead(failed("health")),
            ("Failure", "rejected: health: redirect: got 307 to /api/health/, expected status 200"),
            ("Failure", "failed: expected status 200, seen 307 to /api/health/ (hint: a slash"),
        ),
        (
            instead(inconclusive("health", "nobody answered")),
            ("Error", "held: health: client fault: got nobody answered, expected an answer"),
            ("Error", "probe fault: expected status 200, seen nobody answered"),
        ),
        (
            [item for item in ALL_PASSED if item.probe != "health"],
            ("Error", "held: health: did not run"),
            ("Skipped", "did not run"),
        ),
    ],
)
def test_what_was_refused_or_held_is_never_all_green(evidence, decision, probe):
    found = cases(entry(evidence))
    assert found["gate.backend", "rollout"] == decision
    outcome, message = found["gate.backend", "health"]
    assert outcome == probe[0]
    assert message.startswith(probe[1])


@pytest.mark.parametrize("recorded", [True, False])
def test_what_the_ledger_does_not_have_is_not_said_to_be_there(recorded):
    told = ElementTree.fromstring(junit([entry()], recorded=recorded)).findtext("*/system-out")
    assert ("\nrecorded as " in told) == recorded
    assert ("\nNOT RECORDED: " in told) != recorded


def test_whose_fault_it_is_comes_first_in_the_message():
    document = entry(instead(failed("health")))
    for item in document["evidence"]:
        if item["probe"] == "health":
            item["attribution"] = Attribution.REGRESSION.value
    outcome, message = cases(document)["gate.backend", "health"]
    assert (outcome, message.partition(":")[0]) == ("Failure", "regression")


def test_what_a_failure_made_needless_is_skipped_and_says_why():
    document = entry(instead(failed("health")))
    document["not_asked"] = {"since": "health", "probes": ["strangers", "long"]}
    found = cases(document)
    assert found["gate.backend", "long"] == ("Skipped", "not asked, since health has failed")
    assert found["gate.backend", "strangers"] == ("passed", "")


TESTS = (
    OneTest("t.py::right", "passed", counts=True),
    OneTest("t.py::wrong", "failed", counts=True, why="assert 1 == 2"),
    OneTest("t.py::idle", "skipped", counts=False, why="asks nobody"),
)


@pytest.mark.parametrize("red", [True, False])
def test_the_tests_of_a_suite_follow_it_and_are_red_only_beneath_a_red_one(red):
    suite = failed("health", kind="suite", tests=TESTS)
    if not red:
        suite = replace(suite, outcome=Outcome.PASSED, findings=())
    found = cases(entry(instead(suite)))
    own = {name: told for (group, name), told in found.items() if group == "gate.backend.health"}
    assert own == {
        "t.py::right": ("passed", ""),
        "t.py::wrong": ("Failure" if red else "Skipped", "failed: assert 1 == 2"),
        "t.py::idle": ("Skipped", "skipped: asks nobody"),
    }


def test_questions_alone_and_moves_by_hand_have_a_decision_too():
    seen = probes_value(V2_EVIDENCE, PROBES, judge(PROBES, V2_EVIDENCE))
    found = cases(seen)
    assert found["gate", "verdict"][0] == "Failure"
    assert found["gate", "discovery"][0] == "Failure"
    rollout = Scene().play(rollback_plan())
    assert cases(outcome(rollout, rollout.at))["gate.backend", "rollback"][0] == "Error"


def test_several_services_are_several_suites_and_what_nobody_wrote_an_end_of_is_red():
    unfinished = {"kind": "rollout", "service": "other", "entry": "intention", "ending": "?"}
    found = cases(entry(), unfinished, {})
    assert found["gate.backend", "rollout"] == ("passed", "")
    assert found["gate.other", "rollout"] == (
        "Error",
        "?: no outcome is recorded: it is still going on, or the gate was killed half-way",
    )
    assert found["gate", "verdict"][0] == "Error"


@pytest.mark.parametrize("code", [*ExitCode, 77, "0", None, 0.5])
def test_only_what_is_done_is_green(code):
    document = {**entry(), "exit_code": code}
    outcome, _ = cases(document)["gate.backend", "rollout"]
    assert (outcome == "passed") == (code == 0 and code is not None and code != "0")


NASTY = '\ud800\x00\x1b[31m\ufffe]]><a b="&x;">&amp; ##[error]::error::x\u2028\r\nend'


def test_hostile_text_makes_neither_markup_nor_commands_and_is_xml_that_anybody_reads():
    wrong = replace(
        hostile_evidence("health"),
        asked=NASTY[1:],
        seen=NASTY[1:],
        log_lines=(NASTY[1:],),
        tests=(OneTest(NASTY[1:], NASTY[1:], counts=True, why=NASTY[1:]),),
    )
    document = {**entry(instead(wrong), actor=NASTY[1:]), "service": NASTY, "notes": [NASTY]}
    text = junit([document, passed_alone()])
    assert "##[" not in text
    root = ElementTree.fromstring(text)
    tags = {element.tag for element in root.iter()}
    assert tags == {
        *("testsuites", "testsuite", "properties", "property"),
        *("testcase", "failure", "error", "system-out"),
    }
    for element in root.iter():
        assert not (element.text or "").lstrip().startswith("::")


def passed_alone():
    return probes_value([passed()], PROBES[:1], None)
