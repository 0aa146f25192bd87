"""What the gate itself costs: beside the API calls of a way back, and of a whole rollout.

One process, one calm local Cloud Run, both sides in turns:
  back     from the last failing probe under users' traffic to traffic verified on stable, beside
           the time that its own API calls and its record took; what is left is the gate's share
  rollout  a rollout whose probes cost nothing, beside Google's own client making the calls that a
           rollout cannot do without (deploy at 0 % with a tag, then all traffic)

Run: python benchmarks/bench_decision.py [--runs 7]
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from bench_rollback import (
    BY_NAME,
    PARENT,
    PROJECT,
    REGION,
    SERVICE,
    create_service,
    local_cloud_run,
)
from google.api_core.future.polling import DEFAULT_POLLING
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from targets import at_most

from gate.api import wiring
from gate.controller.loop import Controller, World
from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.core.messages import Probed
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.core.service import ServiceRef
from gate.core.state import Ending, Kind, Phase, Plan
from gate.kinds.http import HttpProbe
from gate.ports import Progress

SHARE_MS = 150
RATIO = 1.3
REF = ServiceRef(PROJECT, REGION, SERVICE)
NAME = f"{PARENT}/services/{SERVICE}"
OFTEN = DEFAULT_POLLING.with_delay(0.05, 0.05, 1.0)
"""Google's client would first ask after a second; nobody shall win by that."""
QUESTION = Probe("noop", HttpProbe("/"))


class Timed:
    """An adapter that notes when each of its calls began and ended."""

    def __init__(self, adapter, calls):
        self._adapter, self._calls = adapter, calls

    def __getattr__(self, name):
        called = getattr(self._adapter, name)

        async def timed(*given, **named):
            began = time.perf_counter()
            try:
                return await called(*given, **named)
            finally:
                self._calls.append((began, time.perf_counter()))

        return timed


@dataclass
class Answers:
    """Probes that cost nothing: they pass until `bad` rounds are asked for."""

    good: int

    async def run(self, probes, _target, progress):
        ended = []
        for probe in probes:
            bad = self.good <= 0
            findings = (Finding(Symptom.STATUS, "200", "500"),) if bad else ()
            outcome = Outcome.FAILED if bad else Outcome.PASSED
            now = wiring.SystemClock().now()
            seen = Evidence(probe.name, "http", outcome, "GET /", "200", "-", now, 0, findings)
            progress(Progress(probe.name, evidence=seen))
            ended.append(seen)
        self.good -= 1
        return tuple(ended)


@dataclass
class Watch:
    """Notes when the failing probe was heard of, and when traffic was seen to be back."""

    failed: float = 0.0
    back: float = 0.0
    _phase: Phase = field(default=Phase.READING)

    def doing(self, rollout, command):
        pass

    def progress(self, progress):
        pass

    def happened(self, rollout, event):
        now = time.perf_counter()
        if isinstance(event, Probed) and rollout.ending is Ending.REGRESSED:
            self.failed = now
        if self._phase is Phase.PROVING and rollout.phase is not Phase.PROVING:
            self.back = now
        self._phase = rollout.phase


async def nobody(_audience):
    return ()


async def rollout(good, **more):
    """Runs one rollout; returns it with what was noted and each call's beginning and end."""
    calls, watch = [], Watch()
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(wiring.platform_of(REF))
        logs = await stack.enter_async_context(wiring.logs_of(REF))
        ledger = await stack.enter_async_context(wiring.ledger_of(REF))
        await platform.read_service()  # both sides have their connections open
        world = World(
            Timed(platform, calls),
            Answers(good),
            logs,
            Timed(ledger, calls),
            wiring.SystemClock(),
            Redactor({}),
            nobody,
            watch,
        )
        asked = Plan(
            Kind.ROLLOUT,
            REF,
            "candidate",
            "bench",
            image="trivial",
            suffix=wiring.new_suffix(),
            probes=(QUESTION,),
            again=True,
            **more,
        )
        began = time.perf_counter()
        ended = await Controller(world).run(asked, wiring.new_id(world.clock.now()))
        return ended, time.perf_counter() - began, watch, calls


def inside(calls, begin, end):
    """Seconds within [begin, end] in which at least one call was under way."""
    total, until = 0.0, begin
    for began, ended in sorted(calls):
        first, last = max(began, until), min(ended, end)
        if last > first:
            total += last - first
            until = last
    return total


def way_back():
    """Seconds from the failing probe to verified, and the gate's own share of them."""
    ended, _, watch, calls = asyncio.run(rollout(1, watch_s=30.0))
    if ended.ending is not Ending.REGRESSED:
        raise SystemExit(f"bench_decision: the way back ended as {ended.ending}: {ended.notes}")
    elapsed_s = watch.back - watch.failed
    return elapsed_s, elapsed_s - inside(calls, watch.failed, watch.back)


def whole_rollout():
    ended, elapsed_s, _, _ = asyncio.run(rollout(1))
    if ended.ending is not Ending.PROMOTED:
        raise SystemExit(f"bench_decision: the rollout ended as {ended.ending}: {ended.notes}")
    return elapsed_s


def bare_rollout(client, revision):
    """The calls that no rollout can do without, each waited for with Google's own client."""
    began = time.perf_counter()
    service = client.get_service(name=NAME)
    stable = service.traffic_statuses[0].revision
    service.template = run_v2.RevisionTemplate(
        revision=revision, containers=[run_v2.Container(image="trivial")]
    )
    kept = run_v2.TrafficTarget(type_=BY_NAME, revision=stable, percent=100)
    tagged = run_v2.TrafficTarget(type_=BY_NAME, revision=revision, tag="candidate")
    service.traffic = [kept, tagged]
    service = client.update_service(service=service, update_mask="template,traffic")
    service = service.result(polling=OFTEN)
    service.traffic = [run_v2.TrafficTarget(type_=BY_NAME, revision=revision, percent=100)]
    client.update_service(service=service, update_mask="traffic").result(polling=OFTEN)
    return time.perf_counter() - began


def measure(runs):
    """Medians' raw material, in seconds: back, its share, rollout, bare."""
    with tempfile.TemporaryDirectory() as folder, local_cloud_run(Path(folder)) as exported:
        os.environ.update(exported)
        host = exported["CLOUD_RUN_EMULATOR_HOST"]
        channel = grpc.insecure_channel(host)
        client = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=channel))
        create_service(client)
        rows = []
        for turn in range(runs + 1):
            row = (*way_back(), whole_rollout(), bare_rollout(client, f"{SERVICE}-b{turn:04}-bar"))
            if turn:
                rows.append(row)
        return list(zip(*rows, strict=True))


def main():
    """Prints times and ratios; returns 1 where one is above what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    back, share, whole, bare = (statistics.median(column) * 1e3 for column in measure(runs))
    print(f"The gate's own cost on a calm local Cloud Run, ms, medians of {runs}")
    ratio = whole / bare
    rows = [
        ("way back, last failing probe to verified", f"{back:.0f}"),
        ("  whole / its calls", f"{back / (back - share):.2f}"),
        ("rollout with no-op probes", f"{whole:.0f}"),
        ("the calls alone, Google's client", f"{bare:.0f}"),
    ]
    for what, value in rows:
        print(f"  {what:42} {value:>6}")
    quick = at_most("way back, the gate's own share, ms", share, SHARE_MS, ".0f")
    lean = at_most("rollout with no-op probes / bare calls", ratio, RATIO)
    return 0 if quick and lean else 1


if __name__ == "__main__":
    sys.exit(main())
