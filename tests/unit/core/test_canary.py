"""What users' own requests say of a step: tables, and what holds whatever was counted."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.canary import Word, chance_of_notice, judge_requests, least_telling
from gate.core.policy import MetricsRule
from gate.core.user_requests import CLASSES, Counts, Distribution, RequestCounts

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULE = MetricsRule()
FAST, SLOW = (0.02,), (0.9,)


def side(good=0, bad=0, *, front_end=0, took=FAST, slow=0, sockets=0):
    """Requests to one revision; those that are slow are among the good ones."""
    classes = (sockets, good, 0, 0, bad)
    one, other = Distribution.of(took), Distribution.of(SLOW)
    fast = good + bad - slow
    pairs = zip(one.counts, other.counts, strict=True)
    times = tuple(fast * quick + slow * late for quick, late in pairs)
    return Counts(classes, front_end, replace(one, counts=times))


def counted(own, stable):
    return RequestCounts(own, (("old", stable),), NOW, NOW + timedelta(minutes=5))


def word(own, stable, least=200, rule=RULE):
    return judge_requests(counted(own, stable), rule, least).word


@pytest.mark.parametrize(
    ("own", "stable", "expected"),
    [
        (side(200), side(3800), Word.ON),
        (side(199, 1), side(3790, 10), Word.ON),
        (side(199), side(3800), Word.WAIT),
        (side(), side(3800), Word.WAIT),
        (side(17, 3), side(380), Word.WORSE),
        (side(180, 20), side(3800), Word.WORSE),
        (side(9, 4), side(10), Word.WAIT),
        (side(9, 4), side(1000), Word.WORSE),
        (side(180, 20), side(3420, 380), Word.WAIT),
        (side(195, 5), side(3420, 380), Word.ON),
        (side(0, 50), side(0, 950), Word.WAIT),
        (side(200, slow=60), side(3800), Word.WORSE),
        (side(200, slow=60), side(3800, slow=1140), Word.ON),
        (side(200, took=(0.09,)), side(3800), Word.ON),
        (side(0, sockets=200), side(3800), Word.ON),
        (side(200), side(5), Word.WAIT),
        (side(12, slow=5), side(25, slow=1), Word.WAIT),
        (side(12, slow=5), side(250, slow=10), Word.WORSE),
        (side(60, 40), side(), Word.WORSE),
        (side(10, front_end=40), side(3800), Word.UNSERVED),
        (side(0, front_end=40), side(3800), Word.UNSERVED),
        (side(200, front_end=40), side(3800, front_end=760), Word.ON),
    ],
    ids=[
        "as many as asked for, all well",
        "as seldom bad as stable",
        "one too few",
        "none at all",
        "three of twenty, long before there are enough",
        "one of ten",
        "a third, and stable has too few to be any better",
        "a third, and stable has enough",
        "one of ten at both: nobody knows yet",
        "better than stable, which is bad",
        "all bad at both",
        "slow",
        "as slow as stable",
        "slower by less than anybody notices",
        "WebSockets alone",
        "stable has too few to know what is slow",
        "slow, and stable has too few to know that it is not",
        "slow, and stable has enough",
        "bad, and nobody to compare with",
        "the front end answers in its place",
        "the front end alone answers",
        "the front end answers in both places",
    ],
)
def test_what_follows(own, stable, expected):
    assert word(own, stable) is expected


@pytest.mark.parametrize("known", [0, 100])
def test_answers_whose_latency_is_not_there_yet_are_no_pass(known):
    own = replace(side(200), took=side(known).took)
    assert word(own, side(3800)) is Word.WAIT


def test_a_stable_with_too_few_requests_is_said():
    said = judge_requests(counted(side(200), side(5)), RULE, 200)
    assert "stable has too few requests to compare latency with" in said.text


def test_what_is_missing_is_said_with_how_many_would_do():
    thin = judge_requests(counted(side(37), side(700, 1)), RULE, 200)
    assert (thin.thin, thin.more) == (True, 163)
    assert thin.text == "0 of 37 with 5xx (stable 1 of 701)"
    unclear = judge_requests(counted(side(29, 1), side(700)), RULE, 30)
    assert not unclear.thin
    assert word(side(29 + unclear.more, 1), side(700), 30) is Word.ON
    assert word(side(28 + unclear.more, 1), side(700), 30) is Word.WAIT


numbers = st.integers(0, 400)


@st.composite
def sides(draw):
    classes = tuple(draw(st.integers(0, 120)) for _ in CLASSES)
    times = draw(st.lists(st.floats(0.001, 5), max_size=40))
    return Counts(classes, draw(st.integers(0, 60)), Distribution.of(times))


rules = st.builds(
    MetricsRule,
    errors_percent=st.floats(0.5, 50),
    slower_percent=st.floats(10, 1000),
    percentile=st.integers(50, 99),
)


@given(sides(), sides(), rules, st.integers(1, 400))
def test_it_goes_on_only_with_as_many_requests_as_are_asked_for(own, stable, rule, least):
    if word(own, stable, least, rule) is Word.ON:
        assert own.total >= least
        assert own.took.total >= 0.9 * (own.total - own.classes[0])


@given(sides(), rules, st.integers(0, 400))
def test_it_never_goes_on_without_data(stable, rule, least):
    assert word(Counts(), stable, least, rule) is not Word.ON


@given(sides(), sides(), rules, st.integers(1, 200), st.integers(1, 4))
def test_a_good_answer_that_turns_bad_never_helps(own, stable, rule, least, which):
    before = word(own, stable, least, rule)
    classes = list(own.classes)
    if not classes[which - 1]:
        return
    classes[which - 1] -= 1
    classes[4] += 1
    after = word(replace(own, classes=tuple(classes)), stable, least, rule)
    if before is Word.WORSE and which > 1:
        assert after is Word.WORSE
    if before is not Word.ON:
        assert after is not Word.ON


@pytest.mark.parametrize("rate", [0.0, 0.005, 0.05])
def test_one_that_is_like_stable_is_seldom_called_worse(rate):
    """As often as the test allows, however often it is looked at, and whatever stable's share."""
    drawn = random.Random(rate)
    called = 0
    for _ in range(150):
        own, stable = [0, 0], [0, 0]
        for _ in range(30):
            own[drawn.random() < rate] += 1
            for _ in range(19):
                stable[drawn.random() < rate] += 1
            if word(side(*own), side(*stable)) is Word.WORSE:
                called += 1
                break
    assert called <= 6


@pytest.mark.parametrize(("percent", "least"), [(5, 58), (2, 148), (1, 296)])
def test_fewer_than_tell_are_never_enough(percent, least):
    """The numbers of docs/canary.md."""
    rule = MetricsRule(errors_percent=percent)
    assert least_telling(rule) == least
    assert word(side(least), side(3800), 1, rule) is Word.ON
    assert word(side(least - 1), side(3800), 1, rule) is Word.WAIT


def test_what_would_be_noticed_is_what_is_noticed():
    assert chance_of_notice(100, 0.1, RULE) > 0.95
    assert chance_of_notice(200, 0.0, RULE) == 0
    assert chance_of_notice(200, 0.005, RULE) <= 0.01
    chances = [chance_of_notice(100, rate, RULE) for rate in (0.01, 0.05, 0.1, 0.3)]
    assert chances == sorted(chances)
