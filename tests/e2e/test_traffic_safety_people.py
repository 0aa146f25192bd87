"""What people do while the gate works is left alone, and remembered; by processes."""

import pytest

from gate.core.annotation import KEY

LEASE = "lease: 5s\ncandidate: {ready_within: 20s}\ndeadline: 5m"


@pytest.fixture
def old_and_new(shop):
    """The names of a revision that served before, and of the one that serves."""
    old = shop.stable()
    assert shop.rollout(shop.policy(LEASE), "good:2").code == 0
    return old, shop.stable()


def probing(shop):
    policy = shop.policy(LEASE, path="/slow")
    process = shop.start("rollout", "--policy", policy, "--image", "slow", actor="alice")
    return process, shop.wait_until_probing()


def test_traffic_that_a_person_moves_stays_where_they_put_it(shop, old_and_new):
    old, new = old_and_new
    process, _ = probing(shop)
    shop.human_moves("eve@example.com", {old: 70, new: 30})
    ran = process.end()
    assert ran.code == 5, ran
    assert shop.shares == {old: 70, new: 30}
    assert not shop.mark.holder
    (outcome, _) = shop.outcomes()
    assert outcome["ending"] == "held"
    (reason,) = outcome["verdict"]["reasons"]
    assert reason["subject"] == "traffic"
    assert f"was {new} 100 %, is {old} 70 %, {new} 30 %" in reason["text"]
    assert reason["text"].endswith("while we probed by eve@example.com")
    assert "their change is left alone" in ran.out


def test_a_rollback_takes_over_from_a_rollout_that_is_at_work(shop, old_and_new):
    old, _ = old_and_new
    process, candidate = probing(shop)
    back = shop.gate(
        "rollback", "--to", old, "--yes", "--reason", "orders fail", *shop.where, actor="bob"
    )
    assert back.code == 0, back
    assert shop.shares == {old: 100}
    assert shop.tags == {}
    ran = process.end()
    assert ran.code == 5, ran
    assert "a rollback (bob) has taken over" in ran.out
    assert shop.shares == {old: 100}
    assert candidate not in {name for name, _ in shop.mark.wrote}


def test_what_a_person_rolled_back_is_promoted_again_only_if_asked_for(shop, old_and_new):
    old, new = old_and_new
    back = shop.gate("rollback", "--yes", "--reason", "orders fail", *shop.where, actor="bob")
    assert back.code == 0, back
    assert shop.shares == {old: 100}
    told = shop.gate("status", *shop.where).out
    assert f"barred:      {new}, rolled back by bob: orders fail" in told
    (barred,) = shop.status()["barred"]
    assert (barred["revision"], barred["actor"], barred["reason"]) == (new, "bob", "orders fail")
    asked = ("rollout", "--policy", shop.policy(LEASE), "--revision", new)
    refused = shop.gate(*asked)
    assert refused.code == 2, refused
    told = f"bob moved users away from {new} (orders fail); --again --reason promotes it"
    assert told in refused.out
    assert shop.shares == {old: 100}
    unreasoned = shop.gate(*asked, "--again")
    assert (unreasoned.code, unreasoned.out) == (2, "")
    assert "--again: needs a reason" in unreasoned.err
    again = shop.gate(*asked, "--again", "--reason", "it was the database")
    assert again.code == 0, again
    assert shop.shares == {new: 100}
    assert shop.status()["barred"] == []


def test_an_annotation_that_nobody_can_read_stops_rollouts_and_not_a_rollback(shop, old_and_new):
    old, new = old_and_new
    annotations = {**shop.service().annotations, KEY: "scribble"}
    shop.human("eve@example.com", "annotations", annotations=annotations)
    blocked = shop.rollout(shop.policy(LEASE), "good:3")
    assert blocked.code == 5, blocked
    assert shop.shares == {new: 100}
    assert "lease:       UNREADABLE" in shop.gate("status", *shop.where).out
    assert shop.gate("recover", *shop.where).code == 5
    back = shop.gate("rollback", "--to", old, "--yes", "--reason", "orders fail", *shop.where)
    assert back.code == 0, back
    assert shop.shares == {old: 100}
    assert shop.status()["lease"]["state"] == "free"
