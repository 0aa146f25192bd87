"""The shipped policy against every version of the example backend, many times in a row each.

Every run is a whole `gate rollout` as a process on a local Cloud Run: the revision is deployed at
0 %, probed, and rejected or promoted. Each version has a service of its own, on which its runs come
one after the other; the versions run side by side, which makes it harder for the probes, not
easier. Fails if any run ends otherwise, or for another reason, than it must.

Run: python benchmarks/twenty_runs.py [--runs 20] [--rude] [--seed 1] [--together 6]
"""

import argparse
import json
import os
import secrets
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import run_v2
from google.cloud.run_v2.services.revisions.transports import RevisionsGrpcTransport

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
from examples import demo  # noqa: E402 - found beside this folder, not installed
from examples.backend.tokens import mint  # noqa: E402

POLICY = ROOT / "policies" / "backend.yaml"
GOOD = "0 promoted"
MUST = {
    "v1": GOOD,
    "v2": "1 rejected: api-health redirect, discovery status, logs logs, "
    "same-user-concurrency closed",
    "v3": "1 rejected: readiness HEALTH_CHECK_CONTAINER_ERROR",
    "v4": "1 rejected: logs logs, reconnect closed",
    "v5": "1 rejected: welcome schema",
    "v6": GOOD,
}
"""Exit code, ending, and each probe that must not pass, with the symptom that it must find."""


@dataclass
class Lane:
    """One version's runs."""

    version: str
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def service(self) -> str:
        return f"backend-{self.version}"

    @property
    def right(self) -> bool:
        return set(self.outcomes) == {MUST[self.version]}


@contextmanager
def clients(host: str) -> Iterator[run_v2.RevisionsClient]:
    with grpc.insecure_channel(host) as channel:
        yield run_v2.RevisionsClient(transport=RevisionsGrpcTransport(channel=channel))


def runs(lane: Lane, count: int, exports: dict[str, str]) -> Lane:
    """All runs of one version, on a service whose first revision is v1."""
    key = secrets.token_urlsafe(32)
    host = exports["CLOUD_RUN_EMULATOR_HOST"]
    environment = {
        **os.environ,
        **exports,
        "STAGING_JWT_ALICE": mint("alice", key),
        "STAGING_JWT_BOB": mint("bob", key),
        "GATE_ACTOR": "twenty runs",
    }
    demo.create_service(host, "backend:v1", key, lane.service)
    for _ in range(count):
        began = time.monotonic()
        lane.outcomes[roll_out(lane, environment)] += 1
        lane.seconds.append(time.monotonic() - began)
        print(".", end="", flush=True)
        tidy(lane, host)
    return lane


def roll_out(lane: Lane, environment: dict[str, str]) -> str:
    """One rollout; what came of it in one line."""
    command = [sys.executable, "-m", "gate.cli", "rollout", "--policy", str(POLICY)]
    command += ["--image", f"backend:{lane.version}", "--service", lane.service]
    command += ["--output", "json"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    try:
        return told(done.returncode, json.loads(done.stdout))
    except ValueError:
        return f"{done.returncode} without a document: {done.stderr[-200:]}"


def told(code: int, outcome: dict) -> str:
    found = [
        f"{item['probe']} {item['findings'][0]['symptom'] if item['findings'] else '?'}"
        for item in outcome["evidence"]
        if item["outcome"] != "passed"
    ]
    asked = {item["probe"] for item in outcome["evidence"]}
    found += [
        f"{reason['subject']} {condition(reason['text'])}"
        for reason in (outcome["verdict"] or {"reasons": []})["reasons"]
        if reason["subject"] not in asked
    ]
    why = f": {', '.join(sorted(found))}" if found else ""
    traffic = outcome["effective_after"]
    lost = "" if list(traffic.values()) == [100] else f" WITH TRAFFIC {traffic}"
    return f"{code} {outcome['ending']}{why}{lost}"


def condition(text: str) -> str:
    """Cloud Run's own word for it: `X is not ready (WORD: sentence)`."""
    return text.partition("(")[2].partition(":")[0] or text[:80]


def tidy(lane: Lane, host: str) -> None:
    """Deletes what may be deleted, so that no instance of a finished run is left at work."""
    parent = f"projects/{demo.PROJECT}/locations/{demo.REGION}/services/{lane.service}"
    with clients(host) as client:
        for revision in client.list_revisions(parent=parent):
            with suppress(GoogleAPICallError):  # it serves, or is the newest
                client.delete_revision(name=revision.name)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="of each version")
    parser.add_argument("--rude", action="store_true", help="with Cloud Run's delays")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of those delays")
    parser.add_argument("--together", type=int, default=6, metavar="N", help="versions at a time")
    args = parser.parse_args()
    manner = [] if args.rude else ["--calm"]
    began = time.monotonic()
    arguments = ["--port", "0", "--seed", str(args.seed), *manner]
    with demo.local_cloud_run(arguments) as exports, ThreadPoolExecutor(args.together) as pool:
        all_runs = pool.map(lambda version: runs(Lane(version), args.runs, exports), sorted(MUST))
        lanes = list(all_runs)
    print(f"\n\n{'version':<8} {'runs':>4} {'median':>7} {'slowest':>8}  outcome")
    for lane in lanes:
        times = f"{statistics.median(lane.seconds):>5.1f} s {max(lane.seconds):>6.1f} s"
        for outcome, count in lane.outcomes.most_common():
            mark = (
                "" if outcome == MUST[lane.version] else f"   NOT AS IT MUST: {MUST[lane.version]}"
            )
            print(f"{lane.version:<8} {count:>4} {times}  {outcome}{mark}")
    wrong = [lane.version for lane in lanes if not lane.right]
    total = sum(len(lane.seconds) for lane in lanes)
    print(f"\n{total} rollouts in {time.monotonic() - began:.0f} s: ", end="")
    print("each as it must" if not wrong else f"NOT as it must: {', '.join(wrong)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
