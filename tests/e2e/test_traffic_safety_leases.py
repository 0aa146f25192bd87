"""One rollout at a time, and none of them can leave traffic wrong by dying; by processes."""

import json
import signal
from datetime import UTC, datetime

from gate.core.lease import LEEWAY
from tests.e2e.safety import site
from tests.e2e.stage import eventually
from tests.local_cloud_run import PROJECT, REGION

LEASE = "lease: 5s\ncandidate: {ready_within: 20s}\ndeadline: 5m"
CANARY = f"{LEASE}\ntraffic: [50, 100]\ndwell: 40s"


def probing(shop, actor="alice"):
    """A rollout that probes until somebody lets it go on; the process and its candidate."""
    policy = shop.policy(LEASE, path="/slow")
    process = shop.start("rollout", "--policy", policy, "--image", "slow", actor=actor)
    return process, shop.wait_until_probing()


def lease(shop):
    return shop.status()["lease"]


def lapsed(shop):
    """Waits until the lease of a rollout that is dead has run out."""
    mark = shop.mark
    eventually(lambda: mark.lapsed_at(datetime.now(UTC), LEEWAY))
    assert lease(shop)["state"] == "lapsed"


def test_a_second_rollout_is_told_who_is_at_work(shop):
    first, _ = probing(shop, actor="alice")
    held = lease(shop)
    assert (held["state"], held["actor"], held["phase"]) == ("held", "alice", "probing")
    second = shop.rollout(shop.policy(LEASE), "good:2", actor="bob")
    assert second.code == 5, second
    assert f"rollout {held['rollout']} (alice) since" in second.out
    assert "ended: busy: nothing was changed" in second.out
    told = shop.gate("status", *shop.where).out
    assert f"at work:     rollout {held['rollout']} (alice), since" in told
    shop.go.touch()
    assert first.end().code == 0
    assert {entry["ending"] for entry in shop.outcomes()} == {"promoted", "busy"}


def test_a_second_rollout_waits_if_it_is_told_to(shop):
    first, candidate = probing(shop)
    waiting = shop.start(
        "rollout", "--policy", shop.policy(LEASE), "--image", "good:2", "--wait", "90s", actor="bob"
    )
    waiting.until("is at work: waiting for it (at most 1 min 30 s)")
    shop.go.touch()
    assert first.end().code == 0
    assert shop.stable() == candidate
    second = waiting.end()
    assert second.code == 0, second
    assert shop.stable() != candidate
    assert [entry["actor"] for entry in shop.outcomes()] == ["bob", "alice"]


def test_a_killed_rollout_is_recovered_once_its_lease_has_run_out(shop):
    stable = shop.stable()
    process, candidate = probing(shop)
    process.signal(signal.SIGKILL).end()
    assert shop.tags == {shop.mark.tag: candidate}
    early = shop.gate("recover", *shop.where)
    assert early.code == 0, early
    assert "left alone" in early.out
    assert shop.tags == {shop.mark.tag: candidate}
    lapsed(shop)
    told = shop.gate("status", *shop.where).out
    assert "UNFINISHED:  rollout" in told
    assert f"gate recover --project {PROJECT} --region {REGION} --service {shop.name}" in told
    recovered = shop.gate("recover", *shop.where, actor="nightly")
    assert recovered.code == 0, recovered
    assert "ended: recovered: what a dead rollout left is taken back" in recovered.out
    assert shop.shares == {stable: 100}
    assert shop.tags == {}
    assert lease(shop)["state"] == "free"
    (outcome,) = shop.outcomes()
    assert (outcome["ending"], outcome["actor"]) == ("recovered", "nightly")
    assert any("(alice)" in note and "died while probing" in note for note in outcome["notes"])
    listed = shop.gate("audit", "list", *shop.where).out
    assert "taken back" in listed
    assert "unfinished" not in listed
    again = shop.gate("recover", *shop.where)
    assert (again.code, len(shop.outcomes())) == (0, 1)
    assert "nothing to recover" in again.out


def test_recover_all_takes_back_what_is_left_anywhere_and_nothing_else(shop):
    process, _ = probing(shop)
    with site(shop.cloud, shop.folder, f"{shop.name}-b") as other:
        other.create()
        assert other.rollout(other.policy(LEASE), "good:2").code == 0
        serving = other.stable()
        process.signal(signal.SIGKILL).end()
        lapsed(shop)
        where = ("--project", PROJECT, "--region", REGION)
        ran = shop.gate("recover", "--all", *where, "--output", "json")
        assert ran.code == 0, ran
        found = {one["service"]: one for one in json.loads(ran.out)["services"]}
        assert found[shop.name]["outcome"]["ending"] == "recovered"
        assert (found[other.name]["outcome"], found[other.name]["lease"]["state"]) == (None, "free")
        assert other.stable() == serving
    assert shop.tags == {}


def test_the_next_rollout_recovers_a_killed_canary_by_itself(shop):
    stable = shop.stable()
    first = shop.start("rollout", "--policy", shop.policy(CANARY), "--image", "good:2")
    eventually(lambda: len(shop.shares) == 2)
    shop.wait_until_probing()
    first.signal(signal.SIGKILL).end()
    assert shop.shares[stable] == 50
    process = shop.start(
        "rollout", "--policy", shop.policy(LEASE), "--image", "good:3", "--wait", "4m"
    )
    second = process.end()
    assert second.code == 0, second
    assert "what was left is taken back; traffic is now: " + f"{stable} 100 %" in second.out
    assert "which died while dwelling" in second.out
    third = shop.stable()
    assert shop.service().template.containers[0].image == "good:3"
    (outcome,) = shop.outcomes()
    assert outcome["ending"] == "promoted"
    assert outcome["effective_after"] == {third: 100}
    before = {line["revision"]: line["percent"] for line in outcome["traffic_before"]}
    assert before == {stable: 100}


def test_unlock_takes_the_lease_away_and_the_rollout_stops(shop):
    stable = shop.stable()
    process, _ = probing(shop)
    refused = shop.gate("unlock", "--reason", "stuck", *shop.where)
    assert (refused.code, "nobody can be asked" in refused.err) == (2, True)
    unlocked = shop.gate(
        "unlock", "--reason", "its build is gone", "--yes", *shop.where, actor="bob"
    )
    assert unlocked.code == 0, unlocked
    assert "took the lease away from rollout" in unlocked.out
    assert shop.tags == {}
    ran = process.end()
    assert ran.code == 5, ran
    assert "a recovery (bob) has taken over" in ran.out
    assert shop.shares == {stable: 100}
    assert shop.rollout(shop.policy(LEASE), "good:2").code == 0


def test_what_cannot_be_asked_is_said_once_and_nothing_else_is_hidden(shop):
    nowhere = {"CLOUD_RUN_EMULATOR_HOST": "127.0.0.1:9", "LOGGING_EMULATOR_HOST": "127.0.0.1:9"}
    shop.env |= nowhere
    for command in (("recover",), ("recover", "--all"), ("unlock", "--yes", "--reason", "x")):
        where = shop.where[:4] if "--all" in command else shop.where
        ran = shop.gate(*command, *where)
        assert ran.code == 3, ran
        assert "Traceback" not in str(ran)
        assert "nothing answers" in str(ran)
    shop.env.clear()
    gone = shop.gate("recover", *shop.where[:4], "--service", "nobody", "--output", "json")
    assert gone.code == 2, gone
    (found,) = json.loads(gone.out)["services"]
    assert (found["service"], found["lease"], found["outcome"]) == ("nobody", None, None)
    assert "does not exist" in found["error"]
