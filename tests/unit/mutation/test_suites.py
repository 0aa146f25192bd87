"""Which tests of a suite still have to be seen failing, and for how long that is tried."""

from datetime import UTC, datetime
from itertools import count

from gate.core.evidence import Case, Evidence, Outcome
from gate.core.policy import Probe
from gate.kinds.http import HttpProbe
from gate.kinds.suite import SuiteProbe
from gate.mutation.suites import LEAST_S, TIMES, Suites

SUITE = Probe("e2e", SuiteProbe(("pytest",), timeout_s=600))
PAGE = Probe("page", HttpProbe("/"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def saw(duration_s=1.0, **tests):
    cases = tuple(Case(name, Outcome(outcome)) for name, outcome in tests.items())
    return Evidence("e2e", "suite", Outcome.PASSED, "", "", "", NOW, duration_s, cases=cases)


def test_it_goes_on_until_each_steady_test_has_failed():
    suites = Suites(60, lambda: 0.0)
    suites.healthy(SUITE, saw(a="passed", b="passed", skipped="inconclusive"))
    assert suites.open(SUITE)
    assert suites.under_mutant(saw(a="failed", b="inconclusive")) == {"a"}
    assert suites.open(SUITE)
    suites.under_mutant(saw(b="failed"))
    assert not suites.open(SUITE)
    assert suites.hurried == set()


def test_a_test_that_does_not_pass_each_time_is_none_that_can_be_put_to_the_test():
    suites = Suites(60, lambda: 0.0)
    suites.healthy(SUITE, saw(a="passed", b="passed"))
    suites.healthy(SUITE, saw(a="passed", b="failed"))
    assert suites.steady == {"e2e": ("a",)}


def test_it_goes_on_only_for_so_long_from_when_it_begins():
    hours = count(100, 30)
    suites = Suites(60, lambda: float(next(hours)))
    suites.healthy(SUITE, saw(a="passed"))
    assert [suites.open(SUITE) for _ in range(3)] == [True, True, False]
    assert suites.hurried == {"e2e"}


def test_it_meets_faults_only_for_so_long_and_others_for_ever():
    hours = count(100, 40)
    suites = Suites(60, lambda: float(next(hours)))
    assert [suites.in_time(SUITE) for _ in range(3)] == [True, True, False]
    assert suites.hurried == {"e2e"}
    assert suites.in_time(PAGE)


def test_a_suite_that_waits_for_ever_is_given_up_by_what_it_takes_when_well():
    suites = Suites(60, lambda: 0.0)
    assert suites.bounded(SUITE) is SUITE
    suites.healthy(SUITE, saw(duration_s=0.1, a="passed"))
    assert suites.bounded(SUITE).spec.timeout_s == LEAST_S
    slow = Suites(60, lambda: 0.0)
    slow.healthy(SUITE, saw(duration_s=30.0, a="passed"))
    slow.healthy(SUITE, saw(duration_s=99.0, a="passed"))
    assert slow.bounded(SUITE).spec.timeout_s == 30 * TIMES


def test_other_probes_are_none_of_its_business():
    suites = Suites(60, lambda: 0.0)
    suites.healthy(PAGE, saw(a="passed"))
    assert (suites.open(PAGE), suites.bounded(PAGE), suites.steady) == (False, PAGE, {})
