"""Each test of a suite for itself: as a proof needs it, as a report shows it, and what it asked."""

from collections.abc import Collection, Iterator
from itertools import islice

from gate.core.answers import PLACES_MAX
from gate.core.evidence import Answered, Asked, Case, OneTest, Outcome
from gate.kinds.suite import SuiteProbe
from gate.probes.quoting import quoted
from gate.probes.suite.record import NOBODY, SEVERAL, Record
from gate.probes.suite.results import Ended
from gate.probes.suite.verdict import BAD, UNTOLD, Facts, SuiteVerdict, Test, first_line, idle_why
from gate.probes.words import TEXT_MAX, Words


def cases(weighed: SuiteVerdict, facts: Facts) -> tuple[Case, ...]:
    """The tests, as a proof needs them.

    In pytest an error comes from what a test needs, not from what it asserts; JUnit XML knows no
    such difference.
    """
    failures = (Ended.FAILED,) if facts.results.by_test else BAD
    return tuple(_case(test, failures) for test in weighed.tests)


def _case(test: Test, failures: Collection[Ended]) -> Case:
    outcome = Outcome.PASSED if test.counts else Outcome.INCONCLUSIVE
    if test.wrong is not None and test.result.ended in failures:
        outcome = test.wrong.outcome
    seen = test.seen
    return Case(test.result.id, outcome, frozenset(seen.places), seen.took_s, idle=test.silent)


def listed(weighed: SuiteVerdict, spec: SuiteProbe, words: Words) -> tuple[OneTest, ...]:
    """The tests, fit to show: what became of each, whether it counts, and why not."""
    return tuple(
        OneTest(
            words.line(test.result.id),
            test.result.ended.value,
            test.evidence,
            words.line(_why(test, spec), TEXT_MAX),
        )
        for test in weighed.tests
    )


def _why(test: Test, spec: SuiteProbe) -> str:
    if test.wrong is not None:
        again = test.result.ended is Ended.PASSED
        told = "" if again else quoted(first_line(test.result.why), UNTOLD)
        parts = [told or "passed only when it was run again"]
        parts += [test.wrong.hint] if not test.evidence else []
        return "; ".join(filter(None, parts))
    if test.idle:
        return idle_why(test, spec)
    if test.counts or not test.result.why:
        return ""
    return quoted(first_line(test.result.why).removeprefix("Skipped: "), UNTOLD)


def answers(weighed: SuiteVerdict, record: Record, words: Words) -> tuple[Answered, ...]:
    """What the suite was answered, place by place, bounded; first what no test vouches for."""
    counts = {test.result.id for test in weighed.tests if test.counts} | {SEVERAL}
    found: dict[tuple[Asked, bool], set[int]] = {}
    for name, seen in record.by_test().items():
        for place, codes in seen.places.items():
            found.setdefault((place, name == NOBODY or name not in counts), set()).update(codes)
    return tuple(islice(_answered(found, words), PLACES_MAX))


def _answered(found: dict[tuple[Asked, bool], set[int]], words: Words) -> Iterator[Answered]:
    for (place, aside), codes in sorted(found.items(), key=lambda item: not item[0][1]):
        if codes:
            method, path = words.line(place.method, 20), words.line(place.path, TEXT_MAX)
            yield Answered(Asked(method, path, place.websocket), frozenset(codes), aside)
