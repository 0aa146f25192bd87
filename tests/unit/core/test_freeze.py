"""Freeze windows by wall clocks, clocks that are turned included."""

# ruff: noqa: DTZ001 - wall clocks have their zone beside them

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.core.freeze import Freeze, WeekTime, frozen
from gate.errors import ValueProblem

BERLIN = ZoneInfo("Europe/Berlin")
WEEKEND = Freeze(WeekTime(4, time(16)), WeekTime(0, time(8)), BERLIN, "Europe/Berlin", "weekend")


def berlin(*parts: int, fold: int = 0) -> datetime:
    return datetime(*parts, tzinfo=BERLIN, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        (berlin(2026, 11, 27, 15, 59), None),
        (berlin(2026, 11, 27, 16, 0), berlin(2026, 11, 30, 8)),
        (berlin(2026, 11, 29, 12), berlin(2026, 11, 30, 8)),
        (berlin(2026, 11, 30, 7, 59), berlin(2026, 11, 30, 8)),
        (berlin(2026, 11, 30, 8), None),
        (berlin(2026, 7, 3, 16), berlin(2026, 7, 6, 8)),  # summer time
    ],
)
def test_a_weekend(at, ends):
    assert WEEKEND.until(at) == ends


def test_a_window_of_one_day_and_one_over_the_new_week():
    lunch = Freeze(WeekTime(2, time(12)), WeekTime(2, time(13)))
    assert lunch.until(datetime(2026, 12, 2, 12, 30, tzinfo=UTC)) is not None
    assert lunch.until(datetime(2026, 12, 3, 12, 30, tzinfo=UTC)) is None
    all_but = Freeze(WeekTime(2, time(13)), WeekTime(2, time(12)))
    assert all_but.until(datetime(2026, 12, 2, 12, 30, tzinfo=UTC)) is None
    assert all_but.until(datetime(2026, 12, 3, 12, 30, tzinfo=UTC)) is not None


def test_holidays_of_the_calendar_are_once():
    days = Freeze(datetime(2026, 12, 20), datetime(2027, 1, 2), BERLIN, "Europe/Berlin")
    assert days.until(berlin(2026, 12, 20)) == berlin(2027, 1, 2)
    assert days.until(berlin(2026, 12, 19, 23, 59)) is None
    assert days.until(berlin(2027, 1, 2)) is None
    assert days.until(berlin(2027, 12, 24)) is None


def test_an_hour_that_comes_twice_is_frozen_both_times():
    begins = Freeze(WeekTime(6, time(2, 30)), WeekTime(6, time(5)), BERLIN)
    assert begins.until(berlin(2026, 10, 25, 2, 29)) is None
    assert begins.until(berlin(2026, 10, 25, 2, 10, fold=1)) is not None  # began at the first 2:30
    ends = Freeze(WeekTime(6, time(1)), WeekTime(6, time(2, 30)), BERLIN)
    assert ends.until(berlin(2026, 10, 25, 2, 20, fold=1)) == berlin(2026, 10, 25, 2, 30, fold=1)
    assert ends.until(berlin(2026, 10, 25, 2, 45)) is not None  # until the second 2:30


def test_an_hour_that_is_left_out_makes_no_window_shorter():
    begins = Freeze(WeekTime(6, time(2, 30)), WeekTime(6, time(5)), BERLIN)
    assert begins.until(datetime(2026, 3, 29, 0, 45, tzinfo=UTC)) is not None  # 1:45, for 2:30
    ends = Freeze(WeekTime(6, time(1)), WeekTime(6, time(2, 30)), BERLIN)
    assert ends.until(datetime(2026, 3, 29, 1, 15, tzinfo=UTC)) is not None  # 3:15, for 2:30


def test_a_window_over_all_of_the_calendar_holds_in_any_zone():
    always = datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59)
    for name in ("Asia/Tokyo", "America/New_York"):
        window = Freeze(*always, ZoneInfo(name), name)
        assert window.until(datetime(2026, 11, 30, tzinfo=UTC)) is not None


def test_the_longest_of_several_holds():
    short = Freeze(datetime(2026, 12, 1), datetime(2026, 12, 2))
    long = Freeze(datetime(2026, 12, 1), datetime(2026, 12, 9))
    at = datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert frozen([short, long], at) == (long, datetime(2026, 12, 9, tzinfo=UTC))
    assert frozen([], at) is None


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (WeekTime(0, time(8)), WeekTime(0, time(8))),
        (datetime(2026, 12, 2), datetime(2026, 12, 1)),
        (datetime(2026, 12, 1), WeekTime(0, time(8))),
    ],
)
def test_a_window_that_is_none(start, end):
    with pytest.raises(ValueProblem):
        Freeze(start, end)


week_times = st.builds(
    WeekTime, st.integers(0, 6), st.times().map(lambda at: at.replace(second=0, microsecond=0))
)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])


@given(week_times, week_times, zones, moments)
def test_what_the_wall_clock_says_is_never_missed(start, end, zone, at):
    if start == end:
        return
    window = Freeze(start, end, ZoneInfo(zone), zone)
    local = at.astimezone(ZoneInfo(zone))
    now = WeekTime(local.weekday(), local.time().replace(tzinfo=None))
    inside = start <= now < end if start < end else (now >= start or now < end)
    ends = window.until(at)
    if inside:
        assert ends is not None
    if ends is not None:
        assert at < ends <= at + timedelta(days=8)
        assert inside or abs(_skew(at, ZoneInfo(zone))) > timedelta(0)


def _skew(at: datetime, zone: ZoneInfo) -> timedelta:
    """How far clocks are turned within the day around this time."""
    day = timedelta(days=1)
    before, after = ((at + by).astimezone(zone).utcoffset() for by in (-day, day))
    return after - before
