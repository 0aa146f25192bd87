"""From a plugin's events, in any order and of any kind, to what became of each test."""

import pytest

from gate.probes.suite.results import Account, Ended


def ended(*reports, item=True):
    account = Account()
    if item:
        account.take({"event": "item", "id": "t", "markers": ["P1", 7]})
    for when, outcome, *more in reports:
        event = {"event": "report", "id": "t", "when": when, "outcome": outcome, "why": outcome}
        account.take(event | dict.fromkeys(more, True))
    (result,) = account.results().tests
    assert result.markers == ({"P1"} if item else set())
    return result.ended, result.reruns


UP, DOWN = ("setup", "passed"), ("teardown", "passed")


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ([UP, ("call", "passed"), DOWN], Ended.PASSED),
        ([UP, ("call", "failed"), DOWN], Ended.FAILED),
        ([("setup", "failed"), DOWN], Ended.ERRORED),
        ([UP, ("call", "passed"), ("teardown", "failed")], Ended.ERRORED),
        ([("setup", "skipped"), DOWN], Ended.SKIPPED),
        ([UP, ("call", "skipped"), DOWN], Ended.SKIPPED),
        ([UP, ("call", "skipped", "xfail"), DOWN], Ended.XFAILED),
        ([UP, ("call", "passed", "xfail"), DOWN], Ended.XFAILED),
        ([UP, ("call", "failed", "part"), ("call", "passed"), DOWN], Ended.FAILED),
        ([UP, ("call", "skipped", "part"), ("call", "passed"), DOWN], Ended.PASSED),
        ([UP, ("call", "passed", "part"), DOWN], Ended.NOT_RUN),
        ([], Ended.NOT_RUN),
        ([UP], Ended.NOT_RUN),
        ([UP, ("call", "passed")], Ended.NOT_RUN),
        ([UP, DOWN], Ended.NOT_RUN),
    ],
)
def test_how_a_test_ended(reports, expected):
    assert ended(*reports) == (expected, 0)


def test_reruns_begin_anew_and_are_counted():
    again = [UP, ("call", "rerun"), DOWN]
    fine, bad = [UP, ("call", "passed"), DOWN], [UP, ("call", "failed"), DOWN]
    assert ended(*again, *fine) == (Ended.PASSED, 1)
    assert ended(*again, *again, *bad) == (Ended.FAILED, 2)
    assert ended(*again, *fine, item=False) == (Ended.PASSED, 1)
    assert ended(*again) == (Ended.NOT_RUN, 1)


def test_files_that_are_skipped_or_broken_are_known():
    account = Account()
    account.take({"event": "start", "pytest": "9.9"})
    account.take({"event": "uncollected", "id": "a.py", "how": "skipped", "why": "no"})
    account.take({"event": "uncollected", "id": "b.py", "how": "failed", "why": "bad"})
    account.take({"event": "deselected", "id": "c", "markers": []})
    account.take({"event": "finish", "code": 2})
    found = account.results()
    assert [(test.id, test.ended) for test in found.tests] == [
        ("a.py", Ended.SKIPPED),
        ("c", Ended.DESELECTED),
    ]
    assert (found.runner, found.uncollected, found.code) == ("pytest 9.9", {"b.py": "bad"}, 2)


def test_what_is_no_event_is_counted_and_nothing_else():
    account = Account()
    for event in ({}, {"event": 1}, {"event": []}, {"event": "bogus"}):
        account.take(event)
    account.take({"event": "begin", "id": "t"})
    assert account.results().garbled == 4
    assert account.results().tests == ()


def test_progress_is_told_once_a_test():
    told = []
    account = Account(lambda done, of: told.append((done, of)))
    for name in "ab":
        account.take({"event": "item", "id": name, "markers": []})
    for name in "ab":
        for when in ("setup", "call", "teardown"):
            account.take({"event": "report", "id": name, "when": when, "outcome": "passed"})
    assert told == [(1, 2), (2, 2)]
