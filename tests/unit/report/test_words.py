"""The words of the reports are complete, and say what the house says."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from gate.core.evidence import Outcome
from gate.core.state import Ending
from gate.core.verdict import Decision
from gate.errors import ExitCode
from gate.report import words
from gate.report.lines import Tone
from gate.report.progress.probes import outcome_of
from gate.report.summary import why_of
from tests.unit.report.scenes import failed, passed


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (-1, "0 ms"),
        (0.0144, "14 ms"),
        (0.949, "949 ms"),
        (0.96, "1.0 s"),
        (9.949, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3_600, "1 h 0 min"),
        (3_785, "1 h 3 min"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


def test_a_clock_that_runs_keeps_its_unit() -> None:
    assert [words.elapsed(seconds) for seconds in (-1, 0.04, 0.96, 12.3)] == [
        "0.0 s",
        "0.0 s",
        "1.0 s",
        "12 s",
    ]


def test_moments_are_in_utc() -> None:
    at = datetime(2026, 1, 1, 14, 0, 5, tzinfo=timezone(timedelta(hours=2)))
    assert words.moment(at) == "2026-01-01 12:00:05 UTC"
    assert words.moment(at.astimezone(UTC)) == "2026-01-01 12:00:05 UTC"


def test_every_exit_code_and_decision_has_a_meaning() -> None:
    assert set(words.EXIT_MEANINGS) == set(ExitCode)
    assert set(words.DECISIONS) == {decision.value for decision in Decision}
    assert words.exit_meaning(77) == "unknown"


def test_only_a_good_ending_looks_good() -> None:
    good = {ending for ending in Ending if words.ending_tone(ending.value) is Tone.GOOD}
    assert good == {
        Ending.PROMOTED,
        Ending.ROLLED_BACK,
        Ending.UNCHANGED,
        Ending.RECOVERED,
        Ending.RESUMED,
    }
    assert words.ending_tone("anything else") is Tone.BAD


def test_only_a_pass_without_findings_is_called_one() -> None:
    assert outcome_of(passed()) == "passed"
    assert outcome_of(failed()) == "FAILED"
    assert outcome_of(passed(findings=failed().findings)) == "inconclusive"
    assert list(map(words.outcome_word, (o.value for o in Outcome))) == [
        "passed",
        "FAILED",
        "inconclusive",
    ]
    assert words.outcome_tone("skipped") is not Tone.GOOD


def test_long_rows_of_names_are_counted() -> None:
    assert words.names_text(["a", "b"]) == "a, b"
    assert words.names_text([str(i) for i in range(10)], most=3) == "0, 1, 2 and 7 more"


def test_shares() -> None:
    assert words.shares_text({"a": 90, None: 10}) == "a 90 %, LATEST 10 %"
    assert words.shares_text({}) == "nobody"


@pytest.mark.parametrize(
    ("ending", "said"),
    [
        ("stopped", "nothing is rolled out nor promoted until it is resumed"),
        ("resumed", "rollouts and promotions may go on"),
        ("busy", "nothing was changed"),
    ],
)
def test_the_one_reason_of_what_moved_nobody_speaks_of_no_promotion(ending, said):
    assert why_of({"entry": "outcome", "ending": ending, "exit_code": 0}).startswith(said)
