"""Canary steps that count users' own requests, with users who shop while the gate is at work."""

import threading
from collections import Counter
from contextlib import contextmanager

import httpx

from tests.e2e.stage import eventually

STEPS = """\
candidate: {ready_within: 20s}
traffic: [{percent: 5, requests: 60}, 100]
dwell: 1s
deadline: 3m
metrics: {slower_than_stable: 10000%}"""
PAUSE_S = 0.01
"""Between two requests of one user: they are many, and still leave room for the gate."""
ALONE = STEPS.replace("deadline: 3m", "deadline: 24s")


@contextmanager
def shoppers(site, count=4):
    """Users who ask one thing after the other; what they get is counted by status."""
    got, over = Counter(), threading.Event()
    url = f"{site.service().uri}/shop"

    def shop():
        with httpx.Client() as client:
            while not over.wait(PAUSE_S):
                got[client.get(url).status_code] += 1

    threads = [threading.Thread(target=shop) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield got
    finally:
        over.set()
        for thread in threads:
            thread.join()


def counted(outcome, percent=5):
    """What the record has of a step: the step, the candidate's side and stable's."""
    (step,) = [one for one in outcome["user_requests"] if one["percent"] == percent]
    own, stable = step["revisions"]
    assert (own["role"], stable["role"]) == ("candidate", "stable")
    return step, own, stable


def test_one_that_fails_one_in_ten_of_users_requests_alone_is_caught_at_5_percent(shop):
    stable = shop.stable()
    with shoppers(shop) as got:
        ran = shop.rollout(shop.policy(STEPS), "tenth")
        assert ran.code == 1, ran
        eventually(lambda: shop.shares == {stable: 100})
    (outcome,) = shop.outcomes()
    assert outcome["ending"] == "regressed"
    assert {item["outcome"] for item in outcome["evidence"]} == {"passed"}
    step, own, beside = counted(outcome)
    assert step["word"] == "worse"
    assert own["by_class"]["5xx"] > 1
    assert (beside["revision"], beside["by_class"]["5xx"]) == (stable, 0)
    assert own["requests"] < beside["requests"]
    (reason,) = outcome["verdict"]["reasons"]
    assert "users get more 5xx than from stable" in reason["text"]
    assert f"traffic is back where it was: {stable} 100 %" in ran.out
    assert 0 < got[500] < 0.05 * got.total()


def test_a_good_one_goes_on_once_enough_users_have_been_served(shop):
    with shoppers(shop) as got:
        ran = shop.rollout(shop.policy(STEPS), "good:2")
    assert ran.code == 0, ran
    (outcome,) = shop.outcomes()
    step, own, beside = counted(outcome)
    assert step["word"] == "on"
    assert own["requests"] >= 60
    assert own["by_class"]["2xx"] == own["requests"]
    assert beside["requests"] > own["requests"]
    assert set(got) == {200}
    assert "step 5 %: " in ran.out
    assert "users' requests at 5 %: " in ran.out


def test_without_users_it_is_held_and_says_so(shop):
    """The gate's own requests, at both addresses, are nobody's."""
    stable = shop.stable()
    ran = shop.rollout(shop.policy(ALONE), "good:2")
    assert ran.code == 5, ran
    assert shop.shares == {stable: 100}
    (outcome,) = shop.outcomes()
    step, own, beside = counted(outcome)
    assert (step["word"], own["requests"], beside["requests"]) == ("wait", 0, 0)
    assert "traffic is too thin to tell: 0 of 60 requests in" in ran.out
    assert "none is no pass" in outcome["verdict"]["reasons"][0]["text"]
