"""WebSocket sessions a second: the gate's probe against the default client of `websockets`.

A session is an upgrade with subprotocols and a header, the welcome, one round trip and a clean
close; all of them are asked for at once, from one process, over loopback. The server is another
process that only copies ready-made bytes. Each side runs in a process of its own, in turns, and
the medians are compared; k6 joins in where it is on PATH.

Run: python benchmarks/bench_websocket.py [--sessions 4000] [--runs 3]
"""

# ruff: noqa: PLC0415 - each side imports what it needs and nothing of the other
import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from targets import at_least

HERE = Path(__file__).parent
WANTED = 2.4
SECRET = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


class Clock:
    """The system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def ours(port: int, sessions: int) -> float:
    """The probe, as the gate runs it: policy values in, evidence out, asyncio under uvloop."""
    import uvloop

    from gate.core.expectations import Pattern
    from gate.core.policy import Probe
    from gate.core.redaction import Redactor
    from gate.kinds.websocket import Await, Send, WebSocketProbe
    from gate.ports import Target
    from gate.probes.runner import ProbeRunner

    secrets = {"alice": SECRET}
    welcome = {"type": "system_message", "data": {"event": "connection_established"}}
    spec = WebSocketProbe(
        path="/ws",
        subprotocols=("jwt-auth", "jwt.${alice|base64url}"),
        headers=(("X-Request", "${nonce}"),),
        connections=sessions,
        open_within_s=60,
        script=(
            Await(Pattern(json=welcome), within_s=60),
            Send({"type": "ping", "id": "${nonce}"}),
            Await(Pattern(json={"type": "pong"}), within_s=60),
        ),
        close_code=1000,
    )
    runner = ProbeRunner(secrets, None, Clock(), Redactor(secrets))

    async def run() -> float:
        import gate.probes.websocket.probe  # noqa: F401 - imports are not what is measured

        target = Target(f"http://127.0.0.1:{port}")
        (evidence,) = await runner.run([Probe("bench", spec)], target, lambda _: None)
        if not evidence.passed:
            raise SystemExit(f"the probe did not pass: {evidence.seen}")
        return evidence.duration_s

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        return loop.run(run())


def default(port: int, sessions: int) -> float:
    """The library's own client with its default settings, as one would write it."""
    from websockets.asyncio.client import connect

    async def session() -> None:
        async with connect(
            f"ws://127.0.0.1:{port}/ws",
            subprotocols=["jwt-auth", "jwt.abc"],
            additional_headers={"X-Request": "1"},
            open_timeout=60,
        ) as ws:
            assert json.loads(await ws.recv())["type"] == "system_message"
            await ws.send('{"type":"ping"}')
            assert json.loads(await ws.recv())["type"] == "pong"

    async def run() -> float:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        await asyncio.gather(*(session() for _ in range(sessions)))
        return loop.time() - began_s

    return asyncio.run(run())


K6 = """
import ws from 'k6/ws';
import { check } from 'k6';
export const options = { scenarios: { s: { executor: 'shared-iterations',
  vus: %(vus)d, iterations: %(sessions)d, maxDuration: '60s' } } };
export default function () {
  const params = { headers: { 'X-Request': '1', 'Sec-WebSocket-Protocol': 'jwt-auth, jwt.abc' } };
  ws.connect('ws://127.0.0.1:%(port)d/ws', params, function (socket) {
    let seen = 0;
    socket.on('message', function () {
      seen += 1;
      if (seen === 1) socket.send('{"type":"ping"}'); else socket.close(1000);
    });
  });
}
"""


def k6(port: int, sessions: int) -> float:
    """k6 with 100 virtual users, where it is installed: seconds as it reports them."""
    with tempfile.TemporaryDirectory() as folder:
        script, summary = Path(folder, "script.js"), Path(folder, "summary.json")
        script.write_text(K6 % {"vus": 100, "sessions": sessions, "port": port})
        command = ["k6", "run", "--quiet", "--summary-export", str(summary), str(script)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return sessions / json.loads(summary.read_text())["metrics"]["iterations"]["rate"]


SIDES = {"gate": ours, "default": default, "k6": k6}


def serve() -> tuple[subprocess.Popen[str], int]:
    """Starts the server and waits for its port."""
    server = subprocess.Popen(
        [sys.executable, str(HERE / "ws_server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    return server, int(server.stdout.readline())


def measure(side: str, sessions: int) -> float:
    """Sessions a second of one side, in a process of its own against a fresh server."""
    server, port = serve()
    try:
        command = [sys.executable, __file__, "--side", side, "--port", str(port)]
        run = subprocess.run(
            [*command, "--sessions", str(sessions)], check=True, capture_output=True, text=True
        )
    finally:
        server.kill()
        server.wait()
    return sessions / float(run.stdout)


def main() -> int:
    """Prints the table and the ratio; returns 1 where the ratio is below what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--side", choices=SIDES)
    parser.add_argument("--port", type=int)
    arguments = parser.parse_args()
    if arguments.side:
        print(SIDES[arguments.side](arguments.port, arguments.sessions))
        return 0
    sides = [side for side in SIDES if side != "k6" or shutil.which("k6")]
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(arguments.runs):
        for side in sides:
            rates[side].append(measure(side, arguments.sessions))
    medians = {side: statistics.median(values) for side, values in rates.items()}
    print(f"WebSocket sessions/s, {arguments.sessions} at once, medians of {arguments.runs}")
    for side, median in medians.items():
        runs = ", ".join(f"{rate:.0f}" for rate in rates[side])
        print(f"  {side:8} {median:7.0f}   ({runs})")
    ratio = medians["gate"] / medians["default"]
    if "k6" in medians:
        print(f"  gate / k6 = {medians['gate'] / medians['k6']:.2f}")
    return 0 if at_least("WebSocket sessions/s, gate / default", ratio, WANTED) else 1


if __name__ == "__main__":
    sys.exit(main())
