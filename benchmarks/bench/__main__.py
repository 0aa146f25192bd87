"""Runs Gate-Bench: `python -m benchmarks.bench --help`."""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from google.api_core.exceptions import GoogleAPICallError

from benchmarks.bench import card, kept, policies
from benchmarks.bench.run import Result, judge_again, run
from benchmarks.bench.scenario import Scenario, load
from benchmarks.bench.stage import local_cloud_run


def main(argv: Sequence[str] | None = None) -> int:
    """Plays the scenarios; 1 if the gate decides worse than the committed scorecard says."""
    args = _arguments(argv)
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"  # processes are started beside an open channel
    chosen = [each for each in load() if _chosen(each, args.only)]
    if not chosen:
        print(f"bench: no such scenario (got {args.only})", file=sys.stderr)
        return 2
    results = kept.read(args.keep, chosen) if args.keep else []
    for seed in args.seeds:
        done = {each.scenario.name for each in results if each.seed == seed}
        left = [each for each in chosen if each.name not in done]
        results = [*results, *(play(left, seed, args) if left else [])]
    if args.peers_again:
        results = _judged_again(results, args)
    if len(results) < len(chosen) * len(args.seeds):
        print("bench: not every scenario could be played", file=sys.stderr)
        return 3
    measured = card.card(results)
    print("\n" + card.table(measured))
    if args.write:
        card.write(measured)
        print(f"written: {card.CARD.name} and docs/{card.PAGE.name}")
        return 0
    return _compare(measured)


def play(scenarios: Sequence[Scenario], seed: int, args: argparse.Namespace) -> list[Result]:
    """One run of all scenarios, in an order drawn from the seed."""
    order = random.Random(seed).sample(scenarios, len(scenarios))
    images = {each.reference(role): each.image(role, seed) for each in order for role in ROLES}
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = policies.write(folder)

        def one(scenario: Scenario) -> Result | None:
            policy = paths[scenario.policy]
            try:
                result = run(cloud, scenario, policy, seed, with_peers=args.peers)
            except (GoogleAPICallError, OSError, RuntimeError, subprocess.SubprocessError) as error:
                print(f"NOT PLAYED  {scenario.name}: {error!r:.500}", flush=True)
                return None
            print(_line(result), flush=True)
            if args.keep:
                kept.keep(args.keep, result)
            return result

        with (
            local_cloud_run(images, folder, seed) as cloud,
            ThreadPoolExecutor(args.together) as pool,
        ):
            results = [each for each in pool.map(one, order) if each]
    print(
        f"seed {seed}: {len(results)} of {len(order)} scenarios in {time.monotonic() - began:.0f} s"
    )
    return results


ROLES = ("stable", "candidate")


def _judged_again(results: Sequence[Result], args: argparse.Namespace) -> list[Result]:
    """The results with what the peers say now, one seed after the other."""
    images = {
        each.scenario.reference(role): each.scenario.image(role, each.seed)
        for each in results
        for role in ROLES
    }

    def one(result: Result) -> Result:
        again = judge_again(cloud, result)
        if args.keep:
            kept.keep(args.keep, again)
        return again

    with (
        tempfile.TemporaryDirectory() as name,
        local_cloud_run(images, Path(name), args.seeds[0]) as cloud,
        ThreadPoolExecutor(args.together) as pool,
    ):
        return list(pool.map(one, results))


def _line(result: Result) -> str:
    right = "ok   " if result.right else "WRONG"
    blame = {True: "", None: "", False: " BLAME"}[result.attribution_right]
    told = ", ".join(
        f"{probe} [{word or 'no attribution'}]" for probe, word in sorted(result.told.items())
    )
    line = f"{right}{blame} {result.seconds:5.1f} s  {result.scenario.name}: {result.decided.value}"
    if not result.right:
        line += f", right is {result.scenario.decision.value}"
    if not result.traffic_right:
        line += ", TRAFFIC IS NOT WHERE IT SHOULD BE"
    line += f" ({told})" if told else ""
    if result.right and result.attribution_right is not False:
        return line
    seen = "".join(f"\n        {probe}: {text[:160]}" for probe, text in result.findings.items())
    return f"{line}{seen}" + (f"\n        {result.problem}" if result.problem else "")


def _compare(measured: dict[str, object]) -> int:
    kept = card.committed()
    if kept is None:
        print("no scorecard is committed yet: --write keeps this one")
        return 0
    found = card.worse(measured, kept)
    for line in found:
        print(f"WORSE than the committed scorecard: {line}")
    if not found:
        print("no worse than the committed scorecard")
    return 1 if found else 0


def _chosen(scenario: Scenario, only: Sequence[str]) -> bool:
    return not only or bool({scenario.name, scenario.group, scenario.incident} & {*only})


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    add = parser.add_argument
    add("--seeds", type=int, nargs="+", default=[1], metavar="N", help="one run each (default 1)")
    add("--only", nargs="+", default=[], metavar="NAME", help="scenarios, files or incidents")
    add("--together", type=int, default=3, metavar="N", help="scenarios at a time (default 3)")
    add("--no-peers", dest="peers", action="store_false", help="judge by the gate alone")
    add("--peers-again", action="store_true", help="let the peers judge kept results anew")
    add("--keep", type=Path, metavar="FILE", help="keep results here, and go on from what it has")
    add("--write", action="store_true", help="keep the scorecard instead of comparing with it")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
