"""Users' requests by the front end's request log: implements ports.UserRequests.

An entry is written when its request ends (https://cloud.google.com/run/docs/logging, log
run.googleapis.com/requests), and is there seconds later. The gate's own requests are told from
users' by their trace, their user agent and the address that they came to.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import quote, urlsplit

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, number, part, text
from gate.cloud.entries import newest_entries, quoted, since
from gate.cloud.logs import PATIENCE
from gate.cloud.wire import OverWire, Patience, Ways, Wire
from gate.core.policy import REQUESTS_MAX
from gate.core.service import ServiceRef
from gate.core.user_requests import CLASSES, Counts, Distribution, RequestCounts
from gate.ports import RequestQuery

LOG_ID = "run.googleapis.com/requests"
_SWITCHED = 101
"""A WebSocket: how long it was held says nothing of how fast it answers."""
_LATENCY = re.compile(r"([0-9]+(?:\.[0-9]+)?)s")
_TAGGED = re.compile(r"[a-z0-9-]+---[a-z0-9-]+\..*run\.app")


class Own(Protocol):
    """Whether a request is one of the gate's, by its trace id and its user agent."""

    def __call__(self, trace: str, user_agent: str) -> bool:
        """As the class says."""
        ...


InItsPlace = Callable[[int, str], bool]
"""Whether Cloud Run's front end gave an answer of this status and text in a container's place."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What tells requests from one another.

    Attributes:
        own: those of the gate.
        in_its_place: those that no container answered.
    """

    own: Own
    in_its_place: InItsPlace


class LoggedRequests(OverWire):
    """Counts the entries of the request log.

    Args:
        ref: the service.
        endpoint: where the Logging API is.
        telling: tells requests from one another.
        patience: how long failures that may pass are borne, for each call.
        ways: how the wire reaches the world.
    """

    def __init__(
        self,
        ref: ServiceRef,
        endpoint: Endpoint,
        telling: Telling,
        patience: Patience = PATIENCE,
        ways: Ways | None = None,
    ) -> None:
        self._ref = ref
        self._telling = telling
        self._wire = Wire(Place(Api.LOGGING, endpoint), patience, ways)

    async def count(self, query: RequestQuery) -> RequestCounts:
        """As ports.UserRequests.count; of each side the newest are read, so many and no more."""
        own = await self._read((query.candidate,), query.since, None)
        stable: list[Document] = []
        if query.stable:
            stable = await self._read(query.stable, query.stable_since, query.stable_until)
        found = self._counted([*own, *stable], query.not_users)
        cut = [name for name, read in (("candidate", own), ("stable", stable)) if _full(read)]
        newest = f"the newest {REQUESTS_MAX} of {' and '.join(cut)} were read" if cut else ""
        return RequestCounts(
            found.get(query.candidate, Counts()),
            tuple((name, found.get(name, Counts())) for name in query.stable),
            query.since,
            query.now,
            newest,
        )

    async def _read(
        self, revisions: Sequence[str], begins: datetime, ends: datetime | None
    ) -> list[Document]:
        ref = self._ref
        names = " OR ".join(map(quoted, revisions))
        log = f"projects/{ref.project}/logs/{quote(LOG_ID, safe='')}"
        clauses = [
            'resource.type="cloud_run_revision"',
            f"resource.labels.service_name={quoted(ref.name)}",
            f"resource.labels.location={quoted(ref.region)}",
            f"resource.labels.revision_name=({names})",
            f"logName={quoted(log)}",
            since(begins),
        ]
        if ends is not None:
            clauses.append(f"timestamp<{quoted(ends.astimezone(UTC).isoformat())}")
        subject = f"request log of {', '.join(revisions)}"
        return await newest_entries(self._wire, ref.project, clauses, REQUESTS_MAX, subject)

    def _counted(self, entries: Iterable[Document], not_users: Sequence[str]) -> dict[str, Counts]:
        sides: dict[str, _Side] = defaultdict(_Side)
        for entry in entries:
            if not self._is_ours(entry, not_users):
                sides[text(entry, "resource", "labels", "revision_name")].add(
                    entry, self._telling.in_its_place
                )
        return {name: side.counts() for name, side in sides.items()}

    def _is_ours(self, entry: Document, not_users: Sequence[str]) -> bool:
        url = text(entry, "httpRequest", "requestUrl")
        trace = text(entry, "trace").rpartition("/")[2]
        own = self._telling.own(trace, text(entry, "httpRequest", "userAgent"))
        return own or _host(url) in {_host(one) for one in not_users} or _is_tagged(url)


class _Side:
    """What was counted of one revision."""

    def __init__(self) -> None:
        self._classes = [0] * len(CLASSES)
        self._front_end = 0
        self._took_s: list[float] = []

    def add(self, entry: Document, in_its_place: InItsPlace) -> None:
        """One more request; one without a status was not answered to its end."""
        http = part(entry, "httpRequest")
        status = number(http, "status")
        if not 100 <= status < 600:
            return
        if in_its_place(status, text(entry, "textPayload")):
            self._front_end += 1
            return
        self._classes[status // 100 - 1] += 1
        if status != _SWITCHED and (took := _LATENCY.fullmatch(text(http, "latency"))):
            self._took_s.append(float(took[1]))

    def counts(self) -> Counts:
        """All of it."""
        return Counts(tuple(self._classes), self._front_end, Distribution.of(self._took_s))


def _full(read: Sequence[Document]) -> bool:
    return len(read) >= REQUESTS_MAX


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _is_tagged(url: str) -> bool:
    """Whether an address is that of a tag, in any of the forms that Cloud Run gives a service."""
    return _TAGGED.fullmatch(_host(url)) is not None
