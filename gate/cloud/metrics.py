"""Users' requests by Cloud Monitoring: implements ports.UserRequests.

run.googleapis.com/request_count and request_latencies have a series for each revision and class of
answer, sampled each minute and late by minutes; where there was no request there is no series.
Requests that reach no container are not in them.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.documents import Document, items, moment, number, part, parts, text, value
from gate.cloud.entries import quoted
from gate.cloud.wire import OverWire, Patience, Query, Ways, Wire, path_of
from gate.core.policy import Json
from gate.core.service import ServiceRef
from gate.core.user_requests import (
    CLASSES,
    MONITORING_LAG_S,
    MONITORING_PERIOD_S,
    Counts,
    Distribution,
    RequestCounts,
)
from gate.errors import InfrastructureError
from gate.ports import RequestQuery

COUNT = "run.googleapis.com/request_count"
LATENCIES = "run.googleapis.com/request_latencies"
PAGE_POINTS = 5_000
"""Most points of one page."""
_PAGES_MAX = 20
_BUCKETS_MAX = 1_000
_PATIENCE = Patience(budget_s=30.0, first_wait_s=1.0, max_wait_s=10.0)


@dataclass(frozen=True, slots=True)
class _Point:
    """One minute of one series."""

    revision: str
    answers: str
    began: datetime
    ended: datetime
    value: Document


class MonitoredRequests(OverWire):
    """Reads the time series of one service's revisions.

    Args:
        ref: the service.
        endpoint: where the Monitoring API is.
        patience: how long failures that may pass are borne, for each call.
        ways: how the wire reaches the world.
        page_points: most points that are asked for at once.
    """

    def __init__(
        self,
        ref: ServiceRef,
        endpoint: Endpoint,
        patience: Patience = _PATIENCE,
        ways: Ways | None = None,
        page_points: int = PAGE_POINTS,
    ) -> None:
        self._ref = ref
        self._page_points = page_points
        self._wire = Wire(Place(Api.MONITORING, endpoint), patience, ways)

    async def count(self, query: RequestQuery) -> RequestCounts:
        """As ports.UserRequests.count, of whole minutes that are complete."""
        until = _whole_minute(query.now - timedelta(seconds=MONITORING_LAG_S))
        begins = min(query.since, query.stable_since) if query.stable else query.since
        counts: list[_Point] = []
        latencies: list[_Point] = []
        if _whole_minute(begins) + timedelta(seconds=MONITORING_PERIOD_S) <= until:
            counts = await self._points(COUNT, query, begins, until)
            latencies = await self._points(LATENCIES, query, begins, until)
        found = _counted(counts, latencies)
        return RequestCounts(
            found.get(query.candidate, Counts()),
            tuple((name, found.get(name, Counts())) for name in query.stable),
            query.since,
            max(until, query.since),
            _missing(counts, latencies),
        )

    async def _points(
        self, metric: str, query: RequestQuery, begins: datetime, until: datetime
    ) -> list[_Point]:
        """The points of one metric that lie within what is counted.

        Raises:
            InfrastructureError: not all could be had: what is missing would look like no requests.
        """
        asked = {
            "filter": self._filter(metric, (query.candidate, *query.stable)),
            "interval.startTime": _stamp(_whole_minute(begins)),
            "interval.endTime": _stamp(until),
            "aggregation.alignmentPeriod": f"{MONITORING_PERIOD_S:.0f}s",
            "aggregation.perSeriesAligner": "ALIGN_DELTA",
            "pageSize": str(self._page_points),
        }
        subject = f"metric {metric} of {self._ref}"
        found: list[_Point] = []
        for _ in range(_PAGES_MAX):
            path = path_of("/v3/projects/{project}/timeSeries", project=self._ref.project)
            page = await self._wire.call(Query("GET", f"{path}?{urlencode(asked)}", subject))
            if failed := parts(page, "executionErrors"):
                told = text(failed[0], "message") or "no text"
                raise InfrastructureError(f"{subject}: not all of it could be read (got {told})")
            found += (one for one in _read(page) if _within(one, query, until))
            token = text(page, "nextPageToken")
            if not token:
                return found
            asked["pageToken"] = token
        raise InfrastructureError(f"{subject}: too many pages (got {_PAGES_MAX} and no end)")

    def _filter(self, metric: str, revisions: tuple[str, ...]) -> str:
        names = ", ".join(map(quoted, revisions))
        return " AND ".join(
            (
                f"metric.type = {quoted(metric)}",
                'resource.type = "cloud_run_revision"',
                f"resource.labels.service_name = {quoted(self._ref.name)}",
                f"resource.labels.location = {quoted(self._ref.region)}",
                f"resource.labels.revision_name = one_of({names})",
            )
        )


def _read(page: Document) -> Iterator[_Point]:
    for series in parts(page, "timeSeries"):
        revision = text(series, "resource", "labels", "revision_name")
        answers = text(series, "metric", "labels", "response_code_class")
        for point in parts(series, "points"):
            ended = moment(point, "interval", "endTime")
            began = moment(point, "interval", "startTime") or ended
            if began and ended:
                yield _Point(revision, answers, began, ended, part(point, "value"))


def _within(point: _Point, query: RequestQuery, until: datetime) -> bool:
    """Whether all of its minute is within what is counted of its revision."""
    if point.revision == query.candidate:
        return query.since <= point.began and point.ended <= until
    ends = min(query.stable_until or until, until)
    return query.stable_since <= point.began and point.ended <= ends


def _counted(counts: list[_Point], latencies: list[_Point]) -> dict[str, Counts]:
    classes: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(CLASSES, 0))
    for one in counts:
        if one.answers in CLASSES:
            classes[one.revision][one.answers] += _count(one.value)
    took: dict[str, Distribution] = defaultdict(Distribution)
    for one in latencies:
        if one.answers != CLASSES[0]:  # WebSockets
            took[one.revision] = took[one.revision].plus(distribution(one.value))
    return {name: Counts(tuple(found.values()), 0, took[name]) for name, found in classes.items()}


def _missing(counts: list[_Point], latencies: list[_Point]) -> str:
    """What is known to be missing, in words."""
    late = f"the last {MONITORING_LAG_S / 60:.0f} min are not in Monitoring yet"
    if counts and not latencies:
        return f"{late}, nor any latency"
    ends = [max(one.ended for one in some) for some in (counts, latencies) if some]
    if len(ends) == 2 and ends[1] < ends[0]:
        return f"{late}, latencies only up to {ends[1]:%H:%M} UTC"
    return late


def distribution(of: Document) -> Distribution:
    """A distribution of milliseconds as the API has it, in seconds; empty where it is none."""
    options = part(of, "distributionValue", "bucketOptions")
    bounds_s = tuple(bound / 1000 for bound in _bounds(options))
    given = [_whole(one) for one in items(of, "distributionValue", "bucketCounts")]
    if not bounds_s or not any(given):
        return Distribution()
    size = len(bounds_s) + 1
    counts = [*given[:size], *[0] * (size - len(given))]
    counts[-1] += sum(given[size:])
    return Distribution(bounds_s, tuple(counts))


def _bounds(options: Document) -> list[float]:
    """What the buckets end at (google.api.Distribution.BucketOptions), rising."""
    if grows := part(options, "exponentialBuckets"):
        scale, factor = (_number(grows, name) for name in ("scale", "growthFactor"))
        found = [scale]
        for _ in range(min(number(grows, "numFiniteBuckets"), _BUCKETS_MAX)):
            found.append(found[-1] * factor)
    elif even := part(options, "linearBuckets"):
        width, offset = _number(even, "width"), _number(even, "offset")
        finite = min(number(even, "numFiniteBuckets"), _BUCKETS_MAX)
        found = [offset + width * step for step in range(finite + 1)]
    else:
        bounds = items(options, "explicitBuckets", "bounds")
        found = [float(one) for one in bounds if isinstance(one, int | float)]
    rises = found == sorted(set(found)) and all(0 <= one < math.inf for one in found)
    return found if rises else []


def _count(point: Document) -> int:
    """A number of requests; aligned, it may come as one with a fraction."""
    found = _number(point, "doubleValue")
    return max(number(point, "int64Value"), round(found) if 0 < found < math.inf else 0)


def _number(document: Document, name: str) -> float:
    found = value(document, name)
    return float(found) if isinstance(found, int | float) else 0.0


def _whole(given: Json) -> int:
    return max(number({"": given}, ""), 0)


def _whole_minute(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(second=0, microsecond=0)


def _stamp(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
