"""The front end's log as a witness: what it shows, what it does not, and who else it names."""

from dataclasses import replace

import pytest

from gate.core.evidence import SERVICE, Outcome, Symptom
from gate.core.policy import IdentityRule, Severity
from gate.core.state import Ending
from gate.errors import InfrastructureError
from gate.ports import LogEntry
from gate.witness import REQUESTS, Witness
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
    (seen,) = await Witness(logs, FakeClock()).confirmed((item,), CANDIDATE, START, URL)
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


async def test_an_entry_that_is_late_is_waited_for():
    logs, clock = FakeLogs(), FakeClock()
    clock.after(9, lambda: logs.add(CANDIDATE, request()))
    (seen,) = await Witness(logs, clock).confirmed((asked(),), CANDIDATE, START, URL)
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
