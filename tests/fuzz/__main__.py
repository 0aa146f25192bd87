"""`make fuzz`: many rounds, and the sum of them. python -m tests.fuzz [--rounds N] [--seed N].

Round n of a campaign has the seed SEED + n, so that --rounds 1 --seed S repeats one round alone.
"""

import argparse
import asyncio
import contextlib
import json
import logging
import random
import sys
import time
from collections import Counter

from tests.contract.probe_servers import tcp
from tests.e2e.stage import ROOT, environment
from tests.fuzz.draw import draw, server_of

HANGS_S = 20.0
"""So long after its limit a round is called hung, and its process is ended."""


def main(arguments=None):
    """Runs a campaign; gives the exit code: 0 without a violation, else 1."""
    asked = _parser().parse_args(arguments)
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    seeds = range(seed, seed + asked.rounds)
    print(f"fuzz: {asked.rounds} rounds, seeds {seeds[0]} to {seeds[-1]}", flush=True)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # servers that are cut off say so
    began = time.monotonic()
    lines = asyncio.run(played(seeds, _tell))
    bad = [line for line in lines if line["violations"]]
    worst = max(lines, key=lambda line: line.get("peak_mib", 0))
    slowest = max(lines, key=lambda line: line.get("took_s", 0))
    saw = Counter(line.get("saw", "nothing") for line in lines)
    print(f"\nrounds      {len(lines)} of {asked.rounds}")
    print(f"saw         {', '.join(f'{name} {many}' for name, many in saw.most_common())}")
    print(f"memory      at most {worst.get('peak_mib', 0):.0f} MiB (seed {worst['seed']})")
    print(f"time        at most {slowest.get('took_s', 0):.1f} s (seed {slowest['seed']})")
    print(f"violations  {sum(len(line['violations']) for line in bad)}")
    print(f"seconds     {time.monotonic() - began:.0f}")
    return 1 if bad or len(lines) != asked.rounds else 0


async def played(seeds, tell=lambda _: None):
    """Plays rounds; gives what became of each."""
    lines = []
    worker = None
    hits = []

    async def canary(_reader, writer):
        hits.append(writer.get_extra_info("peername"))

    async with tcp(canary) as trap:
        try:
            for seed in seeds:
                worker = worker or await _start()
                line = await _round(seed, worker, trap)
                if hits:
                    line["violations"].append("leads somebody to another host")
                    hits.clear()
                if line.get("lost"):
                    await _stop(worker)
                    worker = None
                tell(line)
                lines.append(line)
        finally:
            if worker is not None:
                await _stop(worker)
    return lines


async def _round(seed, worker, trap):
    drawn = draw(seed)
    async with tcp(server_of(seed, trap)) as place:
        worker.stdin.write(json.dumps({"seed": seed, "place": place}).encode() + b"\n")
        await worker.stdin.drain()
        try:
            async with asyncio.timeout(2 * drawn.limit_s + HANGS_S):
                line = await worker.stdout.readline()
        except TimeoutError:
            return _lost(drawn, "hangs")
    return json.loads(line) if line else _lost(drawn, "crashes")


def _lost(drawn, how):
    return {"seed": drawn.seed, "round": drawn.name, "violations": [how], "lost": True}


async def _start():
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fuzz.worker"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=environment(),
        limit=1 << 22,
    )


async def _stop(worker):
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()


def _tell(line):
    for text in line["violations"]:
        print(f"VIOLATION in seed {line['seed']} ({line['round']}): {text}")
        print(f"  repeat: make fuzz ROUNDS=1 SEED={line['seed']}", flush=True)


def _parser():
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--rounds", type=int, default=300, metavar="N")
    parser.add_argument("--seed", type=int, metavar="N", help="of the first round")
    return parser


if __name__ == "__main__":
    sys.exit(main())
