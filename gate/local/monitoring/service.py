"""google.monitoring.v3.MetricService over gRPC: what reads time series.

Not imitated, and refused by name: aligners but ALIGN_DELTA, reducers, secondary aggregations, and
all that writes.
"""

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import Message

from gate.local.logging import LogStore
from gate.local.logging.errors import ApiError, invalid
from gate.local.logging.grpc_methods import unary
from gate.local.logging.wire import nanoseconds
from gate.local.monitoring import wire
from gate.local.monitoring.filter import Filter, FilterError, parse_filter
from gate.local.monitoring.series import METRICS, PERIOD_NS, Span, known_until, time_series

SERVICE = "google.monitoring.v3.MetricService"
MAX_POINTS = 100_000

if TYPE_CHECKING:  # generic in their stubs only
    _Handlers = tuple[grpc.GenericRpcHandler[Any, Any], ...]


def monitoring_handlers(store: LogStore, lag_s: float = 0.0) -> "_Handlers":
    """Gives the handlers of the Monitoring API, for `server.add_generic_rpc_handlers`.

    Args:
        store: whose request log is counted.
        lag_s: so long after its end a period is shown.
    """
    api = MonitoringApi(store, lag_s)
    methods = {
        "ListTimeSeries": unary(api.list_time_series, wire.ListTimeSeriesRequest),
        "ListMetricDescriptors": unary(
            api.list_metric_descriptors, wire.ListMetricDescriptorsRequest
        ),
    }
    return (grpc.method_handlers_generic_handler(SERVICE, methods),)


class MonitoringApi:
    """The methods, over the log of one local Cloud Run."""

    def __init__(self, store: LogStore, lag_s: float) -> None:
        self._store = store
        self._lag_s = lag_s

    async def list_time_series(self, request: Any) -> Message:
        """ListTimeSeries: a page of points, series by series, newest first."""
        wanted = _filter(request.filter)
        (metric,) = wanted.values("metric.type") or {""}
        if metric not in METRICS:
            text = f"Cannot find metric(s) that match type = {metric!r}."
            raise ApiError(grpc.StatusCode.NOT_FOUND, text)
        span = self._span(request)
        project = _project(request.name)
        series = [*time_series(self._store, project, metric, wanted, span)]
        size = request.page_size or MAX_POINTS
        if not 0 < size <= MAX_POINTS:
            raise invalid(f"page_size: out of range (got {size}, expected 0 to {MAX_POINTS})")
        start = _decode(request)
        shown, more = _page(series, start, size)
        if request.view == wire.ListTimeSeriesRequest.HEADERS:
            for one in shown:
                del one.points[:]
        token = _encode(request, start + size) if more else ""
        made: Message = wire.ListTimeSeriesResponse(time_series=shown, next_page_token=token)
        return made

    async def list_metric_descriptors(self, request: Any) -> Message:
        """ListMetricDescriptors: the two metrics that there are."""
        wanted = _filter(request.filter)
        kinds = wire.MetricDescriptor
        found = [
            kinds(
                name=f"{request.name}/metricDescriptors/{name}",
                type=name,
                metric_kind=kinds.DELTA,
                value_type=kinds.INT64 if name.endswith("count") else kinds.DISTRIBUTION,
                unit="1" if name.endswith("count") else "ms",
                description=about,
                monitored_resource_types=["cloud_run_revision"],
            )
            for name, about in METRICS.items()
            if wanted.allows("metric.type", name)
        ]
        made: Message = wire.ListMetricDescriptorsResponse(metric_descriptors=found)
        return made

    def _span(self, request: Any) -> Span:
        interval, aggregation = request.interval, request.aggregation
        end_ns = nanoseconds(interval.end_time)
        start_ns = nanoseconds(interval.start_time) or end_ns - 1
        if not 0 < start_ns < end_ns:
            raise invalid("interval: needs an end_time that is later than its start_time")
        none = wire.Aggregation.ALIGN_NONE
        plain = aggregation.per_series_aligner == none
        if aggregation.per_series_aligner not in {none, wire.Aggregation.ALIGN_DELTA}:
            raise invalid(
                "gate local: aggregation.per_series_aligner: only ALIGN_DELTA is imitated"
            )
        reduced = aggregation.cross_series_reducer or aggregation.group_by_fields
        if reduced or request.HasField("secondary_aggregation"):
            raise invalid("gate local: reducers and secondary aggregations are not imitated")
        period_ns = PERIOD_NS if plain else nanoseconds(aggregation.alignment_period)
        if period_ns < PERIOD_NS:
            raise invalid("aggregation.alignment_period: must be at least 60 seconds")
        end_ns -= end_ns % PERIOD_NS if plain else 0
        return Span(start_ns, end_ns, period_ns, known_until(self._store, self._lag_s))


def _page(series: list[Any], start: int, size: int) -> tuple[list[Any], bool]:
    """The points from one place on, in the series that they belong to, and whether more follow."""
    shown: list[Any] = []
    passed = 0
    for one in series:
        low, high = max(start - passed, 0), max(start + size - passed, 0)
        points = one.points[low:high]
        passed += len(one.points)
        if points:
            part = wire.TimeSeries()
            part.CopyFrom(one)
            del part.points[:]
            part.points.extend(points)
            shown.append(part)
    return shown, passed > start + size


def _filter(text: str) -> Filter:
    try:
        return parse_filter(text)
    except FilterError as error:
        raise invalid(f"filter: {error}") from None


def _project(name: str) -> str:
    kind, _, project = name.partition("/")
    if kind != "projects" or not project or "/" in project:
        raise invalid(f"name: is no project (got {name[:100]!r}, expected projects/PROJECT)")
    return project


def _digest(request: Any) -> str:
    asked = type(request)()
    asked.CopyFrom(request)
    asked.page_token = ""
    return hashlib.sha256(asked.SerializeToString(deterministic=True)).hexdigest()[:16]


def _encode(request: Any, start: int) -> str:
    return base64.urlsafe_b64encode(f"{_digest(request)} {start}".encode()).decode()


def _decode(request: Any) -> int:
    if not request.page_token:
        return 0
    try:
        digest, start = base64.urlsafe_b64decode(request.page_token).decode().split()
        number = int(start)
    except (binascii.Error, ValueError):
        raise invalid("page_token: not a token of this server") from None
    if digest != _digest(request) or number < 0:
        raise invalid("page_token: belongs to a request with other parameters")
    return number
