"""Which failures are tried again: over a scripted client, without a socket and without waiting."""

import asyncio
from dataclasses import replace

import pytest

from gate.cloud.failure import Code, Failure
from gate.cloud.http import Answer
from gate.cloud.wire import Patience, Query, path_of
from gate.errors import AccessError, ConflictError, InfrastructureError, UnavailableError
from tests.unit.cloud.answers import LOCAL, REAL, REFUSED, Scripted, error, ok, wire_over

READ = Query("GET", "/x", "thing")
WRITE = Query("PUT", "/x", "thing", {"a": 1}, writes=True)
LOST = Failure(Code.UNAVAILABLE, "connection closed without an answer")
LATE = Failure(Code.DEADLINE_EXCEEDED, "no answer within 10 s")
NO_TOKEN = Failure(Code.UNAUTHENTICATED, "no credentials: none here", sent=False)
NO_NETWORK = Failure(Code.UNAVAILABLE, "no access token: no network", sent=False)


async def outcome(client, query=READ, place=REAL, patience=None):
    wire, slept = wire_over(client, place, patience)
    try:
        answer = await wire.call(query)
    except InfrastructureError as problem:
        answer = problem
    return answer, slept


async def test_what_is_sent_and_what_comes_back():
    client = Scripted(ok({"b": 2}))
    wire, _ = wire_over(client)
    async with wire:
        assert await wire.call(WRITE) == {"b": 2}
    assert client.asked == [("PUT", "/x", WRITE.timeout_s)]
    assert client.bodies == [{"a": 1}]
    (headers,) = client.headers
    assert headers == {
        "Host": "us-central1-run.googleapis.com",
        "User-Agent": "cloud-run-gate",
        "Content-Type": "application/json",
        "Content-Length": "8",
        "Authorization": "Bearer t",
    }
    assert client.closed


async def test_an_emulator_learns_the_region_by_the_host():
    client = Scripted(ok({}))
    wire, _ = wire_over(client, LOCAL)
    await wire.call(READ)
    assert client.headers[0]["Host"] == "us-central1-127.0.0.1:7"


async def test_the_date_of_each_answer_is_heard_refusals_too():
    heard = []
    told = Answer(200, b"{}", "Thu, 01 Jan 2026 12:00:00 GMT")
    wire, _ = wire_over(Scripted(replace(error(503), date="first"), told), dated=heard.append)
    await wire.call(READ)
    assert heard == ["first", "Thu, 01 Jan 2026 12:00:00 GMT"]


def test_names_stay_one_part_of_a_path():
    assert path_of("/a/{name}:x", name="../b?c=d/é") == "/a/..%2Fb%3Fc%3Dd%2F%C3%A9:x"


PASSING = [error(503), error(504), error(429), error(500), error(502), LOST, LATE]


@pytest.mark.parametrize("failure", PASSING, ids=str)
@pytest.mark.parametrize("query", [READ, WRITE], ids=["read", "write"])
async def test_what_may_pass_is_tried_again(failure, query):
    answer, slept = await outcome(Scripted(failure, failure, ok({"a": 1})), query)
    assert answer == {"a": 1}
    assert len(slept) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412, 501, 302])
async def test_what_will_not_pass_is_asked_once(status):
    client = Scripted(error(status))
    answer, slept = await outcome(client)
    assert isinstance(answer, InfrastructureError)
    assert (len(client.asked), slept) == (1, [])


async def test_waits_grow_with_jitter_and_end_with_the_budget():
    patience = Patience(budget_s=20.0, first_wait_s=0.25, max_wait_s=5.0)
    answer, slept = await outcome(Scripted(error(503)), patience=patience)
    assert isinstance(answer, UnavailableError)
    assert 15.0 < sum(slept) <= 20.0
    assert 0.25 <= slept[0] <= 0.5
    assert all(wait <= 5.0 for wait in slept)
    assert slept[-1] > 4.0


async def test_an_emulator_that_is_not_there_is_given_up_soon():
    answer, slept = await outcome(Scripted(REFUSED), place=LOCAL)
    assert isinstance(answer, UnavailableError)
    assert answer.message.startswith("CLOUD_RUN_EMULATOR_HOST: nothing answers")
    assert sum(slept) <= 2.0


async def test_the_real_api_is_given_its_time_although_nobody_listens():
    answer, slept = await outcome(Scripted(REFUSED))
    assert isinstance(answer, UnavailableError)
    assert sum(slept) > 10.0


async def test_missing_credentials_are_not_waited_for():
    answer, slept = await outcome(Scripted(NO_TOKEN), WRITE)
    assert isinstance(answer, AccessError)
    assert "gcloud auth application-default login" in answer.hint
    assert slept == []


async def test_a_token_that_the_network_kept_back_is_waited_for():
    answer, slept = await outcome(Scripted(NO_NETWORK, ok({})), WRITE)
    assert (answer, len(slept)) == ({}, 1)


@pytest.mark.parametrize("first", [LOST, LATE, error(503), error(500)], ids=str)
async def test_a_refusal_after_an_unanswered_write_is_in_doubt(first):
    client = Scripted(first, error(409, "ABORTED", "Conflict for resource"))
    answer, _ = await outcome(client, WRITE)
    assert isinstance(answer, UnavailableError)
    assert "the update may have happened" in answer.message
    assert len(client.asked) == 2


@pytest.mark.parametrize("first", [REFUSED, NO_NETWORK, error(429)], ids=str)
async def test_a_refusal_after_a_write_that_never_arrived_is_none(first):
    answer, _ = await outcome(Scripted(first, error(409, "ABORTED")), WRITE)
    assert isinstance(answer, ConflictError)


async def test_one_try_of_unknown_end_is_not_told_as_two():
    answer, _ = await outcome(Scripted(Failure(Code.UNKNOWN, "no HTTP")), WRITE)
    assert "in 1 try; the update may have happened" in answer.message


async def test_a_read_is_never_in_doubt():
    answer, _ = await outcome(Scripted(LOST, error(409, "ABORTED")))
    assert isinstance(answer, ConflictError)


@pytest.mark.parametrize("body", [b"", b"garbage", b"[1]", b"null", b"\xff", b"[" * 100_000])
async def test_what_is_no_object_is_not_understood(body):
    answer, slept = await outcome(Scripted(Answer(200, body)))
    assert "cannot be understood" in answer.message
    assert not isinstance(answer, UnavailableError)
    written, _ = await outcome(Scripted(Answer(200, body)), WRITE)
    assert isinstance(written, UnavailableError)
    assert "may have happened" in written.message
    assert slept == []


async def test_what_a_call_waits_for_is_said_once_while_it_waits():
    said, asked = [], asyncio.Event()

    class Silent(Scripted):
        async def ask(self, *args, **kwargs):
            await asked.wait()
            return ok({})

    def say(text):
        said.append(text)
        asked.set()

    wire, _ = wire_over(Silent(), say=say, silence_s=0.0)
    assert await wire.call(READ) == {}
    assert said == ["waiting for Cloud Run: no answer yet, up to 30 s"]


async def test_what_was_seen_is_said_and_no_token():
    said, heard = [], asyncio.Event()

    def say(text):
        said.append(text)
        heard.set()

    async def until_heard(_):
        await heard.wait()

    wire, _ = wire_over(Scripted(Failure(Code.UNAVAILABLE, "no; ya29.abc-def"), ok({})))
    ways = wire._ways
    wire._ways = type(ways)(until_heard, ways.client, ways.identify, say, 0.0)
    assert await wire.call(READ) == {}
    assert said == ["waiting for Cloud Run: no; [token], up to 30 s"]


async def test_a_call_that_answers_says_nothing():
    said = []
    wire, _ = wire_over(Scripted(ok({})), say=said.append, silence_s=0.0)
    await wire.call(READ)
    await asyncio.sleep(0)
    assert said == []
