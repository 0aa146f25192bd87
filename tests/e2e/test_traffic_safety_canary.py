"""Canary steps and the watch, by processes: up step by step, and back by itself."""

import json
import shutil
import signal
from pathlib import Path

import yaml

from examples.backend.tokens import mint
from tests.e2e.safety import Site, site
from tests.e2e.stage import ROOT, Done, eventually

KEY = "a-key-of-the-tests-alone-0123456789"
CAREFUL = "traffic: [90, 100]\ndwell: 2s\nwatch: 40s\nlease: 5s\ndeadline: 5m"


def wanted(one: Site) -> list[dict[str, int]]:
    """The shares that the gate set out to give, oldest first."""
    entries = [
        json.loads(line) for line in one.gate("audit", "export", *one.where).out.splitlines()
    ]
    return [
        {line["revision"]: line["percent"] for line in entry["traffic_wanted"] if line["percent"]}
        for entry in entries
        if entry["entry"] == "intention"
    ]


def told(ran: Done) -> list[str]:
    return ran.out.splitlines()


def with_steps(folder: Path) -> Path:
    """The shipped policy with a few of its probes, and with steps."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    file = folder / "policies" / "backend.yaml"
    policy = yaml.safe_load(file.read_text())
    policy |= {"traffic": [10, 50, 100], "dwell": "1s", "watch": "1s", "lease": "5s"}
    policy["probes"] = {
        name: probe
        for name, probe in policy["probes"].items()
        if name in {"health", "api-health", "conversation", "same-user-concurrency"}
    }
    file.write_text(yaml.safe_dump(policy, sort_keys=False))
    return file


def test_a_good_version_is_promoted_step_by_step(cloud, tmp_path):
    """The shipped policy, shortened and with steps, on the example's v6."""
    policy = with_steps(tmp_path)
    with site(cloud, tmp_path, "backend") as one:
        for name in ("alice", "bob"):
            one.env[f"STAGING_JWT_{name.upper()}"] = mint(name, KEY)
        cloud.create_service("backend", "backend:v1", {"JWT_SECRET_KEY": KEY})
        v1 = one.stable()
        ran = one.rollout(policy, "backend:v6")
        assert ran.code == 0, ran
        v6 = one.stable()
        assert wanted(one) == [
            {v1: 100},
            {v1: 90, v6: 10},
            {v1: 50, v6: 50},
            {v6: 100},
            {v6: 100},
        ]
        assert one.tags == {}
        assert not one.mark.holder
        (outcome,) = one.outcomes()
        seen = {(item["probe"], item["address"]) for item in outcome["evidence"]}
        assert {("conversation", ""), ("conversation", "service")} <= seen
        assert f"open WebSockets stay on {v1} until they end (at most 5 min" in ran.out


def test_what_fails_only_for_users_goes_back_by_itself(shop):
    stable = shop.stable()
    ran = shop.rollout(shop.policy(CAREFUL), "shy")
    assert ran.code == 1, ran
    assert shop.shares == {stable: 100}
    assert shop.tags == {}
    assert not shop.mark.holder
    (outcome,) = shop.outcomes()
    assert (outcome["ending"], outcome["verdict"]["decision"]) == ("regressed", "reject")
    failed = [item for item in outcome["evidence"] if item["outcome"] == "failed"]
    assert {item["address"] for item in failed} == {"service"}
    assert f"traffic is back where it was: {stable} 100 %" in told(ran)
    assert f"open WebSockets stay on {outcome['candidate']['revision']} until they end" in ran.out
    assert "  @service: asked at the service's own address, as users do" in told(ran)


def test_what_fails_during_the_watch_goes_back_by_itself(shop):
    stable = shop.stable()
    process = shop.start("rollout", "--policy", shop.policy(CAREFUL), "--image", "spoils")
    eventually(lambda: shop.mark.phase == "moving" and stable not in shop.shares)
    shop.spoilt.touch()
    ran = process.end()
    assert ran.code == 1, ran
    assert shop.shares == {stable: 100}
    (outcome,) = shop.outcomes()
    assert outcome["ending"] == "regressed"
    assert "fails with users on it: taking them off it" in ran.out
    assert wanted(shop)[-1] == {stable: 100}


def test_an_interrupted_canary_is_safe_within_seconds(shop):
    stable = shop.stable()
    process = shop.start("rollout", "--policy", shop.policy(CAREFUL), "--image", "good:2")
    eventually(lambda: stable not in shop.shares or len(shop.shares) == 2)
    process.signal(signal.SIGTERM)
    ran = process.end()
    assert ran.code == 130, ran
    assert shop.shares == {stable: 100}
    assert shop.tags == {}
    assert not shop.mark.holder
