"""No dead ends: whatever state a service is in, the command that the gate prints leads out of it.

Each test brings a service into a state, reads the first command that is printed, runs it as it
stands, and goes on until the service is right.
"""

import os
import shlex
import signal
import socket

import httpx
import pytest
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import run_v2

from tests.e2e.stage import eventually, gate
from tests.local_cloud_run import PROJECT, REGION, finish

GOOD = "  who: {http: {path: /}}\n"
WHY = ("--reason", "somebody rang")
MUTE = {"LOGGING_EMULATOR_HOST": "127.0.0.1:1"}
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION


def commands(text):
    """The gate's own commands that a text prints, in order; looking ones are left out."""
    lines = [line.strip() for line in text.splitlines()]
    return [
        line
        for line in lines
        if line.startswith("gate ") and not line.startswith(("gate audit", "gate status"))
    ]


def follow(stage, text, **filled):
    """Runs the first command that a text prints; what only its reader knows is filled in."""
    line = commands(text)[0]
    for name, value in filled.items():
        line = line.replace(name, str(value))
    program, *arguments = shlex.split(line)
    assert program == "gate"
    return gate(*arguments, env=stage.env).clean()


def shares(stage, wanted):
    """A person moves users, with Google's client."""
    lines = [
        run_v2.TrafficTarget(type_=BY_NAME, revision=name, percent=percent)
        for name, percent in wanted.items()
    ]
    service = run_v2.Service(name=stage.full_name, traffic=lines)
    request = run_v2.UpdateServiceRequest(service=service, update_mask="traffic")
    finish(stage.cloud.services().update_service(request))


def promoted(stage, folder, image="small:v2"):
    done = stage.gate("rollout", "--policy", stage.policy(folder, GOOD), "--image", image)
    assert done.code == 0, done
    return stage.traffic().latest_created


def faults(stage, *rules, name="way-out", about=None):
    body = {"about": about or stage.full_name, "rules": list(rules)}
    url = f"{stage.cloud.rest}/local/faults/{stage.name}-{name}"
    httpx.put(url, json=body).raise_for_status()
    return url


def next_of(stage):
    """What status leads with: the command, which JSON has, too."""
    text = stage.gate("status").out
    command = stage.gate("status", "--output", "json").json["next"]
    if command:
        lines = text.splitlines()
        assert lines[0].startswith("next: ")
        assert lines[1].strip() == command
    return command


def test_status_waits_no_longer_for_a_ledger_that_says_nothing(small):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes calls, and never answers one
        host = "{}:{}".format(*silent.getsockname())
        done = small.gate("status", LOGGING_EMULATOR_HOST=host)
    assert done.code == 0, done
    assert small.first in done.out
    assert "the last decisions cannot be read: the ledger gave no answer in 2 s" in done.err


def test_what_moves_nothing_does_not_wait_for_such_a_ledger_either(small):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = "{}:{}".format(*silent.getsockname())
        refused = small.gate("rollback", "--yes", *WHY, LOGGING_EMULATOR_HOST=host)
        promoting = ("promote", "--revision", small.first, "--yes", *WHY)
        failed = small.gate(*promoting, LOGGING_EMULATOR_HOST=host)
    assert (refused.code, failed.code) == (2, 3)
    assert "note: the ledger did not keep the outcome: the ledger gave no answer in 1 s" in (
        refused.out
    )
    assert "could not be recorded: the ledger gave no answer in 2 s" in failed.out
    small.pin().only(small.first)


# The way back is found


@pytest.mark.parametrize("ledger", [{}, MUTE], ids=["as it is", "down"])
def test_right_after_a_promotion_the_service_itself_says_where_it_was(small, tmp_path, ledger):
    second = promoted(small, tmp_path)
    done = small.gate("rollback", "--yes", *WHY, **ledger)
    assert done.code == 0, done
    assert f"back to {small.first}: it had all users before the gate moved them last" in done.out
    small.only(small.first)
    assert second not in small.traffic().effective


def test_after_a_promotion_by_hand_too(small):
    small.pin()
    second = small.deploy("small:v2")
    assert small.gate("promote", "--revision", second, "--yes", *WHY).code == 0
    done = small.gate("rollback", "--yes", *WHY, **MUTE)
    assert done.code == 0, done
    small.only(small.first)


def test_a_person_who_deployed_over_it_is_undone(small, tmp_path):
    second = promoted(small, tmp_path)
    third = small.deploy("small:v3")
    shares(small, {third: 100})
    done = small.gate("rollback", "--yes", *WHY, **MUTE)
    assert done.code == 0, done
    small.only(second)


def test_a_person_who_went_back_by_hand_is_not_undone(small, tmp_path):
    second = promoted(small, tmp_path)
    small.pin()
    done = small.gate("rollback", "--yes", *WHY, **MUTE)
    assert done.code == 2
    small.only(small.first)
    assert f"likely {second} (the gate gave it users last, and somebody has moved them" in done.out
    assert f"--to {second} --project {PROJECT} --region {REGION}" in commands(done.out)[0]
    assert follow(small, done.out).code == 0
    small.only(second)


def test_what_was_rolled_back_is_not_where_the_next_rollback_goes(small, tmp_path):
    second = promoted(small, tmp_path)
    assert small.gate("rollback", "--yes", *WHY).code == 0
    done = small.gate("rollback", "--yes", *WHY)
    assert done.code == 2
    assert second not in " ".join(commands(done.out))
    small.only(small.first)


def test_nothing_known_is_proposed_and_not_taken(small):
    second = small.deploy("small:v2")
    shares(small, {second: 100})
    done = small.gate("rollback", "--yes", *WHY)
    assert done.code == 2
    small.only(second)
    assert f"likely {small.first} (it is ready, and older than what has users now)" in done.out
    assert follow(small, done.out).code == 0
    small.only(small.first)


def test_a_name_that_is_spelt_wrong_is_put_right(small, tmp_path):
    promoted(small, tmp_path)
    wrong = small.first[:-1] + ("x" if small.first[-1] != "x" else "y")
    done = small.gate("rollback", "--to", wrong, "--yes", *WHY)
    assert done.code == 2
    assert "does not exist: did you mean" in done.out
    assert follow(small, done.out).code == 0
    small.only(small.first)


# What somebody must know


def test_a_barred_target_is_taken_with_a_warning(small, tmp_path):
    second = promoted(small, tmp_path)
    assert small.gate("rollback", "--yes", "--reason", "orders fail").code == 0
    done = small.gate("rollback", "--to", second, "--yes", *WHY)
    assert done.code == 0
    assert f"note: {second} (small:v2, 0 min old) is barred: an end-to-end test moved" in done.out
    assert "orders fail" in done.out


def test_a_rejected_target_is_taken_with_a_warning(small, tmp_path):
    small.pin()
    policy = small.policy(tmp_path, "  who: {http: {path: /}, expect: {status: 404}}\n")
    done = small.gate("rollout", "--policy", policy, "--image", "small:v3")
    assert done.code == 1
    small.recorded(done.rollout)
    bad = small.traffic().latest_created
    done = small.gate("rollback", "--to", bad, "--yes", *WHY)
    assert f"note: {bad} (small:v3, 0 min old) was rejected by the gate at" in done.out


# Dead ends


def test_a_first_deploy_that_cannot_start_is_tried_again(cloud, tmp_path, stage_of):
    stage = stage_of("small:v1")
    stage.name = f"new-{stage.name}"
    policy = stage.policy(tmp_path, GOOD, head="first_deploy: allow\n")
    done = stage.gate("rollout", "--policy", policy, "--image", "crasher")
    assert done.code == 4
    assert "WebSockets" not in done.out
    command = next_of(stage)
    assert command.startswith("gate rollout --policy POLICY --image IMAGE")
    done = follow(stage, stage.gate("status").out, POLICY=policy, IMAGE="small:v2")
    assert done.code == 0, done
    assert "has never had a ready revision: its first revision serves users" in done.out
    assert "traffic moved: unknown" not in done.out
    stage.only(stage.traffic().latest_created)
    assert next_of(stage) == ""


def half_done(stage):
    """Somebody's update fails: desired 90/10, effective 100/0."""
    stage.pin()
    second = stage.deploy("small:v2")
    url = faults(stage, {"do": "fail-operation", "count": 1})
    with pytest.raises(GoogleAPICallError):
        shares(stage, {stage.first: 90, second: 10})
    httpx.delete(url)
    seen = stage.traffic()
    assert (len(seen.desired), seen.effective) == (2, {stage.first: 100})


def test_traffic_that_was_left_half_done_says_at_once_how_it_is_mended(small, tmp_path):
    half_done(small)
    policy = small.policy(tmp_path, GOOD)
    done = small.gate("rollout", "--policy", policy, "--image", "small:v3")
    assert done.code == 3
    assert "was left half done (desired" in done.out
    assert "Cloud Run says:" in done.out
    assert small.records()[0]["duration_ms"] < 20_000
    command = commands(done.out)[0]
    assert f"gate rollback --to {small.first} " in command
    assert next_of(small) == command
    assert follow(small, done.out).code == 0
    small.only(small.first)
    assert next_of(small) == ""


def test_a_target_that_is_deleted_meanwhile_is_not_asked_for_again(small, tmp_path):
    second = promoted(small, tmp_path)
    url = faults(small, {"do": "hold", "method": "UpdateService", "count": 1}, about=small.name)
    running = small.start("rollback", "--to", small.first, "--yes", *WHY)
    eventually(lambda: httpx.get(url, params={"wait": 5}).json()["holding"])
    name = f"{small.full_name}/revisions/{small.first}"
    finish(small.cloud.revisions().delete_revision(name=name))
    httpx.post(f"{url}:release").raise_for_status()
    done = running.end().clean()
    httpx.delete(url)
    assert done.code in {3, 4}, done
    if done.code == 4:
        assert f"--to {small.first}" not in " ".join(commands(done.out))
        recovery = small.gate("recover")
        assert recovery.code == 4
        assert follow(small, recovery.out).code == 0
    small.only(second)
    assert next_of(small) == ""
    bars = small.gate("status", "--output", "json").json["barred"]
    assert second not in [bar["revision"] for bar in bars]


# Status leads with the one command


def canary(stage, folder):
    """A rollout that dwells with some of the users on its candidate."""
    head = "traffic: [50, 100]\ndwell: 40s\n"
    path = folder / "policy.yaml"
    path.write_text(
        f"version: 1\ncandidate: {{ready_within: 20s}}\ndeadline: 5m\n{head}probes:\n{GOOD}"
    )
    running = stage.start("rollout", "--policy", path, "--image", "small:v2")
    return running.until("probing on while")


def test_in_mid_canary_status_leads_with_the_rollback(small, tmp_path):
    small.pin()
    running = canary(small, tmp_path)
    text = small.gate("status").out
    assert "to-latest" not in text
    assert next_of(small).startswith("gate rollback --project")
    told = small.gate("recover")
    assert [line.split()[1] for line in commands(told.out)] == ["rollback", "unlock"]
    done = follow(small, text)
    assert done.code == 0, done
    small.only(small.first)
    assert running.end().code == 5


@pytest.mark.parametrize("way", ["unlock", "rollback"])
def test_a_rollout_that_was_killed_leads_to_recover(small, tmp_path, way):
    small.pin()
    running = canary(small, tmp_path)
    running.process.kill()
    running.end()
    status = small.gate("status").out
    assert "UNFINISHED" not in status  # its lease runs
    assert "it is at work, or was killed" in " ".join(status.split())
    done = small.gate(way, "--yes", *WHY)
    assert done.code == 0
    small.only(small.first)
    eventually(lambda: f"taken back by {done.rollout}" in small.gate("audit", "list").out)


def test_right_after_its_end_a_rollout_was_not_killed(small, tmp_path):
    promoted(small, tmp_path)
    out = small.gate("status").out
    assert "killed half-way" not in out
    assert next_of(small) == ""


def test_a_held_candidate_is_looked_at_and_promoted(stage_of, tmp_path):
    stage = stage_of("teller")
    stage.pin()
    policy = stage.policy(tmp_path, "  who: {http: {path: /front-end-refuses}}\n")
    done = stage.gate("rollout", "--policy", policy, "--image", "teller")
    stage.recorded(done.rollout)
    candidate = stage.traffic().latest_created
    assert f"gate promote --revision {candidate} " in next_of(stage)
    assert follow(stage, stage.gate("status").out).code == 0
    stage.only(candidate)


def test_the_interrupted_has_no_verdict_to_promote(small, tmp_path):
    small.pin()
    done = canary(small, tmp_path).signal().end()
    assert done.code == 130
    assert "verdict: promote" not in done.out[done.out.index("traffic before:") - 400 :]


# Whether the target is fit


def asleep(stage, folder, revision):
    """Ends the instance of a revision as if it were scaled to zero, and marks what starts next."""
    (folder / stage.name).touch()
    os.kill(int((folder / revision).read_text()), signal.SIGKILL)


def test_a_target_whose_image_is_gone_is_said_loudly(stage_of, tmp_path, images):
    stage = stage_of("mortal")
    stage.pin()
    second = promoted(stage, tmp_path)
    asleep(stage, images.parent, stage.first)
    done = stage.gate("rollback", "--to", stage.first, "--yes", *WHY)
    assert done.code == 4, done
    assert f"ALL USERS ARE ON {stage.first}, AND IT DOES NOT ANSWER: HTTP 503" in done.out
    assert f"--to {second} " in commands(done.out)[0]
    assert follow(stage, done.out).code == 0
    stage.only(second)


def test_a_target_that_starts_slowly_is_not_taken_for_a_bad_one(stage_of, tmp_path, images):
    stage = stage_of("late")
    stage.pin()
    promoted(stage, tmp_path)
    asleep(stage, images.parent, stage.first)
    policy = stage.policy(tmp_path, "  who: {http: {path: /, timeout: 1s}}\n")
    done = stage.gate("rollback", "--to", stage.first, "--policy", policy, "--yes", *WHY)
    assert done.code == 0, done
    assert "its first answer is waited for, at most 40 s" in done.out
    stage.only(stage.first)


@pytest.mark.parametrize("command", [("status",), ("rollback", "--yes", *WHY)])
def test_a_service_that_is_spelt_wrong_is_put_right(small, command):
    wrong = small.name.replace("service", "servcie")
    place = ("--project", PROJECT, "--region", REGION, "--service", wrong)
    done = gate(*command, *place, env=small.env).clean()
    assert done.code == 2
    assert "did you mean service-" in done.out + done.err
