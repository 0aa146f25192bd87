from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.core.severity import Severity
from gate.errors import AccessError, UnavailableError
from gate.kinds.logs import LogPattern, LogsProbe
from gate.ports import LogEntry, Target
from gate.probes.runner import ProbeRunner
from tests.fakes.clock import START, FakeClock
from tests.fakes.logs import FakeLogs

ERRORS = LogPattern(Severity.ERROR)
SSOT = LogPattern(text="SSOT validation failed")
TARGET = Target("https://x", revision="backend-00002-abc", since=START - timedelta(seconds=60))
SECRETS = {"alice": "alices-own-secret"}


def entry(text, severity=Severity.ERROR, after_s=0.0):
    return LogEntry(START + timedelta(seconds=after_s), severity, text)


async def ask(spec, logs, clock, target=TARGET, progress=lambda _: None):
    runner = ProbeRunner(SECRETS, logs, clock, Redactor(SECRETS))
    (evidence,) = await runner.run([Probe("logs", spec)], target, progress)
    return evidence


async def test_no_such_entry_for_the_whole_time_is_a_pass():
    clock, logs = FakeClock(), FakeLogs()
    logs.add(TARGET.revision, entry("fine", Severity.INFO))
    logs.add("backend-00001-xyz", entry("another revision's"))
    evidence = await ask(LogsProbe((ERRORS,), settle_s=15), logs, clock)
    assert evidence.passed
    assert sum(clock.slept) == 15
    assert max(clock.slept) <= 2.5
    assert all(query.revision == TARGET.revision for query in logs.queries)
    assert all(query.since == TARGET.since for query in logs.queries)
    assert evidence.expected == "no entry with severity ERROR or worse"


async def test_an_entry_that_is_there_fails_at_once():
    clock, logs = FakeClock(), FakeLogs()
    logs.add(TARGET.revision, entry("boom: alices-own-secret"))
    logs.add(TARGET.revision, entry("worse", Severity.CRITICAL, after_s=-1))
    evidence = await ask(LogsProbe((ERRORS,)), logs, clock)
    assert evidence.outcome is Outcome.FAILED
    assert clock.slept == []
    (finding,) = evidence.findings
    assert finding.symptom is Symptom.LOGS
    assert finding.count == 2
    assert finding.seen == "ERROR boom: [secret alice]"
    assert evidence.excerpts == (
        "12:00:00 ERROR boom: [secret alice]",
        "11:59:59 CRITICAL worse",
    )


async def test_a_5xx_in_the_request_log_counts_and_is_told_apart():
    clock, logs = FakeClock(), FakeLogs()
    line = LogEntry(START, Severity.ERROR, "GET https://x/a -> 503", "run.googleapis.com/requests")
    logs.add(TARGET.revision, line)
    (finding,) = (await ask(LogsProbe((ERRORS,)), logs, clock)).findings
    assert "name texts" in finding.hint
    logs.add(TARGET.revision, entry("own"))
    named = LogsProbe((LogPattern(Severity.ERROR, "own"),))
    (finding,) = (await ask(named, logs, clock)).findings
    assert finding.hint == ""


async def test_an_entry_that_arrives_late_is_seen():
    clock = FakeClock()
    logs = FakeLogs(clock, delay_s=9)
    logs.add(TARGET.revision, entry("late"))
    evidence = await ask(LogsProbe((ERRORS,), settle_s=15), logs, clock)
    assert evidence.outcome is Outcome.FAILED
    assert 9 <= sum(clock.slept) < 12


async def test_the_last_read_is_at_the_very_end():
    clock = FakeClock()
    logs = FakeLogs(clock, delay_s=15)
    logs.add(TARGET.revision, entry("at the last moment"))
    evidence = await ask(LogsProbe((ERRORS,), settle_s=15), logs, clock)
    assert evidence.outcome is Outcome.FAILED


async def test_reads_stay_within_half_of_the_quota():
    clock, logs = FakeClock(), FakeLogs()
    patterns = (ERRORS, SSOT, LogPattern(text="Traceback"), LogPattern(Severity.INFO, "x"))
    await ask(LogsProbe(patterns, settle_s=60), logs, clock)
    assert len(logs.queries) <= 30 + len(patterns)


async def test_patterns_that_another_one_covers_cost_no_read():
    clock, logs = FakeClock(), FakeLogs()
    patterns = (ERRORS, LogPattern(Severity.CRITICAL), LogPattern(Severity.ALERT, "x"), SSOT, SSOT)
    await ask(LogsProbe(patterns, settle_s=0), logs, clock)
    asked = [query for query in logs.queries if not query.unrated]
    assert [(query.min_severity, query.text) for query in asked] == [
        (Severity.ERROR, ""),
        (None, "SSOT validation failed"),
    ]
    assert len(logs.queries) == 3  # once more for entries without a severity of the platform's


async def test_a_pattern_with_text_matches_at_any_severity():
    clock, logs = FakeClock(), FakeLogs()
    logs.add(TARGET.revision, entry("SSOT validation failed for alice", Severity.DEFAULT))
    evidence = await ask(LogsProbe((SSOT,), settle_s=0), logs, clock)
    assert evidence.outcome is Outcome.FAILED
    assert evidence.findings[0].seen == "entry SSOT validation failed for alice"


@pytest.mark.parametrize(
    ("error", "symptom"),
    [
        (AccessError("logging: not allowed (got 403)"), Symptom.CLIENT),
        (UnavailableError("logging: no answer"), Symptom.PLATFORM),
    ],
)
async def test_logs_that_cannot_be_read_are_no_pass(error, symptom):
    clock, logs = FakeClock(), FakeLogs()
    for _ in range(2):
        logs.before_next("entries", lambda: None)
    logs.fail_next("entries", error)
    evidence = await ask(LogsProbe((ERRORS,), settle_s=15), logs, clock)
    assert evidence.outcome is Outcome.INCONCLUSIVE
    (finding,) = evidence.findings
    assert finding.symptom is symptom
    assert error.message in finding.seen


async def test_without_access_or_revision_nothing_is_known():
    alone, lacking = "a URL alone, and no revision", "no access to Cloud Logging"
    nowhere = Target("https://x")
    for logs, target, seen in (
        (None, TARGET, lacking),
        (FakeLogs(), nowhere, alone),
        (None, nowhere, alone),
    ):
        evidence = await ask(LogsProbe((ERRORS,)), logs, FakeClock(), target)
        assert seen in evidence.seen
        assert evidence.outcome is Outcome.INCONCLUSIVE
        assert evidence.findings[0].symptom is Symptom.CLIENT
        assert evidence.findings[0].hint


async def test_a_probe_alone_looks_at_what_is_logged_from_now_on():
    clock, logs = FakeClock(), FakeLogs()
    logs.add(TARGET.revision, entry("yesterday's", after_s=-86_400))
    target = Target("https://x", revision=TARGET.revision)
    assert (await ask(LogsProbe((ERRORS,), settle_s=5), logs, clock, target)).passed


async def test_waiting_is_shown():
    seen = []
    await ask(LogsProbe((ERRORS,), settle_s=5), FakeLogs(), FakeClock(), progress=seen.append)
    assert "waiting for late entries: 0 of 5 s" in [one.text for one in seen]


async def test_an_empty_entry_is_an_entry():
    clock, logs = FakeClock(), FakeLogs()
    logs.add(TARGET.revision, entry(""))
    assert "(no text)" in (await ask(LogsProbe((ERRORS,)), logs, clock)).findings[0].seen


TRACE = ("Traceback (most recent call last):", '  File "/app/a.py", line 1, in a', "KeyError: 'a'")
STABLE = Target("https://y", "backend-00001-xyz")
BESIDE = replace(TARGET, stable=STABLE, compare_with=(STABLE.revision,))


def printed(logs, *lines, revision=TARGET.revision, severity=Severity.DEFAULT, before_s=0.0):
    for number, line in enumerate(lines):
        one = entry(line, severity, after_s=number / 100 - before_s)
        logs.add(revision, one, unrated=True)


@pytest.mark.parametrize(
    ("pattern", "fails"),
    [
        (ERRORS, True),
        (LogPattern(Severity.WARNING), True),
        (LogPattern(Severity.CRITICAL), False),
        (LogPattern(Severity.ERROR, "NO SUCH TABLE"), True),
        (LogPattern(Severity.ERROR, "timeout"), False),
    ],
)
async def test_an_entry_that_names_its_severity_otherwise_matches_by_it(pattern, fails):
    logs = FakeLogs()
    printed(logs, 'no such table {"level": 50}', severity=Severity.ERROR)
    evidence = await ask(LogsProbe((pattern,), settle_s=0), logs, FakeClock())
    assert (evidence.outcome is Outcome.FAILED) is fails
    if fails:
        assert "log JSON with `severity`" in evidence.findings[0].hint


async def test_what_only_looks_like_an_error_is_told_with_advice():
    logs = FakeLogs()
    printed(logs, "listening", *TRACE, "ERROR: no such table")
    evidence = await ask(LogsProbe((ERRORS,), settle_s=0), logs, FakeClock())
    assert evidence.passed
    told = "4 entries without a severity look like errors: 1 trace: KeyError: 'a'"
    assert evidence.seen.endswith(told)
    assert evidence.excerpts[:2] == ("! 1 trace: KeyError: 'a'", "! 1 line: ERROR: no such table")
    assert evidence.excerpts[2].startswith("= advice: log JSON with `severity`")


@pytest.mark.parametrize(
    ("theirs", "outcome"),
    [
        ((), Outcome.INCONCLUSIVE),
        (TRACE, Outcome.PASSED),
        ((*TRACE[:2], "ValueError: 'a'"), Outcome.INCONCLUSIVE),
    ],
)
async def test_beside_stable_a_trace_of_a_new_kind_is_no_pass(theirs, outcome):
    logs = FakeLogs()
    printed(logs, *TRACE)
    printed(logs, *theirs, revision=STABLE.revision, before_s=3600)
    runner = ProbeRunner(SECRETS, logs, FakeClock(), Redactor(SECRETS))
    probe = Probe("logs", LogsProbe((ERRORS,), settle_s=0))
    evidence = (await runner.run([probe], BESIDE, lambda _: None))[0]
    assert evidence.outcome is outcome
    assert [one.symptom for one in evidence.findings] == (
        [] if outcome is Outcome.PASSED else [Symptom.LOGS]
    )


async def test_a_line_by_itself_holds_nobody_beside_stable():
    logs = FakeLogs()
    printed(logs, "ERROR: no such table")
    assert (await ask(LogsProbe((ERRORS,), settle_s=0), logs, FakeClock(), BESIDE)).passed


async def test_a_probe_of_texts_alone_reads_nothing_more():
    logs = FakeLogs()
    printed(logs, *TRACE)
    assert (
        await ask(LogsProbe((SSOT,), settle_s=0), logs, FakeClock())
    ).seen == "none in 0 s (1 read)"


@pytest.mark.parametrize(("count", "fails"), [(1, False), (3, False), (4, True)])
async def test_a_few_lines_on_the_front_ends_own_trouble_are_none_of_the_candidates(count, fails):
    logs = FakeLogs()
    text = "upstream connect error or disconnect/reset before headers. reset reason: overflow"
    for number in range(count):
        logs.add(
            TARGET.revision,
            LogEntry(
                START, Severity.ERROR, text, "run.googleapis.com/requests", insert_id=str(number)
            ),
        )
    evidence = await ask(LogsProbe((ERRORS,), settle_s=0), logs, FakeClock())
    assert (evidence.outcome is Outcome.FAILED) is fails
