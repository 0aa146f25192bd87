"""Asks what it is told to ask, one round after the other, and watches itself while it does.

Each line of standard input is a round; each line of standard output is what became of it.
"""

import asyncio
import gc
import json
import os
import sys
import time
from pathlib import Path

from gate.core.evidence import Outcome
from gate.core.policy import Probe
from gate.core.redaction import Redactor
from gate.kinds.latency import LatencyProbe
from gate.kinds.plugin import PluginProbe
from gate.kinds.soak import SoakProbe
from gate.kinds.startup import StartupProbe
from gate.kinds.stream import Format, StreamProbe
from gate.kinds.websocket import WebSocketProbe
from gate.ports import Target
from gate.probes.inquiry import Surroundings
from gate.probes.runner import ProbeRunner
from tests.contract.probe_servers import SystemClock
from tests.fuzz.bystanders import CANDIDATE, STABLE, BadConfigurations, BadLogs
from tests.fuzz.draw import TOKEN, draw
from tests.fuzz.mischief import PASSWD
from tests.fuzz.shows import faults

PEAK_MAX_MIB = 200
SECRETS = {"alice": TOKEN}
HERE = Path(__file__).parent
_STATUS = Path("/proc/self/status")


class Fence:
    """Notes every address that this process connects to, every name it looks up, every file."""

    def __init__(self):
        self.place = None
        self.over = []
        sys.addaudithook(self._heard)

    def _heard(self, event, arguments):
        if self.place is None:
            return
        if event == "socket.connect" and tuple(arguments[1][:2]) not in (self.place, *_own()):
            self.over.append(f"connects to {arguments[1]}")
        elif event == "socket.getaddrinfo" and arguments[0] != self.place[0]:
            self.over.append(f"looks up {arguments[0]!r}")
        elif event == "open" and str(arguments[0]) == PASSWD:
            self.over.append(f"opens {PASSWD}")


def _own():
    """Addresses where this process itself listens: a probe may measure its own instrument."""
    inodes = {str(path.readlink()) for path in _fds()}
    for line in Path("/proc/self/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            yield "127.0.0.1", int(fields[1].rpartition(":")[2], 16)


def _fds():
    for path in Path("/proc/self/fd").iterdir():
        if path.is_symlink():
            yield path


def main():
    """Plays every round that comes."""
    sys.path.append(str(HERE / "plugin"))
    fence = Fence()
    known = set()
    for line in sys.stdin:
        told = json.loads(line)
        drawn = draw(told["seed"])
        if type(drawn.spec) not in known:  # what is loaded and kept once is no leak
            asyncio.run(_play(drawn, told["place"], fence))
            known.add(type(drawn.spec))
        print(json.dumps(_watched(told["seed"], told["place"], fence)), flush=True)


def _watched(seed, place, fence):
    drawn = draw(seed)
    files = _files()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    found, told = asyncio.run(_play(drawn, place, fence))
    gc.collect()
    peak_mib = _peak_mib()
    if peak_mib > PEAK_MAX_MIB:
        found.append(f"takes {peak_mib:.0f} MiB")
    if left := _left_open(files):
        found.append(f"leaves open: {', '.join(left)}")
    return {"seed": seed, "round": drawn.name, "violations": found, "peak_mib": peak_mib} | told


async def _play(drawn, place, fence):
    host, port = place.split(":")
    stable = Target(f"http://{place}") if drawn.control or "routes" in drawn.name else None
    target = Target(f"http://{place}", CANDIDATE, stable=stable, compare_with=(STABLE,))
    runner = ProbeRunner(
        SECRETS,
        BadLogs(drawn.seed),
        SystemClock(),
        Redactor(SECRETS),
        arrival_within_s=0.1,
        configurations=BadConfigurations(drawn.seed),
        surroundings=Surroundings(HERE, {"PATH": os.environ["PATH"]}),
    )
    probes, progress, found = [Probe("probe", drawn.spec)], [], []
    fence.place, fence.over = (host, int(port)), []
    began = time.monotonic()
    try:
        evidence = await runner.run(probes, target, progress.append)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
        return [f"raises {type(error).__name__}: {error}"], {"took_s": 0.0, "saw": "nothing"}
    finally:
        fence.place = None
    took_s = time.monotonic() - began
    if took_s > drawn.limit_s:
        found.append(f"takes {took_s:.1f} s (expected at most {drawn.limit_s:.1f} s)")
    found += fence.over
    found += [f"leaves a task behind: {task}" for task in await _left()]
    found += faults(evidence, probes, progress)
    first = evidence[0]
    found += [f"took {first.kind} for a pass: {first.seen}"] if _too_good(first, drawn) else []
    saw = ", ".join(one.symptom.value for one in first.findings) or first.outcome.value
    return found, {"took_s": took_s, "saw": saw}


async def _left():
    """Tasks that are still there a moment after the probe has ended."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    return (await asyncio.wait(left, timeout=1))[1] if left else ()


def _too_good(evidence, drawn):
    """No server of a campaign gives a right answer; a status, an open or a refusal is easy,
    and a plug-in's word is its own."""
    spec = drawn.spec
    easy = isinstance(spec, StartupProbe | LatencyProbe | SoakProbe | PluginProbe) or (
        isinstance(spec, WebSocketProbe) and (spec.refused or not spec.script)
    )
    easy = easy or (isinstance(spec, StreamProbe) and spec.format is Format.PIECES)
    return evidence.outcome is Outcome.PASSED and not easy


def _left_open(before):
    """What is open that was not before, a moment after the probe has ended."""
    ends = time.monotonic() + 1
    while (left := _files() - before) and time.monotonic() < ends:
        time.sleep(0.02)  # threads of libraries close what they have opened
    return sorted(left)


def _peak_mib():
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def _files():
    return {str(path.readlink()) for path in _fds()}


if __name__ == "__main__":
    main()
