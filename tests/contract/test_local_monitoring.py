"""The local Cloud Monitoring: by Google's own client over gRPC, and over REST."""

from contextlib import asynccontextmanager
from datetime import timedelta

import grpc.aio
import httpx
import pytest
from google.api.metric_pb2 import MetricDescriptor
from google.api_core import exceptions
from google.cloud import monitoring_v3
from google.cloud.monitoring_v3.services.metric_service.transports import (
    MetricServiceGrpcAsyncIOTransport,
)
from google.protobuf import json_format

from gate.local.monitoring.series import COUNT, LATENCIES
from tests.contract.local_logging import local_logging
from tests.contract.request_lines import MINUTE, NEW, NO_INSTANCE, OLD, lines

PROJECT = "projects/demo"
END = MINUTE - timedelta(minutes=1)
START = END - timedelta(minutes=10)
DELTA = monitoring_v3.Aggregation(
    alignment_period={"seconds": 60},
    per_series_aligner=monitoring_v3.Aggregation.Aligner.ALIGN_DELTA,
)


@asynccontextmanager
async def monitoring(lag_s=0.0):
    async with local_logging(lag_s) as (host, store), grpc.aio.insecure_channel(host) as channel:
        transport = MetricServiceGrpcAsyncIOTransport(channel=channel)
        yield monitoring_v3.MetricServiceAsyncClient(transport=transport), store, host


def asked(metric=COUNT, more="", **fields):
    given = {
        "name": PROJECT,
        "filter": f'metric.type = "{metric}"{more}',
        "interval": monitoring_v3.TimeInterval(start_time=START, end_time=END),
        "view": monitoring_v3.ListTimeSeriesRequest.TimeSeriesView.FULL,
        "aggregation": DELTA,
        **fields,
    }
    return monitoring_v3.ListTimeSeriesRequest(given)


async def listed(client, request):
    return [one async for one in await client.list_time_series(request)]


async def test_a_series_for_each_revision_and_code_with_a_point_for_each_minute():
    async with monitoring() as (client, store, _):
        lines(store, 3, NEW, 200, at=END - timedelta(seconds=90))
        lines(store, 2, NEW, 200, at=END - timedelta(seconds=30))
        lines(store, 1, NEW, 500, at=END - timedelta(seconds=30))
        lines(store, 4, OLD, 200, at=END - timedelta(seconds=30))
        lines(store, 9, NEW, 503, at=END - timedelta(seconds=30), text=NO_INSTANCE)
        found = await listed(client, asked())
    seen = {
        (one.resource.labels["revision_name"], one.metric.labels["response_code_class"]): [
            (END - point.interval.end_time, point.value.int64_value) for point in one.points
        ]
        for one in found
    }
    none, minute = timedelta(0), timedelta(minutes=1)
    assert seen == {
        (NEW, "2xx"): [(none, 2), (minute, 3)],
        (NEW, "5xx"): [(none, 1)],
        (OLD, "2xx"): [(none, 4)],
    }
    assert {one.value_type for one in found} == {MetricDescriptor.INT64}
    assert {one.resource.type for one in found} == {"cloud_run_revision"}


async def test_latencies_are_distributions_of_milliseconds():
    async with monitoring() as (client, store, _):
        for took_s in (0.0005, 0.05, 0.05, 2.0):
            lines(store, 1, took_s=took_s, at=END - timedelta(seconds=30))
        (one,) = await listed(client, asked(LATENCIES))
    (point,) = one.points
    distribution = point.value.distribution_value
    assert (distribution.count, round(distribution.mean)) == (4, 525)
    assert sum(distribution.bucket_counts) == 4
    options = distribution.bucket_options.exponential_buckets
    number = list(distribution.bucket_counts).index(2)
    low, high = (options.scale * options.growth_factor**n for n in (number - 1, number))
    assert low <= 50 < high


async def test_a_minute_is_shown_once_the_lag_is_over():
    async with monitoring(lag_s=3_000) as (client, store, _):
        lines(store, 3, at=END - timedelta(seconds=30))
        assert await listed(client, asked()) == []


async def test_without_an_aligner_points_are_whole_minutes():
    async with monitoring() as (client, store, _):
        lines(store, 3, at=END - timedelta(seconds=30))
        interval = monitoring_v3.TimeInterval(
            start_time=START, end_time=END + timedelta(seconds=40)
        )
        (one,) = await listed(client, asked(aggregation=None, interval=interval))
    assert [point.interval.end_time for point in one.points] == [END]


@pytest.mark.parametrize(
    ("more", "count"),
    [
        (f' AND resource.labels.revision_name = "{NEW}"', 1),
        (f' resource.label.revision_name = one_of("{NEW}", "{OLD}")', 2),
        (' AND metric.labels.response_code_class = "5xx"', 0),
        (' AND resource.type="cloud_run_revision" AND resource.labels.location="us-central1"', 2),
        (' AND resource.type="gce_instance"', 0),
    ],
)
async def test_filters(more, count):
    async with monitoring() as (client, store, _):
        lines(store, 1, NEW, at=END - timedelta(seconds=30))
        lines(store, 1, OLD, at=END - timedelta(seconds=30))
        assert len(await listed(client, asked(more=more))) == count


async def test_the_client_reads_page_by_page():
    async with monitoring() as (client, store, _):
        for minute in range(7):
            for status in (200, 404):
                lines(store, 1, NEW, status, at=END - timedelta(minutes=minute, seconds=30))
        pages = await client.list_time_series(asked(page_size=3))
        sizes = [sum(len(one.points) for one in page.time_series) async for page in pages.pages]
    assert sizes == [3, 3, 3, 3, 2]


@pytest.mark.parametrize(
    ("request_", "error", "said"),
    [
        (asked("run.googleapis.com/no_such"), exceptions.NotFound, "Cannot find metric"),
        (asked(filter="nonsense"), exceptions.InvalidArgument, "could not be parsed"),
        (asked(more=" OR project = 1"), exceptions.InvalidArgument, "could not be parsed"),
        (asked(interval=None), exceptions.InvalidArgument, "interval"),
        (asked(name="folders/1"), exceptions.InvalidArgument, "projects/PROJECT"),
        (asked(page_token="x"), exceptions.InvalidArgument, "page_token"),
        (
            asked(aggregation={"per_series_aligner": "ALIGN_RATE"}),
            exceptions.InvalidArgument,
            "ALIGN_DELTA",
        ),
        (
            asked(aggregation={"cross_series_reducer": "REDUCE_SUM"}),
            exceptions.InvalidArgument,
            "reducers",
        ),
    ],
)
async def test_what_is_refused_says_why(request_, error, said):
    async with monitoring() as (client, _, _):
        with pytest.raises(error, match=said):
            await listed(client, request_)


async def test_rest_gives_the_same_as_messages_of_the_api():
    """Parsed strictly: a field that the API does not have would be refused."""
    async with monitoring() as (client, store, host):
        lines(store, 3, at=END - timedelta(seconds=30))
        by_client = await listed(client, asked(LATENCIES))
        query = {
            "filter": f'metric.type = "{LATENCIES}"',
            "interval.startTime": START.isoformat().replace("+00:00", "Z"),
            "interval.endTime": END.isoformat().replace("+00:00", "Z"),
            "aggregation.alignmentPeriod": "60s",
            "aggregation.perSeriesAligner": "ALIGN_DELTA",
            "pageSize": "10",
        }
        async with httpx.AsyncClient(base_url=f"http://{host}/v3/{PROJECT}") as rest:
            series = await rest.get("/timeSeries", params=query)
            descriptors = await rest.get("/metricDescriptors")
            wrong = await rest.get("/timeSeries", params={**query, "colour": "blue"})
    message = monitoring_v3.ListTimeSeriesResponse.pb()()
    json_format.ParseDict(series.json(), message)
    assert [monitoring_v3.TimeSeries.pb(one) for one in by_client] == [*message.time_series]
    types = {one["type"] for one in descriptors.json()["metricDescriptors"]}
    assert types == {COUNT, LATENCIES}
    assert (wrong.status_code, wrong.json()["error"]["status"]) == (400, "INVALID_ARGUMENT")
