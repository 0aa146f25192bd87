"""Whether the latency probe tells the truth, beside clients that do and one that does not.

Two servers, a process each, asked at 200 requests/s for 10 s by one side after the other:

- one that stands still for a second in the middle. 200 of 2,000 requests are due in that second,
  so that the truth is known: p95 is the longest 100 of them left out, p99 the longest 20. The
  server's own record gives it once more, with what it took to answer all that had waited. A
  closed-loop client asks nothing while it waits, and so sees one slow answer in thousands
  (coordinated omission): it is shown for that.
- one that is well: p99 beside a bare asyncio loop that opens sockets itself, on Python's own event
  loop (which decides, where there is no k6 or wrk2) and on uvloop, which the gate runs on.

k6 and wrk2 join in where they are on PATH. Every side runs in a process of its own, medians count.

Run: python benchmarks/bench_latency.py [--runs 3]
"""

# ruff: noqa: PLC0415 - each side imports what it needs and nothing of the other
import argparse
import asyncio
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from targets import at_most

HERE = Path(__file__).parent
RATE, FOR_S, FREEZE_S = 200, 10, 1.0
COUNT = RATE * FOR_S
FREEZE_AT = COUNT // 3
PERCENTS = (50, 95, 99)
TRUE_WITHIN = 0.02
P99_WANTED = 1.2
HEAD = b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n"


class Clock:
    """The system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def gate(port: int) -> list[float]:
    """The probe's own schedule, client and meter, as the gate runs them."""
    from gate.core.redaction import Redactor
    from gate.kinds.latency import LatencyProbe
    from gate.ports import Target
    from gate.probes.headers import Trace
    from gate.probes.inquiry import Nonces, Run
    from gate.probes.latency.client import Client, Question
    from gate.probes.latency.instrument import measure, own_server
    from gate.probes.latency.meter import Meter
    from gate.probes.latency.schedule import Side, schedule
    from gate.probes.words import Words

    def at(url: str) -> Run:
        words, clock = Words(Redactor({})), Clock()
        return Run(Target(url), {}, Nonces(), words, clock, None, lambda: None, clock.now())

    spec = LatencyProbe("/", rate_per_s=RATE, for_s=FOR_S, warm_up_s=0)
    plan = schedule(spec, (Side.CANDIDATE,), seed=1)
    meters = {side: Meter(plan.blocks) for side in (Side.CANDIDATE, Side.OWN)}
    async with own_server() as own, asyncio.TaskGroup():
        where = {Side.CANDIDATE: f"http://127.0.0.1:{port}", Side.OWN: own}
        clients = {side: Client(at(url), Question.of(spec), Trace()) for side, url in where.items()}
        try:
            await measure(plan, clients, meters, lambda *_: None)
        finally:
            for client in clients.values():
                await client.__aexit__(None, None, None)
    meter = meters[Side.CANDIDATE]
    if meter.wrong:
        raise SystemExit(f"{meter.wrong} of {meter.asked} were wrong: {meter.faults}")
    return meter.samples


async def raw(port: int) -> list[float]:
    """The least that asyncio can do: an open loop over sockets that it keeps."""
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
    took: list[float] = []

    async def one(due_s: float) -> None:
        reader, writer = idle.pop() if idle else await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(2)
        took.append(time.monotonic() - due_s)
        idle.append((reader, writer))

    begins_s = time.monotonic() + 0.05
    async with asyncio.TaskGroup() as tasks:
        for number in range(COUNT):
            due_s = begins_s + (number + 0.5) / RATE
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            tasks.create_task(one(due_s))
    return took


async def closed(port: int) -> list[float]:
    """What people write: ask, wait for the answer, ask again; never more than RATE a second."""
    import httpx

    took: list[float] = []
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        ends_s = time.monotonic() + FOR_S
        while (began_s := time.monotonic()) < ends_s:
            await client.get("/")
            took.append(time.monotonic() - began_s)
            await asyncio.sleep(max(0.0, 1 / RATE - took[-1]))
    return took


ASKERS: dict[str, Callable] = {
    "gate": gate,
    "raw asyncio": raw,
    "raw asyncio, uvloop": raw,
    "closed httpx": closed,
}
ON_UVLOOP = {"gate", "raw asyncio, uvloop"}  # as the gate runs its probes

K6 = """
import http from 'k6/http';
export const options = { summaryTrendStats: ['p(50)', 'p(95)', 'p(99)'],
  scenarios: { s: { executor: 'constant-arrival-rate', rate: %(rate)d, timeUnit: '1s',
  duration: '%(for_s)ds', preAllocatedVUs: 300, maxVUs: 600 } } };
export default function () { http.get('http://127.0.0.1:%(port)d/'); }
"""


def k6(port: int) -> list[float]:
    """Its percentiles, in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        script, summary = Path(folder, "script.js"), Path(folder, "summary.json")
        script.write_text(K6 % {"rate": RATE, "for_s": FOR_S, "port": port})
        command = ["k6", "run", "--quiet", "--summary-export", str(summary), str(script)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        told = json.loads(summary.read_text())["metrics"]["http_req_duration"]
    return [told[f"p({percent})"] / 1000 for percent in PERCENTS]


def wrk2(port: int) -> list[float]:
    """Its percentiles, in seconds."""
    command = ["wrk2", "-t1", "-c300", f"-d{FOR_S}s", f"-R{RATE}", "--latency"]
    told = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/"], check=True, capture_output=True, text=True
    ).stdout
    units = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
    lines = dict(re.findall(r"^ *(\d+)\.000%\s+([\d.]+(?:us|ms|s))", told, re.MULTILINE))
    parts = [re.fullmatch(r"([\d.]+)(us|ms|s)", lines[str(percent)]) for percent in PERCENTS]
    return [float(part[1]) * units[part[2]] for part in parts if part]


TOOLS: dict[str, Callable[[int], list[float]]] = {"k6": k6, "wrk2": wrk2}


def percentiles(samples: list[float]) -> list[float]:
    """By the nearest rank: samples that were seen."""
    ordered = sorted(samples)
    return [ordered[-(-len(ordered) * percent // 100) - 1] for percent in PERCENTS]


def measure_one(side: str, *, frozen: bool) -> tuple[list[float], dict]:
    """One side's percentiles against a fresh server, and the server's record."""
    freeze = ["--freeze-at", str(FREEZE_AT), "--freeze-s", str(FREEZE_S)] if frozen else []
    server = subprocess.Popen(
        [sys.executable, str(HERE / "latency_server.py"), *freeze],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        port = int(server.stdout.readline())
        if side in TOOLS:
            found = TOOLS[side](port)
        else:
            command = [sys.executable, __file__, "--side", side, "--port", str(port)]
            run = subprocess.run(command, check=True, capture_output=True, text=True)
            found = json.loads(run.stdout)
        record, _ = server.communicate(timeout=30)
    finally:
        server.kill()
        server.wait()
    return found, json.loads(record)


def by_arithmetic() -> list[float]:
    """What is true of requests that are due at a steady rate while nobody answers for a while."""
    return [max(0.0, FREEZE_S - (1 - percent / 100) * FOR_S) for percent in PERCENTS]


def by_record(record: dict) -> list[float]:
    """What the server saw: when it had answered so many, and when so many had been due.

    Due times are taken from when requests came before the freeze: the earliest decides.
    """
    before = record["came"][: FREEZE_AT - 1]
    begins_s = min(came_s - number / RATE for number, came_s in enumerate(before))
    answered = sorted(record["answered"])
    return percentiles([at_s - begins_s - number / RATE for number, at_s in enumerate(answered)])


def line(name: str, values: list[float], more: str = "") -> str:
    """One line of a table, in milliseconds."""
    return f"  {name:24}" + "".join(f"{value * 1000:10.1f}" for value in values) + f"   {more}"


def show_frozen(sides: list[str], runs: int) -> bool:
    """The table of the server that stands still; whether the gate tells the truth."""
    print(f"A server that stands still for {FREEZE_S:g} s, {RATE}/s for {FOR_S} s, ms")
    print(f"  {'':24}" + "".join(f"{f'p{percent}':>10}" for percent in PERCENTS))
    truth, offs = by_arithmetic(), []
    print(line("truth by arithmetic", truth))
    for _ in range(runs):
        found, record = measure_one("gate", frozen=True)
        seen = by_record(record)
        offs.append(max(abs(found[n] / true[n] - 1) for true in (truth, seen) for n in (1, 2)))
        print(line("gate", found, f"{offs[-1]:.1%} off at most"))
        print(line("  truth by the record", seen))
    for side in sides:
        print(line(side, measure_one(side, frozen=True)[0]))
    off = statistics.median(offs)
    return at_most("percentiles of a frozen server, off the truth", off, TRUE_WITHIN, ".1%")


def show_well(sides: list[str], runs: int) -> bool:
    """The table of the server that is well; whether the gate adds little."""
    print(f"A server that is well, {RATE}/s for {FOR_S} s, medians of {runs}, ms")
    found: dict[str, list[list[float]]] = {side: [] for side in sides}
    for _ in range(runs):
        for side in sides:
            found[side].append(measure_one(side, frozen=False)[0])
    medians = {
        side: [statistics.median(c) for c in zip(*f, strict=True)] for side, f in found.items()
    }
    for side, values in medians.items():
        told = ", ".join(f"{run[2] * 1000:.1f}" for run in found[side])
        print(line(side, values, f"(p99: {told})"))
    peer = next(side for side in ("wrk2", "k6", "raw asyncio") if side in medians)
    ratios = {side: medians["gate"][2] / values[2] for side, values in medians.items()}
    for side in (side for side in medians if side not in ("gate", peer)):
        print(f"  p99 gate / {side} = {ratios[side]:.2f}")
    return at_most(f"latency, p99 of gate / {peer}", ratios[peer], P99_WANTED)


def main() -> int:
    """Prints both tables; returns 1 where one of them is not as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", choices=ASKERS)
    parser.add_argument("--port", type=int)
    arguments = parser.parse_args()
    if arguments.side:
        import uvloop

        factory = uvloop.new_event_loop if arguments.side in ON_UVLOOP else None
        with asyncio.Runner(loop_factory=factory) as runner:
            print(json.dumps(percentiles(runner.run(ASKERS[arguments.side](arguments.port)))))
        return 0
    installed = [tool for tool in TOOLS if shutil.which(tool)]
    right = show_frozen(["raw asyncio", "closed httpx", *installed], arguments.runs)
    quick = show_well(["gate", "raw asyncio", "raw asyncio, uvloop", *installed], arguments.runs)
    return 0 if right and quick else 1


if __name__ == "__main__":
    sys.exit(main())
