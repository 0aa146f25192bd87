"""The front end of the local Cloud Run beside nginx as a plain proxy, both in one run.

    python benchmarks/bench_frontend.py [--seconds N] [--rounds N]

Small answers from one nginx; asked directly, through a second nginx that only passes them on
(one worker, kept connections), and through the real front end with routing, leases and its
request log on. Rounds alternate between them, so that what else the machine does hits all three;
ratios are medians over the rounds.

- concurrency 50: requests/s. Everybody runs flat out, so medians here only restate the rate. The
  ratio of rates moves with the machine: the front end fills a core, while nginx shares the rest
  with wrk and the answering nginx. CPU time a request is beside it, which moves much less.
- concurrency 4: the median that each adds, with a core to spare.
- 1,000 idle WebSockets: what the front end's process grows by.

Exit code 1 when a limit is missed. Needs nginx and wrk (Debian: apt-get install nginx-light wrk);
without them the first two parts are left out.
"""

import argparse
import asyncio
import os
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from cpu_time import cpu_s
from targets import at_least, at_most, skipped

LEAST_RATIO, AIM_RATIO = 0.35, 0.5
MOST_ADDED_MS = 2.0
WEBSOCKETS, MOST_WEBSOCKET_MIB = 1000, 100

NGINX = """
worker_processes 1; daemon off; pid {home}/{name}.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  client_body_temp_path {home}; proxy_temp_path {home}; fastcgi_temp_path {home};
  uwsgi_temp_path {home}; scgi_temp_path {home};
  {upstream}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 1000000000;
    location / {{ {location} }}
  }}
}}
"""
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--seconds", type=float, default=2.0, help="of each measurement")
    arguments.add_argument("--rounds", type=int, default=3)
    options = arguments.parse_args()
    kept = [measure_websockets()]
    missing = [tool for tool in ("nginx", "wrk") if find(tool) is None]
    if missing:
        named = " and ".join(missing)
        skipped("front end / nginx", f"{named} not installed (apt-get install nginx-light wrk)")
    else:
        kept += measure_requests(options.seconds, options.rounds)
    return 0 if all(kept) else 1


def measure_requests(seconds, rounds):
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory())
        ports = free_ports(2)
        stack.enter_context(nginx(home, "answer", ports[0], 'return 200 "ok";'))
        passes = 'proxy_pass http://answer; proxy_http_version 1.1; proxy_set_header Connection "";'
        upstream = (
            f"upstream answer {{ server 127.0.0.1:{ports[0]}; keepalive 256; "
            "keepalive_requests 1000000000; }"
        )
        proxy = stack.enter_context(nginx(home, "proxy", ports[1], passes, upstream))
        front = stack.enter_context(FrontEnd(ports[0]))
        targets = {
            "directly": f"http://127.0.0.1:{ports[0]}/",
            "nginx": f"http://127.0.0.1:{ports[1]}/",
            "front end": f"{front.url}/",
        }
        for url in targets.values():
            wrk(url, 50, 0.5)
        used = {"nginx": proxy.pid, "front end": front.process.pid}
        busy = [
            {name: busy_run(url, seconds, used.get(name)) for name, url in targets.items()}
            for _ in range(rounds)
        ]
        calm = [
            {name: wrk(url, 4, seconds / 2) for name, url in targets.items()} for _ in range(rounds)
        ]
        return [report_busy(busy), report_calm(calm)]


def busy_run(url, seconds, pid):
    """(requests/s, median in ms, CPU microseconds a request of this process) at concurrency 50."""
    before_s = cpu_s(pid) if pid else 0
    rate, middle = wrk(url, 50, seconds)
    took_s = cpu_s(pid) - before_s if pid else 0
    return rate, middle, took_s / (rate * max(seconds, 1)) * 1e6


def report_busy(rounds):
    print(f"\nsmall answers, concurrency 50, medians of {len(rounds)} rounds")
    for name in rounds[0]:
        rate, middle, cpu_us = (median(each[name][at] for each in rounds) for at in range(3))
        spent = f"   CPU {cpu_us:5.1f} us" if cpu_us else ""
        print(f"  {name:10} {rate:10,.0f} requests/s   median {middle:6.2f} ms{spent}")
    ratio = median(each["front end"][0] / each["nginx"][0] for each in rounds)
    print(f"  aim: {AIM_RATIO}")
    return at_least("front end / nginx, requests/s", ratio, LEAST_RATIO)


def report_calm(rounds):
    print(f"\nsmall answers, concurrency 4, medians of {len(rounds)} rounds")
    added = {}
    for name in rounds[0]:
        middle = median(each[name][1] for each in rounds)
        added[name] = median(each[name][1] - each["directly"][1] for each in rounds)
        print(f"  {name:10} median {middle:6.3f} ms   added {added[name]:6.3f} ms")
    return at_most("front end, added median, ms", added["front end"], MOST_ADDED_MS)


def measure_websockets():
    """What the front end's process grows by while so many WebSockets do nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * WEBSOCKETS
    if soft < wanted:
        if hard != resource.RLIM_INFINITY and hard < wanted:
            few = f"too few open files allowed (got {hard}, expected {wanted})"
            return skipped("idle WebSockets", few)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    before, after, took_s = asyncio.run(hold_websockets())
    grown = (after - before) / 1024
    print(f"{WEBSOCKETS:,} WebSockets through the front end, opened in {took_s:.2f} s, then idle")
    print(
        f"  process {before / 1024:.1f} MiB before, {after / 1024:.1f} MiB with them "
        f"({(after - before) / WEBSOCKETS:.1f} KiB each)"
    )
    return at_most(f"{WEBSOCKETS:,} idle WebSockets, MiB", grown, MOST_WEBSOCKET_MIB, ".1f")


async def hold_websockets():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Welcomer, "127.0.0.1", 0, backlog=4096)
    with FrontEnd(server.sockets[0].getsockname()[1]) as front:
        host, port = front.url.removeprefix("http://").split(":")

        async def hold():
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(UPGRADE)
            await reader.readuntil(b"welcome")
            return writer

        (await hold()).close()
        before = front.resident_kib()
        began_s = time.perf_counter()
        held = await asyncio.gather(*(hold() for _ in range(WEBSOCKETS)))
        took_s = time.perf_counter() - began_s
        await asyncio.sleep(0.5)
        after = front.resident_kib()
        for writer in held:
            writer.close()
    server.close()
    return before, after, took_s


class Welcomer(asyncio.Protocol):
    """A WebSocket server that says one thing."""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):  # noqa: ARG002 - the handshake, whatever it says
        self.transport.write(SWITCH + b"\x81\x07welcome")


class FrontEnd:
    """The real front end, in a process of its own."""

    def __init__(self, upstream_port):
        self.process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("frontend_process.py")),
                str(upstream_port),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self.process.stdout.readline().strip()
        if not self.url:
            raise SystemExit("the front end did not start")

    def resident_kib(self):
        self.process.stdin.write("memory?\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@contextmanager
def nginx(home, name, port, location, upstream=""):
    text = NGINX.format(home=home, name=name, port=port, location=location, upstream=upstream)
    path = Path(home, f"{name}.conf")
    path.write_text(text)
    process = subprocess.Popen(
        [find("nginx"), "-p", home, "-c", str(path)], stderr=subprocess.DEVNULL
    )
    try:
        wait_until_listening(port, process)
        yield process
    finally:
        process.terminate()
        process.wait(10)


def wait_until_listening(port, process):
    until_s = time.monotonic() + 10
    while time.monotonic() < until_s and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"nginx does not listen on port {port}")


def wrk(url, connections, seconds):
    """(requests/s, median in ms) of one run."""
    out = subprocess.run(
        [find("wrk"), "-t1", f"-c{connections}", f"-d{max(seconds, 1):.0f}s", "--latency", url],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"{url} did not answer every request:\n{out}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1])
    number, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", out).groups()
    return rate, float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def find(tool):
    return shutil.which(tool, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def free_ports(count):
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


if __name__ == "__main__":
    sys.exit(main())
