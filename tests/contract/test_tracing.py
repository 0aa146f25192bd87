"""Spans as a collector gets them: over a real socket, decoded by OpenTelemetry's own messages."""

import asyncio
import gzip
import itertools
from contextlib import asynccontextmanager

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gate.probes.headers import Trace
from gate.tracing.exporting import Exporting
from tests.contract.probe_servers import tcp
from tests.unit.report.scenes import ALL_PASSED, HOSTILE, Scene, failed, plan

PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans, or answers as it is told; None says nothing."""

    def __init__(self, status=200):
        self.status = status
        self.heads = []
        self.spans = []
        self.resources = []

    async def handle(self, reader, writer):
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
            except asyncio.IncompleteReadError:
                return
            fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
            content = await reader.readexactly(int(fields["content-length"]))
            if fields.get("content-encoding") == "gzip":
                content = gzip.decompress(content)
            self.heads.append((head.partition(" HTTP")[0], fields))
            request = ExportTraceServiceRequest.FromString(content)
            for resource in request.resource_spans:
                told = {one.key: one.value.string_value for one in resource.resource.attributes}
                self.resources.append(told)
                for scope in resource.scope_spans:
                    self.spans += scope.spans
            if self.status is None:
                await reader.read()
                return
            writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()


@asynccontextmanager
async def collector(monkeypatch, status=200):
    one = Collector(status)
    async with tcp(one.handle) as place:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://{place}")
        yield one


def played(scene, environment=(), within_s=60.0):
    """A rollout's end, and whether its spans were taken."""
    exporting = Exporting(dict(environment), within_s)
    rollout = scene.play(plan(), exporting.narrator)
    return rollout, exporting.finish()


def attributes(span):
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def test_the_rollout_its_phases_and_its_probes_are_one_tree(monkeypatch):
    scene = Scene(evidence=(failed("health"), *ALL_PASSED[1:]))
    given = {"TRACEPARENT": f"00-{PARENT[0]}-{PARENT[1]}-01"}
    async with collector(monkeypatch) as one:
        rollout, taken = await asyncio.to_thread(played, scene, given)
    assert taken
    assert {first for first, _ in one.heads} == {"POST /v1/traces"}
    assert all(told["service.name"] == "gate" for told in one.resources)
    tree = [span for span in one.spans if span.trace_id.hex() == PARENT[0]]
    by_id = {span.span_id: span for span in tree}
    (root,) = [span for span in tree if span.name == "gate rollout"]
    assert root.parent_span_id.hex() == PARENT[1]
    told = attributes(root)
    assert (told["gate.ending"], told["gate.exit_code"]) == ("rejected", 1)
    assert (told["gate.rollout"], told["gate.service"]) == (rollout.id, "backend")
    assert root.status.code == 2
    phases = [span for span in tree if span.parent_span_id == root.span_id]
    assert [span.name for span in phases][:3] == ["reading", "deploying", "waiting"]
    for earlier, later in itertools.pairwise(phases):
        assert earlier.end_time_unix_nano == later.start_time_unix_nano
    assert phases[0].start_time_unix_nano == root.start_time_unix_nano
    assert phases[-1].end_time_unix_nano == root.end_time_unix_nano
    probes = [span for span in tree if span.name.startswith("probe ")]
    assert {by_id[span.parent_span_id].name for span in probes} == {"probing"}
    assert len(probes) == len(ALL_PASSED)
    (health,) = [span for span in probes if span.name == "probe health"]
    assert (health.status.code, health.status.message) == (2, "307 to /api/health/")
    assert attributes(health)["gate.probe.expected"] == "status 200"
    assert health.end_time_unix_nano - health.start_time_unix_nano == 100_000_000
    assert len(tree) == 1 + len(phases) + len(probes)


async def test_the_trace_that_a_probes_requests_carry_has_its_root_there(monkeypatch):
    trace = Trace()
    _, carried, parent, _ = trace.parent().split("-")
    scene = Scene(evidence=(failed("health", trace=trace.id), *ALL_PASSED[1:]))
    async with collector(monkeypatch) as one:
        await asyncio.to_thread(played, scene)
    (root,) = [span for span in one.spans if span.trace_id.hex() == carried]
    (own,) = [
        span for span in one.spans if span.name == "probe health" and span.trace_id.hex() != carried
    ]
    assert (root.span_id.hex(), root.parent_span_id) == (parent, b"")
    assert [(link.trace_id, link.span_id) for link in root.links] == [(own.trace_id, own.span_id)]
    assert [(link.trace_id, link.span_id) for link in own.links] == [(root.trace_id, root.span_id)]


@pytest.mark.parametrize("status", [None, 400, 503])
async def test_a_collector_that_does_not_take_them_delays_and_breaks_nothing(
    monkeypatch, capfd, status
):
    async with collector(monkeypatch, status):
        loop = asyncio.get_running_loop()
        began = loop.time()
        rollout, taken = await asyncio.to_thread(played, Scene(), (), 0.5)
        assert loop.time() - began < 30
    assert rollout.ended
    assert not taken
    assert capfd.readouterr() == ("", "")


async def test_what_no_span_can_hold_breaks_nothing(monkeypatch):
    scene = Scene(evidence=(failed("health", trace=HOSTILE, seen=HOSTILE), *ALL_PASSED[1:]))
    async with collector(monkeypatch) as one:
        rollout, taken = await asyncio.to_thread(played, scene)
    assert rollout.ended
    assert taken
    assert "gate rollout" in {span.name for span in one.spans}


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"OTEL_SERVICE_NAME": "ours"}, "ours"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=a"}, "a"),
    ],
)
async def test_the_service_is_named_as_the_environment_says(monkeypatch, given, name):
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    async with collector(monkeypatch) as one:
        await asyncio.to_thread(played, Scene(), given)
    assert {told["service.name"] for told in one.resources} == {name}
