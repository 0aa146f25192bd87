"""The keys of rules for people: freeze windows, approvals, and who may do what."""

import re
from dataclasses import MISSING, dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from gate.core.approvals import MOST, ApprovalRule
from gate.core.freeze import WEEKDAYS, Freeze, WeekTime
from gate.core.permits import Permits
from gate.core.policy import Json
from gate.kinds.collections import ListOf
from gate.kinds.forms import Either, Flag, Form, Text, Whole, refusal
from gate.kinds.records import Key, Record, Slot, slots_from
from gate.kinds.values import Seconds

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

_DAYS = tuple(day.lower() for day in WEEKDAYS)
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_WEEK_TIME = rf"({'|'.join(WEEKDAYS)}) ({_CLOCK})"
_MOMENT = rf"({_DATE})(?:[ T]({_CLOCK}))?"
_MONDAY = date(2026, 1, 5)


@dataclass(frozen=True, slots=True)
class WallClock(Form):
    """A time of each week, or one of the calendar.

    Attributes:
        ends: whether it is an end: then a day without a time of day belongs to the window.
    """

    says: str = "a time such as Fri 16:00, 2026-12-20 or 2026-12-20 18:30"
    ends: bool = False

    def written(self) -> "CoreSchema":
        """As Form.written."""
        from pydantic_core import core_schema  # noqa: PLC0415 - only where a file is read

        return core_schema.str_schema(strict=True, pattern=f"^(?:{_WEEK_TIME}|{_MOMENT})$")

    def value(self, written: Any) -> WeekTime | datetime:
        """As Form.value."""
        if week := re.fullmatch(_WEEK_TIME, written):
            return WeekTime(_DAYS.index(week[1].lower()), time.fromisoformat(week[2]))
        found = re.fullmatch(_MOMENT, written)
        assert found is not None
        try:
            day = date.fromisoformat(found[1])
            if found[2]:
                return datetime.combine(day, time.fromisoformat(found[2]))
            return datetime.combine(day, time()) + timedelta(days=self.ends)
        except (ValueError, OverflowError):
            raise refusal("a day that the calendar has") from None

    def hint(self, given: object) -> str:
        """As Form.hint."""
        if isinstance(given, int | float):
            return "put it into quotes"
        return f"days of the week are {', '.join(WEEKDAYS)}; hours have two digits, 00 to 23"

    def text(self, value: Any) -> Json:
        """As Form.text."""
        return str(value)


@dataclass(frozen=True, slots=True)
class Zone(Text):
    """The name of a time zone."""

    says: str = "the name of a time zone such as Europe/Berlin"
    pattern: str = r"[A-Za-z0-9_+/-]+"
    most: int = 60

    def value(self, written: Any) -> Any:
        """As Form.value."""
        from zoneinfo import ZoneInfo  # noqa: PLC0415 - only where a file names one

        try:
            ZoneInfo(written)
        except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            raise refusal(self.says, _guess(written)) from None
        return written


def _guess(zone: str) -> str:
    """The zone that was meant, by its whole name or its city."""
    import difflib  # noqa: PLC0415 - only where a name is wrong
    from zoneinfo import available_timezones  # noqa: PLC0415

    known = {name.lower(): name for name in sorted(available_timezones()) if "/" in name}
    cities = {name.rpartition("/")[2]: known[name] for name in known}
    said = zone.lower()
    for names in (known, cities):
        if close := difflib.get_close_matches(said, names, n=1, cutoff=0.75):
            return f"did you mean {names[close[0]]}?"
    city = difflib.get_close_matches(said.rpartition("/")[2], cities, n=1, cutoff=0.75)
    return f"did you mean {cities[city[0]]}?" if city else "an area and a city, or UTC"


def _freeze(
    start: WeekTime | datetime, end: WeekTime | datetime, zone: str = "UTC", reason: str = ""
) -> Freeze:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - as above

    return Freeze(start, end, ZoneInfo(zone), zone, reason)


APPROVE = Record(
    "approve",
    ApprovalRule,
    slots_from(
        ApprovalRule,
        {
            "count": Annotated[
                int, Whole(low=1, high=MOST), Key("how many people must have approved, 1 to 20")
            ],
            "not_author": Annotated[
                bool, Flag(), Key("whether whoever asked for the rollout is none of them")
            ],
            "within_s": Annotated[Seconds, Key("for how long an approval counts, at most 24h")],
        },
    ),
)
_MEMBER = r"(?:(?:user|serviceAccount):)?[A-Za-z0-9._%+*-]+@[A-Za-z0-9.*-]+"
_GROUP = (
    "nobody is asked who is in a group: name its members, as {user}, or the service account that "
    "they may impersonate"
)


@dataclass(frozen=True, slots=True)
class Member(Text):
    """An address of somebody who acts; IAM's members that stand for many are none."""

    says: str = "an address such as user:*@example.com"
    pattern: str = _MEMBER
    most: int = 200

    def hint(self, given: object) -> str:
        """As Form.hint."""
        kind, _, name = given.strip().partition(":") if isinstance(given, str) else ("", "", "")
        domain = name.rpartition("@")[2]
        domain = domain if re.fullmatch(r"[A-Za-z0-9.-]{1,100}", domain) else "example.com"
        known = {"user": "user", "serviceaccount": "serviceAccount"}
        match kind.lower():
            case "group" | "principalset":
                return _GROUP.format(user=f"user:ana@{domain}")
            case "domain":
                return f"write *@{domain}: everybody whose address ends so"
            case "allusers" | "allauthenticatedusers":
                return "leave the key out: what is not named here is anybody's"
            case said if said in known and said != kind:
                return f"write {known[said]}: before the address"
        return Text.hint(self, given)


_WHO = Annotated[
    tuple[str, ...],
    ListOf(
        item=Annotated[str, Member()],
        least=0,
        most=200,
    ),
]


def _permits(*, claimed: bool = False, **by_verb: tuple[str, ...]) -> Permits:
    return Permits(by_verb, claimed)


_DOES = {
    "rollout": "roll out (`gate rollout`)",
    "promote": "promote by hand (`gate promote`)",
    "rollback": "roll back by hand (`gate rollback`); anybody may who sets `allow` aside",
    "approve": "approve (`gate approve`)",
    "override": "set rules aside (`--override`)",
    "stop": "stop the line and resume it (`gate stop`, `gate resume`)",
}
ALLOW = Record(
    "allow",
    _permits,
    (
        *(
            Slot(verb, _WHO, Key(f"who may {does}", absent="anybody"), ())
            for verb, does in _DOES.items()
        ),
        Slot(
            "claimed",
            Annotated[bool, Either(words=("accept", "refuse"))],
            Key("whether a name counts for which nobody vouches but whoever gives it"),
            default=False,
        ),
    ),
)
FREEZE = Record(
    "freeze",
    _freeze,
    (
        Slot(
            "start",
            Annotated[object, WallClock()],
            Key(
                "when it begins: `Fri 16:00` each week, or `2026-12-20`, `2026-12-20 18:30`", "from"
            ),
            MISSING,
        ),
        Slot(
            "end",
            Annotated[object, WallClock(ends=True)],
            Key("when it ends, in the same form; a day without a time is frozen as a whole", "to"),
            MISSING,
        ),
        Slot(
            "zone",
            Annotated[str, Zone()],
            Key("whose wall clock: a time zone such as `Europe/Berlin`"),
            "UTC",
        ),
        Slot(
            "reason",
            Annotated[str, Text(most=200)],
            Key("why, for whoever is held", absent="none"),
            "",
        ),
    ),
)
