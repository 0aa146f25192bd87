"""Rules for people, as processes against a local Cloud Run."""

from tests.e2e.stage import eventually

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


def test_a_candidate_waits_for_people_and_goes_on_with_their_word(small, tmp_path):
    small.pin()
    asks = "approve: {within: 1h}\nallow: {claimed: accept}\n"
    policy = small.policy(tmp_path, GOOD, head=asks)
    ci, ana = {"GATE_ACTOR": "ci@example.com"}, {"GATE_ACTOR": "ana@example.com"}
    held = small.gate("rollout", "--policy", policy, "--image", "small:v2", **ci)
    assert held.code == 5
    assert "waits for 1 approval" in held.out
    candidate = small.traffic().latest_created
    small.only(small.first, {"candidate": candidate})
    assert f"gate approve {held.rollout} --policy {policy} --project" in held.out
    small.recorded(held.rollout)

    own = small.gate("approve", held.rollout, "--policy", policy, *WHY, **ci)
    own.refused(2, "would not count", "who asked for the rollout")
    given = small.gate("approve", held.rollout, "--reason", "looks right", **ana)
    assert "with --policy it is looked at before" in given.out
    assert given.code == 0
    assert f"ana@example.com (as they say) approved {candidate}" in given.out
    again = ("rollout", "--policy", policy, "--revision", candidate)
    eventually(lambda: small.gate(*again, **ci).code == 0)
    small.only(candidate)
    shown = small.gate("audit", "show", held.rollout).out
    assert "ana@example.com (as they say) approved" in shown
    promoted = next(one for one in small.records() if one["ending"] == "promoted")
    assert [one["name"] for one in promoted["approvals"]] == ["ana@example.com"]
    moved = small.gate("audit", "show", promoted["rollout"])
    assert "approved by ana@example.com (as they say) at " in moved.out
    assert f"rollout: {held.rollout}" in moved.out
    page = small.gate("audit", "show", promoted["rollout"], "--output", "html").out
    assert "looks right" in page
    assert small.gate("audit", "verify").code == 0


def test_what_was_not_held_for_approval_cannot_be_approved(small, tmp_path):
    small.pin()
    done = small.gate("rollout", "--policy", small.policy(tmp_path, GOOD), "--image", "small:v2")
    small.recorded(done.rollout)
    promoted = small.gate("approve", done.rollout, *WHY)
    promoted.refused(2, f"{done.rollout} cannot be approved", "ended as promoted")
    late = small.gate("approve", done.rollout, "--withdraw", *WHY)
    late.refused(2, "cannot be taken back", f"rollout {done.rollout} has already moved users to")
    assert "gate rollback --project" in late.err
    small.gate("approve", "nobody-knows", *WHY).refused(2, "the ledger does not have it")


def test_a_broken_glass_is_recorded_and_stays_red(small, tmp_path):
    small.pin()
    frozen = "freeze: [{from: 2000-01-01, to: 2999-01-01, reason: holidays}]\n"
    policy = small.policy(tmp_path, GOOD, head=frozen)
    asked = ("rollout", "--policy", policy, "--image", "small:v2", *WHY)
    other = small.gate(*asked, "--override", "approve", "--expires", "2h")
    assert other.code == 5
    assert "was to override approve" in other.out
    small.only(small.first)
    done = small.gate(*asked, "--override", "freeze,stop", "--expires", "2h")
    assert done.code == 0
    assert "OVERRODE freeze until " in done.out
    assert "was to override stop until " in done.out
    kept = small.recorded(done.rollout)
    assert (kept["override"]["overrode"], kept["overrides"]) == (["freeze"], ["freeze", "stop"])
    red = f"{done.rollout}: OVERRODE freeze by an end-to-end test: logins fail"
    assert red in small.gate("audit", "list").out
    assert small.gate("status").out.startswith("OVERRODE freeze by an end-to-end test")
    assert small.gate("audit", "verify").code == 0


def test_a_name_that_is_only_claimed_is_nobodys_unless_the_policy_accepts_it(small, tmp_path):
    small.pin()
    ana = {"GATE_ACTOR": "ana@example.com"}
    allow = 'allow: {rollout: ["*@example.com"], rollback: [], stop: [], claimed: refuse}\n'
    policy = small.policy(tmp_path, GOOD, head=allow)
    asked = ("rollout", "--policy", policy, "--image", "small:v2")
    claimed = small.gate(*asked, **ana)
    assert claimed.code == 5
    assert "is only said to be ana@example.com" in claimed.out
    assert small.traffic().latest_created == small.first
    small.policy(tmp_path, GOOD, head=allow.replace("refuse", "accept"))
    assert small.gate(*asked, GATE_ACTOR="eve@evil.org").code == 5
    assert small.gate(*asked, **ana).code == 0
    small.gate("stop", "--policy", policy, *WHY, **ana).refused(5, "not allowed to stop")

    back = ("rollback", "--policy", policy, "--yes", *WHY)
    kept_from_it = small.gate(*back, **ana)
    assert kept_from_it.code == 5
    assert "--override allow" in kept_from_it.out
    assert small.gate(*back, "--override", "allow", **ana).code == 0
    small.only(small.first)
