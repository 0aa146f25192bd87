"""Which rollouts of the list somebody wants to see, by the address of the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from gate.report.attempts import Attempt
from gate.report.fields import text, texts

PAGE = 50
KEYS = ("q", "ending", "kind", "actor", "capability", "since", "until")
TEXT_MAX = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen: a text for each of KEYS, "" for all; and which page of it, from 1 on."""

    wanted: Mapping[str, str]
    page: int

    def of(self, found: Sequence[Attempt]) -> Sequence[Attempt]:
        """Those that are wanted, in the same order."""
        if not any(self.wanted.values()):
            return found
        return [one for one in found if self._wants(one)]

    def shown(self, wanted: Sequence[Attempt]) -> Sequence[Attempt]:
        """Those of the page."""
        return wanted[(self.page - 1) * PAGE : self.page * PAGE]

    def link(self, page: int) -> str:
        """The address of another page of the same."""
        kept = {key: value for key, value in self.wanted.items() if value}
        return "/?" + urlencode({**kept, "page": page})

    def _wants(self, one: Attempt) -> bool:
        wanted, head = self.wanted, one.head
        exact = (
            ("ending", one.ending),
            ("kind", text(head, "kind")),
            ("actor", text(head, "actor")),
        )
        if any(wanted[key] and wanted[key] != value for key, value in exact):
            return False
        if wanted["capability"] and wanted["capability"] not in texts(head, "capabilities"):
            return False
        if wanted["since"] and one.began[:10] < wanted["since"]:
            return False
        if wanted["until"] and one.began[:10] > wanted["until"]:
            return False
        return not wanted["q"] or wanted["q"].casefold() in _words(one)


def choice_of(query: Mapping[str, str]) -> Choice:
    """What an address asks for; what cannot be meant is left out."""
    number = query.get("page", "")
    page = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    wanted = {key: query.get(key, "").strip()[:TEXT_MAX] for key in KEYS}
    return Choice(wanted, max(1, page))


def _words(one: Attempt) -> str:
    head = one.head
    told = (one.id, one.candidate, text(head, "actor"), text(head, "reason"), one.ending)
    return "\n".join((*told, text(head, "short_why"))).casefold()
