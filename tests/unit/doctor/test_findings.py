"""What is found of what was learnt, and the command that mends it."""

import shlex
from dataclasses import replace

import pytest

from gate.doctor.caller import clock_ahead_s
from gate.doctor.examine import findings
from gate.doctor.facts import Grant, Held, Unknown, by_doing
from gate.doctor.finding import Finding, Result, document, exit_code, summary
from gate.doctor.permissions import NEEDED, Resource, When, needed_on
from gate.errors import ExitCode
from tests.unit.core.rollouts import NOW
from tests.unit.doctor.cases import CASES, HEALTHY, grant, grants

HOLDING = {Result.PROBLEM, Result.UNKNOWN}


def test_where_nothing_is_wrong_all_is_ok_and_no_command_is_given():
    found = findings(HEALTHY)
    assert {(one.result, one.command) for one in found} == {(Result.OK, "")}
    assert exit_code(found) is ExitCode.DONE
    assert {one.check for one in found} == {
        *("credentials", "permission", "id token", "log", "clock", "ingress", "default url", "iap"),
        *("invoker", "answer", "traffic", "in effect", "lease", "revisions"),
    }


@pytest.mark.parametrize(("change", "expected"), CASES)
def test_each_thing_is_told_with_the_one_command_that_mends_it(change, expected):
    check, result, words, command = expected
    found = findings(replace(HEALTHY, **change))
    told = [one for one in found if one.check == check and one.result is result]
    assert any(words in one.what and one.command == command for one in told), found
    assert (exit_code(found) is ExitCode.HELD) is any(one.result in HOLDING for one in found)
    for one in found:
        assert one.where
        assert not (one.command and one.result is Result.OK)
        assert shlex.split(one.command) or not one.command


def test_the_worst_comes_first_and_the_sum_counts_all():
    change = grants("run.services.update", Held.NO) | {
        "clock_ahead_s": -9.0,
        "revisions": Unknown("why"),
    }
    found = findings(replace(HEALTHY, **change))
    order = [Result.PROBLEM, Result.UNKNOWN, Result.WARNING, Result.OK]
    assert [one.result for one in found[:4]] == order
    assert summary(found).startswith("1 problem, 1 unknown, 1 warning, ")
    assert summary(found).endswith("ok: this may hold a rollout")
    told = document(found)
    assert told["exit_code"] == ExitCode.HELD
    assert [one["result"] for one in told["findings"]] == [one.result.value for one in found]


@pytest.mark.parametrize("result", Result)
def test_a_warning_holds_nothing_and_what_is_not_known_may(result):
    found = [Finding("a", Result.OK, "b", "c"), Finding("a", result, "b", "c")]
    assert (exit_code(found) is ExitCode.HELD) is (result in HOLDING)


def test_to_have_looked_at_nothing_is_not_well():
    assert exit_code([]) is ExitCode.HELD
    assert summary([]) == "nothing was looked at: this may hold a rollout"


def test_without_credentials_nothing_else_is_guessed_at():
    found = findings(replace(HEALTHY, caller=Unknown("none")))
    assert [one.check for one in found] == ["credentials"]


def test_who_may_not_read_the_service_is_told_so_once():
    lost = {"service": Unknown("x"), "exposure": Unknown("x")}
    found = findings(replace(HEALTHY, **grants("run.services.get", Held.NO), **lost))
    assert [one.what for one in found if one.result in HOLDING] == [
        "run.services.get is missing (reads the service, its traffic and who is at work on it)"
    ]


def test_a_log_that_may_not_be_written_is_told_once():
    lost = {"log": Unknown("access denied")}
    found = findings(replace(HEALTHY, **grants("logging.logEntries.create", Held.NO), **lost))
    assert [one.check for one in found if one.result in HOLDING] == ["permission"]


@pytest.mark.parametrize(
    "name", ["iam.serviceAccounts.getOpenIdToken", "iam.serviceAccounts.signJwt"]
)
def test_a_token_that_can_be_made_needs_no_role_for_it(name):
    lacking = grants(name, Held.NO)
    assert exit_code(findings(replace(HEALTHY, **lacking, token=True))) is ExitCode.DONE
    assert exit_code(findings(replace(HEALTHY, **lacking, token=Unknown("no")))) is ExitCode.HELD


@pytest.mark.parametrize(
    ("tested", "done", "expected"),
    [
        (Held.NO, Held.YES, Held.YES),
        (Held.YES, Held.NO, Held.NO),
        (Held.UNKNOWN, Held.YES, Held.YES),
        (Held.YES, Held.UNKNOWN, Held.YES),
        (Held.UNKNOWN, Held.UNKNOWN, Held.UNKNOWN),
    ],
)
def test_what_was_done_counts_for_more_than_what_is_said(tested, done, expected):
    name = "logging.logEntries.list"
    (found,) = by_doing({name: grant(name, tested)}, {name: grant(name, done)})
    assert found.held is expected


def test_what_was_only_done_or_only_said_is_kept():
    one, other = grant("run.services.get"), grant("run.services.update", Held.NO)
    assert set(by_doing({"a": one}, {"b": other})) == {one, other}


def test_a_grant_that_google_says_nothing_of_is_never_taken_for_one():
    unknown = Grant("run.services.update", Resource.SERVICE, "backend", Held.UNKNOWN, "x")
    facts = replace(HEALTHY, grants=(unknown,))
    assert exit_code(findings(facts)) is ExitCode.HELD


@pytest.mark.parametrize(
    ("date", "ahead_s"),
    [
        ("Thu, 01 Jan 2026 12:00:00 GMT", -0.5),
        ("Thu, 01 Jan 2026 11:58:55 GMT", 64.5),
        ("Thu, 01 Jan 2026 12:00:30 -0000", None),
        ("", None),
        ("yesterday", None),
    ],
)
def test_our_clock_is_compared_with_the_date_of_an_answer(date, ahead_s):
    assert clock_ahead_s(date, NOW) == ahead_s


def test_what_is_needed_depends_on_the_service_and_the_policy():
    always = needed_on(Resource.SERVICE, cases=frozenset())
    private = needed_on(Resource.SERVICE, cases=frozenset({When.PRIVATE}))
    assert set(private) - set(always) == {"run.routes.invoke"}
    assert needed_on(Resource.SECRET, cases=frozenset()) == ()
    assert len({(one.name, one.on) for one in NEEDED}) == len(NEEDED)
    bundles = needed_on(Resource.BUCKET, cases=frozenset({When.BUNDLES}))
    assert bundles == ("storage.objects.create",)  # a pipeline reads none
