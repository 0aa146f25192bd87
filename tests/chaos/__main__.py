"""`make chaos`: many rounds, and the sum of them. python -m tests.chaos [--rounds N] [--seed N].

Round n of a campaign has the seed SEED + n, so that --rounds 1 --seed S repeats one round alone
(and prints everything that happened in it).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from queue import SimpleQueue

from tests.chaos.trace import trace

ROOT = Path(__file__).parents[2]
_PROGRAM = "import sys; from tests.chaos.worker import main; main(sys.argv[1:])"
"""Not a module run as a program: forked gates would import that anew, each of them."""


def main(arguments=None):
    """Runs a campaign; gives the exit code: 0 without a violation, else 1."""
    asked = _parser().parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    seeds = range(seed, seed + asked.rounds)
    print(f"chaos: {asked.rounds} rounds, seeds {seeds[0]} to {seeds[-1]}", flush=True)
    total = Total()
    began = time.monotonic()
    for line in played(seeds, asked.workers, asked.beside):
        total.add(line)
        if asked.rounds == 1 and "record" in line:
            print("\n".join(trace(line["record"])))
    total.say(time.monotonic() - began, asked.rounds)
    return 1 if total.violations or total.rounds != asked.rounds else 0


def played(seeds, workers, beside):
    """Plays rounds in worker processes; yields what became of each as it ends."""
    lines: SimpleQueue = SimpleQueue()
    several = len(seeds) > 1
    running = []
    for index in range(min(workers, len(seeds))):
        mine = [str(seed) for seed in seeds[index::workers]]
        command = [sys.executable, "-c", _PROGRAM, str(beside), *mine]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "CHAOS_TRACE": "" if several else "1"},
        )
        thread = threading.Thread(target=_pass_on, args=(process, lines), daemon=True)
        thread.start()
        running.append(process)
    for _ in running:
        yield from iter(lines.get, None)


def _pass_on(process, lines):
    for text in process.stdout:
        lines.put(json.loads(text))
    process.wait()
    lines.put(None)


class Total:
    """The sum of a campaign, and its violations as they come."""

    def __init__(self):
        self.rounds = 0
        self.violations = 0
        self.faults = Counter()
        self.kills = Counter()
        self.acts = Counter()
        self.ends = Counter()

    def add(self, line):
        """One round more."""
        self.rounds += 1
        self.faults += Counter(line.get("struck", {}))
        self.kills += Counter(line.get("kills", []))
        self.acts += Counter(line.get("deeds", []))
        code = line.get("codes", {}).get("main", "none")
        self.ends[f"exit {code}" if not str(code).startswith("-") else "killed"] += 1
        if line["violations"]:
            self.violations += len(line["violations"])
            print(f"\nVIOLATION in {line['round']}")
            for text in line["violations"]:
                print(f"  {text}")
            print(f"  done: {'; '.join(line.get('done', []))}; ended: {line.get('codes')}")
            print(f"  repeat: make chaos ROUNDS=1 SEED={line['seed']}", flush=True)
        if self.rounds % 50 == 0:
            print(f"  {self.rounds} rounds, {self.violations} violations", flush=True)

    def say(self, seconds, wanted):
        """The whole sum."""
        print(f"\nrounds      {self.rounds} of {wanted}")
        print(f"ends        {_counted(self.ends)}")
        print(f"faults      {sum(self.faults.values())}: {_counted(self.faults)}")
        print(f"kills       {sum(self.kills.values())}: {_counted(self.kills)}")
        print(f"others      {sum(self.acts.values())}: {_counted(self.acts)}")
        print(f"violations  {self.violations}")
        print(f"seconds     {seconds:.0f}")


def _counted(counter):
    return ", ".join(f"{name} {many}" for name, many in sorted(counter.items())) or "none"


def _parser():
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=500, metavar="N")
    parser.add_argument("--seed", type=int, metavar="N", help="of the first round")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--beside", type=int, default=12, metavar="N", help="rounds in a worker")
    return parser


if __name__ == "__main__":
    sys.exit(main())
