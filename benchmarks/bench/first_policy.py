"""What a first policy catches: the bench's candidates under what `gate init` wrote, untouched.

`python -m benchmarks.bench.first_policy [--only shop] [--har]`. For each service `gate init` is run
once against stable, with what somebody knows who tries the gate for the first time; then every
candidate of the corpus that differs from stable by what it does is rolled out under that policy.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.bench.browsing import record
from benchmarks.bench.run import Result, run
from benchmarks.bench.scenario import Decision, Scenario, load
from benchmarks.bench.stage import PROJECT, REGION, ROOT, Cloud, Stage, env_of, local_cloud_run

BEARER = "Authorization: Bearer ${user}"
ASKED = '{"type": "message", "content": "how long is ${nonce}?", "thread_id": "${nonce}"}'
SAID = '{"type": "say", "text": "hello ${nonce}"}'
KNOWN = {
    "backend": [
        *("--path", "/api/messages", "--path", "/api/discovery/services"),
        *("--websocket", "/ws", "--say", ASKED, "--header", BEARER),
    ],
    "shop": ["--path", "/products", "--path", "/search?q=product", "--path", "/account"],
    "notes": ["--path", "/status", "--path", "/api/notes", "--path", "/api/me"],
    "rooms": [
        "--path",
        "/rooms",
        "--websocket",
        "/chat?room=${nonce}",
        "--say",
        SAID,
        "--header",
        BEARER,
    ],
}
"""What is said to `gate init` beside where the service is."""
ROLES = ("stable", "candidate")


def main(argv: Sequence[str] | None = None) -> int:
    """Prints a table; 1 where a healthy candidate was not promoted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.first_policy")
    parser.add_argument("--only", nargs="+", default=[*KNOWN], choices=[*KNOWN])
    parser.add_argument("--har", action="store_true", help="give init a recording of a visit, too")
    parser.add_argument("--together", type=int, default=3, metavar="N")
    parser.add_argument("--show", action="store_true", help="print the policies")
    args = parser.parse_args(argv)
    os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
    chosen = [each for each in load() if each.service in args.only and _plain(each)]
    images = {each.reference(role): each.image(role, 1) for each in chosen for role in ROLES}
    with tempfile.TemporaryDirectory() as name, local_cloud_run(images, Path(name), 1) as cloud:
        policies = {}
        for service in args.only:
            healthy = next(one for one in chosen if one.service == service and _healthy(one))
            policies[service] = init(cloud, healthy, Path(name) / service, har=args.har)
            if args.show:
                print(policies[service].read_text())

        def play(scenario: Scenario) -> Result:
            result = run(cloud, scenario, policies[scenario.service], 1, with_peers=False)
            did, right = result.decided.value, scenario.decision.value
            told = ", ".join(f"{probe} [{word}]" for probe, word in result.told.items())
            print(
                f"{did:8} (right: {right}) {scenario.service} {scenario.name}: {told}", flush=True
            )
            return result

        with ThreadPoolExecutor(args.together) as pool:
            results = [*pool.map(play, chosen)]
    print("\n" + table(results))
    return int(any(each.decided is not Decision.PROMOTE for each in results if _well(each)))


def init(cloud: Cloud, scenario: Scenario, folder: Path, *, har: bool) -> Path:
    """Deploys stable and lets `gate init` write a policy for it; the policy's file."""
    stage = Stage(cloud, scenario)
    tokens = stage.tokens()
    folder.mkdir()
    try:
        stage.set_up()
        secrets = [f"{user}=STAGING_JWT_{user.upper()}" for user in ("alice", "bob")]
        known = KNOWN[scenario.service]
        used = secrets if har or "${user}" in " ".join(known) else []
        command = [sys.executable, "-m", "gate.cli", "init", *known, "--out", str(folder)]
        command += ["--project", PROJECT, "--region", REGION, "--service", stage.name, "--no-prove"]
        command += [part for one in used for part in ("--secret", one)]
        if har:
            path = folder / "visit.har"
            passwords = {user: tokens[f"STAGING_JWT_{user.upper()}"] for user in ("alice", "bob")}
            record(scenario.service, stage.url(), passwords, path)
            command += ["--har", str(path), "--writes"]
        env = env_of({**cloud.exports, **tokens})
        done = subprocess.run(
            command, env=env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"gate init: {scenario.service}: {done.stdout}{done.stderr}")
        print(done.stdout, flush=True)
        return folder / f"{stage.name}.yaml"
    finally:
        stage.tear_down()


def table(results: Sequence[Result]) -> str:
    """Markdown, by service: broken candidates that did not reach users, healthy ones that did."""
    lines = ["| service | broken ones caught | healthy ones promoted |", "|---|---|---|"]
    groups: dict[str, list[Result]] = {each.scenario.service: [] for each in results}
    groups["all"] = []
    for each in results:
        groups[each.scenario.service].append(each)
        groups["all"].append(each)
    for service, several in groups.items():
        bad = [one for one in several if not _well(one)]
        well = [one for one in several if _well(one)]
        caught = sum(one.decided is not Decision.PROMOTE for one in bad)
        went = sum(one.decided is Decision.PROMOTE for one in well)
        share = 100 * caught / max(1, len(bad))
        cells = f"{caught} of {len(bad)} ({share:.0f} %) | {went} of {len(well)}"
        lines.append(f"| {service} | {cells} |")
    return "\n".join(lines)


def _plain(each: Scenario) -> bool:
    """Whether the candidate differs from stable by what it does, and by nothing around it."""
    around = each.deploy or each.faults or each.tokens or each.stable or each.env
    ours = each.policy in (each.service, "bench")
    return not around and ours and each.speaks == "http" and each.decision is not Decision.HOLD


def _healthy(each: Scenario) -> bool:
    return each.decision is Decision.PROMOTE and not (each.candidate or each.shared)


def _well(each: Result) -> bool:
    return each.scenario.decision is Decision.PROMOTE


if __name__ == "__main__":
    sys.exit(main())
