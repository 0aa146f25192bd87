"""What ports.Ledger promises: held against the fake, and against Cloud Logging's API."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import grpc.aio
import pytest
from google.cloud.logging_v2.services.logging_service_v2 import LoggingServiceV2AsyncClient
from google.cloud.logging_v2.services.logging_service_v2.transports import (
    LoggingServiceV2GrpcAsyncIOTransport,
)

from gate.cloud.channel import Endpoint
from gate.cloud.decisions import CloudLedger
from gate.core.service import ServiceRef
from gate.core.severity import Severity
from gate.errors import InfrastructureError, UnavailableError
from gate.ports import LedgerQuery
from tests.contract.local_logging import local_logging
from tests.fakes.ledger import FakeLedger

REF = ServiceRef("demo", "us-central1", "backend")
NOW = datetime.now(UTC).replace(microsecond=0)
ALL = LedgerQuery()


def at(seconds_ago):
    return (NOW - timedelta(seconds=seconds_ago)).isoformat(timespec="milliseconds")


def entry(seconds_ago=0, **more):
    return {"at": at(seconds_ago), "service": "backend", **more}


@asynccontextmanager
async def fake_ledger():
    yield FakeLedger()


@asynccontextmanager
async def local_ledger():
    async with local_logging() as (host, _), CloudLedger(REF, Endpoint(host)) as ledger:
        yield ledger


@pytest.fixture(params=[fake_ledger, local_ledger], ids=["fake", "local"])
async def ledger(request):
    async with request.param() as one:
        yield one


async def test_an_entry_comes_back_as_it_was(ledger):
    kept = entry(
        message="backend: promoted",
        count=7,
        big=2**53,
        negative=-1,
        half=0.5,
        yes=True,
        no=False,
        nothing=None,
        empty={},
        none=[],
        words=["ü", "🙂", '"', "\\", "\n", ""],
        nested={"a": [{"b": [1, 2, {"c": None}]}]},
    )
    await ledger.append(kept, "r1", 0)
    (found,) = await ledger.entries(ALL)
    assert found == kept
    assert type(found["count"]) is int
    assert type(found["nested"]["a"][0]["b"][0]) is int
    assert found["yes"] is True


async def test_what_is_appended_twice_is_kept_once(ledger):
    for _ in range(3):
        await ledger.append(entry(text="a"), "r1", 0)
    await ledger.append(entry(text="b"), "r1", 1)
    await ledger.append(entry(text="c"), "r2", 0)
    assert {found["text"] for found in await ledger.entries(ALL)} == {"a", "b", "c"}
    assert len(await ledger.entries(ALL)) == 3


async def test_newest_first_and_by_sequence_within_a_moment(ledger):
    await ledger.append(entry(5, n=1), "r1", 0)
    await ledger.append(entry(1, n=3), "r1", 9)
    await ledger.append(entry(1, n=4), "r1", 10)
    await ledger.append(entry(3, n=2), "r1", 11)
    assert [found["n"] for found in await ledger.entries(ALL)] == [4, 3, 2, 1]
    assert [found["n"] for found in await ledger.entries(LedgerQuery(limit=2))] == [4, 3]


async def test_one_rollout_or_all(ledger):
    await ledger.append(entry(2, n=1), "r1", 0)
    await ledger.append(entry(1, n=2), "r2", 0)
    assert [found["n"] for found in await ledger.entries(LedgerQuery(rollout="r1"))] == [1]
    assert await ledger.entries(LedgerQuery(rollout="r")) == ()
    assert await ledger.entries(LedgerQuery(rollout='r1" OR rollout="r2')) == ()


async def test_one_service_or_all(ledger):
    await ledger.append(entry(n=1), "r1", 0)
    assert len(await ledger.entries(LedgerQuery(service="backend"))) == 1
    assert await ledger.entries(LedgerQuery(service="other")) == ()


async def test_outcomes_that_name_an_image_wherever_it_stands(ledger):
    image = f"sha256:{'a' * 64}"
    named = {"digest": f"pkg.dev/app@{image}"}
    await ledger.append(entry(4, n=1, entry="outcome", candidate=named), "r1", 0)
    await ledger.append(entry(3, n=2, entry="outcome", candidate={"digest": "app@x"}), "r2", 0)
    barred = [{"image": f"pkg.dev/app@{image}"}]
    await ledger.append(entry(2, n=3, entry="outcome", bars_added=barred), "r3", 0)
    await ledger.append(entry(1, n=4, entry="intention", candidate=named), "r4", 0)
    found = await ledger.entries(LedgerQuery(image=image))
    assert [one["n"] for one in found] == [3, 1]


async def test_since_is_inclusive(ledger):
    for seconds_ago in (10, 20, 30):
        await ledger.append(entry(seconds_ago, n=seconds_ago), f"r{seconds_ago}", 0)
    found = await ledger.entries(LedgerQuery(since=NOW - timedelta(seconds=20)))
    assert [one["n"] for one in found] == [10, 20]


@pytest.mark.parametrize("broken", [{"at": None}, {"at": 7}])
async def test_an_entry_without_a_time_is_refused(ledger, broken):
    with pytest.raises(InfrastructureError, match=r"^ledger entry r1/3: has no time"):
        await ledger.append({**entry(), **broken}, "r1", 3)
    assert await ledger.entries(ALL) == ()


async def test_an_entry_that_is_too_large_is_refused(ledger):
    with pytest.raises(InfrastructureError, match=r"^ledger entry r1/3: too large"):
        await ledger.append(entry(text="x" * 300_000), "r1", 3)
    assert await ledger.entries(ALL) == ()


async def test_an_entry_of_a_usual_size_is_not(ledger):
    await ledger.append(entry(text="x" * 200_000), "r1", 3)
    (found,) = await ledger.entries(ALL)
    assert len(found["text"]) == 200_000


# What only the real adapter can be asked


async def test_the_entry_as_anybody_else_sees_it():
    async with local_logging() as (host, _), CloudLedger(REF, Endpoint(host)) as ledger:
        await ledger.append(entry(message="promoted", exit_code=0), "r1", 3)
        async with grpc.aio.insecure_channel(host) as channel:
            client = LoggingServiceV2AsyncClient(
                transport=LoggingServiceV2GrpcAsyncIOTransport(channel=channel)
            )
            pages = await client.list_log_entries(resource_names=["projects/demo"])
            (found,) = [one async for one in pages]
    assert found.log_name == "projects/demo/logs/gate-decisions"
    assert found.resource.type == "cloud_run_revision"
    assert dict(found.resource.labels) == {
        "project_id": "demo",
        "location": "us-central1",
        "service_name": "backend",
        "configuration_name": "backend",
    }
    assert dict(found.labels) == {"service": "backend", "rollout": "r1", "sequence": "3"}
    assert found.insert_id == "r1-000003"
    assert found.timestamp == NOW
    assert found.json_payload["message"] == "promoted"


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({}, "INFO"),
        ({"exit_code": 0}, "NOTICE"),
        ({"exit_code": 1}, "WARNING"),
        ({"exit_code": 5}, "WARNING"),
        ({"exit_code": 3}, "ERROR"),
        ({"exit_code": 4}, "ERROR"),
        ({"exit_code": 130}, "WARNING"),
        ({"exit_code": 99}, "ERROR"),
    ],
)
async def test_severity_tells_a_no_from_trouble(more, severity):
    async with local_logging() as (host, _), CloudLedger(REF, Endpoint(host)) as ledger:
        await ledger.append(entry(**more), "r1", 0)
        async with grpc.aio.insecure_channel(host) as channel:
            client = LoggingServiceV2AsyncClient(
                transport=LoggingServiceV2GrpcAsyncIOTransport(channel=channel)
            )
            pages = await client.list_log_entries(resource_names=["projects/demo"])
            (found,) = [one async for one in pages]
    assert Severity(found.severity).name == severity


async def test_the_same_service_in_another_region_has_its_own_entries():
    elsewhere = ServiceRef("demo", "europe-west1", "backend")
    async with (
        local_logging() as (host, _),
        CloudLedger(REF, Endpoint(host)) as here,
        CloudLedger(elsewhere, Endpoint(host)) as there,
    ):
        await here.append(entry(n=1), "r1", 0)
        await there.append(entry(n=2), "r2", 0)
        (mine,) = await here.entries(LedgerQuery(service="backend"))
        assert mine["n"] == 1
        assert len(await here.entries(ALL)) == 2


async def test_nothing_listening_names_the_variable(unused_tcp_port):
    async with CloudLedger(REF, Endpoint(f"127.0.0.1:{unused_tcp_port}")) as ledger:
        with pytest.raises(UnavailableError, match=r"^LOGGING_EMULATOR_HOST: nothing answers"):
            await ledger.append(entry(), "r1", 0)
