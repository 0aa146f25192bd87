"""What is told of a suite: one line for the table, and a bounded account beneath it."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gate.probes.quoting import quoted
from gate.probes.suite.record import NOBODY
from gate.probes.suite.results import Ended
from gate.probes.suite.verdict import SILENT, Facts, SuiteVerdict, Test
from gate.probes.words import LINE_MAX, LINES_MAX, Words

NAMED_MAX = 6
TOOTHLESS = "passed without a proof that they can fail"
_OUTPUT_LEAST = 6


def seen_in_words(weighed: SuiteVerdict, facts: Facts) -> str:
    """One line: how many tests are evidence and how many are not, and what became of those."""
    again = sum(test.result.reruns > 0 for test in weighed.tests)
    parts = [_counts(weighed), f"{again} run again" if again else ""]
    parts.append("its time was up" if facts.late else f"exit code {facts.code}")
    return "; ".join(filter(None, parts))


def _counts(weighed: SuiteVerdict) -> str:
    total, count, right = weighed.total, weighed.evidence, weighed.right
    if not total:
        return "no tests"
    are = f"{count or 'no'} test{' is' if count < 2 else 's are'} evidence"
    if right < count:
        are += f" ({right} passed, {count - right} failed)"
    if count == total:
        return f"{are}, {'all of them' if total > 1 else 'the only one'}"
    rest = [test for test in weighed.tests if not test.evidence]
    return f"{are}, {len(rest)} of {total} {'is' if len(rest) == 1 else 'are'} not: {_others(rest)}"


def _others(tests: Sequence[Test]) -> str:
    """What became of tests that are no evidence."""
    silent = sum(test.silent for test in tests)
    toothless = sum(test.toothless for test in tests)
    parts = [f"{silent} {SILENT}"] if silent else []
    parts += [f"{toothless} {TOOTHLESS}"] if toothless else []
    ended = Counter(test.result.ended for test in tests if not test.idle)
    parts += [f"{ended[kind]} {kind.value}" for kind in Ended if ended[kind]]
    return ", ".join(parts)


def excerpts(
    weighed: SuiteVerdict, facts: Facts, words: Words, printed: str, *, cut: bool
) -> tuple[str, ...]:
    """The account, then the end of what the suite printed.

    Args:
        weighed: what the tests are worth.
        facts: what they are worth it by.
        words: makes text fit to show.
        printed: the end of its output.
        cut: whether it had printed more before.
    """
    told = [words.line(line) for line in _told(weighed, facts)][: LINES_MAX - _OUTPUT_LEAST]
    room = LINES_MAX - len(told) - 1
    return (*told, *_output(printed, words, room, cut=cut))


def _told(weighed: SuiteVerdict, facts: Facts) -> Iterator[str]:
    if facts.results.runner:
        yield f"= {facts.results.runner}: {weighed.total} tests"
    outside = facts.record.of(NOBODY)
    if outside.exchanges:
        first = "; ".join(outside.lines)
        yield f"= outside of its tests, while they were collected or between them: {first}"
    for test in [test for test in weighed.tests if test.wrong is not None][:NAMED_MAX]:
        assert test.wrong is not None
        within = " (within its rate)" if test in weighed.tolerated else ""
        yield f"! {test.wrong.seen}{within}"
        if test.seen.exchanges:
            yield f"< {'; '.join(test.seen.lines)}; in all {test.seen}"
    tests = weighed.tests
    yield from _names(SILENT, [test for test in tests if test.silent])
    yield from _names(TOOTHLESS, [test for test in tests if test.toothless])
    for kind in (Ended.SKIPPED, Ended.XFAILED, Ended.DESELECTED, Ended.NOT_RUN):
        yield from _names(kind.value, [test for test in tests if test.result.ended is kind])


def _names(what: str, tests: list[Test]) -> Iterator[str]:
    found = [test.result.id for test in tests]
    if found:
        more = f" and {len(found) - NAMED_MAX} more" if len(found) > NAMED_MAX else ""
        yield f"= {what} ({len(found)}): {', '.join(found[:NAMED_MAX])}{more}"


def _output(printed: str, words: Words, room: int, *, cut: bool) -> Iterator[str]:
    lines = words.last_lines(quoted(printed), room + 1, cut=cut)
    if len(lines) > room or cut:
        yield "| …"
    for line in lines[-room:]:
        yield f"| {line}"[:LINE_MAX]
