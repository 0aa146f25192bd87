"""The moves that a person asks for, and the commands that only look, as processes."""

import json

import pytest
from google.api_core.exceptions import FailedPrecondition

from tests.e2e.stage import environment, gate
from tests.e2e.terminal import at_a_terminal
from tests.local_cloud_run import PROJECT, REGION

UNCLEAR = "  who: {http: {path: /front-end-refuses}}\n"
GOOD = "  who: {http: {path: /}}\n"
WHY = ("--reason", "somebody rang")


def promoted(stage, folder, image="small:v2"):
    """Rolls an image out that passes; returns its revision."""
    done = stage.gate("rollout", "--policy", stage.policy(folder, GOOD), "--image", image)
    assert done.code == 0, done
    return stage.traffic().latest_created


# gate promote


def test_a_held_candidate_is_promoted_by_its_tag(stage_of, tmp_path):
    stage = stage_of("teller")
    stage.pin({"mine": stage.first})
    policy = stage.policy(tmp_path, UNCLEAR)
    done = stage.gate("rollout", "--policy", policy, "--image", "teller")
    assert done.code == 5
    candidate = stage.traffic().latest_created
    stage.only(stage.first, {"mine": stage.first, "candidate": candidate})
    assert f"gate promote --revision {candidate} --project {PROJECT}" in done.out
    held = stage.recorded(done.rollout)
    assert (held["ending"], held["verdict"]["decision"]) == ("held", "hold")

    done = stage.gate("promote", "--yes", *WHY)
    assert done.code == 0
    stage.only(candidate, {"mine": stage.first})
    outcome = stage.recorded(done.rollout)
    assert (outcome["kind"], outcome["ending"], outcome["exit_code"]) == ("promote", "promoted", 0)
    assert (outcome["reason"], outcome["actor"]) == ("somebody rang", "an end-to-end test")
    assert outcome["candidate"]["revision"] == candidate
    assert outcome["effective_after"] == {candidate: 100}


def test_on_hold_drop_lets_the_candidate_go(stage_of, tmp_path):
    stage = stage_of("teller")
    policy = stage.policy(tmp_path, UNCLEAR, head="on_hold: drop\n")
    assert stage.gate("rollout", "--policy", policy, "--image", "teller").code == 5
    stage.only(stage.first)


def test_a_revision_is_promoted_by_name(small):
    small.pin({"mine": small.first})
    name = small.deploy("small:v2")
    done = small.gate("promote", "--revision", name, "--yes", *WHY, "--output", "json")
    assert (done.code, done.json["ending"], done.json["kind"]) == (0, "promoted", "promote")
    small.only(name, {"mine": small.first})


def test_a_revision_that_is_not_ready_is_not_promoted(small):
    small.pin()
    with pytest.raises(FailedPrecondition):
        small.deploy("backend:v3")
    name = small.traffic().latest_created
    done = small.gate("promote", "--revision", name, "--yes", *WHY)
    assert done.code == 1
    assert "HEALTH_CHECK_CONTAINER_ERROR" in done.out
    small.only(small.first)


def test_without_a_tagged_revision_there_is_nothing_to_promote(small):
    done = small.gate("promote", "--yes", *WHY)
    assert done.code == 2
    assert "no revision has the tag 'candidate': name one with --revision" in done.out


# gate rollback


def test_a_rollback_goes_where_it_is_told(small, tmp_path):
    second = promoted(small, tmp_path)
    done = small.gate("rollback", "--to", small.first, "--yes", *WHY)
    assert done.code == 0
    small.only(small.first)
    outcome = small.recorded(done.rollout)
    assert (outcome["kind"], outcome["ending"]) == ("rollback", "rolled back")
    assert outcome["effective_after"] == {small.first: 100}
    assert outcome["traffic_before"] == [{"revision": second, "percent": 100, "tag": ""}]
    assert outcome["reason"] == "somebody rang"


def test_a_rollback_without_a_target_goes_by_the_ledger_and_not_by_the_list(small, tmp_path):
    second = promoted(small, tmp_path)
    policy = small.policy(tmp_path, "  who: {http: {path: /}, expect: {status: 404}}\n")
    assert small.gate("rollout", "--policy", policy, "--image", "small:v3").code == 1
    fourth = promoted(small, tmp_path, "small:v3")
    done = small.gate("rollback", "--yes", *WHY)
    assert done.code == 0
    small.only(second)  # the newest before the fourth never served
    assert f"traffic moved: {fourth} 100 % -> {second} 100 %" in done.out

    small.pin()  # by other means: what served before that, the ledger cannot know
    done = small.gate("rollback", "--yes", *WHY)
    assert done.code == 2
    assert f"name one with --to; likely {second} (the gate gave it users last" in done.out
    small.only(small.first)


def test_a_rollback_needs_no_ledger_where_it_is_told_the_revision(small, tmp_path):
    promoted(small, tmp_path)
    dead = {"LOGGING_EMULATOR_HOST": "127.0.0.1:1"}
    done = small.gate("rollback", "--to", small.first, "--yes", *WHY, **dead)
    assert done.code == 0
    assert "NOT RECORDED" in done.out
    small.only(small.first)


def test_a_rollback_to_what_serves_already_changes_nothing(small):
    small.pin()
    before = small.read().generation
    done = small.gate("rollback", "--to", small.first, "--yes", *WHY)
    assert done.code == 0
    assert "ended: unchanged" in done.out
    assert small.read().generation == before


def test_without_a_history_a_rollback_does_not_guess(small):
    small.pin()
    small.deploy("small:v2")
    done = small.gate("rollback", "--yes", *WHY)
    assert done.code == 2
    assert "neither the service nor the ledger says for certain" in done.out
    small.only(small.first)


# Confirmation


@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_where_nobody_can_be_asked_yes_is_needed(small, command):
    done = small.gate(command, *WHY)
    done.refused(2, f"gate {command}: nobody can be asked", "--yes")
    assert small.records() == []


def ask(stage, typed, *arguments, out=None):
    env = stage.env
    arguments = [*arguments, *stage.which]
    return at_a_terminal(arguments, env, asked="Go on? [y/N] ", typed=typed, out=out).clean()


def test_a_person_is_shown_what_will_happen_and_agrees(small, tmp_path):
    second = promoted(small, tmp_path)
    done = ask(small, b"y\n", "rollback", *WHY)
    assert done.code == 0
    lines = done.out.replace("\r", "").splitlines()
    before = "it had all users before the gate moved them last"
    assert lines[:4] == [
        f"service:  {PROJECT}/{REGION}/{small.name}",
        f"traffic:  {second} 100 %",
        f"rollback: all traffic to {small.first} ({before})",
        "because:  somebody rang",
    ]
    small.only(small.first)
    assert small.records()[0]["ending"] == "rolled back"


@pytest.mark.parametrize("typed", [b"n\n", b"\n", b"\x03", b"\x04", b"yup\n"])
def test_without_consent_nothing_is_changed(small, typed):
    small.pin()
    name = small.deploy("small:v2")
    done = ask(small, typed, "promote", "--revision", name, *WHY)
    assert done.code == 130
    assert "gate promote: nothing was changed (got no consent)" in done.out.splitlines()
    small.only(small.first)
    assert small.records() == []


def test_the_question_leaves_standard_output_to_the_document(small, tmp_path):
    small.pin()
    name = small.deploy("small:v2")
    with (tmp_path / "out").open("w+") as file:
        ask(small, b"yes\n", "promote", "--revision", name, *WHY, "--output", "json", out=file)
        file.seek(0)
        document = json.load(file)
    assert (document["ending"], document["candidate"]["revision"]) == ("promoted", name)


def test_a_rollout_at_a_terminal_draws_a_live_view_and_ends_with_the_same_words(small, tmp_path):
    policy = small.policy(tmp_path, GOOD)
    arguments = ["rollout", "--policy", policy, "--image", "small:v2", *small.which]
    done = at_a_terminal(arguments, small.env, asked="no such text", typed=b"").clean()
    assert done.code == 0
    assert "probing" in done.out
    assert "exit code: 0 (promoted, or done)" in done.out


# Looking


def test_status_says_where_traffic_is_and_what_was_decided(small, tmp_path):
    small.pin({"mine": small.first})
    second = promoted(small, tmp_path)
    done = small.gate("status")
    assert (done.code, done.err) == (0, "")
    assert f"traffic:     {second} 100 % (desired and effective agree)" in done.out
    assert f"tag:         mine -> {small.first} at http://127.0.0.1:" in done.out
    assert "A plain `gcloud run deploy` serves nobody" in done.out
    assert "promoted" in done.out
    shown = small.gate("status", "--output", "json").json
    assert shown["desired"] == [
        {"revision": second, "percent": 100, "tag": ""},
        {"revision": small.first, "percent": 0, "tag": "mine"},
    ]
    assert [line["percent"] for line in shown["effective"]] == [100, 0]
    assert shown["in_effect"] is True
    assert [one["name"] for one in shown["revisions"]] == [second, small.first]
    assert [one["ending"] for one in shown["decisions"]] == ["promoted"]
    assert shown["ledger"] == {"state": "read", "problem": "", "doubt": ""}


def test_status_lives_without_the_ledger(small):
    small.pin()
    why = "the last decisions cannot be read: LOGGING_EMULATOR_HOST: nothing answers"
    for output, shown in (("text", f"traffic:     {small.first} 100 %"), ("json", small.first)):
        done = small.gate("status", "--output", output, LOGGING_EMULATOR_HOST="127.0.0.1:1")
        assert done.code == 0
        assert shown in done.out
        assert "nothing is recorded" not in done.out
        assert why in done.err
    assert done.json["ledger"]["state"] == "unreadable"
    assert done.json["ledger"]["problem"] in done.err


def test_the_audit_names_every_attempt_and_shows_each(small, tmp_path):
    empty = small.gate("audit", "list")
    assert empty.code == 0
    assert empty.out.startswith("nothing is recorded for ")
    promoted(small, tmp_path)
    back = small.gate("rollback", "--yes", *WHY)
    listed = small.gate("audit", "list")
    assert [word for word in listed.out.split() if word in {"promoted", "rolled"}] == [
        "rolled",
        "promoted",
    ]
    assert back.rollout in listed.out
    shown = small.gate("audit", "show", back.rollout)
    assert shown.code == 0
    assert "why:       somebody rang" in shown.out
    assert "exit code: 0 (done)" in shown.out
    entries = small.gate("audit", "show", back.rollout, "--output", "json").json
    assert [entry["entry"] for entry in entries] == ["outcome", "intention"]
    assert len(small.gate("audit", "list", "--limit", "1", "--output", "json").json) == 1


def test_probes_alone_touch_no_traffic(small, tmp_path):
    small.pin({"look": small.first})
    before = small.read()
    done = small.gate("probe", "--policy", small.policy(tmp_path, GOOD), "--revision", small.first)
    assert done.code == 0
    assert "1 of 1 probe passed" in done.out
    assert small.read() == before
    assert small.records() == []
    done = small.gate(
        *("probe", "--policy", small.policy(tmp_path, GOOD), "--url", before.uri),
        *("--output", "json"),
    )
    assert (done.code, done.json["passed"], done.json["asked"]) == (0, 1, 1)


# Which service is meant


def names_it(stage, *arguments, env=None, cwd=None):
    """Asserts that these arguments and this environment are enough."""
    more = {} if cwd is None else {"cwd": cwd}
    done = gate("status", *arguments, env=environment(stage.cloud.env(), env or {}), **more)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{stage.name} ({PROJECT}/{REGION})\n")


def test_the_service_comes_from_the_policy(small, tmp_path):
    head = f"service: {{project: {PROJECT}, region: {REGION}, name: {small.name}}}\n"
    names_it(small, "--policy", small.policy(tmp_path, GOOD, head))


def test_flags_win_over_the_policy_and_the_policy_over_the_environment(small, tmp_path):
    head = f"service: {{project: nowhere, region: {REGION}, name: {small.name}}}\n"
    policy = small.policy(tmp_path, GOOD, head)
    elsewhere = {"CLOUDSDK_CORE_PROJECT": "elsewhere", "CLOUDSDK_RUN_REGION": "elsewhere"}
    names_it(small, "--policy", policy, "--project", PROJECT, env=elsewhere)


@pytest.mark.parametrize("variable", ["CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT"])
def test_project_and_region_come_from_the_environment(small, variable):
    names_it(small, "--service", small.name, env={variable: PROJECT, "CLOUDSDK_RUN_REGION": REGION})


@pytest.mark.parametrize("active", ["file", "variable"])
def test_project_and_region_come_from_gclouds_configuration(small, tmp_path, active):
    (tmp_path / "configurations").mkdir()
    text = f"[core]\nproject = {PROJECT}\naccount = me@example.com\n[run]\nregion = {REGION}\n"
    (tmp_path / "configurations" / "config_work").write_text(text)
    env = {"CLOUDSDK_CONFIG": str(tmp_path)}
    if active == "file":
        (tmp_path / "active_config").write_text("work\n")
    else:
        env["CLOUDSDK_ACTIVE_CONFIG_NAME"] = "work"
    names_it(small, "--service", small.name, env=env)
    done = gate(
        *("rollback", "--to", small.first, "--yes", *WHY, "--service", small.name),
        *("--output", "json"),
        env=environment(small.cloud.env(), env, {"GATE_ACTOR": ""}),
    )
    assert done.json["actor"] == "me@example.com"


def test_alone_it_says_what_it_can_do():
    done = gate(env=environment())
    assert (done.code, done.out) == (2, "")
    assert "rollout   deploy or adopt a candidate at 0 %" in done.err
    assert "130  interrupted, and safe" in done.err


def test_what_is_missing_is_named_all_at_once():
    done = gate("status", "--region", REGION, env=environment())
    done.refused(2, "service: not fully named (got nothing for --project, --service)")
