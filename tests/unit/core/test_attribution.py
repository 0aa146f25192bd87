"""Whose fault a failure is: the whole table, and what must never be an excuse."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gate.core.attribution import ADVICE, Attribution, advice, attribute, attributed, sprt_result
from gate.core.control import Repeats
from gate.core.evidence import (
    SERVICE,
    STABLE,
    Answered,
    Asked,
    Evidence,
    Finding,
    Outcome,
    Repeat,
    Symptom,
)
from gate.core.policy import Probe
from gate.core.shapes import shape_of
from gate.core.statistics import SprtResult
from gate.kinds.http import HttpProbe

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FAILED, UNCLEAR = Outcome.FAILED, Outcome.INCONCLUSIVE
RIGHT, WRONG, SILENT = Repeat.RIGHT, Repeat.WRONG, Repeat.SILENT
S = Symptom


def saw(*findings, outcome=FAILED, **more):
    """Evidence of a probe that saw (symptom, text) where something else was expected."""
    found = tuple(Finding(symptom, "another", text) for symptom, text in findings)
    item = Evidence("p", "http", outcome, "GET /", "200", "seen", NOW, 0.1, findings=found)
    return replace(item, **more)


PASS = saw(outcome=Outcome.PASSED)
E500 = saw((S.STATUS, '500 Internal Server Error, {"at": 17}'))
E503 = saw((S.STATUS, "503 Service Unavailable, down"))
E401 = saw((S.STATUS, '401 Unauthorized, {"detail": "expired"}'))
WS403 = saw((S.REFUSED, "403 Forbidden"))
WS1008 = saw((S.CLOSED, '1008 "SSOT Auth failed" while waiting for welcome'))
WS1011 = saw((S.CLOSED, '1011 "Factory" after an error frame while waiting for pong'))
LATE = saw((S.TIMEOUT, "no answer within 10 s"))
UNREACHED = saw((S.CONNECT, "no connection (refused)"), outcome=UNCLEAR)
NO_ROOM = saw((S.PLATFORM, "429 Too Many Requests: no instance could take it"), outcome=UNCLEAR)
NOT_LET_IN = saw((S.PLATFORM, "403 Forbidden: the front end refused the caller"), outcome=UNCLEAR)
BROKE = saw((S.PLATFORM, "503 Service Unavailable: the container took the request and broke"))
OURS = saw((S.CLIENT, "a defect of the gate"), outcome=UNCLEAR)
OTHER = saw((S.IDENTITY, "an answer from backend-1"), outcome=UNCLEAR, answered_by="backend-1")
NAMELESS = saw((S.IDENTITY, "an answer without x-revision"), outcome=UNCLEAR)
SCHEMA = saw((S.SCHEMA, "'welcome' was expected"))
DEGRADED = saw((S.BODY, '/status = "degraded"'))
ECHO = saw((S.BODY, "/version = 3"))
EMPTY_SUITE = saw((S.NO_EVIDENCE, "no test ran"), outcome=UNCLEAR)
ODD = Answered(Asked("GET", "/health"), frozenset({307}), aside=True)
ODD_SUITE = replace(EMPTY_SUITE, answers=(ODD,))


def logged(*lines, at=1):
    """Evidence of a probe of the logs; the newest line comes first, and is the one it names."""
    told = [f"12:00:0{at} ERROR GET http://127.0.0.1:{at}{line}" for line in lines]
    return saw((S.LOGS, told[0]), kind="logs", excerpts=tuple(told))


def shaped(item, value, label="$"):
    return replace(item, shape=shape_of(value, label))


def tried(item, *repeats):
    return replace(item, repeats=repeats)


@pytest.mark.parametrize(
    ("candidate", "stable", "word"),
    [
        # stable passes: 3a of the incident corpus
        (E500, PASS, "regression"),
        (E503, PASS, "regression"),
        (E401, PASS, "regression"),
        (LATE, PASS, "regression"),
        (BROKE, PASS, "regression"),
        (WS1011, PASS, "regression"),
        (saw((S.SLOW, "p95 900 ms")), PASS, "regression"),
        (saw((S.STATUS, "429 Too Many Requests")), PASS, "regression"),
        # well-formed, another shape
        (shaped(SCHEMA, {"a": {"b": 1}}), shaped(PASS, {"b": 1}), "contract change"),
        (shaped(ECHO, {"version": "3"}), shaped(PASS, {"version": 3}), "contract change"),
        (shaped(ECHO, {"version": 3}), shaped(PASS, {"version": 2}), "regression"),
        (shaped(E500, {"error": 1}), shaped(PASS, {"b": 1}), "regression"),
        (shaped(SCHEMA, {}, "message new"), shaped(PASS, {}, "message old"), "contract change"),
        (shaped(SCHEMA, {}, "message error"), shaped(PASS, {}, "message old"), "regression"),
        (SCHEMA, shaped(PASS, {"b": 1}), "regression"),
        (saw((S.SUBPROTOCOL, "none selected")), PASS, "contract change"),
        (saw((S.ROUTES, "GET /a is gone")), None, "contract change"),
        (saw((S.CONFIGURATION, "DATABASE_URL missing")), None, "regression"),
        # both fail alike
        (E500, replace(E500, seen="500 at another time"), "already there"),
        (WS1011, WS1011, "already there"),
        (saw((S.REDIRECT, "307: adds /")), saw((S.REDIRECT, "307: adds /")), "already there"),
        (saw((S.LOGS, "ERROR at 12:01")), saw((S.LOGS, "ERROR at 12:02")), "already there"),
        (logged("/b -> 503", "/a -> 503"), logged("/a -> 503", "/b -> 503", at=9), "already there"),
        (logged("/a -> 503", "KeyError"), logged("/a -> 503", at=9), "regression"),
        (logged("KeyError"), logged("/a -> 503"), "unknown"),
        (saw((S.NOT_REFUSED, "let in")), saw((S.NOT_REFUSED, "let in")), "already there"),
        (saw((S.SLOW, "a warm answer after 908 ms")), saw((S.SLOW, "a warm answer after 1.02 s")),
         "already there"),
        # E1, E3, E6: what we send or expect is wrong
        (E401, E401, "probe fault"),
        (WS403, WS1008, "probe fault"),
        (SCHEMA, SCHEMA, "probe fault"),
        (saw((S.STATUS, "404 Not Found")), saw((S.STATUS, "404 Not Found")), "probe fault"),
        (saw((S.CLOSED, "1003")), saw((S.CLOSED, "1003")), "probe fault"),
        (OURS, PASS, "probe fault"),
        (OURS, None, "probe fault"),
        (NOT_LET_IN, None, "probe fault"),
        (NAMELESS, NAMELESS, "probe fault"),
        (EMPTY_SUITE, PASS, "unknown"),  # nothing was seen that tells why it runs there alone
        (EMPTY_SUITE, None, "probe fault"),
        (ODD_SUITE, None, "unknown"),
        (EMPTY_SUITE, EMPTY_SUITE, "probe fault"),
        # E4, E5, E8, E9: outside of both
        (E503, E503, "environment"),
        (LATE, saw((S.TIMEOUT, "no answer within 9 s")), "environment"),
        (LATE, UNREACHED, "environment"),
        (LATE, E503, "environment"),
        (DEGRADED, DEGRADED, "environment"),
        (
            saw((S.STATUS, "500 Internal Server Error"), excerpts=("< pool exhausted",)),
            E503,
            "environment",
        ),
        (saw((S.STATUS, "429 Too")), saw((S.STATUS, "429 Too")), "environment"),
        (saw((S.CLOSED, "1013 busy")), saw((S.CLOSED, "1013 busy")), "environment"),
        (NO_ROOM, None, "environment"),
        (NO_ROOM, PASS, "environment"),
        (UNREACHED, UNREACHED, "environment"),
        (OTHER, PASS, "environment"),
        # nothing explains it: no excuse
        (E500, None, "unknown"),
        (E500, saw((S.STATUS, "404 Not Found")), "unknown"),
        (E500, UNREACHED, "unknown"),
        (E500, OURS, "unknown"),
        (LATE, OURS, "unknown"),
        (E500, OTHER, "unknown"),
        (NAMELESS, PASS, "unknown"),
        (saw(outcome=FAILED), saw((S.STATUS, "500")), "unknown"),
        (saw((S.BODY, "/a missing"), (S.BODY, "/b missing")), saw((S.BODY, "/a missing")),
         "regression"),
    ],
)  # fmt: skip
def test_the_table(candidate, stable, word):
    control = stable and replace(stable, address=STABLE)
    assert attribute(candidate, control).value == word


@pytest.mark.parametrize(
    ("own", "theirs", "word"),
    [
        ([WRONG, WRONG, WRONG], [RIGHT] * 3, "regression"),
        ([WRONG, RIGHT, RIGHT], [RIGHT] * 3, "flaky"),
        ([WRONG, *[RIGHT] * 6], [RIGHT] * 7, "flaky"),
        ([WRONG, WRONG, RIGHT, WRONG, WRONG], [RIGHT] * 5, "regression"),
        ([WRONG, WRONG, RIGHT, WRONG], [RIGHT, WRONG, RIGHT, RIGHT], "flaky"),
        ([SILENT, RIGHT, RIGHT], [RIGHT, SILENT, RIGHT], "environment"),
        ([SILENT, SILENT, SILENT], [RIGHT] * 3, "regression"),
        ([WRONG, WRONG, WRONG], [WRONG, RIGHT, RIGHT], "regression"),
        ([WRONG, RIGHT, RIGHT], [WRONG, WRONG, WRONG], "flaky"),
    ],
)
def test_tries_tell_what_is_broken_from_what_is_flaky(own, theirs, word):
    first = E500 if theirs[0] is WRONG else replace(PASS)
    candidate, control = tried(E500, *own), tried(first, *theirs)
    assert attribute(candidate, replace(control, address=STABLE)).value == word


def test_the_failure_that_began_the_test_does_not_count():
    rule = Repeats()
    assert sprt_result([WRONG], rule) is SprtResult.OPEN
    assert sprt_result([WRONG, WRONG], rule) is SprtResult.OPEN
    assert sprt_result([WRONG, WRONG, WRONG], rule) is SprtResult.HIGH
    assert sprt_result([WRONG, *[RIGHT] * 5], rule) is SprtResult.OPEN
    assert sprt_result([WRONG, *[RIGHT] * 6], rule) is SprtResult.LOW


def test_no_answer_is_counted_apart_from_a_wrong_one_and_an_unclear_one_not_at_all():
    rule = Repeats()
    assert sprt_result([SILENT, SILENT, SILENT], rule) is SprtResult.HIGH
    assert sprt_result([SILENT, SILENT, WRONG], rule) is SprtResult.OPEN
    assert sprt_result([WRONG, WRONG, *[Repeat.UNCLEAR] * 9], rule) is SprtResult.OPEN


@pytest.mark.parametrize(
    ("own", "theirs", "word"),
    [((5, 7), (7, 7), "already there"), ((0, 7), (6, 7), "regression"), ((0, 7), (0, 7), None)],
)
def test_more_failures_of_the_same_kind_are_a_regression(own, theirs, word):
    """Stable may fail alike, and yet seldom: shares decide, not the kind alone."""
    (right, asked), (right_there, asked_there) = own, theirs
    candidate = replace(WS1011, right_times=right, asked_times=asked)
    control = replace(WS1011, right_times=right_there, asked_times=asked_there, address=STABLE)
    assert attribute(candidate, control).value == (word or "already there")


def test_under_users_traffic_a_failure_is_a_regression_by_itself():
    assert attribute(E500, live=True) is Attribution.REGRESSION
    assert attribute(UNREACHED, live=True) is Attribution.ENVIRONMENT


def test_only_what_did_not_pass_at_the_candidate_gets_a_word():
    probes = [Probe("p", HttpProbe("/"))]
    control = replace(E500, address=STABLE)
    stranger = replace(E500, probe="stranger")
    evidence = (E500, control, stranger, replace(E500, address=SERVICE))
    words = [item.attribution for item in attributed(probes, evidence)]
    assert words == [Attribution.ALREADY_THERE, None, None, Attribution.UNKNOWN]
    assert attributed(probes, (PASS, control))[0].attribution is None


def test_two_controls_are_none():
    probes = [Probe("p", HttpProbe("/"))]
    control = replace(E500, address=STABLE)
    own, *_ = attributed(probes, (E500, control, control))
    assert own.attribution is Attribution.UNKNOWN


def test_another_revisions_answer_is_explained_by_what_explains_it():
    assert "front ends follow a tag" in advice(OTHER, Attribution.ENVIRONMENT)
    refused = saw((S.CONNECT, "refused"))
    assert advice(refused, Attribution.ENVIRONMENT) == ADVICE[Attribution.ENVIRONMENT]


def test_every_word_says_what_to_do():
    assert set(ADVICE) == set(Attribution)
    assert [word for word in Attribution if not ADVICE[word]] == [Attribution.UNKNOWN]
