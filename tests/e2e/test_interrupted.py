"""Ctrl-C and worse, at each moment of a rollout: traffic is safe, the gate's own tag is gone."""

import signal
import time

import pytest

from tests.e2e.stage import eventually

GOOD = "  who: {http: {path: /}}\n"
HANGS = "  who: {http: {path: /}}\n  hangs: {http: {path: /hang, timeout: 50s}}\n"
STOPS = [signal.SIGINT, signal.SIGTERM]
TRIES = 5


def placed(stage):
    """Waits until the candidate has its tag; returns its name."""
    return eventually(lambda: stage.traffic().tags.get(own_tag(stage)))


def own_tag(stage):
    """The gate's own, which is a new one each time, "" without one."""
    return next((tag for tag in stage.traffic().tags if tag.startswith("candidate")), "")


def stopped(stage, running, tags):
    """Asserts how an interrupted rollout ends whose candidate was not promoted."""
    done = running.end().clean()
    assert done.code == 130
    assert done.err == ""
    assert "asked to stop: ending safely" in done.out
    assert "exit code: 130 (interrupted, and safe)" in done.out
    stage.only(stage.first, tags)
    outcome = stage.recorded(done.rollout)
    assert (outcome["ending"], outcome["exit_code"]) == ("interrupted", 130)
    assert outcome["effective_after"] == {stage.first: 100}
    return outcome


def unlocked(stage):
    """A person who knows that the rollout is dead need not wait until its lease has run out."""
    done = stage.gate("unlock", "--yes", "--reason", "it was killed")
    assert done.code == 0, done
    assert "took the lease away from rollout" in done.out


@pytest.mark.parametrize("number", STOPS)
def test_while_the_candidate_starts(small, tmp_path, number):
    small.pin({"mine": small.first})
    policy = small.policy(tmp_path, GOOD)
    running = small.start("rollout", "--policy", policy, "--image", "deaf")
    name = placed(small)
    running.until(f"waiting for {name} to start").signal(number)
    outcome = stopped(small, running, {"mine": small.first})
    assert outcome["candidate"]["revision"] == name
    assert outcome["evidence"] == []


@pytest.mark.parametrize("number", STOPS)
def test_while_it_is_probed(stage_of, tmp_path, number):
    stage = stage_of("teller")
    stage.pin({"mine": stage.first})
    policy = stage.policy(tmp_path, HANGS)
    running = stage.start("rollout", "--policy", policy, "--image", "teller")
    running.until("passed: who").signal(number)
    stopped(stage, running, {"mine": stage.first})


@pytest.mark.parametrize("number", STOPS)
def test_while_traffic_moves(small, tmp_path, number):
    """The one moment at which the candidate has passed: traffic is where it was, or there."""
    small.pin({"mine": small.first})
    policy = small.policy(tmp_path, GOOD)
    serving = small.first
    for _ in range(TRIES):
        running = small.start("rollout", "--policy", policy, "--image", "small:v2")
        running.until("moving all traffic to").signal(number)
        done = running.end().clean()
        candidate = small.traffic().latest_created
        serving = candidate if small.traffic().desired == {candidate: 100} else serving
        small.only(serving, {"mine": small.first})
        outcome = small.recorded(done.rollout)
        assert outcome["effective_after"] == {serving: 100}
        assert outcome["exit_code"] == done.code
        if done.code == 130:
            assert outcome["ending"] == ("promoted" if serving == candidate else "interrupted")
            return
        assert (done.code, serving) == (0, candidate)  # it was over before the signal came
    pytest.fail(f"no signal arrived in time in {TRIES} rollouts")


def test_before_anything_is_written(small, tmp_path):
    """The local Cloud Run is halted, so that the gate waits for its very first answer."""
    policy = small.policy(tmp_path, GOOD)
    small.cloud.process.send_signal(signal.SIGSTOP)
    try:
        running = small.start("rollout", "--policy", policy, "--image", "small:v2")
        running.until("rolling out the image").signal()
        running.until("asked to stop")
    finally:
        small.cloud.process.send_signal(signal.SIGCONT)
    done = running.end().clean()
    assert done.code == 130
    traffic = small.traffic()
    assert (traffic.desired, traffic.effective) == ({"LATEST": 100}, {"LATEST": 100})
    assert (traffic.tags, traffic.latest_created) == ({}, small.first)
    assert small.recorded(done.rollout)["ending"] == "interrupted"


def test_asked_twice_it_leaves_at_once_and_unlocking_takes_back_what_it_left(stage_of, tmp_path):
    stage = stage_of("teller")
    stage.pin({"mine": stage.first})
    policy = stage.policy(tmp_path, HANGS)
    running = stage.start("rollout", "--policy", policy, "--image", "teller")
    running.until("passed: who")
    stage.cloud.process.send_signal(signal.SIGSTOP)
    try:
        running.signal().until("asked to stop").signal()
        done = running.end().clean()
    finally:
        stage.cloud.process.send_signal(signal.SIGCONT)
    assert done.code == 130
    assert "left half-way" in done.out
    assert "NOT RECORDED" in done.out
    name = stage.traffic().latest_created
    stage.only(stage.first, {"mine": stage.first, own_tag(stage): name})

    unlocked(stage)
    stage.only(stage.first, {"mine": stage.first})
    policy = stage.policy(tmp_path, GOOD)
    done = stage.gate("rollout", "--policy", policy, "--image", "teller")
    assert done.code == 0
    stage.only(stage.traffic().latest_created, {"mine": stage.first})


def test_asked_once_it_ends_soon_although_nothing_answers(stage_of, tmp_path):
    stage = stage_of("teller")
    stage.pin({"mine": stage.first})
    policy = stage.policy(tmp_path, HANGS)
    running = stage.start("rollout", "--policy", policy, "--image", "teller")
    running.until("passed: who")
    stage.cloud.process.send_signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        done = running.signal().end().clean()
        took_s = time.monotonic() - began
    finally:
        stage.cloud.process.send_signal(signal.SIGCONT)
    assert done.code == 130
    assert took_s < 20, "5 s for a look that nothing answers, 5 s for the record, and its own end"
    assert "or the lease was left" in done.out
    assert "NOT RECORDED" in done.out
    name = stage.traffic().latest_created
    stage.only(stage.first, {"mine": stage.first, own_tag(stage): name})


def test_killed_outright_nobody_is_sent_to_the_candidate(stage_of, tmp_path):
    stage = stage_of("teller")
    stage.pin({"mine": stage.first})
    policy = stage.policy(tmp_path, HANGS)
    running = stage.start("rollout", "--policy", policy, "--image", "teller")
    running.until("passed: who").signal(signal.SIGKILL)
    assert running.end().code == -signal.SIGKILL
    name = stage.traffic().latest_created
    stage.only(stage.first, {"mine": stage.first, own_tag(stage): name})
    listed = stage.gate("audit", "list")
    assert "unfinished" in listed.out

    promote = ("promote", "--revision", name, "--yes", "--reason", "it was good")
    done = stage.gate(*promote)
    assert done.code == 5
    assert "is at work" in done.out
    stage.only(stage.first, {"mine": stage.first, own_tag(stage): name})
    unlocked(stage)
    done = stage.gate(*promote)
    assert done.code == 0
    stage.only(name, {"mine": stage.first})
