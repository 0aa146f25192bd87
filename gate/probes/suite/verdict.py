"""What a suite's results are worth. Pure.

An exit code is never enough: 58 skipped tests exit with 0. A test counts if it passed at its first
try and, unless the policy asks for results alone, if it was seen talking to the candidate; where
there is a proof, only if that has seen it fail on something broken. What did not run says nothing,
so it holds; what failed speaks against the candidate only if it had asked it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from gate.core.evidence import Outcome, Symptom
from gate.kinds.suite import SuiteProbe
from gate.probes.outcome import Fault, worst
from gate.probes.quoting import quoted
from gate.probes.suite.record import NOBODY, SEVERAL, Record, Seen
from gate.probes.suite.results import Ended, Result, Results

PYTEST_CODES = {
    2: "it was interrupted, or tests could not be collected",
    3: "pytest itself failed",
    4: "pytest was called wrongly",
    5: "no tests were collected",
}
NAMED_MAX = 5
_LEFT_OUT = (Ended.SKIPPED, Ended.XFAILED, Ended.DESELECTED)
BAD = (Ended.FAILED, Ended.ERRORED)
UNTOLD = "(not kept)"
SILENT = "passed without asking the candidate"
STRANGERS = "passed on answers that were not the candidate's"
COUNTED = "the JSON of the report names each test, and why it is none"
_TALKING = "tests that ask the candidate"
_NO_TEETH = "passed without a proof that it can fail"
_UNTRIED = f"{_NO_TEETH}, for which proving had no time (gate policy prove --suite-time)"
_PROVE = "run gate policy prove after each change of the suite; it names tests that cannot fail"
_ONE_BY_ONE = "run the tests one after the other (no -n): several at once cannot be told apart"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of one run of a suite.

    Attributes:
        code: the exit code of the command, minus a signal's number.
        late: whether its time was up.
    """

    code: int
    late: bool
    results: Results
    record: Record


@dataclass(frozen=True, slots=True)
class Test:
    """One test and what was seen of it.

    Attributes:
        counts: whether it is a pass that speaks for the candidate.
        silent: whether it passed without asking the candidate.
        toothless: whether it passed, and the proof has not seen it fail.
        wrong: what speaks against it: None unless it failed, at its first try at least.
    """

    result: Result
    seen: Seen
    counts: bool
    silent: bool
    toothless: bool
    wrong: Fault | None

    @property
    def idle(self) -> bool:
        """Whether it passed and says nothing."""
        return self.silent or self.toothless

    @property
    def evidence(self) -> bool:
        """Whether it says something of the candidate, for it or against it."""
        return self.counts or (self.wrong is not None and self.wrong.outcome is Outcome.FAILED)


@dataclass(frozen=True, slots=True)
class SuiteVerdict:
    """What follows.

    Attributes:
        total: tests known of; `right` of them count.
        tolerated: tests that failed and still leave their rates reached.
    """

    tests: tuple[Test, ...]
    faults: tuple[Fault, ...]
    tolerated: tuple[Test, ...]

    @property
    def total(self) -> int:
        """Tests known of."""
        return len(self.tests)

    @property
    def right(self) -> int:
        """Passes that count."""
        return sum(test.counts for test in self.tests)

    @property
    def evidence(self) -> int:
        """Tests that say something of the candidate."""
        return sum(test.evidence for test in self.tests)

    @property
    def outcome(self) -> Outcome:
        """FAILED over INCONCLUSIVE over PASSED."""
        return worst(self.faults)


def suite_verdict(spec: SuiteProbe, facts: Facts) -> SuiteVerdict:
    """Judges a run of a suite by the policy's rules."""
    alone = spec.network and facts.results.by_test
    whole = None if facts.results.by_test else _together(facts.record)
    tests = tuple(
        _test(spec, result, whole or facts.record.of(result.id), alone=alone)
        for result in facts.results.tests
        if spec.only is None or result.id in spec.only or result.ended is not Ended.DESELECTED
    )
    short, tolerated = _rates(spec, tests)
    faults = [
        *_of_the_run(spec, facts, tests),
        *_left_out(spec, facts, tests),
        *_required(spec, tests),
        *_counted(spec, tests),
        *short,
        *_silence(spec, facts, tests),
    ]
    return SuiteVerdict(tests, tuple(dict.fromkeys(faults)), tolerated)


def _together(record: Record) -> Seen:
    """What was seen in all, where nobody says which test was running."""
    whole = Seen()
    for seen in record.all():
        whole.answers += seen.answers
        whole.sent += seen.sent
        whole.received += seen.received
        whole.early += seen.early
        whole.broken.update(seen.broken)
        whole.foreign.update(seen.foreign)
        whole.unreached.update(seen.unreached)
        for place, codes in seen.places.items():
            whole.places.setdefault(place, set()).update(codes)
    return whole


def _test(spec: SuiteProbe, result: Result, seen: Seen, *, alone: bool) -> Test:
    passed = result.ended is Ended.PASSED
    heard = (seen.asked or not alone) and not (spec.network and seen.foreign)
    shown = not spec.network or spec.can_fail is None or result.id in spec.can_fail
    return Test(
        result,
        seen,
        counts=passed and not result.reruns and heard and shown,
        silent=passed and not heard,
        toothless=passed and heard and not shown,
        wrong=_wrong(result, seen, network=spec.network),
    )


def _wrong(result: Result, seen: Seen, *, network: bool) -> Fault | None:
    if result.ended in BAD:
        told = f"{result.id} {result.ended.value}: {quoted(first_line(result.why), UNTOLD)}"
    elif result.ended is Ended.PASSED and result.reruns:
        told = f"{result.id} passed only when it was run again"
    else:
        return None
    if other := (*seen.foreign, *seen.unreached):
        hint = f"it got what was not the candidate's answer: {other[0]}"
        return Fault(Symptom.TESTS, told, "a pass", hint, Outcome.INCONCLUSIVE)
    if network and not seen.asked and not seen.broken:
        hint = "it was not seen asking the candidate: look at the suite and at what it needs"
        return Fault(Symptom.TESTS, told, "a pass", hint, Outcome.INCONCLUSIVE)
    return Fault(Symptom.TESTS, told, "a pass", f"it saw {seen}" if str(seen) else "")


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "no reason given")


def _of_the_run(spec: SuiteProbe, facts: Facts, tests: tuple[Test, ...]) -> Iterator[Fault]:
    """What is wrong with the run itself, whatever its tests say."""
    results, code = facts.results, facts.code
    said = f"exit code {code}"
    if facts.late:
        running = ", ".join(facts.record.running[:NAMED_MAX])
        during = f" while {running} was running" if running else ""
        yield _nothing(f"its time was up after {spec.timeout_s:g} s{during}", "an end by itself")
        return
    if code < 0:
        yield _nothing(f"signal {-code} ended it", "an end by itself")
    for place, why in list(results.uncollected.items())[:NAMED_MAX]:
        told = f"{place or 'the suite'} could not be collected: {quoted(_last_line(why), UNTOLD)}"
        yield _nothing(told, "tests", "the suite does not run as it is: try it by hand")
    if not results.runner:
        hint = "run pytest (without -I or -E), or write JUnit XML to the file GATE_JUNIT_XML"
        yield _nothing(f"no report from its tests ({said})", "a report of every test", hint)
        return
    if results.by_test and code in PYTEST_CODES:
        yield _nothing(f"{said}: {PYTEST_CODES[code]}", "exit code 0 or 1")
    elif not tests:
        yield _nothing(f"no tests ({said})", "at least one test")
    yield from _sums(facts, tests)


def _last_line(text: str) -> str:
    return first_line("\n".join(reversed(text.splitlines()))).removeprefix("E ").strip()


def _sums(facts: Facts, tests: tuple[Test, ...]) -> Iterator[Fault]:
    """Whether what was reported adds up."""
    results, code = facts.results, facts.code
    if results.garbled:
        yield _nothing(f"{results.garbled} reports that could not be read", "reports of every test")
    not_run = [test.result.id for test in tests if test.result.ended is Ended.NOT_RUN]
    if not_run:
        told = f"{len(not_run)} of {len(tests)} tests have no end, such as {not_run[0]}"
        yield _nothing(told, "an end of every test", "a suite that stops early proves little")
    if results.by_test and results.code != code and code >= 0:
        own = "none" if results.code is None else str(results.code)
        yield _nothing(f"exit code {code}, but {own} by pytest's own word", "one and the same")
    bad = any(test.result.ended in BAD for test in tests)
    if tests and not not_run and not results.uncollected and code in (0, 1) and bad != (code != 0):
        told = f"exit code {code}, although {'some tests' if bad else 'no test'} failed"
        yield _nothing(told, "counts that add up", "look at the end of its output")
    elif tests and not results.by_test and code > 1 and not bad:
        yield _nothing(f"exit code {code}, although no test failed", "counts that add up")


def idle_why(test: Test, spec: SuiteProbe) -> str:
    """Why a pass says nothing."""
    if test.silent:
        return STRANGERS if test.seen.foreign else SILENT
    return _UNTRIED if test.result.id in spec.untried else _NO_TEETH


def _counted(spec: SuiteProbe, tests: tuple[Test, ...]) -> Iterator[Fault]:
    """Whether so many tests are evidence as the policy wants."""
    if spec.counted is None or not tests:
        return
    found = sum(test.evidence for test in tests)
    if found < spec.counted.of(len(tests)):
        told = f"{found} of {len(tests)} tests as evidence"
        yield _nothing(told, f"at least {spec.counted}", COUNTED)


def _required(spec: SuiteProbe, tests: tuple[Test, ...]) -> Iterator[Fault]:
    for name in spec.tests:
        found = [test for test in tests if _is_named(test.result.id, name)]
        if not found:
            yield _nothing(f"{name} is not among its tests", f"{name} passed")
        for test in found:
            if test.counts or test.wrong is not None:
                if test.wrong is not None:
                    yield test.wrong
                continue
            how = idle_why(test, spec) if test.idle else test.result.ended.value
            yield _nothing(f"{test.result.id} {how}", f"{name} passed")


def _is_named(test: str, name: str) -> bool:
    """Whether a wish names this test: by node id or by its end, with or without parameters."""
    for one in (test, test.partition("[")[0]):
        if one == name or one.endswith((f"::{name}", f".{name}")):
            return True
    return False


def _rates(spec: SuiteProbe, tests: tuple[Test, ...]) -> tuple[tuple[Fault, ...], tuple[Test, ...]]:
    """What falls short of the policy's rates, and the failures that do not."""
    faults: list[Fault] = []
    short: set[str] = set()
    for marker, percent in spec.pass_rate.items():
        members = [test for test in tests if not test.idle and _speaks_for(test, marker)]
        found = _rate(marker, percent, members)
        if found:
            short.add(marker)
            faults += [*found, *(test.wrong for test in members if test.wrong is not None)]
    tolerated = []
    for test in tests:
        rated = [marker for marker in spec.pass_rate if _speaks_for(test, marker)]
        if test.wrong is not None and not rated:
            faults.append(test.wrong)
        elif test.wrong is not None and not short.intersection(rated):
            tolerated.append(test)
    return tuple(faults), tuple(tolerated)


def _speaks_for(test: Test, marker: str) -> bool:
    return not marker or marker in test.result.markers


def _rate(marker: str, percent: float, members: list[Test]) -> list[Fault]:
    name = marker or "all tests"
    passed = sum(test.counts for test in members)
    expected = f"{name}: at least {percent:g} %"
    if not members:
        return [_nothing(f"{name}: no test that counts", expected)]
    if Fraction(passed * 100, len(members)) >= Fraction(str(percent)):
        return []
    share = 100 * passed / len(members)
    seen = f"{name}: {passed} of {len(members)} passed ({share:.1f} %)"
    wrong = [test.wrong for test in members if test.wrong is not None]
    if not wrong:
        return [_nothing(seen, expected)]
    return [Fault(Symptom.TESTS, seen, expected, because=worst(wrong))]


def _left_out(spec: SuiteProbe, facts: Facts, tests: tuple[Test, ...]) -> Iterator[Fault]:
    out = [test.result for test in tests if test.result.ended in _LEFT_OUT]
    if not out or len(out) <= spec.skipped < len(tests):
        return
    kinds = Counter(result.ended for result in out)
    parts = ", ".join(f"{count} {ended.value}" for ended, count in kinds.items())
    reason = next((first_line(result.why) for result in out if result.why), "")
    hints = [f"the first reason given: {reason.removeprefix('Skipped: ')}"] if reason else []
    if len(out) < len(tests):
        seen = f"{len(out)} of {len(tests)} tests left out ({parts})"
        yield _nothing(seen, f"at most {spec.skipped} left out", "; ".join(hints))
        return
    if lines := facts.record.of(NOBODY).lines:
        hints.append(f"before its tests it saw {', '.join(lines)}")
    elif lines := next((test.seen.lines for test in tests if test.seen.lines), []):
        hints.append(f"while it left them out it saw {', '.join(lines)}")
    told = _nothing(f"no test ran: {parts}, exit code {facts.code}", "tests", "; ".join(hints))
    yield replace(told, not_yet=any(seen.early for seen in facts.record.all()))


def _silence(spec: SuiteProbe, facts: Facts, tests: tuple[Test, ...]) -> Iterator[Fault]:
    """What follows where no pass, or none by the right revision, was seen."""
    if not spec.network:
        return
    strangers = [test for test in tests if test.silent and test.seen.foreign]
    if strangers:
        told = next(iter(strangers[0].seen.foreign))
        seen = f"{len(strangers)} passed on answers that were not the candidate's: {told}"
        yield Fault(Symptom.IDENTITY, seen, "answers from the candidate alone")
    asked = any(seen.asked for seen in facts.record.all())
    silent = sum(test.silent for test in tests)
    if facts.record.of(SEVERAL).exchanges:
        told = "requests while several tests ran at once: nobody knows by which"
        yield _nothing(told, _TALKING, _ONE_BY_ONE)
    elif tests and not asked:
        hint = "lead the suite to ${url} and ${ws_url} by its environment, or name its `hosts`"
        yield _nothing("the suite never asked the candidate", _TALKING, hint)
    elif any(test.idle for test in tests) and not any(test.counts or test.wrong for test in tests):
        parts = [f"{silent} passed without asking the candidate"] if silent else []
        toothless = sum(test.toothless for test in tests)
        parts += [f"{toothless} {_NO_TEETH}"] if toothless else []
        yield _nothing(f"{', '.join(parts)}, and no other", _TALKING, _PROVE if toothless else "")


def _nothing(seen: str, expected: str, hint: str = "") -> Fault:
    return Fault(Symptom.NO_EVIDENCE, seen, expected, hint)
