"""How long `gate local up` takes from process start to ready, beside a bare `import grpc`.

Both are whole processes on the same interpreter, in turns, so that the ratio holds on any machine.
Ready is the line that says so; a call is then made to see that it is true.

Run: python benchmarks/bench_local_up.py [--runs 7]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from targets import at_most

WANTED_MS = 1_500
ROOT = Path(__file__).parent.parent
UP = (sys.executable, "-m", "gate.cli", "local", "up", "--ephemeral", "--calm", "--port", "0")
REST = "admin API (REST)"
SERVICES = "v2/projects/demo/locations/us-central1/services"


def import_grpc_ms() -> float:
    """One interpreter that imports grpc and ends."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import grpc"], check=True)
    return (time.perf_counter() - started) * 1_000


def ready_ms() -> float:
    """One start until it says that it is ready; then it is asked something and stopped."""
    started = time.perf_counter()
    with subprocess.Popen(UP, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        elapsed_ms = (time.perf_counter() - started) * 1_000
        assert first.startswith("gate local: ready"), first
        with urllib.request.urlopen(rest_of(process.stdout) + "/" + SERVICES) as answer:
            assert json.load(answer) == {}
        process.terminate()
        assert process.wait(timeout=30) == 0
    return elapsed_ms


def rest_of(lines: Iterable[str]) -> str:
    """The base URL of the REST API, as the greeting gives it."""
    return next(line.partition(REST)[2].strip() for line in lines if REST in line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    import_grpc_ms(), ready_ms()  # warm the caches of both
    pairs = [(import_grpc_ms(), ready_ms()) for _ in range(runs)]
    bare, up = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import grpc          {bare:7.0f} ms")
    print(f"gate local up, ready {up:7.0f} ms   {up / bare:.1f} times import grpc")
    return 0 if at_most("gate local up, ready, ms", up, WANTED_MS, ".0f") else 1


if __name__ == "__main__":
    sys.exit(main())
