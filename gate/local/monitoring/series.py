"""Time series out of the request log: how many requests ended in each span, and how long they took.

As Cloud Run's own metrics: a request counts when it ends, and only if it reached a container; where
there was none there is no series (https://cloud.google.com/monitoring/api/metrics_gcp).
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from gate.local.logging import LogStore
from gate.local.logging.entry import unix_ns
from gate.local.logging.wire import nanoseconds, set_nanoseconds
from gate.local.monitoring import wire
from gate.local.monitoring.filter import Filter

COUNT: Final = "run.googleapis.com/request_count"
LATENCIES: Final = "run.googleapis.com/request_latencies"
METRICS: Final = {
    COUNT: "Number of requests that reached the revision's containers.",
    LATENCIES: "Distribution of how long requests took, in milliseconds.",
}
PERIOD_NS: Final = 60_000_000_000
_LONGEST = timedelta(hours=1)
"""A request that ends in a span may have begun so long before."""
_REQUESTS: Final = "/logs/run.googleapis.com%2Frequests"
_GROWTH, _SCALE, _FINITE = 1.4, 1.0, 66
_KIND: Final = "cloud_run_revision"


@dataclass(frozen=True, slots=True)
class Span:
    """What is asked for: whole periods that end at `end_ns`, none longer ago than `start_ns`.

    Attributes:
        known_ns: up to when anything is shown.
    """

    start_ns: int
    end_ns: int
    period_ns: int
    known_ns: int

    def period_of(self, at_ns: int) -> tuple[int, int] | None:
        """The period in which a moment lies; None where it is not asked for, or not shown yet."""
        back = (self.end_ns - at_ns) // self.period_ns
        ends = self.end_ns - back * self.period_ns
        begins = ends - self.period_ns
        shown = begins >= self.start_ns and ends <= min(self.end_ns, self.known_ns)
        return (begins, ends) if shown else None


_Labels = tuple[tuple[str, str], ...]


def time_series(
    store: LogStore, project: str, metric: str, wanted: Filter, span: Span
) -> Iterator[Any]:
    """The series of one metric, each with its points, newest first."""
    found: dict[tuple[_Labels, _Labels], dict[tuple[int, int], list[float]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for entry in _requests(store, project, span):
        ended_ns = nanoseconds(entry.timestamp) + nanoseconds(entry.http_request.latency)
        period = span.period_of(ended_ns - 1)
        resource, labels = _labels(entry)
        if period is not None and _fits(wanted, resource, labels):
            took_ms = nanoseconds(entry.http_request.latency) / 1e6
            found[resource, labels][period].append(took_ms)
    for (resource, labels), periods in sorted(found.items()):
        yield _series(metric, resource, labels, periods)


def _requests(store: LogStore, project: str, span: Span) -> Iterator[Any]:
    since_ns = span.start_ns - unix_delta_ns(_LONGEST)
    for record in store.records(frozenset({f"projects/{project}"}), since_ns, span.end_ns):
        if str(record.name).endswith(_REQUESTS):
            entry: Any = record.entry()
            reached = "instanceId" in entry.labels
            if reached and 100 <= entry.http_request.status < 600:
                yield entry


def unix_delta_ns(delta: timedelta) -> int:
    """A span of time in nanoseconds."""
    return delta // timedelta(microseconds=1) * 1000


def _labels(entry: Any) -> tuple[_Labels, _Labels]:
    code = str(entry.http_request.status)
    answers = (("response_code", code), ("response_code_class", f"{code[0]}xx"))
    return tuple(sorted(entry.resource.labels.items())), answers


def _fits(wanted: Filter, resource: _Labels, labels: _Labels) -> bool:
    of_resource = all(wanted.allows(f"resource.labels.{name}", value) for name, value in resource)
    of_metric = all(wanted.allows(f"metric.labels.{name}", value) for name, value in labels)
    return of_resource and of_metric and wanted.allows("resource.type", _KIND)


def _series(
    metric: str, resource: _Labels, labels: _Labels, periods: dict[tuple[int, int], list[float]]
) -> Any:
    descriptor = wire.MetricDescriptor
    series = wire.TimeSeries(metric_kind=descriptor.DELTA)
    series.metric.type = metric
    series.metric.labels.update(labels)
    series.resource.type = _KIND
    series.resource.labels.update(resource)
    is_count = metric == COUNT
    series.value_type = descriptor.INT64 if is_count else descriptor.DISTRIBUTION
    for (begins, ends), took_ms in sorted(periods.items(), reverse=True):
        point = series.points.add()
        set_nanoseconds(point.interval.start_time, begins)
        set_nanoseconds(point.interval.end_time, ends)
        if is_count:
            point.value.int64_value = len(took_ms)
        else:
            _distribute(point.value.distribution_value, took_ms)
    return series


def _distribute(distribution: Any, took_ms: list[float]) -> None:
    distribution.count = len(took_ms)
    mean = sum(took_ms) / len(took_ms)
    distribution.mean = mean
    distribution.sum_of_squared_deviation = sum((one - mean) ** 2 for one in took_ms)
    buckets = distribution.bucket_options.exponential_buckets
    buckets.num_finite_buckets, buckets.growth_factor, buckets.scale = _FINITE, _GROWTH, _SCALE
    counts = [0] * (_FINITE + 2)
    for one in took_ms:
        counts[_bucket(one)] += 1
    last = max(number for number, count in enumerate(counts) if count)
    distribution.bucket_counts.extend(counts[: last + 1])


def _bucket(took_ms: float) -> int:
    if took_ms < _SCALE:
        return 0
    return min(math.floor(math.log(took_ms / _SCALE) / math.log(_GROWTH)) + 1, _FINITE + 1)


def known_until(store: LogStore, lag_s: float) -> int:
    """Up to when the metrics show anything, in nanoseconds since 1970."""
    now: datetime = store.clock()
    return unix_ns(now - timedelta(seconds=lag_s))
