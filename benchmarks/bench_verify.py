"""How fast a ledger is verified, beside `openssl dgst -sha256` on the same bytes, and in how much.

A ledger of 1,000,000 entries of some 1.5 KB, whole: rollouts of four intentions and an outcome
each. It is written to a temporary file first; each side then reads that file, in turns.

Run: python benchmarks/bench_verify.py [--entries 1000000] [--runs 3]
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from targets import at_least, at_most

from gate.ledger.canonical import canonical, digest
from gate.ledger.checksum import with_checksum

RATIO = 0.15
MEMORY_MB = 40
START = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = {
    "format": 2,
    "kind": "rollout",
    "project": "demo",
    "region": "us-central1",
    "service": "backend",
    "actor": "alice@example.com",
    "principal": {"name": "gate@demo.iam.gserviceaccount.com", "authenticated": "cloud run"},
    "build": {"system": "cloud build", "id": "b" * 36, "trigger": "deploy", "commit": "c" * 40},
    "gate_version": "0.1.0",
    "reason": "the next release",
    "overrides": [],
    "policy": "policies/backend.yaml",
    "policy_digest": "d" * 64,
    "proof_digest": "e" * 64,
}
JUDGED = {"evidence": [], "verdict": {"decision": "promote", "reasons": []}}
EVIDENCE = digest(JUDGED)
STEPS = (0, 10, 100, 100)


def write(path, entries):
    """A ledger of so many entries."""
    previous, sequence, at, vouched = "", 0, START, []
    count, before = 0, {"revision": "backend-00000-old", "percent": 100, "tag": ""}
    with path.open("wb") as file:
        for number in range(entries // (len(STEPS) + 1)):
            rollout, own = f"{number:08d}-abcdef", []
            after = {"revision": f"backend-{number + 1:05d}-abc", "percent": 100, "tag": ""}
            now = [before]
            for percent in STEPS:
                at += timedelta(seconds=30)
                wanted = [{**before, "percent": 100 - percent}, {**after, "percent": percent}]
                sequence += 1
                entry = {
                    **HEAD,
                    "entry": "intention",
                    "rollout": rollout,
                    "at": text(at),
                    "sequence": sequence,
                    "previous": previous,
                    "traffic_now": now,
                    "traffic_wanted": wanted,
                    "outcomes": vouched,
                    "evidence_digest": EVIDENCE,
                    "decided": "",
                    "why": "x" * 40,
                }
                previous = put(file, entry)
                own.append(previous)
                now = wanted
                count += 1
            at += timedelta(seconds=30)
            done = {
                **HEAD,
                **JUDGED,
                "entry": "outcome",
                "rollout": rollout,
                "at": text(at),
                "sequence": sequence,
                "previous": previous,
                "intentions": own,
                "intentions_unkept": [],
                "ending": "promoted",
                "evidence_digest": EVIDENCE,
            }
            ended = {"rollout": rollout, "at": text(at), "digest": put(file, done, with_checksum)}
            vouched = [ended, *vouched][:2]
            before = after
            count += 1
    return count


def put(file, entry, finished=dict):
    entry["message"] = "m" * max(0, 1480 - len(canonical(finished(entry))))
    entry = finished(entry)
    file.write(canonical(entry) + b"\n")
    return digest(entry)


def text(at):
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def timed(command):
    """Seconds of processor time, and of the clock, and the most memory in MB."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    out = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime, time.perf_counter() - started, used.ru_maxrss / 1024, out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        count = write(path, args.entries)
        size = path.stat().st_size
        print(json.dumps({"entries": count, "bytes_each": round(size / count)}), flush=True)
        peer, ours = [], []
        for _ in range(args.runs):
            peer.append(timed(["openssl", "dgst", "-sha256", str(path)]))
            ours.append(timed([sys.executable, "-m", "gate.cli", "audit", "verify", str(path)]))
            for name, (cpu, clock, memory, _) in (("openssl", peer[-1]), ("verify", ours[-1])):
                print(f"  {name:8} {cpu:.2f} s of processor, {clock:.2f} s, {memory:.0f} MB")
        ratio = min(one[0] for one in peer) / min(one[0] for one in ours)
        kept = at_least("verify: speed beside openssl's sha256", ratio, RATIO)
        memory = max(one[2] for one in ours)
        kept = at_most("verify: memory in MB", memory, MEMORY_MB, ".0f") and kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
