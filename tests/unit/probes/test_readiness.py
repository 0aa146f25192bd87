from dataclasses import replace
from datetime import timedelta

import pytest

from gate.core.evidence import Outcome, Symptom
from gate.probes.readiness import Readiness, not_yet, says_not_yet, until_ready
from tests.fakes.clock import START, FakeClock
from tests.fakes.probes import evidence

EARLY = replace(evidence("health", Outcome.FAILED, '503, {"status":"starting"}'), not_yet=True)


@pytest.mark.parametrize(
    ("status", "body", "retry_after"),
    [
        (503, '{"status":"starting"}', ""),
        (503, '{"status": "STARTING_UP"}', ""),
        (503, "warming up, 40 % of the cache", ""),
        (503, '{"detail": "Model is still loading"}', ""),
        (503, '{"error": "service is initializing"}', ""),
        (503, '{"ready": false}', ""),
        (503, '{"status":"OUT_OF_SERVICE"}', ""),
        (503, "<html><h1>We are not ready yet</h1></html>", ""),
        (500, '{"status": "initialising"}', ""),
        (425, "starting", ""),
        (503, "", "5"),
        (429, "", "1"),
        (503, '{"status":"starting","failures":0,"failed":false,"timeout":"30s"}', ""),
        (503, '{"ready":false,"missing":[],"error":null}', ""),
        (503, "Model not loaded", ""),
        (503, "service not initialized", ""),
        (503, "the index is not built yet", ""),
        (503, "the model isn't available yet", ""),
        (503, "Waiting for database", ""),
        (503, '{"status":"pending"}', ""),
    ],
)
def test_the_words_of_a_start_are_known(status, body, retry_after):
    assert not_yet(status, body, retry_after)


@pytest.mark.parametrize(
    ("status", "body", "retry_after"),
    [
        (503, "", ""),
        (503, '{"status":"unhealthy","core_db":"failed"}', ""),
        (503, '{"detail":{"message":"Database timeout after 8.0s"}}', ""),
        (503, '{"status":"starting","message":"cannot connect to the database"}', ""),
        (500, '{"error":"error starting a transaction"}', ""),
        (500, '{"error":"model loading failed"}', ""),
        (503, "", "86400"),
        (503, "", "Fri, 31 Dec 1999 23:59:59 GMT"),
        (503, "", "\xb2"),
        (503, "", "9" * 5000),
        (503, "", "five"),
        (503, '{"status":"starting","failures":["database"]}', ""),
        (503, '{"status":"starting","failed":true}', ""),
        (500, "", "5"),
        (404, '{"status":"starting"}', ""),
        (400, '{"message":"not ready"}', ""),
        (503, "restarted downloading", ""),
    ],
)
def test_an_error_that_says_nothing_of_a_start_is_an_answer(status, body, retry_after):
    assert not not_yet(status, body, retry_after)


@pytest.mark.parametrize(
    ("date", "early"),
    [
        ("Mon, 30 Nov 2026 12:59:50 GMT", True),
        ("Mon, 30 Nov 2026 12:00:00 GMT", False),
        ("Mon, 30 Nov 2026 13:00:01 GMT", False),
        ("now", False),
        ("", False),
    ],
)
def test_a_date_to_come_back_at_is_measured_by_the_answers_own(date, early):
    assert not_yet(503, "busy", "Mon, 30 Nov 2026 13:00:00 GMT", date) is early


@pytest.mark.parametrize(
    ("value", "early"),
    [
        ({"status": "starting"}, True),
        ({"ready": False}, True),
        ({"state": "warming_up", "items": []}, True),
        ({"status": "ok", "note": "loading"}, False),
        ({"status": "degraded"}, False),
        ({"ready": True}, False),
        (["starting"], False),
        ("starting", False),
    ],
)
def test_of_a_good_status_only_the_state_counts(value, early):
    assert says_not_yet(value) is early


async def _until(answers, ready_s, *, wait=True):
    clock, told = FakeClock(), []

    async def ask():
        clock.advance(0.1)
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def waiting(seen, left_s):
        told.append((seen.seen, round(left_s)))
        return wait

    until = None if ready_s is None else START + timedelta(seconds=ready_s)
    return await until_ready(ask, Readiness(until), clock, waiting), clock, told


async def test_what_is_not_ready_is_asked_until_it_is():
    seen, clock, told = await _until([EARLY, EARLY, EARLY, evidence("health")], 60)
    assert seen.passed
    assert told == [(EARLY.seen, 60)]
    assert seen.seen.startswith("200; ready after ")
    assert seen.excerpts[0] == f"= 3 times before: {EARLY.seen}"
    assert clock.slept == sorted(clock.slept)


async def test_what_is_never_ready_is_a_slow_start_within_the_time():
    seen, clock, _ = await _until([EARLY], 60)
    assert 60 <= (clock.now() - START).total_seconds() < 61
    assert seen.outcome is Outcome.FAILED
    slow, own = seen.findings
    assert (slow.symptom, own.symptom) == (Symptom.SLOW, Symptom.STATUS)
    assert slow.seen.startswith("a slow start: not ready after 60")
    assert slow.hint


@pytest.mark.parametrize(("ready_s", "wait"), [(None, True), (0, True), (60, False)])
async def test_nothing_is_waited_for_without_time_or_where_stable_says_the_same(ready_s, wait):
    seen, clock, _ = await _until([EARLY], ready_s, wait=wait)
    assert (seen, clock.slept) == (EARLY, [])


async def test_an_answer_ends_it_whatever_it_says():
    failed = evidence("health", Outcome.FAILED, "500")
    seen, clock, _ = await _until([EARLY, failed], 60)
    assert (seen.outcome, len(clock.slept)) == (Outcome.FAILED, 1)
    assert [one.symptom for one in seen.findings] == [Symptom.STATUS]
