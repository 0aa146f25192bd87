"""How soon the console's first page over 10,000 rollouts comes, beside a peer in the same run.

Both are served by uvicorn to a client on loopback, in turns:
  console  the first page of the list, all filters and fifty rollouts, from what was read before
  peer     a page that Starlette and Jinja2 make of fifty rows that are at hand: what serving one
           costs at least

Reading the ledger into the index (in memory here; Cloud Logging elsewhere) is told apart: it is
done once, and then only for what is new. So is what this process holds in memory besides.

Run: python benchmarks/bench_console.py [--rollouts 10000] [--runs 30] [--in-memory]
"""

import argparse
import asyncio
import resource
import socket
import statistics
import sys
import tempfile
import time
from collections import deque
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import uvicorn
from jinja2 import Environment
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from targets import at_most

from gate.console.app import console
from gate.console.choice import PAGE
from gate.console.kept import Kept
from gate.console.shelf import Shelf
from gate.core.service import ServiceRef
from gate.ports import LedgerQuery

LIMIT_MS = 200
START = datetime(2026, 1, 1, tzinfo=UTC)
REF = ServiceRef("demo", "us-central1", "backend")
EVERY = timedelta(minutes=30)
ENTRIES = 4  # of one rollout: three writes and its outcome
ROWS = "<table>{% for row in rows %}<tr>{% for one in row %}<td>{{ one }}{% endfor %}{% endfor %}"


class Ledger:
    """Implements as much of gate.ports.Ledger as is read."""

    def __init__(self, rollouts):
        self.rollouts = rollouts

    async def history(self, begin=None):
        """Entries from a time on, oldest first."""
        began = max(0, int((begin - START) / EVERY) - 1) if begin else 0
        for number in range(began, self.rollouts):
            for entry in entries(number):
                if begin is None or datetime.fromisoformat(entry["at"]) >= begin:
                    yield entry

    async def entries(self, query: LedgerQuery):
        """Entries that match, newest first."""
        found = deque(maxlen=query.limit)
        async for entry in self.history(query.since):
            found.append(entry)
        return tuple(found)[::-1]


def entries(number):
    """What one rollout leaves, with evidence of some ten probes."""
    began = START + EVERY * number
    old, new = f"backend-{number:05d}-aaa", f"backend-{number + 1:05d}-aaa"
    head = {
        "rollout": f"{began:%Y%m%d-%H%M%S}-{number:06x}",
        "kind": "rollout",
        "project": REF.project,
        "region": REF.region,
        "service": REF.name,
        "actor": f"person-{number % 40}@example.com",
        "reason": f"change {number}",
    }
    for place in range(ENTRIES - 1):
        yield {
            **head,
            "entry": "intention",
            "at": (began + timedelta(seconds=place * 20)).isoformat(),
            "why": f"step {place}",
            "traffic_now": [{"revision": old, "percent": 100, "tag": ""}],
            "traffic_wanted": [{"revision": new, "percent": 100, "tag": "candidate"}],
        }
    bad = number % 5 == 0
    item = {"probe": "health", "outcome": "failed" if bad else "passed", "seen": "200 in 9 ms" * 9}
    reason = {"subject": "health", "text": "got 500, expected 200", "capability": "chat"}
    yield {
        **head,
        "entry": "outcome",
        "at": (began + timedelta(seconds=90)).isoformat(),
        "started_at": began.isoformat(),
        "duration_ms": 90_000,
        "ending": "rejected" if bad else "promoted",
        "exit_code": int(bad),
        "candidate": {"revision": new},
        "stable": [{"revision": old, "percent": 100}],
        "verdict": {"decision": "reject" if bad else "promote", "reasons": [reason] if bad else []},
        "evidence": [item] * 10,
        "traffic_before": [{"revision": old, "percent": 100, "tag": ""}],
        "effective_after": {old if bad else new: 100},
    }


async def verify():
    """Nothing is verified here."""
    return {}


def peer():
    """The least that a page of fifty rows needs."""
    template = Environment(autoescape=True).from_string(ROWS)
    rows = [[f"cell {place} of {row}" for place in range(7)] for row in range(PAGE)]

    async def page(_):
        return HTMLResponse(template.render(rows=rows))

    return Starlette(routes=[Route("/", page)])


@asynccontextmanager
async def served(app):
    """An address where this is served."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, lifespan="off", log_level="error", access_log=False)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        async with httpx.AsyncClient(trust_env=False) as client:
            yield client, f"http://127.0.0.1:{listening.getsockname()[1]}/"
        server.should_exit = True
        await task


async def took_ms(client, url):
    """How long one page took, to its last byte."""
    began = time.perf_counter()
    reply = await client.get(url, timeout=120)
    assert reply.status_code == 200
    return (time.perf_counter() - began) * 1000


async def measured(rollouts, runs, path):
    """Measures both; 1 where the page takes too long."""
    at_first = memory_mb()
    ledger, now = Ledger(rollouts), START + EVERY * (rollouts + 1)
    shelf = Shelf(ledger, REF.name, path, lambda: now, wait_s=600)
    app = console(REF, shelf, None, Kept(verify), Kept(verify))
    async with served(app) as (client, url), served(peer()) as (other, plain):
        first = await took_ms(client, url)
        shown = await client.get(url)
        assert f"{rollouts} decisions" in shown.text or path is None
        held = memory_mb() - at_first
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(await took_ms(client, url))
            theirs.append(await took_ms(other, plain))
    print(f"first page over {rollouts} rollouts, {runs} times each, median (slowest):")
    for name, found in (("console", ours), ("peer", theirs)):
        print(f"  {name:8} {statistics.median(found):7.1f} ms ({max(found):.1f} ms)")
    await shelf.end()
    print(f"  once, with all of the ledger read into the index: {first:.0f} ms")
    print(f"  at most {held:.0f} MB more in memory than before")
    name = f"console: first page over {rollouts} rollouts (ms)"
    return 0 if at_most(name, statistics.median(ours), LIMIT_MS, ".0f") else 1


def memory_mb():
    """The most memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def main(rollouts, runs, in_memory):
    """Measures with an index in a file, or with one in memory."""
    if in_memory:
        return await measured(rollouts, runs, None)
    with tempfile.TemporaryDirectory() as folder:
        return await measured(rollouts, runs, Path(folder) / "index")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rollouts", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--in-memory", action="store_true", help="keep no file of the index")
    given = parser.parse_args()
    sys.exit(asyncio.run(main(given.rollouts, given.runs, given.in_memory)))
