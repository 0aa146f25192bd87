"""Rules for people, as processes against a local Cloud Run."""

GOOD = "  who: {http: {path: /}}\n"
WHY = ("--reason", "logins fail")


def test_a_stopped_line_holds_rollouts_and_promotions_and_no_rollback(small, tmp_path):
    small.pin()
    policy = small.policy(tmp_path, GOOD)
    assert small.gate("rollout", "--policy", policy, "--image", "small:v2").code == 0
    second = small.traffic().latest_created
    stopped = small.gate("stop", *WHY, "--output", "json")
    assert (stopped.code, stopped.json["ending"]) == (0, "stopped")
    status = small.gate("status").out.splitlines()
    assert status[0].startswith("THE LINE IS STOPPED: stopped by an end-to-end test at ")
    assert "gate resume --project" in status[2]

    held = small.gate("rollout", "--policy", policy, "--image", "small:v3")
    assert held.code == 5
    assert "the line is stopped by an end-to-end test" in held.out
    assert "logins fail" in held.out
    by_hand = small.gate("promote", "--revision", small.first, "--yes", *WHY)
    assert by_hand.code == 5
    assert small.traffic().latest_created == second
    small.only(second)

    assert small.gate("rollback", "--yes", *WHY).code == 0
    small.only(small.first)
    assert "THE LINE IS STOPPED" in small.gate("status").out
    assert small.gate("resume", *WHY).code == 0
    assert small.gate("rollout", "--policy", policy, "--image", "small:v3").code == 0
    verified = small.gate("audit", "verify", "--output", "json")
    assert verified.code == 0, verified


def test_a_window_holds_before_anything_is_deployed(small, tmp_path):
    small.pin()
    frozen = "freeze: [{from: 2000-01-01, to: 2999-01-01, zone: Asia/Tokyo, reason: holidays}]\n"
    policy = small.policy(tmp_path, GOOD, head=frozen)
    held = small.gate("rollout", "--policy", policy, "--image", "small:v2")
    assert held.code == 5
    assert "frozen until 2999-01-01 15:00 UTC" in held.out
    assert "holidays" in held.out
    assert small.traffic().latest_created == small.first
