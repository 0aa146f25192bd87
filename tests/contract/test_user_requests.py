"""What ports.UserRequests promises: by the request log, and by Cloud Monitoring."""

import json
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.metrics import MonitoredRequests, distribution
from gate.cloud.request_log import READ_MAX, LoggedRequests, Telling
from gate.cloud.wire import Patience
from gate.core.service import ServiceRef
from gate.core.user_requests import MONITORING_LAG_S as LAG_S
from gate.core.user_requests import Distribution
from gate.errors import AccessError, InfrastructureError, UnavailableError
from gate.local.ports import ServiceKey
from gate.ports import RequestQuery
from gate.probes.frontend import in_its_place
from gate.probes.headers import Trace, own, user_agent
from tests.contract.local_logging import local_logging
from tests.contract.probe_servers import http, tcp
from tests.contract.request_lines import (
    MINUTE,
    NEW,
    NO_INSTANCE,
    NOW,
    OLD,
    TAG_URL,
    lines,
)

REF = ServiceRef("demo", "us-central1", "backend")
TELLING = Telling(own, in_its_place)
SINCE = MINUTE - timedelta(minutes=10)
QUERY = RequestQuery(NEW, (OLD,), SINCE, SINCE, NOW, None, (TAG_URL,))


@asynccontextmanager
async def logged():
    async with (
        local_logging() as (host, store),
        LoggedRequests(REF, Endpoint(host), TELLING) as counting,
    ):
        yield counting, store


@asynccontextmanager
async def monitored():
    async with (
        local_logging(LAG_S) as (host, store),
        MonitoredRequests(REF, Endpoint(host)) as counting,
    ):
        yield counting, store


@pytest.fixture(params=[logged, monitored])
async def world(request):
    async with request.param() as one:
        yield one


# --- both sources


async def test_they_are_counted_by_revision_and_class(world):
    counting, store = world
    for status, count in ((200, 30), (302, 4), (404, 3), (500, 2), (101, 1)):
        lines(store, count, NEW, status)
    lines(store, 50, OLD, took_s=0.2)
    found = await counting.count(QUERY)
    assert found.candidate.classes == (1, 30, 4, 3, 2)
    assert found.candidate.took.total == 39
    assert dict(found.stable)[OLD].total == 50
    assert found.candidate.took.percentile(95) == pytest.approx(0.02, rel=0.4)
    assert found.beside.took.percentile(95) == pytest.approx(0.2, rel=0.4)


async def test_a_revision_without_requests_has_none_and_nobody_elses_are_its_own(world):
    counting, store = world
    lines(store, 5, "backend-00003-ccc")
    lines(store, 5, NEW, service=ServiceKey("demo", "us-central1", "other"))
    lines(store, 5, NEW, service=ServiceKey("demo", "europe-west1", "backend"))
    found = await counting.count(QUERY)
    assert (found.candidate.total, found.candidate.took.percentile(95)) == (0, None)
    assert [(name, one.total) for name, one in found.stable] == [(OLD, 0)]


async def test_what_came_before_the_step_does_not_count(world):
    counting, store = world
    lines(store, 7, at=SINCE - timedelta(seconds=61))
    lines(store, 3, at=SINCE + timedelta(seconds=61))
    lines(store, 5, OLD, at=SINCE + timedelta(seconds=61))
    lines(store, 2, OLD, at=SINCE + timedelta(minutes=4))
    lines(store, 4, OLD, at=SINCE - timedelta(seconds=61))
    query = replace(QUERY, stable_until=SINCE + timedelta(minutes=3))
    found = await counting.count(query)
    assert (found.candidate.total, found.beside.total) == (3, 5)
    before = replace(query, stable_since=SINCE - timedelta(minutes=5))
    found = await counting.count(before)
    assert (found.candidate.total, found.beside.total) == (3, 9)


async def test_without_stable_the_candidate_is_counted_alone(world):
    counting, store = world
    lines(store, 3)
    lines(store, 3, OLD)
    found = await counting.count(replace(QUERY, stable=()))
    assert (found.candidate.total, found.stable) == (3, ())


async def test_what_no_container_answered_is_told_apart(world):
    """By the log as the front end's; Monitoring has none of it."""
    counting, store = world
    lines(store, 3, NEW, 503, text=NO_INSTANCE)
    lines(store, 2, NEW, 429, text=NO_INSTANCE)
    lines(store, 1, NEW, 503)
    found = await counting.count(QUERY)
    assert (found.candidate.total, found.candidate.bad) == (1, 1)
    assert found.candidate.front_end in {5, 0}


@pytest.mark.parametrize("make", [LoggedRequests, MonitoredRequests])
async def test_an_api_that_does_not_answer_is_no_count(make):
    asked = (TELLING,) if make is LoggedRequests else ()
    quick = Patience(0.1, 0.01, 0.02)
    async with make(REF, Endpoint("127.0.0.1:9"), *asked, quick) as counting:
        with pytest.raises(UnavailableError):
            await counting.count(QUERY)


# --- the log


async def test_the_gates_own_requests_are_nobodys():
    async with logged() as (counting, store):
        lines(store, 2, trace=Trace().id)
        lines(store, 2, agent=user_agent())
        lines(store, 2, url=TAG_URL)
        lines(store, 2, url="https://blue---backend-123456.us-central1.run.app")
        lines(store, 2, url="https://shop.example.com")
        found = await counting.count(QUERY)
    assert found.candidate.total == 2


async def test_of_more_than_can_be_read_a_part_is_that_is_spread_over_the_time():
    """What stable went through at first is in it, in its share, as it is in the candidate's."""
    async with logged() as (counting, store):
        for minute in range(10):
            at, status = SINCE + timedelta(minutes=minute), 500 if minute < 2 else 200
            lines(store, READ_MAX // 4, OLD, status, at=at)
            lines(store, 10, NEW, status, at=at)
        for _ in range(2):
            found = await counting.count(QUERY)
    assert found.candidate.classes == (0, 80, 0, 0, 20)
    assert READ_MAX * 0.5 < found.beside.total < READ_MAX
    assert found.beside.bad / found.beside.total == pytest.approx(0.2, abs=0.05)
    assert re.fullmatch(r"about 3\d\.\d% of stable's was read", found.partial)


async def test_the_gates_own_requests_take_no_room_of_users():
    async with logged() as (counting, store):
        lines(store, READ_MAX, agent=user_agent())
        lines(store, READ_MAX, url=TAG_URL)
        lines(store, 50)
        found = await counting.count(QUERY)
    assert (found.candidate.total, found.partial) == (50, "")


async def test_a_container_that_breaks_is_no_trouble_of_the_front_end():
    broke = (
        "The request failed because either the HTTP response was malformed or connection to the "
        "instance had an error."
    )
    async with logged() as (counting, store):
        lines(store, 2, NEW, 503, text=broke)
        lines(store, 2, NEW, 504, text="upstream request timeout")
        found = await counting.count(QUERY)
    assert (found.candidate.bad, found.candidate.front_end) == (4, 0)


# --- Monitoring


async def test_only_minutes_that_are_complete_count():
    """What ended less than the lag ago may be there in part: it is left for later."""
    async with local_logging(0.0) as (host, store), MonitoredRequests(REF, Endpoint(host)) as one:
        lines(store, 4, at=MINUTE - timedelta(minutes=4, seconds=30))
        lines(store, 2, at=MINUTE - timedelta(minutes=1, seconds=30))
        found = await one.count(QUERY)
    assert found.candidate.total == 4
    assert found.until == MINUTE - timedelta(seconds=LAG_S)
    assert "the last 3 min are not in Monitoring yet" in found.partial


async def test_before_any_minute_is_complete_there_is_nothing():
    async with monitored() as (counting, store):
        lines(store, 4)
        since = NOW - timedelta(seconds=30)
        found = await counting.count(replace(QUERY, since=since, stable_since=since))
    assert (found.candidate.total, found.until) == (0, since)


async def test_pages_are_read_to_the_end():
    async with (
        local_logging(LAG_S) as (host, store),
        MonitoredRequests(REF, Endpoint(host), page_points=5) as counting,
    ):
        for minute in range(4, 10):
            for status in (200, 201, 404, 500):
                lines(store, 2, NEW, status, at=MINUTE - timedelta(minutes=minute, seconds=5))
        found = await counting.count(QUERY)
    assert found.candidate.classes == (0, 24, 0, 12, 12)


@pytest.mark.parametrize(
    "options",
    [
        {"exponentialBuckets": {"numFiniteBuckets": 1000, "growthFactor": 1e300, "scale": 1}},
        {"exponentialBuckets": {"numFiniteBuckets": 9, "growthFactor": 1, "scale": 1}},
        {"exponentialBuckets": {"numFiniteBuckets": 9, "growthFactor": "two", "scale": None}},
        {"linearBuckets": {"numFiniteBuckets": 9, "width": 0}},
        {"explicitBuckets": {"bounds": [3, 2, 1]}},
        {"explicitBuckets": {"bounds": [-1, float("nan"), float("inf")]}},
        {"explicitBuckets": []},
        {},
    ],
)
def test_buckets_that_are_none_are_no_latency(options):
    value = {"distributionValue": {"bucketOptions": options, "bucketCounts": ["1", "2"]}}
    assert distribution(value) == Distribution()


@pytest.mark.parametrize(
    ("options", "bounds_s"),
    [
        (
            {"exponentialBuckets": {"numFiniteBuckets": 2, "growthFactor": 10, "scale": 1}},
            (0.001, 0.01, 0.1),
        ),
        ({"linearBuckets": {"numFiniteBuckets": 2, "width": 5, "offset": 10}}, (0.01, 0.015, 0.02)),
        ({"explicitBuckets": {"bounds": [0, 1000]}}, (0.0, 1.0)),
    ],
)
def test_each_form_of_buckets_is_read(options, bounds_s):
    """Counts at the end that are 0 may be left out."""
    value = {"distributionValue": {"bucketOptions": options, "bucketCounts": ["1", 2]}}
    found = distribution(value)
    assert found.bounds_s == pytest.approx(bounds_s)
    assert found.counts == (1, 2, *[0] * (len(bounds_s) - 1))


def page(*points, **more):
    """An answer of the API that has one series, of the candidate's 2xx."""
    labels = {"revision_name": NEW}
    series = {
        "metric": {"labels": {"response_code_class": "2xx"}},
        "resource": {"labels": labels},
        "points": [*points],
    }
    return json.dumps({"timeSeries": [series], **more}).encode()


def minute(value, ago=5):
    ends = MINUTE - timedelta(minutes=ago)
    begins = ends - timedelta(minutes=1)
    interval = {"startTime": begins.isoformat(), "endTime": ends.isoformat()}
    return {"interval": interval, "value": value}


@pytest.mark.parametrize(
    ("points", "total"),
    [
        ([minute({"int64Value": "7"}), minute({"doubleValue": 3.0}, 6)], 10),
        ([minute({"int64Value": "7"}), minute({}), minute({"int64Value": -3}), {}, "x"], 7),
        ([minute({"int64Value": "7"}, 1), minute({"int64Value": "7"}, 60)], 0),
        ([minute({"doubleValue": float("nan")}), minute({"doubleValue": float("inf")})], 0),
    ],
    ids=[
        "numbers of both kinds",
        "what is none",
        "beyond the time that is asked for",
        "no numbers",
    ],
)
async def test_what_the_api_says_is_read_as_far_as_it_means_anything(points, total):
    async with (
        tcp(http(page(*points))) as place,
        MonitoredRequests(REF, Endpoint(place)) as counting,
    ):
        found = await counting.count(QUERY)
    assert found.candidate.total == total


async def test_half_an_answer_is_none():
    wrong = page(minute({"int64Value": "7"}), executionErrors=[{"message": "a shard is down"}])
    async with tcp(http(wrong)) as place, MonitoredRequests(REF, Endpoint(place)) as counting:
        with pytest.raises(InfrastructureError, match=r"a shard is down"):
            await counting.count(QUERY)


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (403, AccessError, "roles/monitoring.viewer"),
        (500, UnavailableError, ""),
    ],
)
async def test_a_refusal_says_what_is_needed(status, error, said):
    body = b'{"error": {"code": %d, "message": "no"}}' % status
    quick = Patience(0.1, 0.01, 0.02)
    async with tcp(http(body, f"{status} No")) as place:
        endpoint = Endpoint(place)
        async with MonitoredRequests(REF, endpoint, quick) as counting:
            with pytest.raises(error) as caught:
                await counting.count(QUERY)
    assert said in caught.value.hint
