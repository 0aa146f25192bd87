"""What is told of users' requests: while a rollout runs, and of its record."""

from dataclasses import replace

import pytest

from gate.core.canary import StepWord, Word
from gate.core.counting import counted
from gate.core.messages import Counted
from gate.core.state import Phase, StepCount
from gate.core.user_requests import Counts, Distribution, RequestCounts
from gate.ledger.entry import outcome
from gate.report.markdown import markdown
from gate.report.outcome import outcome_lines
from gate.report.progress.messages import Messages
from gate.report.progress.requests import step_text
from tests.unit.core.rollouts import CANDIDATE, NOW, STABLE, later, plan, rollout

FAST = Distribution.of([0.02] * 1000)


def counts(good, bad=0, front_end=0, stable_bad=1, until=600):
    own = Counts((0, good, 0, 0, bad), front_end, FAST)
    stable = Counts((0, 700 - stable_bad, 0, 0, stable_bad), 0, FAST)
    return RequestCounts(own, ((STABLE, stable),), NOW, later(until))


def stepping(**more):
    asked = plan(steps=(5, 100), requests=(200, 0))
    return rollout(
        Phase.DWELLING, asked, stepped=1, counting=True, count_from=NOW, arrived_at=NOW, **more
    )


def told(*events):
    """The lines of a narrator that hears these counts, one after the other."""
    messages, r, lines = Messages(), stepping(), []
    for event in events:
        r = replace(counted(replace(r, counting=True), event), at=event.at)
        lines += [line.text for line in messages.happened(r, event)]
    return lines, messages.now


def test_each_quarter_is_told_and_the_board_has_the_last_count():
    seen = [Counted(later(n), counts(good)) for n, good in enumerate((3, 37, 40, 120, 121, 130))]
    lines, now = told(*seen)
    assert lines == [
        "step 5 %: 3 of 200 requests, 0 5xx (stable 1 of 700)",
        "step 5 %: 120 of 200 requests, 0 5xx (stable 1 of 700)",
    ]
    assert now == "step 5 %: 130 of 200 requests, 0 5xx (stable 1 of 700)"


def test_the_first_5xx_and_trouble_of_the_front_end_are_news():
    lines, _ = told(
        Counted(later(1), counts(10)),
        Counted(later(2), counts(10, 1)),
        Counted(later(3), counts(11, 1)),
        Counted(later(4), counts(12, 1, 2)),
    )
    assert lines[1:] == [
        "step 5 %: 11 of 200 requests, 1 5xx (stable 1 of 700)",
        "step 5 %: 13 of 200 requests, 1 5xx, 2 by the front end (stable 1 of 700)",
    ]


def test_what_is_missing_is_told_once_the_dwell_is_over():
    lines, _ = told(*(Counted(later(at), counts(37)) for at in (10, 61, 70, 80)))
    (thin,) = [line for line in lines if "too thin" in line]
    assert thin.startswith(
        "traffic is too thin to tell: 37 of 200 requests in 10 min; at this rate"
    )


def test_a_source_that_is_late_is_told_before_what_is_missing():
    seen = [counts(0, until=0), counts(0, until=0), counts(0), counts(0)]
    lines, _ = told(*(Counted(later(61 + n), one) for n, one in enumerate(seen)))
    assert [line.partition(":")[0] for line in lines] == [
        "step 5 %",
        "none of users' requests can be counted yet",
        "traffic is too thin to tell",
    ]


def test_what_could_not_be_counted_is_told():
    lines, _ = told(Counted(later(1), None, "no answer"))
    assert lines == ["step 5 %: users' requests could not be counted: no answer"]


@pytest.mark.parametrize(
    ("seen", "word", "lines"),
    [
        (
            counts(37),
            "wait",
            ["users' requests at 5 %: 37 requests, 0 with 5xx, p95 21 ms; stable 700 requests,"],
        ),
        (counts(30, 10), "worse", ["users' requests at 5 %: 40 requests, 10 with 5xx"]),
        (None, "wait", ["users' requests at 5 %: could not be counted: no answer"]),
    ],
)
def test_the_record_has_what_was_counted_and_the_end_tells_it(seen, word, lines):
    r = counted(stepping(), Counted(later(10), seen, "" if seen else "no answer"))
    entry = outcome(r, later(20))
    (step,) = entry["user_requests"]
    assert (step["percent"], step["source"], step["least"], step["word"]) == (5, "logs", 200, word)
    text = "\n".join(line.text for line in outcome_lines(entry))
    assert all(line in text for line in lines), text
    assert lines[0].partition(",")[0] in markdown([entry])
    if seen:
        own, stable = step["revisions"]
        assert (own["revision"], own["role"]) == (CANDIDATE, "candidate")
        assert own["by_class"] == {
            "1xx": 0,
            "2xx": seen.candidate.classes[1],
            "3xx": 0,
            "4xx": 0,
            "5xx": seen.candidate.bad,
        }
        assert (stable["revision"], stable["requests"], stable["latency_ms"]["p95"]) == (
            STABLE,
            700,
            21,
        )


def test_more_than_is_asked_for_is_a_plain_number():
    one = StepCount(25, 200, counts(1), StepWord(Word.ON, ""))
    assert step_text(one) == "step 25 %: 1 of 200 requests, 0 5xx (stable 1 of 700)"
    assert "201 requests," in step_text(replace(one, counts=counts(201)))
