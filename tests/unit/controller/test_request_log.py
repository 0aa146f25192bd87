"""Who answered, by the request log: what it shows, what it does not, and who else it names."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gate.controller.request_log import READ, REQUESTS, TRACES, RequestLog
from gate.core.evidence import SERVICE, Outcome, Symptom
from gate.core.policy import IdentityRule
from gate.core.severity import Severity
from gate.core.state import Ending
from gate.errors import InfrastructureError
from gate.ports import LogEntry
from tests.fakes.clock import START, FakeClock
from tests.fakes.logs import FakeLogs
from tests.fakes.probes import evidence
from tests.fakes.world import CANDIDATE, FakeWorld, plan

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "backend-00001-old"
URL = "https://candidate---backend-abc-uc.a.run.app"


def request(revision=CANDIDATE, trace=TRACE, **more):
    text = f"GET {URL}/health -> 200"
    return LogEntry(START, Severity.INFO, text, REQUESTS, trace, revision=revision, **more)


def asked(outcome=Outcome.PASSED, **more):
    return replace(evidence("health", outcome), **{"trace": TRACE, **more})


async def confirmed(item, *entries, logs=None):
    logs = logs or FakeLogs()
    for entry in entries:
        logs.add(entry.revision, entry)
    (seen,) = await RequestLog(logs, FakeClock()).confirmed((item,), CANDIDATE, START)
    return seen


async def test_a_pass_that_the_log_shows_is_one_and_names_who_answered():
    seen = await confirmed(asked(), request())
    assert seen.passed
    assert seen.answered_by == CANDIDATE


@pytest.mark.parametrize("outcome", [Outcome.PASSED, Outcome.FAILED])
async def test_what_another_revision_got_is_no_evidence(outcome):
    seen = await confirmed(asked(outcome), request(OTHER))
    assert (seen.outcome, seen.answered_by) == (Outcome.INCONCLUSIVE, OTHER)
    assert seen.findings[0].symptom is Symptom.IDENTITY
    assert OTHER in seen.seen


@pytest.mark.parametrize(
    "entries",
    [(), (request(trace="f" * 32),), (replace(request(), log_id="run.googleapis.com/stdout"),)],
)
async def test_a_pass_that_the_log_does_not_show_is_inconclusive(entries):
    seen = await confirmed(asked(), *entries)
    assert seen.outcome is Outcome.INCONCLUSIVE
    assert "no such request in the log" in seen.seen


async def test_sessions_that_went_to_both_prove_nothing():
    seen = await confirmed(asked(), request(), request(OTHER))
    assert (seen.outcome, seen.answered_by) == (Outcome.INCONCLUSIVE, f"{OTHER}, {CANDIDATE}")


async def test_a_pass_without_a_trace_proves_nothing():
    assert (await confirmed(asked(trace=""), request(trace=""))).outcome is Outcome.INCONCLUSIVE


async def test_a_failure_without_an_answer_stays_a_failure():
    assert (await confirmed(asked(Outcome.FAILED))).outcome is Outcome.FAILED


@pytest.mark.parametrize("other", [asked(address=SERVICE), asked(kind="logs"), asked(kind="diff")])
async def test_what_no_revision_answered_at_its_own_address_is_left_alone(other):
    assert await confirmed(other) == other


MANY = [f"{number:032x}" for number in range(230)]


def requests(trace, count, revision=CANDIDATE, at_s=0):
    at = START + timedelta(seconds=at_s)
    return [replace(request(revision, trace), at=at)] * count


async def looked_for(*groups):
    logs = FakeLogs()
    for entry in (entry for group in groups for entry in group):
        logs.add(entry.revision, entry)
    traces = sorted({entry.trace for group in groups for entry in group})
    asked_for = tuple(replace(asked(), trace=trace) for trace in traces)
    return await RequestLog(logs, FakeClock()).confirmed(asked_for, CANDIDATE, START), logs.queries


async def test_a_request_is_found_before_however_many_others():
    early, late = requests(MANY[0], 1), requests(MANY[1], 5 * READ, at_s=9)
    seen, queries = await looked_for(early, late)
    assert [one.passed for one in seen] == [True, True]
    assert len(queries) < 5


async def test_many_requests_of_each_of_several_probes_are_read_on():
    seen, _ = await looked_for(*(requests(trace, 2 * READ) for trace in MANY[:6]))
    assert all(one.passed for one in seen)


async def test_the_one_answer_of_another_revision_is_found_among_thousands():
    other = requests(MANY[0], 1, OTHER)
    seen, _ = await looked_for(other, requests(MANY[0], 3 * READ, at_s=9), requests(MANY[1], 1))
    assert [one.passed for one in seen] == [False, True]
    assert OTHER in seen[0].answered_by


async def test_the_traces_of_many_probes_are_read_in_parts():
    seen, queries = await looked_for(*(requests(trace, 1) for trace in MANY))
    assert all(one.passed for one in seen)
    assert max(len(query.traces) for query in queries) == TRACES


async def test_an_entry_that_is_late_is_waited_for():
    logs, clock = FakeLogs(), FakeClock()
    clock.after(9, lambda: logs.add(CANDIDATE, request()))
    (seen,) = await RequestLog(logs, clock).confirmed((asked(),), CANDIDATE, START)
    assert seen.passed


async def test_a_log_that_cannot_be_read_proves_nothing():
    logs = FakeLogs()
    logs.fail_next("entries", InfrastructureError("403"))
    assert (await confirmed(asked(), request(), logs=logs)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("who", "ending"), [(CANDIDATE, Ending.PROMOTED), (OTHER, Ending.HELD), ("", Ending.HELD)]
)
async def test_a_rollout_rests_on_it_where_the_policy_says_so(who, ending):
    world = FakeWorld()
    asking = plan(identity=IdentityRule(request_log=True))
    for number, probe in enumerate(asking.probes):
        trace = f"{number:032x}"
        world.probes.sees[probe.name] = replace(evidence(probe.name), trace=trace)
        if who:
            world.logs.add(who, request(who, trace))
    assert (await world.run(asking)).ending is ending
