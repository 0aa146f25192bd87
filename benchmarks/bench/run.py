"""One scenario, for real: the peers on the candidate alone, then `gate rollout`, then traffic."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks.bench import peers
from benchmarks.bench.scenario import READINESS, Decision, Scenario
from benchmarks.bench.stage import PROJECT, REGION, ROOT, Cloud, NotReadyError, Stage, env_of
from benchmarks.bench.traffic import sample

GATE_WITHIN_S = 240.0
CODES = {0: Decision.PROMOTE, 1: Decision.REJECT}
_INFRASTRUCTURE = 3


@dataclass(frozen=True)
class Result:
    """What came of one scenario.

    Attributes:
        decided: what the gate did; where it could not do its work, it held.
        exit_code: its exit code; `ending` is its own word for how it ended.
        told: each probe that did not pass, with whose fault the gate says that it is ("" where it
            says nothing).
        findings: what each of them saw, for people.
        traffic_right: users are where the decision says, by the Admin API.
        seconds: of the gate's whole process.
        peers: what each rule would have done.
    """

    scenario: Scenario
    seed: int
    decided: Decision
    exit_code: int
    ending: str
    told: Mapping[str, str]
    findings: Mapping[str, str]
    traffic_right: bool
    seconds: float
    peers: Mapping[str, Decision] = field(default_factory=dict)
    problem: str = ""

    @property
    def right(self) -> bool:
        """Whether it decided as the label says, and traffic followed."""
        return self.decided is self.scenario.decision and self.traffic_right

    @property
    def found_it(self) -> bool:
        """Whether one of the probes that must say so did."""
        because = self.scenario.because
        return not because or bool({*because} & {*self.told})

    @property
    def attribution_right(self) -> bool | None:
        """Whether the blame is where the label puts it; None where there is none to put."""
        if self.scenario.decision is Decision.PROMOTE:
            return None
        words = {*self.told.values()}
        return self.found_it and bool(words) and words <= {*self.scenario.blame}


def run(cloud: Cloud, scenario: Scenario, policy: Path, seed: int, *, with_peers: bool) -> Result:
    """Plays a scenario."""
    stage = Stage(cloud, scenario)
    try:
        judged = _peers(stage, seed) if with_peers and scenario.speaks == "http" else {}
        stage.set_up()
        return _gate(stage, policy, seed, judged)
    finally:
        stage.tear_down()


def judge_again(cloud: Cloud, result: Result) -> Result:
    """The same result with what the peers say now."""
    if result.scenario.speaks != "http":
        return result
    return replace(result, peers=_peers(Stage(cloud, result.scenario), result.seed))


def _peers(stage: Stage, seed: int) -> dict[str, Decision]:
    try:
        with stage.alone() as url:
            tokens = stage.good_tokens()
            service = stage.scenario.service
            answers = {"curl": peers.curl(url, service)}
            if service == "backend":
                answers["suite"] = peers.suite(url, tokens)
            samples = asyncio.run(sample(url, tokens, f"{seed} {stage.scenario.name}", service))
            answers |= {name: rule(samples) for name, rule in peers.COUNTING.items()}
    except NotReadyError:
        answers = dict.fromkeys(peers.NAMES, False)
        if stage.scenario.service != "backend":
            del answers["suite"]
    return {name: Decision.PROMOTE if goes else Decision.REJECT for name, goes in answers.items()}


def _gate(stage: Stage, policy: Path, seed: int, judged: dict[str, Decision]) -> Result:
    scenario = stage.scenario
    candidate = ["--image", scenario.reference("candidate")]
    if scenario.deploy:
        candidate = ["--revision", stage.deploy_by_other_means()]
    if scenario.faults:
        stage.cloud.faults(stage.name, scenario.faults)
    command = [sys.executable, "-m", "gate.cli", "rollout", "--policy", str(policy), *candidate]
    command += ["--project", PROJECT, "--region", REGION, "--service", stage.name]
    env = env_of({**stage.cloud.exports, **stage.tokens(), "GATE_ACTOR": "gate-bench"})
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*command, "--output", "json"],
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=GATE_WITHIN_S,
            check=False,
        )
        code, out, err = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, out, err = -1, "", "did not end"
    seconds = time.monotonic() - began
    stage.cloud.no_faults(stage.name)
    if code == 2:
        raise RuntimeError(f"{scenario.name}: the gate could not be asked: {err}")
    try:
        said = json.loads(out) if out.strip() else {}
    except ValueError as error:
        why = f"{scenario.name}: no JSON (exit code {code}, {len(out)} characters): {error}"
        raise RuntimeError(f"{why}: {out[-200:]!r}; {err[-300:]}") from None
    told, findings = _told(said)
    if code == _INFRASTRUCTURE and not told:
        told = {"infrastructure": "environment"}  # what this exit code means (README)
    decided = CODES.get(code, Decision.HOLD)
    moved = any(name != stage.first for name in stage.shares())
    return Result(
        scenario,
        seed,
        decided,
        code,
        str(said.get("ending", "")),
        told,
        findings,
        moved == (decided is Decision.PROMOTE),
        seconds,
        judged,
        "" if said else err[-300:],
    )


def _told(said: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Each probe that stands in the way, with the gate's attribution, and what it saw."""
    verdict = said.get("verdict") or {"reasons": [], "decision": ""}
    told: dict[str, str] = {}
    findings: dict[str, str] = {}
    for item in said.get("evidence", []):
        if item["outcome"] != "passed" and item.get("address", "") != "stable":
            told[item["probe"]] = item.get("attribution") or ""
            findings[item["probe"]] = item["seen"]
    reasons = {reason["subject"]: reason for reason in verdict["reasons"]}
    for subject, reason in reasons.items():
        findings.setdefault(subject, reason["text"])
        told[subject] = reason.get("attribution") or told.get(subject, "")
    if reasons:  # probes that are not required are not in the way
        told = {name: word for name, word in told.items() if name in reasons}
    left_out = {*said.get("not_asked", {}).get("probes", [])}  # not asked, they blame nobody
    told = {name: word for name, word in told.items() if word or name not in left_out}
    if READINESS in told and not told[READINESS]:
        rejected = verdict["decision"] == "reject"
        told[READINESS] = "regression" if rejected else "environment"
    return told, findings
