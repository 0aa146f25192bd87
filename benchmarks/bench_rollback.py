"""Commands from process start to exit: gate beside gcloud, and a bare google-cloud-run script.

A rollback by each of them moves the traffic of one service on one calm local Cloud Run, in turns,
and each move is verified. The bare script makes the two calls that a rollback needs (get_service,
update_service and its result) with Google's own client. In the same turns, `gate status` is
measured beside `gcloud run services describe`, and `gate --help` and `--version` beside `gcloud
version`. gcloud joins in where it is installed.

Run: python benchmarks/bench_rollback.py [--runs 9]
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
WHERE = ("--project", PROJECT, "--region", REGION)
PARENT = f"projects/{PROJECT}/locations/{REGION}"
REVISIONS = ("backend-00001-aaa", "backend-00002-bbb")
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
WANTED = {
    ("rollback", "gcloud"): 0.25,
    ("rollback", "bare"): 1.3,
    ("status", "gcloud describe"): 0.4,
    ("--help", "gcloud version"): 0.10,
    ("--version", "gcloud version"): 0.15,
}
"""What each of gate's commands may take of another's time."""
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


def moves(host: str) -> dict[str, list[str]]:
    """Each side's command line that moves traffic; the revision comes last, as {}."""
    rollback = [*gate("rollback"), "--yes", "--reason", "bench", *WHERE, "--service", SERVICE]
    bare = [sys.executable, "-c", BARE, host, f"{PARENT}/services/{SERVICE}", "{}"]
    found = {"rollback": [*rollback, "--to", "{}"], "bare": bare}
    if shutil.which("gcloud"):
        update = ["gcloud", "run", "services", "update-traffic", SERVICE, "--to-revisions"]
        found["gcloud"] = [*update, "{}=100", *WHERE]
    return found


def looks() -> dict[str, list[str]]:
    """The command lines that change nothing."""
    found = {
        "status": [*gate("status"), *WHERE, "--service", SERVICE],
        "--help": gate("--help"),
        "--version": gate("--version"),
    }
    if shutil.which("gcloud"):
        found["gcloud describe"] = ["gcloud", "run", "services", "describe", SERVICE, *WHERE]
        found["gcloud version"] = ["gcloud", "version"]
    return found


def gate(*arguments: str) -> list[str]:
    """A command line of gate, as installed."""
    script = Path(sys.executable).with_name("gate")
    start = [str(script)] if script.exists() else [sys.executable, "-m", "gate.cli"]
    return [*start, *arguments]


def timed(command: list[str], environment: dict[str, str], revision: str = "") -> float:
    """Runs one command line and returns its wall time in seconds."""
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
        moving, looking = moves(host), looks()
        times: dict[str, list[float]] = {side: [] for side in (*moving, *looking)}
        here = 0
        for _ in range(runs + 1):
            for side, command in moving.items():
                here = 1 - here
                times[side].append(timed(command, environment, REVISIONS[here]))
                service = client.get_service(name=f"{PARENT}/services/{SERVICE}")
                (status,) = service.traffic_statuses
                if status.revision != REVISIONS[here]:
                    raise SystemExit(f"bench_rollback: {side} did not move the traffic")
            for side, command in looking.items():
                times[side].append(timed(command, environment))
        return {side: each[1:] for side, each in times.items()}


def main() -> int:
    """Prints times and ratios; returns 1 where a ratio is above what is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    os.environ[FORK_SUPPORT] = "0"  # this process forks beside an open channel
    times = measure(runs)
    medians = {side: statistics.median(values) for side, values in times.items()}
    print(f"Process start to exit, ms, medians of {runs}")
    for side, median in medians.items():
        each = ", ".join(f"{value * 1e3:.0f}" for value in times[side])
        print(f"  {side:16} {median * 1e3:7.0f}   ({each})")
    kept = [
        at_most(f"gate {ours} / {other}", medians[ours] / medians[other], wanted)
        if other in medians
        else skipped(f"gate {ours} / {other}", f"{other} is not installed")
        for (ours, other), wanted in WANTED.items()
    ]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main())
