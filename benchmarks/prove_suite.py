"""How long `gate policy prove` takes for a suite of 58 tests, and how much of all it asks.

A pytest suite in a folder of its own, against the example backend: tests that look at a status, at
a field, at a message, and some that pass whatever comes. Each process of it imports what such a
suite imports (httpx, websockets, pytest).

Run: python benchmarks/prove_suite.py [--tests 58] [--at-once 8] [--whole]
"""

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import yaml
from targets import at_most

from examples.backend.tokens import mint
from gate.api import wiring
from gate.core.evidence import Evidence
from gate.core.policy import Probe
from gate.core.proof import Trials
from gate.mutation.run import ControlError, MutationRun
from gate.mutation.settings import RunSettings
from gate.mutation.wire import Upstream
from gate.policyfile import load_policy
from gate.ports import Probes, Progress, Target

ROOT = Path(__file__).parent.parent
WANTED_S = 300.0
READY_WITHIN_S = 20.0
PAGES = {
    "/health": "status",
    "/health/live": "status",
    "/health/ready": "status",
    "/api/health": "status",
    "/api/discovery/services": "services",
    "/api/mcp/config": "http",
    "/api/mcp/servers": "data",
    "/ws/health": "status",
    "/ws/config": "websocket",
    "/api/messages": "data",
    "/api/threads": "data",
    "/api/agents": "data",
}
HEAD = '''
import asyncio, json, os
import httpx, pytest
from websockets.asyncio.client import connect

URL, WS, TOKEN = os.environ["BASE_URL"], os.environ["WS_URL"], os.environ["TOKEN"]
MINE = {"Authorization": f"Bearer {TOKEN}"}

def get(path, headers=MINE):
    return httpx.get(URL + path, headers=headers, timeout=10, trust_env=False)

async def say(*messages, most=6):
    """The messages that come until one answers the last."""
    heard = []
    async with connect(f"{WS}/ws", additional_headers=MINE, proxy=None) as socket:
        for message in messages:
            await socket.send(json.dumps({"type": "message", "content": message}))
        while len(heard) < most:
            heard.append(json.loads(await asyncio.wait_for(socket.recv(), 5)))
            if not messages or heard[-1].get("type") == "agent_completed":
                break
    return heard
'''
SAID = """
def test_chat_{n}():
    heard = asyncio.run(say({said}))
    assert heard and heard[0]["type"]
"""
ANY = """
def test_any_{n}():
    assert get({path!r}).status_code > 0
"""
STATUS = """
def test_status_{n}():
    assert get({path!r}).status_code == {status}
"""
FIELD = """
def test_field_{n}():
    assert {field!r} in get({path!r}).json()
"""
SHAPE = """
def test_shape_{n}():
    answer = get({path!r})
    assert answer.headers["content-type"].startswith("application/json")
    assert len(answer.json()) >= 1
"""
STRANGER = """
def test_stranger_{n}():
    assert get({path!r}, {{}}).status_code == 401
"""


def suite(count: int) -> str:
    """The source of a suite with so many tests."""
    users = [path for path in PAGES if path.startswith("/api/") and PAGES[path] == "data"][1:]
    tests = [STATUS.format(n=n, path=path, status=200) for n, path in enumerate(PAGES)]
    named = enumerate(PAGES.items())
    tests += [FIELD.format(n=n, path=path, field=name) for n, (path, name) in named]
    tests += [SHAPE.format(n=n, path=path) for n, path in enumerate(PAGES)]
    tests += [STRANGER.format(n=n, path=path) for n, path in enumerate(users)]
    tests += [SAID.format(n=n, said=repr("hello") if n else "") for n in range(8)]
    tests += [ANY.format(n=n, path=path) for n, path in enumerate([*PAGES] * 3)]
    return HEAD + "".join(tests[:count])


@contextmanager
def backend(key: str) -> Iterator[str]:
    """The example backend in a process of its own; its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "PORT": str(port), "JWT_SECRET_KEY": key, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "examples.backend"]
    process = subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _until_up(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _until_up(port: int) -> None:
    ends = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < ends:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise SystemExit("the example backend did not start")


class Counting:
    """The probes of a policy; counts how often a suite was run, and with how many tests."""

    def __init__(self, probes: Probes) -> None:
        self._probes = probes
        self.runs = 0
        self.tests = 0

    async def run(
        self, probes: Sequence[Probe], target: Target, progress: Callable[[Progress], None]
    ) -> tuple[Evidence, ...]:
        found = await self._probes.run(probes, target, progress)
        self.runs += 1
        only = getattr(probes[0].spec, "only", None)
        self.tests += len(found[0].cases) if only is None else len(only)
        return found


async def prove(path: Path, url: str, at_once: int, *, whole: bool) -> tuple[Trials, Counting]:
    """Proves a policy as the command does."""
    policy = load_policy(path)
    asking = await wiring.probes_of(policy, None, arrived=True)
    counting = Counting(asking.runner)
    how = RunSettings(at_once, whole, policy.baseline, policy.repeats, 86_400)
    run = MutationRun(policy.probes, counting, Upstream(url), Target(url), how, _told)
    try:
        return await run.run(), counting
    except ControlError as error:
        raise SystemExit("\n".join(one.seen for one in error.evidence)) from None


def _told(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Prints what was measured; 1 where it took too long."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", type=int, default=58)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--whole", action="store_true", help="every test meets every fault it can")
    args = parser.parse_args()
    key = secrets.token_urlsafe(32)
    os.environ["TOKEN_OF_ALICE"] = mint("alice", key)
    with tempfile.TemporaryDirectory() as name, backend(key) as url:
        path = Path(name) / "suite.yaml"
        (Path(name) / "test_staging.py").write_text(suite(args.tests), encoding="utf-8")
        env = {"BASE_URL": "${url}", "WS_URL": "${ws_url}", "TOKEN": "${alice}"}
        run = [sys.executable, "-m", "pytest", "-q", "test_staging.py"]
        policy = {
            "version": 1,
            "secrets": {"alice": {"env": "TOKEN_OF_ALICE"}},
            "probes": {"suite": {"suite": {"run": run, "env": env}}},
        }
        path.write_text(yaml.safe_dump(policy), encoding="utf-8")
        began_s = time.monotonic()
        trials, counted = wiring.run_async(
            prove(path, url, args.at_once, whole=args.whole), many_connections=True
        )
        took_s = time.monotonic() - began_s
    seen = sum(1 for kills in trials.tests["suite"].values() if kills)
    every = len(trials.trials) * args.tests
    print(f"{seen} of {len(trials.tests['suite'])} tests were seen to fail")
    cpu = os.times()
    print(f"{cpu.user + cpu.children_user + cpu.system + cpu.children_system:.0f} s of CPU time")
    print(f"{counted.runs} runs with {counted.tests} tests, of {every} if each met each fault")
    kept = at_most(f"a suite of {args.tests} tests is proved (s)", took_s, WANTED_S, ".0f")
    return int(not kept)


if __name__ == "__main__":
    sys.exit(main())
