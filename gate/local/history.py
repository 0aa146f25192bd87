"""What happened to each service's traffic, in order: what was asked for, told, and obeyed.

Cloud Run keeps no such record; tests need one to say that something never happened.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from gate.local.ports import JsonValue, ServiceKey

MOMENTS_MAX: Final = 2_000
SERVICES_MAX: Final = 1_000


class What(Enum):
    """What happened."""

    ASKED = "asked"  # a write was accepted: this is the desired traffic now
    TOLD = "told"  # `traffic_statuses` say so
    OBEYED = "obeyed"  # the front end splits new requests so


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a traffic list; `revision` "" follows the latest ready revision."""

    revision: str
    percent: int
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """One thing that happened.

    Attributes:
        at: when.
        what: what.
        lines: the traffic list; of what was told or obeyed, with every revision named.
        caller: who asked, "" where nobody did.
        annotations: the service's own, as the write left them.
        generation: of the service.
    """

    at: datetime
    what: What
    lines: tuple[Line, ...]
    caller: str = ""
    annotations: tuple[tuple[str, str], ...] = ()
    generation: int = 0

    def shown(self, number: int) -> JsonValue:
        """Gives its JSON form."""
        traffic: list[JsonValue] = [
            {"revision": line.revision, "percent": line.percent, "tag": line.tag}
            for line in self.lines
        ]
        return {
            "number": number,
            "at": self.at.isoformat(),
            "what": self.what.value,
            "traffic": traffic,
            "caller": self.caller,
            "annotations": dict(self.annotations),
            "generation": self.generation,
        }


class History:
    """The last moments of the services that changed last."""

    def __init__(self) -> None:
        self._moments: OrderedDict[ServiceKey, deque[tuple[int, Moment]]] = OrderedDict()
        self._number = 0

    def note(self, key: ServiceKey, moment: Moment) -> None:
        """Keeps one moment of a service."""
        self._number += 1
        kept = self._moments.setdefault(key, deque(maxlen=MOMENTS_MAX))
        kept.append((self._number, moment))
        self._moments.move_to_end(key)
        if len(self._moments) > SERVICES_MAX:
            self._moments.popitem(last=False)

    def of(self, key: ServiceKey) -> list[JsonValue]:
        """Gives a service's moments in their JSON form, oldest first."""
        return [moment.shown(number) for number, moment in self._moments.get(key, ())]


def lines_of(
    shares: Iterable[tuple[str, int]], tags: Iterable[tuple[str, str]]
) -> tuple[Line, ...]:
    """Gives the traffic list of resolved routes: percents first, then a line a tag."""
    return (
        *(Line(revision, percent) for revision, percent in shares),
        *(Line(revision, 0, tag) for tag, revision in tags),
    )
