"""Log lines beside a failed probe: the right ones, few, and never at users' expense."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.controller.log_excerpts import BESIDE, LINE_MAX, PAUSE_S, LogExcerpts
from gate.core.evidence import SERVICE, STABLE, Finding, Outcome, Symptom
from gate.core.redaction import Redactor
from gate.core.severity import Severity
from gate.errors import InfrastructureError
from gate.ports import LogEntry
from tests.fakes.clock import START, FakeClock
from tests.fakes.logs import FakeLogs
from tests.fakes.probes import evidence
from tests.fakes.world import CANDIDATE, FakeWorld

TRACE = "0af7651916cd43dd8448eb211c80319c"
SECRET = "s3cr3t-token-value"


def at(seconds, text, severity=Severity.DEFAULT, **more):
    return LogEntry(START + timedelta(seconds=seconds), severity, text, **more)


def failed(**more):
    item = evidence("health", Outcome.FAILED, "500")
    return replace(item, **{"started_at": START, "duration_s": 1.0, "trace": TRACE, **more})


async def lines(*entries, item=None):
    logs = FakeLogs()
    for entry in entries:
        logs.add(CANDIDATE, entry)
    words = LogExcerpts(logs, FakeClock(), Redactor({"alice": SECRET}))
    (seen,) = await words.beside((item or failed(),), CANDIDATE, START - timedelta(hours=1))
    return seen.log_lines


async def test_lines_of_the_same_trace_come_before_those_of_the_same_seconds():
    theirs = at(0, "another request", Severity.ERROR)
    own = at(5, "KeyError: 'name'", Severity.ERROR, trace=TRACE)
    assert await lines(theirs, own) == ("12:00:05 ERROR (by trace): KeyError: 'name'",)


async def test_without_a_trace_those_of_the_same_seconds_count_and_no_others():
    entries = (at(-9, "long before"), at(0.5, "Traceback"), at(2.5, "long after"))
    assert await lines(*entries) == ("12:00:00 (in the same seconds): Traceback",)


async def test_the_front_ends_own_log_says_nothing_new():
    assert (
        await lines(at(0, "GET / -> 500", trace=TRACE, log_id="run.googleapis.com/requests")) == ()
    )


async def test_the_audit_log_says_nothing_new():
    audit = at(0, "Ready condition status changed", log_id="cloudaudit.googleapis.com/system_event")
    own = at(0.1, "Traceback")
    assert await lines(audit) == ()
    logs = FakeLogs()
    for entry in (audit, own):
        logs.add(CANDIDATE, entry)
    words = LogExcerpts(logs, FakeClock(), Redactor({}))
    assert await words.of(CANDIDATE, START - timedelta(hours=1)) == ("Traceback",)


async def test_of_what_cloud_run_itself_says_only_its_complaints_are_told():
    system = "run.googleapis.com/varlog/system"
    entries = [
        at(0, "Starting new instance.", log_id=system),
        at(0.1, "Default STARTUP TCP probe succeeded", Severity.INFO, log_id=system),
    ]
    assert await lines(*entries) == ()
    own = at(0.1, "Listening", log_id="run.googleapis.com/stdout")
    killed = at(0.2, "Container called exit(1).", Severity.WARNING, log_id=system)
    assert await lines(*entries, own, killed) == (
        "12:00:00 (in the same seconds): Listening",
        "12:00:00 WARNING (in the same seconds): Container called exit(1).",
    )


@pytest.mark.parametrize(
    ("symptoms", "more", "told"),
    [
        ([Symptom.CLIENT], {"kind": "plugin"}, False),
        ([Symptom.IDENTITY, Symptom.CLIENT], {}, False),
        ([Symptom.CONFIGURATION], {"kind": "diff"}, False),
        ([Symptom.IDENTITY, Symptom.STATUS], {}, True),
    ],
)
async def test_there_is_nothing_beside_what_says_nothing_of_the_candidate(symptoms, more, told):
    item = failed(findings=tuple(Finding(one, "a", "b") for one in symptoms), **more)
    assert bool(await lines(at(0, "Traceback", Severity.ERROR), item=item)) is told


async def test_the_worst_lines_are_kept_in_their_order():
    entries = [at(n / 10, f"warning {n}", Severity.WARNING) for n in range(9)]
    found = await lines(
        at(0.95, "last", Severity.ERROR), at(0.05, "first", Severity.ERROR), *entries
    )
    assert len(found) == BESIDE
    assert found[0].endswith("first")
    assert found[-1].endswith("last")


async def test_lines_of_another_probes_requests_are_not_beside_this_one():
    other = replace(evidence("other"), trace="f" * 32)
    logs = FakeLogs()
    logs.add(CANDIDATE, at(0, "KeyError: 'theirs'", Severity.ERROR, trace="f" * 32))
    logs.add(CANDIDATE, at(0, "no trace at all"))
    words = LogExcerpts(logs, FakeClock(), Redactor({}))
    seen, _ = await words.beside((failed(), other), CANDIDATE, START)
    assert seen.log_lines == ("12:00:00 (in the same seconds): no trace at all",)


async def test_chatter_is_left_out_where_there_is_worse():
    chatter = at(0, "opened", Severity.INFO, trace=TRACE)
    assert len(await lines(chatter)) == 1
    assert await lines(chatter, at(0.5, "1011", Severity.ERROR, trace=TRACE)) == (
        "12:00:00 ERROR (by trace): 1011",
    )


async def test_beside_a_probe_of_the_logs_they_are_not_said_twice():
    assert await lines(at(0, "Traceback"), item=failed(kind="logs")) == ()


async def test_secrets_are_taken_out_before_a_line_is_cut():
    text = "x" * (LINE_MAX - 40) + SECRET
    (line,) = await lines(at(0, text))
    assert SECRET[:4] not in line
    assert len(line) <= LINE_MAX


@pytest.mark.parametrize("address", [SERVICE, STABLE])
async def test_only_what_the_candidate_answered_at_its_own_address_is_looked_up(address):
    assert await lines(at(0, "Traceback"), item=failed(address=address)) == ()


async def test_a_line_that_is_ingested_late_is_waited_for_once():
    logs, clock = FakeLogs(), FakeClock()
    clock.after(PAUSE_S / 2, lambda: logs.add(CANDIDATE, at(0, "Traceback")))
    words = LogExcerpts(logs, clock, Redactor({}))
    (seen,) = await words.beside((failed(),), CANDIDATE, START)
    assert seen.log_lines == ("12:00:00 (in the same seconds): Traceback",)
    assert len(logs.queries) == 2


async def test_where_all_passed_nothing_is_read():
    logs = FakeLogs()
    passed = (evidence("health"),)
    assert (
        await LogExcerpts(logs, FakeClock(), Redactor({})).beside(passed, CANDIDATE, START)
        == passed
    )
    assert logs.queries == []


async def test_logs_that_cannot_be_read_change_nothing():
    logs = FakeLogs()
    logs.fail_next("entries", InfrastructureError("403"))
    (seen,) = await LogExcerpts(logs, FakeClock(), Redactor({})).beside(
        (failed(),), CANDIDATE, START
    )
    assert seen == failed()


async def test_a_rejected_rollout_keeps_them_in_its_record():
    world = FakeWorld()
    world.probes.sees["health"] = failed()
    world.logs.add(CANDIDATE, at(0, "KeyError: 'name'", Severity.ERROR))
    await world.run()
    (entry,) = [one for one in world.ledger.kept if one["entry"] == "outcome"]
    (health,) = [one for one in entry["evidence"] if one["probe"] == "health"]
    assert health["log_lines"] == ["12:00:00 ERROR (in the same seconds): KeyError: 'name'"]
