"""When nothing may be rolled out: windows by the wall clock of a time zone, weekly or once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from gate.errors import ValueProblem

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WEEK = timedelta(days=7)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class WeekTime:
    """A moment of each week.

    Attributes:
        day: 0 for Monday to 6 for Sunday.
        at: of that day.
    """

    day: int
    at: time

    def __str__(self) -> str:
        return f"{WEEKDAYS[self.day]} {self.at:%H:%M}"


@dataclass(frozen=True, slots=True)
class Freeze:
    """A window in which nothing is rolled out.

    A clock that is turned back or forward at one of its ends makes the window longer, not shorter.

    Attributes:
        start, end: both of each week, or both of the calendar, as the wall clock of `zone` has
            them; the end is no part of it.
        zone: whose wall clock.
        zone_name: the zone's name, for messages.
        reason: why, for whoever is held.
    """

    start: WeekTime | datetime
    end: WeekTime | datetime
    zone: tzinfo = UTC
    zone_name: str = "UTC"
    reason: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.start, WeekTime) is not isinstance(self.end, WeekTime):
            raise ValueProblem(
                "to", "needs two times of the week or two of the calendar (got one of each)"
            )
        if self.start == self.end:
            raise ValueProblem(
                "to", f"ends when it begins (got {_text(self.start)}, expected a later end)"
            )
        if isinstance(self.start, datetime) and self.start > self.end:  # type: ignore[operator]
            raise ValueProblem(
                "to",
                f"ends before it begins (got {_text(self.start)} to {_text(self.end)})",
            )

    def __str__(self) -> str:
        return f"{_text(self.start)} to {_text(self.end)} {self.zone_name}"

    def until(self, at: datetime) -> datetime | None:
        """When the freeze that holds at this time ends, in UTC; None where none does."""
        ends = [end for start, end in self._around(at) if start <= at < end]
        return max(ends, default=None)

    def _around(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        if isinstance(self.start, datetime):
            assert isinstance(self.end, datetime)
            yield _earliest(self.start, self.zone), _latest(self.end, self.zone)
            return
        assert isinstance(self.end, WeekTime)
        today = at.astimezone(self.zone).date()
        length = _WEEK if self.end < self.start else timedelta()
        for weeks in (-1, 0, 1):
            monday = today - timedelta(days=today.weekday()) + weeks * _WEEK
            start, end = _on(monday, self.start), _on(monday, self.end) + length
            yield _earliest(start, self.zone), _latest(end, self.zone)


def frozen(windows: Iterable[Freeze], at: datetime) -> tuple[Freeze, datetime] | None:
    """The freeze that holds at this time and lasts longest, and when it ends, in UTC."""
    found = [(end, one) for one in windows if (end := one.until(at)) is not None]
    if not found:
        return None
    end, window = max(found, key=lambda pair: pair[0])
    return window, end


def _on(monday: date, moment: WeekTime) -> datetime:
    return datetime.combine(monday + timedelta(days=moment.day), moment.at)


def _moments(wall: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """What a wall clock's time can mean; twice the same but where clocks are turned."""
    first, second = (_in_utc(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    return first, second


def _in_utc(named: datetime) -> datetime:
    """The time in UTC; at the very ends of the calendar, where UTC's has no such day, the end."""
    try:
        return named.astimezone(UTC)
    except OverflowError:
        return _LAST if named.year > 1 else _FIRST


def _earliest(wall: datetime, zone: tzinfo) -> datetime:
    return min(_moments(wall, zone))


def _latest(wall: datetime, zone: tzinfo) -> datetime:
    return max(_moments(wall, zone))


def _text(moment: WeekTime | datetime) -> str:
    return str(moment) if isinstance(moment, WeekTime) else f"{moment:%Y-%m-%d %H:%M}"
