"""A rollback from process start to exit: gate, a bare google-cloud-run script, and gcloud.

All of them move the traffic of one service on one calm local Cloud Run, in turns, and each move is
verified. The bare script makes the two calls that a rollback needs (get_service, update_service and
its result) with Google's own client; gcloud joins in where it is installed.

Run: python benchmarks/bench_rollback.py [--runs 7]
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport
from targets import at_most, skipped

PROJECT, REGION, SERVICE = "demo", "us-central1", "backend"
PARENT = f"projects/{PROJECT}/locations/{REGION}"
REVISIONS = ("backend-00001-aaa", "backend-00002-bbb")
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
WANTED = {"gcloud": 0.25, "bare": 1.3}
READY_WITHIN_S = 20.0
GCLOUD = "gate local env --gcloud"
FORK_SUPPORT = "GRPC_ENABLE_FORK_SUPPORT"

IMAGES = """\
images:
  trivial:
    command:
      - python
      - -c
      - |
        import os, socket
        listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
        while True:
            connection = listener.accept()[0]
            if connection.recv(65536):
                connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
            connection.close()
"""
BARE = """\
import sys
import grpc
from google.cloud import run_v2
from google.cloud.run_v2.services.services.transports import ServicesGrpcTransport

host, name, revision = sys.argv[1:]
client = run_v2.ServicesClient(transport=ServicesGrpcTransport(channel=grpc.insecure_channel(host)))
service = client.get_service(name=name)
target = run_v2.TrafficTarget(
    type_=run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION,
    revision=revision,
    percent=100,
)
update = run_v2.Service(name=name, etag=service.etag, traffic=[target])
client.update_service(service=update, update_mask="traffic").result()
"""


@contextmanager
def local_cloud_run(folder: Path) -> Iterator[dict[str, str]]:
    """Starts a calm one that keeps nothing; yields the environment that it prints."""
    images = folder / "images.yaml"
    images.write_text(IMAGES)
    command = [sys.executable, "-m", "gate.cli", "local", "up", "--calm", "--ephemeral"]
    process = subprocess.Popen(
        [*command, "--port", "0", "--images", str(images)], stdout=subprocess.PIPE, text=True
    )
    try:
        yield _exports(process)
    finally:
        process.terminate()
        process.wait(READY_WITHIN_S)


def _exported(line: str) -> dict[str, str]:
    """The variables of one line."""
    words = shlex.split(line) if line.startswith("export ") else []
    return dict(pair.split("=", 1) for pair in words[1:])


def _exports(process: subprocess.Popen[str]) -> dict[str, str]:
    """What it asks to be exported; the last line is what sets gcloud up."""
    found: dict[str, str] = {}
    for line in process.stdout:
        found |= _exported(line)
        if GCLOUD in line:
            port = found["CLOUD_RUN_EMULATOR_HOST"].rpartition(":")[2]
            command = [sys.executable, "-m", "gate.cli", *GCLOUD.split()[1:], "--port", port]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            for each in said.splitlines():
                found |= _exported(each)
            return found
    raise SystemExit("bench_rollback: gate local up ended before it was ready")


def create_service(client: run_v2.ServicesClient) -> None:
    """Makes the service with two revisions; the first has all traffic."""
    service = run_v2.Service(
        traffic=[run_v2.TrafficTarget(type_=BY_NAME, revision=REVISIONS[0], percent=100)]
    )
    for revision in REVISIONS:
        containers = [run_v2.Container(image="trivial")]
        service.template = run_v2.RevisionTemplate(revision=revision, containers=containers)
        if service.name:
            operation = client.update_service(service=service, update_mask="template")
        else:
            operation = client.create_service(parent=PARENT, service_id=SERVICE, service=service)
        service = operation.result()


def sides(host: str) -> dict[str, list[str]]:
    """Each side's command line; the revision comes last, as {}."""
    where = ["--project", PROJECT, "--region", REGION]
    script = Path(sys.executable).with_name("gate")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "gate.cli"]
    gate = [*start, "rollback", "--yes", "--reason", "bench"]
    bare = [sys.executable, "-c", BARE, host, f"{PARENT}/services/{SERVICE}", "{}"]
    gcloud = ["gcloud", "run", "services", "update-traffic", SERVICE, "--to-revisions", "{}=100"]
    found = {"gate": [*gate, *where, "--service", SERVICE, "--to", "{}"], "bare": bare}
    if shutil.which("gcloud"):
        found["gcloud"] = [*gcloud, *where]
    return found


def move(command: list[str], revision: str, environment: dict[str, str]) -> float:
    """Runs one side and returns its wall time in seconds."""
    line = [part.replace("{}", revision) for part in command]
    started = time.perf_counter()
    done = subprocess.run(line, env=environment, capture_output=True, text=True, check=False)
    elapsed_s = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"bench_rollback: {line[0]} failed\n{done.stdout}{done.stderr}")
    return elapsed_s


def measure(runs: int) -> dict[str, list[float]]:
    """Wall times in seconds by side, in turns, after one run of each that does not count."""
    with tempfile.TemporaryDirectory() as name, local_cloud_run(Path(name)) as exported:
        gcloud = {"CLOUDSDK_CONFIG": f"{name}/gcloud", "CLOUDSDK_CORE_DISABLE_PROMPTS": "1"}
        environment = {**os.environ, **exported, **gcloud}
        del environment[FORK_SUPPORT]
        host = exported["CLOUD_RUN_EMULATOR_HOST"]
        client = run_v2.ServicesClient(
            transport=ServicesGrpcTransport(channel=grpc.insecure_channel(host))
        )
        create_service(client)
        commands = sides(host)
        times: dict[str, list[float]] = {side: [] for side in commands}
        here = 0
        for turn in range(runs + 1):
            for side, command in commands.items():
                here = 1 - here
                elapsed_s = move(command, REVISIONS[here], environment)
                service = client.get_service(name=f"{PARENT}/services/{SERVICE}")
                (status,) = service.traffic_statuses
                if status.revision != REVISIONS[here]:
                    raise SystemExit(f"bench_rollback: {side} did not move the traffic")
                if turn:
                    times[side].append(elapsed_s)
        return times


def main() -> int:
    """Prints times and ratios; returns 1 where a ratio is above what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    os.environ[FORK_SUPPORT] = "0"  # this process forks beside an open channel
    times = measure(runs)
    medians = {side: statistics.median(values) for side, values in times.items()}
    print(f"A rollback, process start to exit, ms, medians of {runs}")
    for side, median in medians.items():
        each = ", ".join(f"{value * 1e3:.0f}" for value in times[side])
        print(f"  {side:8} {median * 1e3:7.0f}   ({each})")
    kept = [
        at_most(f"rollback, gate / {side}", medians["gate"] / medians[side], wanted)
        if side in medians
        else skipped(f"rollback, gate / {side}", f"{side} is not installed")
        for side, wanted in WANTED.items()
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
