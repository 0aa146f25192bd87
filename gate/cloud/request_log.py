"""Users' requests by the front end's request log: implements ports.UserRequests.

An entry is written when its request ends (https://cloud.google.com/run/docs/logging, log
run.googleapis.com/requests), and is there seconds later. The gate's own requests are told from
users' by their trace, their user agent and the address that they came to.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from urllib.parse import quote, urlsplit

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, moment, number, part, text
from gate.cloud.entries import newest_entries, quoted, since
from gate.cloud.logs import PATIENCE
from gate.cloud.wire import OverWire, Patience, Ways, Wire
from gate.core.policy import REQUESTS_MAX
from gate.core.service import ServiceRef
from gate.core.user_requests import CLASSES, Counts, Distribution, RequestCounts
from gate.errors import UnavailableError
from gate.ports import RequestQuery

LOG_ID = "run.googleapis.com/requests"
_SWITCHED = 101
"""A WebSocket: how long it was held says nothing of how fast it answers."""
READ_MAX = 2 * REQUESTS_MAX
"""Most entries of each side that are read: of more, a part is, spread evenly over the time."""
_FULL = 0.8
"""How full a read of a part is to be: it must not be cut off."""
_TRIES = 4
_HOSTS_MAX = 20
"""Most addresses that a filter leaves out; the others are, once they have been read."""
_INSTANT = timedelta(microseconds=1)
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
        self._parts: dict[tuple[tuple[str, ...], datetime], float] = {}
        self._wire = Wire(Place(Api.LOGGING, endpoint), patience, ways)

    async def count(self, query: RequestQuery) -> RequestCounts:
        """As ports.UserRequests.count; of more than READ_MAX on a side, a part is read."""
        gates = _of_the_gate(query.not_users)
        own = await self._read((query.candidate,), query.since, None, query.now, gates)
        stable = _Read([])
        if query.stable:
            ends = query.stable_until or query.now
            stable = await self._read(
                query.stable, query.stable_since, query.stable_until, ends, gates
            )
        found = self._counted([*own.entries, *stable.entries], query.not_users)
        return RequestCounts(
            found.get(query.candidate, Counts()),
            tuple((name, found.get(name, Counts())) for name in query.stable),
            query.since,
            query.now,
            "; ".join(
                f"about {one.part:.1%} of {side} was read"
                for side, one in (("the candidate's", own), ("stable's", stable))
                if one.part < 1
            ),
        )

    async def _read(
        self,
        revisions: Sequence[str],
        begins: datetime,
        ends: datetime | None,
        now: datetime,
        without: Sequence[str],
    ) -> "_Read":
        """All entries of a time, or where there are too many, a part that is spread evenly over it.

        The newest alone would not do: what the other side went through meanwhile is in all of it.
        """
        clauses = [*self._clauses(revisions, begins, ends), *without]
        subject = f"request log of {', '.join(revisions)}"
        share = self._parts.get((tuple(revisions), begins), 1.0)
        for _ in range(_TRIES):
            sampled = [f"sample(insertId, {share:.6f})"] if share < 1 else []
            entries = await newest_entries(
                self._wire, self._ref.project, [*clauses, *sampled], READ_MAX, subject
            )
            if len(entries) < READ_MAX:
                break
            oldest = moment(entries[-1], "timestamp") or begins
            share *= _FULL * max((now - oldest) / max(now - begins, _INSTANT), 0.001)
        else:
            raise UnavailableError(f"{subject}: has too many entries to be read")
        self._parts[tuple(revisions), begins] = share
        return _Read(entries, share)

    def _clauses(
        self, revisions: Sequence[str], begins: datetime, ends: datetime | None
    ) -> list[str]:
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
        until = [f"timestamp<{quoted(ends.astimezone(UTC).isoformat())}"] if ends else []
        return [*clauses, *until]

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


def _of_the_gate(not_users: Sequence[str]) -> list[str]:
    """Leaves out what is known to be the gate's, so that it takes no room of users'."""
    hosts = list(filter(None, map(_host, not_users)))[:_HOSTS_MAX]
    places = [f"NOT httpRequest.requestUrl:{quoted(f'//{host}/')}" for host in hosts]
    return ['NOT httpRequest.userAgent=~"^gate/"', *places]


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of one side, and how much that is of all there is."""

    entries: list[Document]
    part: float = 1.0


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


def _host(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _is_tagged(url: str) -> bool:
    """Whether an address is that of a tag, in any of the forms that Cloud Run gives a service."""
    return _TAGGED.fullmatch(_host(url)) is not None
