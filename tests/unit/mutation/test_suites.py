"""Which tests of a suite still have to be seen failing, by what, and for how long that is tried."""

from datetime import UTC, datetime
from itertools import count

import pytest

from gate.core.evidence import Asked, Case, Evidence, Outcome
from gate.core.policy import Probe
from gate.kinds.http import HttpProbe
from gate.kinds.suite import SuiteProbe
from gate.mutation import faults
from gate.mutation.edits import Edit, How
from gate.mutation.faults import Family, Mutant, Place
from gate.mutation.suite_plan import SuitePlan
from gate.mutation.suites import LEAST_S, TIMES, Suites

SUITE = Probe("e2e", SuiteProbe(("pytest",), timeout_s=600))
PAGE = Probe("page", HttpProbe("/"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, TWO, CHAT = Asked("GET", "/one"), Asked("GET", "/two"), Asked("GET", "/ws", websocket=True)


def saw(duration_s=1.0, took_s=0.0, asked=(ONE,), **tests):
    cases = tuple(
        Case(name, Outcome(outcome), frozenset(asked), took_s, idle=outcome == "inconclusive")
        for name, outcome in tests.items()
    )
    return Evidence("e2e", "suite", Outcome.PASSED, "", "", "", NOW, duration_s, cases=cases)


def mutant(place, fault, family=Family.ANSWER):
    return Mutant(f"{place}: {fault}", family, place, fault, "x")


def at(path, *several):
    return [mutant(Place(path, websocket=path == "/ws"), fault) for fault in several]


DROPPED = faults.Field(Edit(("a",), How.DROPPED))
MUTANTS = [
    *at("/one", DROPPED, faults.Status(500)),
    *at("/two", faults.Blank(), faults.Status(404)),
    *at("/ws", faults.Crowded(6), faults.Denied(503), faults.Crowded(2)),
]


def played(plan, fails=lambda step: ()):
    """Every step of a plan, one after the other, as (fault, tests)."""
    steps = []
    while found := plan.next():
        (step,) = found
        steps.append((step.mutant.fault, step.tests))
        plan.over(step, fails(step))
    return steps


def test_a_test_meets_what_it_was_seen_asking_strong_faults_first_and_place_by_place():
    plan = SuitePlan({"a": frozenset({ONE, TWO})}, MUTANTS)
    met = [fault for fault, _ in played(plan)]
    assert met == [faults.Status(500), faults.Blank(), DROPPED, faults.Status(404)]
    assert (plan.failed, plan.untried) == (0, ())  # nothing makes it fail


def test_all_that_ask_there_meet_a_fault_together_and_what_has_failed_is_asked_no_more():
    tests = {"a": frozenset({ONE}), "b": frozenset({ONE}), "c": frozenset({CHAT})}
    plan = SuitePlan(tests, MUTANTS)
    steps = played(plan, lambda step: {"a"} if step.mutant.fault == faults.Status(500) else {"c"})
    assert steps == [
        (faults.Status(500), {"a", "b"}),
        (faults.Denied(503), {"c"}),
        (DROPPED, {"b"}),
    ]
    assert plan.failed == 2


def test_a_crowd_is_met_after_a_closed_door_the_smaller_one_first():
    plan = SuitePlan({"c": frozenset({CHAT})}, MUTANTS)
    assert [fault for fault, _ in played(plan)] == [
        faults.Denied(503),
        faults.Crowded(2),
        faults.Crowded(6),
    ]


def test_a_test_that_is_running_is_left_alone_and_others_go_on():
    plan = SuitePlan({"a": frozenset({ONE}), "b": frozenset({TWO})}, MUTANTS)
    (first,), (second,) = plan.next(), plan.next()
    assert {first.tests, second.tests} == {frozenset({"a"}), frozenset({"b"})}
    assert plan.next() == ()
    assert plan.running
    plan.over(first, first.tests)
    assert plan.next() == ()
    assert plan.running
    assert plan.untried == ("b",)


def together(plan, most=9):
    """Every run of a plan in which no test fails, as pairs of a fault and its tests."""
    runs = []
    while steps := plan.next(most):
        runs.append([(step.mutant.fault, "".join(sorted(step.tests))) for step in steps])
        for step in steps:
            plan.over(step, ())
    return runs


def test_faults_at_different_places_go_into_one_run_where_each_test_meets_one_of_them():
    plan = SuitePlan({"a": frozenset({ONE}), "b": frozenset({TWO})}, MUTANTS)
    assert together(plan) == [
        [(faults.Status(500), "a"), (faults.Blank(), "b")],
        [(DROPPED, "a"), (faults.Status(404), "b")],
    ]
    both = SuitePlan({"a": frozenset({ONE}), "b": frozenset({ONE, TWO})}, MUTANTS)
    assert together(both) == [
        [(faults.Status(500), "ab")],  # b would meet what is at the other place, too
        [(DROPPED, "ab")],
        [(faults.Blank(), "b")],
        [(faults.Status(404), "b")],
    ]


def test_what_there_was_no_time_for_was_not_met():
    plan = SuitePlan({"a": frozenset({ONE}), "b": frozenset({TWO})}, MUTANTS)
    one, two = plan.next(2)
    plan.over(one, one.tests)
    plan.over(two, (), met=False)
    assert (plan.running, plan.untried) == (False, ("b",))
    assert two in plan.next(2)


def test_what_nobody_waits_for_alone_goes_with_others():
    tests = {"a": frozenset({ONE}), "b": frozenset({TWO}), "c": frozenset({CHAT})}
    runs = together(SuitePlan(tests, MUTANTS))
    assert [(faults.Crowded(2), "c")] in runs
    everywhere = mutant(Place(), faults.Status(500))
    assert together(SuitePlan(tests, [everywhere]))[0] == [(faults.Status(500), "abc")]
    assert all(len(run) == 1 for run in together(SuitePlan(tests, MUTANTS), most=1))


def test_a_test_of_which_nobody_knows_what_it_asked_meets_what_any_of_them_can():
    plan = SuitePlan({"a": frozenset(), "b": frozenset({TWO})}, MUTANTS)
    assert {fault for fault, tests in played(plan) if "a" in tests} == {
        faults.Blank(),
        faults.Status(404),
    }


def test_what_an_earlier_run_has_seen_failing_is_not_asked_again():
    plan = SuitePlan({"a": frozenset({ONE}), "b": frozenset({ONE})}, MUTANTS, failed=["a", "gone"])
    assert all(tests == {"b"} for _, tests in played(plan))


def test_only_what_judges_an_answer_says_something_of_a_test():
    suites = Suites(60, lambda: 0.0)
    suites.healthy(SUITE, saw(a="passed", b="inconclusive"))
    dead = mutant(Place(), faults.Refused(), Family.CONNECTION)
    plan = suites.plan(SUITE, [dead, *MUTANTS], ())
    assert [fault for fault, _ in played(plan)] == [faults.Status(500), DROPPED]
    assert suites.silent == {"e2e": ("b",)}


def test_a_test_that_does_not_pass_each_time_is_none_that_can_be_put_to_the_test():
    suites = Suites(60, lambda: 0.0)
    suites.healthy(SUITE, saw(a="passed", b="passed"))
    suites.healthy(SUITE, saw(a="passed", b="failed"))
    assert suites.steady == {"e2e": ("a",)}


def test_when_the_time_is_up_it_is_said_which_tests_may_yet_fail():
    hours = count(100, 40)
    suites = Suites(60, lambda: float(next(hours)))
    suites.healthy(SUITE, saw(a="passed", b="passed"))
    plan = suites.plan(SUITE, MUTANTS, ())
    plan.over(*plan.next(), {"a"})
    assert [suites.in_time(SUITE) for _ in range(3)] == [True, True, False]
    assert (suites.hurried, suites.untried) == ({"e2e"}, {"e2e": ("b",)})
    assert suites.in_time(PAGE)


@pytest.mark.parametrize(
    ("duration_s", "limit_s"), [(0.1, LEAST_S), (30.0, 30 * TIMES), (300.0, 600)]
)
def test_a_suite_that_waits_for_ever_is_given_up_by_what_it_takes_when_well(duration_s, limit_s):
    suites = Suites(60, lambda: 0.0)
    assert suites.narrowed(SUITE, frozenset()) is SUITE
    suites.healthy(SUITE, saw(duration_s, a="passed"))
    suites.healthy(SUITE, saw(99.0, a="passed"))  # the control after the mutants
    assert suites.narrowed(SUITE, frozenset()).spec.timeout_s == limit_s


def test_some_tests_are_run_alone_and_given_the_time_that_they_need():
    suites = Suites(60, lambda: 0.0)
    suites.healthy(SUITE, saw(duration_s=30.0, took_s=10.0, a="passed", b="passed"))
    spec = suites.narrowed(SUITE, frozenset({"a"})).spec
    assert (spec.only, spec.timeout_s) == ({"a"}, 20 * TIMES)
    assert suites.narrowed(SUITE, frozenset({"a", "b"})).spec.only is None


@pytest.mark.parametrize(
    ("duration_s", "took_s", "free"),
    [(4.0, 0.5, 6), (3.0, 1.0, 1), (2.0, 1.0, 0), (1.0, 1.0, 0), (4.0, 0.0, 0)],
)
def test_tests_that_are_quick_beside_the_start_of_a_suite_share_one(duration_s, took_s, free):
    suites = Suites(60, lambda: 0.0)
    assert suites.free(SUITE) == 0
    suites.healthy(SUITE, saw(duration_s, took_s, a="passed", b="passed"))
    suites.healthy(SUITE, saw(99.0, took_s, a="passed"))  # the control after the mutants
    assert suites.free(SUITE) == free


def test_other_probes_are_none_of_its_business():
    suites = Suites(60, lambda: 0.0)
    suites.healthy(PAGE, saw(a="passed"))
    assert (suites.narrowed(PAGE, frozenset()), suites.steady) == (PAGE, {})
