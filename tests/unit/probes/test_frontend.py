from dataclasses import replace

import pytest

from gate.core.evidence import Finding, Outcome
from gate.probes.frontend import (
    Arrival,
    FrontEndAnswer,
    Patience,
    kept_out,
    passes,
    recognise,
    telling,
    unreachable,
)
from tests.fakes.clock import FakeClock
from tests.fakes.probes import evidence

GOOGLE_404 = "<!DOCTYPE html>\n<title>Error 404 (Not Found)!!1</title>"
NEWER_404 = """
<html><head>
<meta http-equiv="content-type" content="text/html;charset=utf-8">
<title>404 Page not found</title>
</head>
<body text=#000000 bgcolor=#ffffff>
<h1>Error: Page not found</h1>
<h2>The requested URL was not found on
this server.</h2>
<h2></h2>
</body></html>
"""
BUSY = "The request was aborted because there was no available instance."
RESET = "upstream connect error or disconnect/reset before headers. reset reason: overflow"
TEMPORARY = (
    "<h1>Error: Server Error</h1><h2>The server encountered a temporary error and could not "
    "complete your request.<p>Please try again in 30 seconds.</h2>"
)
BROKE = (
    "The request failed because either the HTTP response was malformed or connection to the "
    "instance had an error."
)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (404, GOOGLE_404, Outcome.INCONCLUSIVE),
        (404, NEWER_404, Outcome.INCONCLUSIVE),
        (403, "<title>403 Forbidden</title><h1>Error: Forbidden</h1>", Outcome.INCONCLUSIVE),
        (401, "<title>401 Unauthorized</title><h1>Error: Unauthorized</h1>", Outcome.INCONCLUSIVE),
        (401, "<title>Error 401 (Unauthorized)!!1</title>", Outcome.INCONCLUSIVE),
        (413, "<title>Error 413 (Request Entity Too Large)!!1</title>", Outcome.INCONCLUSIVE),
        (429, BUSY, Outcome.INCONCLUSIVE),
        (503, BUSY, Outcome.INCONCLUSIVE),
        (429, "Rate exceeded.", Outcome.INCONCLUSIVE),
        (403, "<h2>Your client does not have permission to get URL</h2>", Outcome.INCONCLUSIVE),
        (503, "Service Unavailable", Outcome.FAILED),
        (503, BROKE, Outcome.FAILED),
        (
            503,
            "upstream: malformed response or connection to the instance had an error",
            Outcome.FAILED,
        ),
        (504, "upstream request timeout", Outcome.FAILED),
        (503, RESET, Outcome.INCONCLUSIVE),
        (502, RESET, Outcome.INCONCLUSIVE),
        (503, "no healthy upstream", Outcome.INCONCLUSIVE),
        (502, TEMPORARY, Outcome.INCONCLUSIVE),
        (500, TEMPORARY, Outcome.INCONCLUSIVE),
        (
            503,
            "<h2>The service you requested is not available yet.<p>Please try again in 30 s",
            Outcome.INCONCLUSIVE,
        ),
        (502, "<title>Error 502 (Server Error)!!1</title>", Outcome.INCONCLUSIVE),
    ],
)
def test_the_front_ends_answers_are_known(status, body, outcome):
    answer = recognise(status, body)
    assert answer.outcome is outcome
    assert answer.hint


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, GOOGLE_404),
        (200, NEWER_404),
        (404, "<title>404 Not Found</title>The requested URL was not found on this server."),
        (404, "<title>404 Page not found</title>"),
        (403, "<title>403 Forbidden</title>"),
        (404, '{"detail":"Not Found"}'),
        (503, '{"status":"unhealthy","message":"Service Unavailable"}'),
        (500, "Internal Server Error"),
        (429, '{"error":"Rate exceeded."}'),
        (403, "Not authenticated"),
        (503, '{"status":"starting"}'),
        (500, "upstream connect error or disconnect/reset before headers"),
        (503, '{"message":"a temporary error"}'),
    ],
)
def test_the_containers_answers_are_its_own(status, body):
    assert recognise(status, body) is None


def test_a_token_that_iam_refuses_is_known_by_its_header():
    text = 'Bearer error="invalid_token" error_description="The access token could not be verified"'
    assert recognise(401, "", text).outcome is Outcome.INCONCLUSIVE
    assert recognise(401, "", "Bearer") is None


IAP_SIGN_IN = (
    "https://accounts.google.com/o/oauth2/v2/auth?client_id=1"
    "&redirect_uri=https://iap.googleapis.com/v1/oauth/clientIds/1:handleRedirect"
)


@pytest.mark.parametrize(
    ("status", "body", "fields", "iap"),
    [
        (401, "Invalid IAP credentials: empty token", {}, True),
        (403, "<h1>No</h1>", {"x-goog-iap-generated-response": "true"}, True),
        (302, "", {"location": IAP_SIGN_IN}, True),
        (302, "", {"location": "https://accounts.google.com/o/oauth2/v2/auth?client_id=1"}, False),
        (302, "", {"location": "/login?next=iap.googleapis.com"}, False),
        (401, "no IAP credentials", {}, False),
        (200, "Invalid IAP credentials", {"x-goog-iap-generated-response": "true"}, False),
    ],
)
def test_identity_aware_proxy_is_told_from_the_application(status, body, fields, iap):
    answer = recognise(status, body, telling(fields.get))
    assert (answer is not None) is iap
    if answer is not None:
        assert answer.iap
        assert answer.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("page", [GOOGLE_404, NEWER_404])
def test_the_ingress_is_named_where_the_service_has_one(page):
    fault = recognise(404, page).fault("404 Not Found", "200")
    finding = Finding(fault.symptom, fault.expected, fault.seen, hint=fault.hint)
    other = replace(finding, hint="look at its logs")
    seen = replace(evidence("health", Outcome.INCONCLUSIVE), findings=(finding, other))
    assert kept_out(seen, "") == kept_out(seen, "all") == seen
    named, same = kept_out(seen, "internal").findings
    assert "ingress is internal" in named.hint
    assert same == other


UNKNOWN = recognise(404, GOOGLE_404)
NO_ROOM = recognise(429, BUSY)


def test_an_unknown_address_is_asked_again_more_and_more_slowly_until_time_is_up():
    clock = FakeClock()
    patience = Patience(Arrival(within_s=5), clock)
    waited = []
    while (pause_s := patience.pause_s(UNKNOWN)) is not None:
        clock.advance(pause_s)
        waited.append(pause_s)
    assert waited[:-1] == sorted(waited[:-1])
    assert sum(waited) == pytest.approx(5)


def waited_s(patience, clock, took_s=0.0, **answer):
    """How long it was waited for, with questions that take a while themselves."""
    began = clock.now()
    while pause_s := patience.pause_s(answer.get("said"), other=answer.get("other", "")):
        clock.advance(pause_s + took_s)
    return (clock.now() - began).total_seconds()


def test_the_time_for_an_address_is_the_whole_rollouts_however_many_wait():
    clock = FakeClock()
    arrival = Arrival(within_s=5)
    first = Patience(arrival, clock)
    assert first.pause_s(UNKNOWN) == 0.05
    assert first.pause_s(None) is None  # it was known for a while
    clock.advance(600)
    others = [Patience(arrival, clock) for _ in range(20)]
    assert all(one.pause_s(UNKNOWN) == 0.05 for one in others)  # they wait at the same time
    clock.advance(0.05)
    assert 4.85 < waited_s(others[0], clock, said=UNKNOWN) < 4.95
    assert Patience(arrival, clock).pause_s(UNKNOWN) is None
    assert Patience(arrival, clock).pause_s(None, other="backend-1") is None


def test_questions_that_take_long_count_as_waiting():
    clock = FakeClock()
    assert waited_s(Patience(Arrival(within_s=5), clock), clock, took_s=2.0, other="r-1") < 8


def test_what_is_waited_for_and_for_how_long_is_said_at_once():
    said, clock = [], FakeClock()
    patience = Patience(Arrival(within_s=45), clock, lambda *told: said.append("".join(told)))
    patience.pause_s(None, other="backend-1")
    assert said == [
        "the front end still answers with revision backend-1: asking again for at most 45 s"
    ]
    patience.pause_s(UNKNOWN)
    assert said[1] == "the front end knows no such address yet: asking again for at most 45 s"


def test_a_busy_platform_is_asked_twice_more():
    patience = Patience(Arrival(), FakeClock())
    assert [patience.pause_s(NO_ROOM) for _ in range(3)] == [0.5, 1.0, None]


def test_any_other_answer_is_taken_as_it_is():
    patience = Patience(Arrival(), FakeClock())
    assert patience.pause_s(None) is None
    assert patience.pause_s(recognise(503, "Service Unavailable")) is None
    assert patience.pause_s(FrontEndAnswer("x", "y")) is None


def test_another_revision_is_asked_again_within_the_same_time():
    clock = FakeClock()
    arrival = Arrival(within_s=5)
    waited = []
    patience = Patience(arrival, clock)
    assert patience.pause_s(UNKNOWN) is not None
    while (pause_s := patience.pause_s(None, other="backend-1")) is not None:
        clock.advance(pause_s)
        waited.append(pause_s)
    assert sum(waited) == pytest.approx(5, abs=0.1)
    assert Patience(arrival, clock).pause_s(None, other="backend-1") is None


@pytest.mark.parametrize("body", [RESET, TEMPORARY])
def test_trouble_that_passes_is_asked_again_soon_and_not_for_long(body):
    clock = FakeClock()
    patience = Patience(Arrival(within_s=0), clock)
    pauses = [patience.pause_s(recognise(503, body)) for _ in range(3)]
    assert pauses == [*Patience.BUSY_PAUSES_S, None]


def test_trouble_that_passes_is_known_in_a_request_log():
    assert passes(RESET)
    assert passes(TEMPORARY)
    assert not passes(BROKE)
    assert not passes("GET https://x/a -> 503")


def test_a_container_that_is_out_of_reach_is_told_from_other_trouble():
    def seen(body):
        fault = recognise(503, body).fault("503 Service Unavailable", "200")
        finding = Finding(fault.symptom, fault.expected, fault.seen, hint=fault.hint)
        return replace(evidence("health", Outcome.INCONCLUSIVE), findings=(finding,))

    assert unreachable(seen(RESET))
    assert not unreachable(seen(TEMPORARY))
    assert not unreachable(evidence("health"))
