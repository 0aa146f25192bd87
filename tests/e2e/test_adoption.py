"""Adopting what others deployed, by processes: the newest, what serves already, what comes late."""

import signal
from datetime import UTC, datetime

import pytest

from gate.core.lease import LEEWAY
from tests.e2e.stage import eventually

GOOD = "  who: {http: {path: /}}\n"
BAD = "  who: {http: {path: /}, expect: {status: 418}}\n"
WHY = ("--reason", "somebody rang")


def adopt(stage, policy, *which):
    return stage.gate("rollout", "--policy", policy, *which)


def test_the_newest_is_taken_by_its_name_once_and_the_same_build_may_come_again(small, tmp_path):
    small.pin()
    small.deploy("small:v2")
    newest = small.deploy("small:v3")
    policy = small.policy(tmp_path, GOOD)
    done = adopt(small, policy, "--revision", "latest")
    assert done.code == 0, done
    small.only(newest)
    said = done.out.index(f"note: latest is {newest}: the revision that ")
    assert said < done.out.index("giving")
    assert any(f"latest is {newest}" in note for note in small.recorded(done.rollout)["notes"])
    name = tmp_path / "name"
    name.write_text(f"{newest}\n")
    for again in (("--revision", "latest"), ("--revision-file", name), ("--revision", newest)):
        done = adopt(small, policy, *again)
        assert (done.code, "ended: unchanged" in done.out) == (0, True), done


def test_what_serves_already_is_quarantined_under_one_lease(small, tmp_path):
    first, policy = small.first, small.policy(tmp_path, GOOD)
    plain = small.deploy("small:v2")  # traffic follows LATEST: it serves
    done = adopt(small, policy, "--revision", "latest")
    assert (done.code, "--quarantine takes users back" in done.out) == (2, True), done
    done = adopt(small, policy, "--revision", "latest", "--quarantine")
    assert done.code == 2, done
    assert f"--revision {plain} --quarantine --stable {first} --project" in done.out
    assert small.traffic().desired == {"LATEST": 100}
    failing = small.policy(tmp_path, BAD)
    done = adopt(small, failing, "--revision", "latest", "--quarantine", "--stable", first)
    assert done.code == 1, done
    small.only(first)
    assert small.recorded(done.rollout)["quarantine"] == {
        "stable": first,
        "users_were_on": {plain: 100},
    }
    policy = small.policy(tmp_path, GOOD)
    done = adopt(small, policy, "--revision", "latest", "--quarantine")
    assert done.code == 0, done
    assert f"nothing to quarantine: {plain} has no users" in done.out
    small.only(plain)


def test_after_a_quarantine_that_was_killed_users_are_on_stable(shop):
    policy = shop.policy("lease: 5s\ncandidate: {ready_within: 5s}\ndeadline: 2m", path="/slow")
    first = shop.stable()
    service = shop.service()
    service.template.containers[0].image = "slow"
    shop.human("eve@example.com", "template", template=service.template)
    assert shop.stable() != first
    which = ("--revision", "latest", "--quarantine", "--stable", first)
    gate = shop.start("rollout", "--policy", policy, *which)
    shop.wait_until_probing()
    assert shop.shares == {first: 100}
    gate.signal(signal.SIGKILL).end()
    mark = shop.mark
    eventually(lambda: mark.lapsed_at(datetime.now(UTC), LEEWAY))
    assert shop.shares == {first: 100}
    recovered = shop.gate("recover", *shop.where)
    assert recovered.code == 0
    assert (shop.shares, shop.tags) == ({first: 100}, {})


@pytest.mark.parametrize("dies", [True, False])
def test_users_who_are_sent_back_to_it_do_not_wait_for_a_lease(shop, dies):
    """By a deploy that says `type: LATEST`, say, while a quarantine is at work or died."""
    slow = shop.policy("lease: 3m\ndeadline: 5m", path="/slow")
    first, service = shop.stable(), shop.service()
    service.template.containers[0].image = "slow"
    shop.human("eve@example.com", "template", template=service.template)
    which = ("--revision", "latest", "--quarantine")
    gate = shop.start("rollout", "--policy", slow, *which, "--stable", first)
    eventually(lambda: shop.mark.holder and shop.shares == {first: 100})
    was = shop.mark
    if dies:
        gate.signal(signal.SIGKILL).end()
    plain = shop.service().latest_created_revision.rpartition("/")[2]
    shop.human_moves("terraform@example.com", {plain: 100})
    shop.go.touch()
    done = shop.gate("rollout", "--policy", slow, *which)
    assert done.code == 0, done
    assert (shop.shares, shop.mark.holder, shop.tags) == ({plain: 100}, "", {})
    assert shop.mark.fence > was.fence
    if dies:
        assert f"takes over from rollout {was.holder} (alice)" in done.out
    else:
        assert gate.end().code == 5
    eventually(lambda: shop.gate("audit", "verify", *shop.where).code == 0)
    told = shop.gate("audit", "verify", *shop.where, "--output", "json").json
    (drift,) = told["notes"]
    assert "terraform@example.com" in drift["text"]
    assert f"rollout {done.rollout}" in drift["text"]


def test_an_older_build_that_finishes_last_is_held(small, tmp_path):
    small.pin()
    policy = small.policy(tmp_path, GOOD)
    older, newer = small.deploy("small:v2"), small.deploy("small:v3")
    assert adopt(small, policy, "--revision", newer).code == 0
    done = adopt(small, policy, "--revision", older)
    assert (done.code, "stale" in done.out) == (5, True), done
    small.only(newer)
    done = adopt(small, policy, "--image", "small:v2", "--order", "7")
    assert done.code == 0, done
    now = small.traffic()
    done = adopt(small, policy, "--image", "small:v3", "--order", "6")
    assert (done.code, "its order is 6" in done.out) == (5, True), done
    assert small.traffic() == now
    again = ("--again", "--reason", "the fix is in there")
    done = adopt(small, policy, "--image", "small:v3", "--order", "6", *again)
    assert done.code == 0, done
    assert "overridden by --again" in done.out
    back = small.gate("rollback", "--yes", *WHY)
    assert back.code == 0, back
    small.only(now.latest_created)
    assert adopt(small, policy, "--image", "small:v1", "--order", "6").code == 5
    assert adopt(small, policy, "--image", "small:v1", "--order", "8").code == 0


def test_of_two_builds_at_once_the_older_one_that_waits_is_held(shop):
    policy = shop.policy("lease: 5s\ncandidate: {ready_within: 20s}\ndeadline: 2m", path="/slow")
    newer = shop.start("rollout", "--policy", policy, "--image", "slow", "--order", "2")
    candidate = shop.wait_until_probing()
    asked = ("rollout", "--policy", policy, "--image", "good:2", "--order", "1", "--wait", "2m")
    older = shop.start(*asked).until("is at work: waiting for it")
    shop.go.touch()
    assert newer.end().code == 0
    done = older.end()
    assert (done.code, f"its order is 1, and {candidate}" in done.out) == (5, True), done
    assert (shop.shares, shop.status()["order"]) == ({candidate: 100}, {candidate: 2})
