"""What a suite is worth: every way to be green without having shown anything."""

from dataclasses import replace

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.kinds.suite import Least, SuiteProbe
from gate.probes.suite.each_test import cases
from gate.probes.suite.record import NOBODY, SEVERAL, Record
from gate.probes.suite.results import Ended, Result, Results
from gate.probes.suite.summary import seen_in_words
from gate.probes.suite.verdict import Facts, suite_verdict
from tests.unit.probes.plain import plain

ASKED, SILENT = True, False


def one(name, ended=Ended.PASSED, *markers, asked=ASKED, reruns=0, why=""):
    return Result(name, ended, frozenset(markers), why, reruns), asked


def weighed(*tests, code=None, late=False, by_test=True, own=None, uncollected=(), **options):
    record = Record()
    for result, asked in tests:
        if asked:
            record.of(result.id).answers += 1
    bad = any(result.ended in (Ended.FAILED, Ended.ERRORED) for result, _ in tests)
    code = int(bad) if code is None else code
    results = Results(
        "pytest 9",
        tuple(result for result, _ in tests),
        dict(uncollected),
        code if own is None else own,
        by_test=by_test,
    )
    spec = SuiteProbe(("pytest",), **options)
    return suite_verdict(spec, Facts(code, late, results, record))


def said(found):
    return [f"{fault.symptom.value}: {plain(fault.seen)}" for fault in found.faults]


def test_one_pass_that_asked_is_enough():
    found = weighed(one("a"), one("b", asked=SILENT))
    assert (found.outcome, found.right, found.total) == (Outcome.PASSED, 1, 2)
    assert [test.silent for test in found.tests] == [False, True]


def test_where_there_is_a_proof_a_test_that_it_never_saw_fail_does_not_count():
    tests = (one("a"), one("b"), one("c", asked=SILENT))
    found = weighed(*tests, can_fail=frozenset({"a", "c"}))
    assert (found.outcome, found.right) == (Outcome.PASSED, 1)
    assert [test.toothless for test in found.tests] == [False, True, False]
    assert weighed(*tests, can_fail=frozenset("a"), network=False).right == 3


@pytest.mark.parametrize(
    ("wanted", "outcome"),
    [
        ("a", Outcome.PASSED),
        ("ab", Outcome.FAILED),
        ("ac", Outcome.INCONCLUSIVE),  # another than the gate has left that one out
        ("d", Outcome.INCONCLUSIVE),
    ],
)
def test_of_some_tests_alone_what_the_gate_itself_left_out_says_nothing(wanted, outcome):
    tests = [one("a"), one("b", Ended.FAILED), one("c", Ended.DESELECTED, asked=SILENT)]
    ran = [
        (replace(result, ended=result.ended if result.id in wanted else Ended.DESELECTED), asked)
        for result, asked in tests
    ]
    narrowed = SuiteProbe(("pytest",)).narrowed(frozenset(wanted))
    assert weighed(*ran, only=narrowed.only, skipped=narrowed.skipped).outcome is outcome


def test_a_test_that_fails_needs_no_proof_that_it_can():
    found = weighed(one("a"), one("b", Ended.FAILED), can_fail=frozenset({"a"}))
    assert found.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, "1 passed without asking the candidate, 1 passed without a proof that it can fail"),
        ({"tests": ("a",)}, "a passed without a proof that it can fail"),
        ({"pass_rate": {"": 1}}, "all tests: no test that counts"),
    ],
)
def test_a_suite_of_such_tests_is_no_evidence(how, told):
    found = weighed(one("a"), one("b", asked=SILENT), can_fail=frozenset(), **how)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert any(told in fault.seen for fault in found.faults)


def test_each_test_speaks_for_itself():
    passed, failed, errored = one("a"), one("b", Ended.FAILED), one("c", Ended.ERRORED)
    never_asked, skipped = one("d", Ended.FAILED, asked=SILENT), one("e", Ended.SKIPPED)
    tests = (passed, failed, errored, never_asked, skipped)

    def outcomes(**how):
        found = weighed(*tests, **how)
        results = Results("x", by_test=how.get("by_test", True))
        return [case.outcome.value[0] for case in cases(found, Facts(1, False, results, Record()))]

    assert outcomes() == ["p", "f", "i", "i", "i"]
    assert outcomes(by_test=False) == ["p", "f", "f", "f", "i"]


@pytest.mark.parametrize(
    ("tests", "how", "told"),
    [
        ([], {}, "no tests (exit code 0)"),
        ([one("a", asked=SILENT)], {}, "the suite never asked the candidate"),
        ([one("a", Ended.SKIPPED)], {}, "no test ran: 1 skipped, exit code 0"),
        ([one("a", Ended.SKIPPED)], {"skipped": 5}, "no test ran: 1 skipped, exit code 0"),
        ([one("a"), one("b", Ended.SKIPPED)], {}, "1 of 2 tests left out (1 skipped)"),
        (
            [one("a"), one("b", Ended.XFAILED), one("c", Ended.DESELECTED)],
            {"skipped": 1},
            "2 of 3 tests left out (1 expected to fail, 1 deselected)",
        ),
        ([one("a"), one("b", Ended.NOT_RUN)], {}, "1 of 2 tests have no end, such as b"),
        ([one("a")], {"code": 2}, "exit code 2: it was interrupted, or tests could not be"),
        ([one("a")], {"code": 3}, "exit code 3: pytest itself failed"),
        ([one("a")], {"code": 4}, "exit code 4: pytest was called wrongly"),
        ([one("a")], {"code": 5}, "exit code 5: no tests were collected"),
        ([one("a")], {"code": 1}, "exit code 1, although no test failed"),
        ([one("a")], {"code": 7, "by_test": False}, "exit code 7, although no test failed"),
        ([one("a")], {"code": 0, "own": 1}, "exit code 0, but 1 by pytest's own word"),
        ([one("a")], {"code": -9, "own": 0}, "signal 9 ended it"),
        ([one("a")], {"late": True}, "its time was up after 600 s"),
        (
            [one("a")],
            {"uncollected": {"b.py": "E   No b"}},
            "b.py could not be collected: No b",
        ),
        ([one("m::a")], {"tests": ("b",)}, "b is not among its tests"),
        (
            [one("m::a"), one("m::b", asked=SILENT)],
            {"tests": ("b",)},
            "m::b passed without",
        ),
        ([one("m::aa")], {"tests": ("a",)}, "a is not among its tests"),
        ([one("a", Ended.PASSED, "P2")], {"pass_rate": {"P1": 1}}, "P1: no test that counts"),
        (
            [one("a", Ended.PASSED, "P1", asked=SILENT), one("b")],
            {"pass_rate": {"P1": 1}},
            "P1: no test that counts",
        ),
    ],
)
def test_never_a_pass(tests, how, told):
    found = weighed(*tests, **how)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert any(told in line for line in said(found)), said(found)
    assert {fault.symptom for fault in found.faults} == {Symptom.NO_EVIDENCE}


def test_results_alone_count_where_the_policy_says_so():
    found = weighed(one("a", asked=SILENT), network=False)
    assert (found.outcome, found.right) == (Outcome.PASSED, 1)


def test_failures_of_tests_that_asked_fail_and_others_hold():
    for ended in (Ended.FAILED, Ended.ERRORED):
        found = weighed(one("a"), one("b", ended, why="\nno\nmore"))
        assert (found.outcome, said(found)) == (Outcome.FAILED, [f"tests: b {ended.value}: no"])
        assert weighed(one("a"), one("b", ended, asked=SILENT)).outcome is (Outcome.INCONCLUSIVE)
    found = weighed(one("b", Ended.FAILED, asked=SILENT), network=False)
    assert found.outcome is Outcome.FAILED


@pytest.mark.parametrize("kind", ["foreign", "unreached"])
def test_a_failure_on_answers_of_others_holds(kind):
    record = Record()
    record.of("a").answers += 1
    getattr(record.of("a"), kind).note("somebody else")
    results = Results("pytest 9", (Result("a", Ended.FAILED),), code=1, by_test=True)
    found = suite_verdict(
        SuiteProbe(("pytest",)), Facts(1, late=False, results=results, record=record)
    )
    assert found.outcome is Outcome.INCONCLUSIVE
    assert "somebody else" in found.faults[0].hint


def test_a_broken_connection_speaks_against_the_candidate():
    record = Record()
    record.of("a").broken.note("no answer")
    results = Results("pytest 9", (Result("a", Ended.FAILED),), code=1, by_test=True)
    found = suite_verdict(
        SuiteProbe(("pytest",)), Facts(1, late=False, results=results, record=record)
    )
    assert found.outcome is Outcome.FAILED


def test_what_was_asked_while_several_ran_or_none_is_nobodys():
    for key in (SEVERAL, NOBODY):
        record = Record()
        record.of(key).answers += 5
        results = Results("pytest 9", (Result("a", Ended.PASSED),), code=0, by_test=True)
        spec = SuiteProbe(("pytest",))
        found = suite_verdict(spec, Facts(0, late=False, results=results, record=record))
        assert (found.outcome, found.right) == (Outcome.INCONCLUSIVE, 0)


def test_without_a_plugin_the_suite_as_a_whole_must_have_asked():
    assert weighed(one("a"), one("b", asked=SILENT), by_test=False).right == 2
    assert weighed(one("a", asked=SILENT), by_test=False).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("percent", "passes"), [(75, True), (75.1, False), (66.7, True), (100, False)]
)
def test_rates_are_exact(percent, passes):
    tests = [one(f"t{n}", Ended.PASSED, "P1") for n in range(3)]
    bad = one("bad", Ended.FAILED, "P1", "P2")
    found = weighed(*tests, bad, pass_rate={"P1": percent})
    assert (found.outcome is Outcome.PASSED) is passes
    assert [test.result.id for test in found.tolerated] == (["bad"] if passes else [])
    if not passes:
        assert said(found)[0] == "tests: P1: 3 of 4 passed (75.0 %)"
    assert weighed(*tests, bad, pass_rate={"P1": percent, "P2": 1}).outcome is Outcome.FAILED


def test_what_is_left_out_has_not_passed():
    tests = [one("a", Ended.PASSED, "P1"), one("b", Ended.SKIPPED, "P1")]
    assert weighed(*tests, skipped=1).outcome is Outcome.PASSED
    assert weighed(*tests, skipped=1, pass_rate={"P1": 50}).outcome is Outcome.PASSED
    found = weighed(*tests, skipped=1, pass_rate={"P1": 51})
    assert found.outcome is Outcome.INCONCLUSIVE


def test_a_test_that_no_rate_speaks_for_must_pass():
    tests = [one("a", Ended.PASSED, "P1"), one("b", Ended.FAILED)]
    assert weighed(*tests, pass_rate={"P1": 50}).outcome is Outcome.FAILED
    assert weighed(*tests, pass_rate={"": 50}).outcome is Outcome.PASSED


def test_a_second_try_is_no_pass():
    found = weighed(one("a"), one("b", reruns=1))
    assert (found.outcome, found.right) == (Outcome.FAILED, 1)
    assert weighed(one("a"), one("b", reruns=1), pass_rate={"": 50}).outcome is (Outcome.PASSED)


SILENTS = [one(f"s{n}", asked=SILENT) for n in range(3)]


@pytest.mark.parametrize(
    ("tests", "how", "told"),
    [
        ([one("a"), *SILENTS], {}, "1 test is evidence, 3 of 4 are not: 3 passed without asking"),
        ([one("a"), one("b")], {}, "2 tests are evidence, all of them; exit code 0"),
        ([one("a")], {}, "1 test is evidence, the only one; exit code 0"),
        ([], {}, "no tests; exit code 0"),
        (
            [one("a", Ended.SKIPPED), one("b", Ended.SKIPPED), one("c", Ended.DESELECTED)],
            {},
            "no test is evidence, 3 of 3 are not: 2 skipped, 1 deselected; exit code 0",
        ),
        (
            [one("a"), one("b", Ended.FAILED), one("c", Ended.FAILED, asked=SILENT)],
            {},
            "2 tests are evidence (1 passed, 1 failed), 1 of 3 is not: 1 failed; exit code 1",
        ),
        (
            [one("a"), one("b", reruns=1), one("c")],
            {"can_fail": frozenset("a")},
            "2 tests are evidence (1 passed, 1 failed), 1 of 3 is not: 1 passed without a proof",
        ),
    ],
)
def test_the_line_leads_with_tests_that_are_evidence(tests, how, told):
    found = weighed(*tests, **how)
    code = int(any(test.result.ended is Ended.FAILED for test in found.tests))
    facts = Facts(code, late=False, results=Results(), record=Record())
    assert seen_in_words(found, facts).startswith(told)


@pytest.mark.parametrize(
    ("least", "passes"),
    [
        (Least(2), True),
        (Least(3), False),
        (Least(percent=50), True),
        (Least(percent=50.1), False),
        (None, True),
    ],
    ids=str,
)
def test_so_many_tests_must_be_evidence(least, passes):
    found = weighed(one("a"), one("b"), *SILENTS[:2], counted=least)
    assert (found.outcome is Outcome.PASSED) is passes
    if not passes:
        assert said(found) == ["no evidence: 2 of 4 tests as evidence"]
        assert found.faults[0].expected == f"at least {least}"


def test_a_failure_is_evidence_too_and_stays_one():
    bad = one("b", Ended.FAILED)
    found = weighed(one("a"), bad, SILENTS[0], counted=Least(2), pass_rate={"": 50})
    assert (found.outcome, found.right, found.evidence) == (Outcome.PASSED, 1, 2)
    assert weighed(bad, SILENTS[0], counted=Least(9)).outcome is Outcome.FAILED


def test_a_required_test_that_failed_is_told_once():
    found = weighed(one("m::a", Ended.FAILED), tests=("a", "m::a"))
    assert said(found) == ["tests: m::a failed: no reason given"]
    assert found.faults[0].symptom is Symptom.TESTS
