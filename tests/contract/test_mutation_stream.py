"""Streams through the mutating proxy: as they come without a fault, and each fault noticed."""

import asyncio

import httpx
import pytest

from gate.core.expectations import Pattern
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.kinds.stream import AwaitEvent, Format, Ids, StreamProbe
from gate.mutation import faults
from gate.mutation.faults import Family, Mutant, Place
from gate.mutation.proxy import MutatingProxy
from gate.mutation.run import MutationRun, RunSettings
from gate.mutation.service_profile import ServiceProfile
from gate.mutation.wire import Upstream
from gate.ports import Target
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import SystemClock, tcp
from tests.contract.stream_servers import serving

NAMES = ("started", "delta", "tool", "done")
GAP_S = 0.15


@pytest.mark.parametrize("content_type", [b"text/event-stream", b"application/x-ndjson", b"a/b"])
@pytest.mark.parametrize("fault", [None, faults.HeaderSet("content-type", "x/y"), faults.Doubled()])
async def test_a_stream_passes_as_it_comes(content_type, fault):
    heard = asyncio.Event()

    async def answer(client):
        await client.begin(content_type)
        await client.piece(b"data: 1\n\n")
        await heard.wait()  # for ever, where the first piece is kept back
        await client.piece(b"data: 2\n\n")
        await client.gone()

    wrong = [] if fault is None else [Mutant("m", Family.ANSWER, Place(), fault, "")]
    profile = ServiceProfile()
    async with (
        tcp(serving(answer)) as place,
        MutatingProxy(Upstream(f"http://{place}"), *wrong, profile=profile) as proxy,
        httpx.AsyncClient(trust_env=False, timeout=5) as client,
        client.stream("GET", f"{proxy.url}/s") as response,
    ):
        body = b""
        async for piece in response.aiter_raw():
            body += piece
            heard.set()
            if b"data: 2" in body:
                break
    assert body.count(b"data: 1") == (2 if isinstance(fault, faults.Doubled) else 1) or (
        content_type != b"text/event-stream"
    )
    assert not profile.empty or isinstance(fault, faults.HeaderSet)


async def service(client):
    last = int(client.header("last-event-id") or 0)
    await client.begin()
    for number, name in enumerate(NAMES, 1):
        if number > last:
            await client.event('{"text": "words"}', name, number)
            await asyncio.sleep(GAP_S)
    await client.end()


STRICT = Probe(
    "strict",
    StreamProbe(
        "/s",
        first_within_s=2.5,
        spread_s=GAP_S,
        events=tuple(AwaitEvent(event=name) for name in NAMES),
        each=Pattern(json={"text": "words"}),
        ids=Ids.CONSECUTIVE,
        end=True,
    ),
)
RESUMING = Probe("resuming", StreamProbe("/s", first_within_s=2.5, resume_after=2))
LAX = Probe("lax", StreamProbe("/s", first_within_s=2.5))


async def prove(*probes):
    async with tcp(serving(service)) as place:
        runner = ProbeRunner({}, None, SystemClock(), Redactor({}), arrival_within_s=0)
        url = f"http://{place}"
        run = MutationRun(
            probes,
            runner,
            Upstream(url),
            Target(url, "r1"),
            RunSettings(at_once=16),
            lambda _: None,
        )
        return await run.run()


async def test_every_fault_of_a_stream_is_noticed_by_who_asks_for_it():
    trials = await prove(STRICT, RESUMING)
    assert [one.mutant for one in trials.survivors] == []
    found = {one.mutant.removeprefix("GET /s: "): one.noticed for one in trials.trials}
    for name in (
        "the first event 5 s late",
        "all events at once, at the end",
        "ends after 3 events",
        "breaks off after 1 event",
        "every event twice",
        "delta never comes",
        "delta comes late by one",
        "tool field text retyped",
        "wrong content type",
    ):
        assert "strict" in found[name], name
    assert found["Last-Event-ID is not heeded"] == ("resuming",)
    assert not trials.unprovable


async def test_who_takes_any_event_for_a_right_one_is_told_what_survives():
    trials = await prove(LAX)
    survivors = {one.mutant.removeprefix("GET /s: ") for one in trials.survivors}
    assert {
        "all events at once, at the end",
        "every event twice",
        "started comes late by one",
    } <= survivors
    assert "wrong content type" not in survivors


async def test_pieces_can_be_put_to_the_test_although_we_hang_up():
    async def answer(client):
        await client.begin(b"text/plain")
        await client.piece(b"abc")
        await client.gone()

    probe = Probe("pieces", StreamProbe("/s", format=Format.PIECES, first_within_s=0.5))
    async with tcp(serving(answer)) as place:
        runner = ProbeRunner({}, None, SystemClock(), Redactor({}), arrival_within_s=0)
        url = f"http://{place}"
        run = MutationRun(
            [probe], runner, Upstream(url), Target(url, "r1"), RunSettings(), lambda _: None
        )
        trials = await asyncio.wait_for(run.run(), 100)
    assert trials.probes == ("pieces",)
