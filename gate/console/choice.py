"""Which decisions of the list somebody wants to see, by the address of the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from urllib.parse import urlencode

from gate.ledger.index import Query

PAGE = 50
KEYS = ("q", "ending", "kind", "actor", "capability", "since", "until")
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: a text for each of KEYS, "" for all; and which page of it, from 1 on."""

    wanted: Mapping[str, str]
    page: int

    @property
    def query(self) -> Query:
        """The same for the index: of this page."""
        wanted = self.wanted
        until = _day(wanted["until"])
        return Query(
            since=_day(wanted["since"]),
            until=until + timedelta(days=1) if until else None,
            endings=(wanted["ending"],) if wanted["ending"] else (),
            asked_by=wanted["actor"],
            words=wanted["q"],
            capability=wanted["capability"],
            kind=wanted["kind"],
            limit=PAGE,
            offset=(self.page - 1) * PAGE,
        )

    def link(self, page: int) -> str:
        """The address of another page of the same."""
        kept = {key: value for key, value in self.wanted.items() if value}
        return "/?" + urlencode({**kept, "page": page})


def choice_of(query: Mapping[str, str]) -> Choice:
    """What an address asks for; what cannot be meant is left out."""
    number = query.get("page", "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    wanted = {key: query.get(key, "").strip()[:TEXT_MAX] for key in KEYS}
    return Choice(wanted, max(1, page))


def _day(text: str) -> datetime | None:
    """The beginning of a day in UTC; None of what is none, or cannot be reckoned with."""
    try:
        found = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return found if found.year < MAXYEAR else None
