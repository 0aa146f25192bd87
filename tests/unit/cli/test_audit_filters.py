"""How `gate audit` reads times, endings and limits."""

import argparse
from datetime import UTC, datetime, timedelta

import pytest

from gate.cli.audit_filters import add_filters, query_of
from gate.cli.main import run
from gate.core.state import Kind
from gate.errors import ExitCode

DAY = datetime(2026, 11, 30, tzinfo=UTC)


def query(*words):
    parser = argparse.ArgumentParser()
    add_filters(parser)
    return query_of(parser.parse_args(words))


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("2026-11-30", DAY, DAY + timedelta(days=1)),
        ("20261130", DAY, DAY + timedelta(days=1)),
        ("2026-11-30T12:30:00Z", *[DAY + timedelta(hours=12, minutes=30)] * 2),
        ("2026-11-30T12:30:00+02:00", *[DAY + timedelta(hours=10, minutes=30)] * 2),
        ("2026-11-30T12:30", *[DAY + timedelta(hours=12, minutes=30)] * 2),
    ],
)
def test_times_are_dates_or_moments_and_a_last_day_is_a_whole_one(text, since, until):
    found = query("--since", text, "--until", text)
    assert (found.since, found.until) == (since, until)


@pytest.mark.parametrize(
    ("text", "age"),
    [
        ("90m", timedelta(minutes=90)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
        ("2w", timedelta(days=14)),
    ],
)
def test_ages_count_back_from_now(text, age):
    before = datetime.now(UTC)
    found = query("--since", text).since
    assert before - age <= found <= datetime.now(UTC) - age


def test_an_age_beyond_all_time_is_its_beginning():
    assert query("--since", "999999w").since.year == 1


def test_endings_are_words_however_they_are_joined():
    found = query("--ending", "rolled-back", "--ending", "Taken back", "--ending", "unfinished")
    assert found.endings == ("rolled back", "taken back", "unfinished")
    assert (query().endings, query().limit, query().since) == ((), 100, None)


@pytest.mark.parametrize(
    ("option", "text", "said"),
    [
        ("--since", "yesterday", "is no time (got 'yesterday', expected a date"),
        ("--since", "7 d", "is no time"),
        ("--until", "2026-02-30", "is no time"),
        ("--until", "9999-12-31", "is no time"),
        ("--since", "", "is no time"),
        ("--ending", "good", "is no ending (got 'good', expected one of promoted,"),
        ("--limit", "0", "is no limit (got 0, expected 1 to 10000)"),
        ("--limit", "9" * 5000, "is no limit"),
        ("--kind", "deploy", "invalid choice: 'deploy'"),
    ],
)
def test_what_is_none_is_a_usage_error(capsys, option, text, said):
    assert run(["audit", "list", option, text]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("kind", [*(one.value for one in Kind), "unlock"])
def test_each_kind_of_decision_can_be_asked_for(kind):
    assert query("--kind", kind).kind == kind
