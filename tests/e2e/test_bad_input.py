"""Bad input and bad luck: each has its exit code, one clear message and no traceback."""

import pytest

from tests.e2e.stage import environment, gate

GOOD = "  who: {http: {path: /}}\n"
NOWHERE = {"CLOUD_RUN_EMULATOR_HOST": "127.0.0.1:1", "LOGGING_EMULATOR_HOST": "127.0.0.1:1"}
NAMED = ("--project", "demo", "--region", "us-central1", "--service", "backend")
WHY = ("--reason", "somebody rang", "--yes")


# Policies. That `gate policy check` says all of it is test_policy_command.py; here, that nothing
# else is done with such a policy.

PREFIX = "version: 1\nprobes:\n"
HOSTILE = {
    "several mistakes": (
        f"{PREFIX}  a: {{http: {{pth: /a}}}}\n  b: {{http: {{path: b}}}}\ntrafic: [100]\n".encode(),
        (":3:14: probes.a.http: has an unknown key", ":4:", ":5:1: ", "did you mean traffic?"),
    ),
    "a missing file": (None, ("does not exist",)),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("command", ["rollout", "probe"])
def test_a_policy_that_cannot_be_used_is_refused_before_anything_is_asked(tmp_path, what, command):
    content, texts = HOSTILE[what]
    path = tmp_path / "policy.yaml"
    if content is not None:
        path.write_bytes(content)
    target = ("--image", "x", *NAMED) if command == "rollout" else ("--url", "http://127.0.0.1:1")
    done = gate(command, "--policy", path, *target, env=environment(NOWHERE))
    done.refused(2, str(path), *texts, hint=False)


SECRETS = "secrets: {alice: {env: TOKEN_A}, bob: {env: TOKEN_B}}\n"
WITH_SECRET = '  who: {http: {path: /, headers: {Authorization: "Bearer ${alice}"}}}\n'


def test_missing_secrets_are_named_all_at_once_and_nothing_is_deployed(small, tmp_path):
    policy = small.policy(tmp_path, WITH_SECRET, SECRETS)
    done = small.gate("rollout", "--policy", policy, "--image", "small:v2", TOKEN_B=" ")
    done.refused(
        2,
        "secret alice: the environment variable TOKEN_A is not set\n"
        "secret bob: the environment variable TOKEN_B is not set\n",
    )
    assert small.traffic().latest_created == small.first
    assert small.records() == []


# What is named and does not exist.


def test_an_image_that_does_not_exist_is_rejected_in_cloud_runs_words(small, tmp_path):
    policy = small.policy(tmp_path, GOOD)
    done = small.gate("rollout", "--policy", policy, "--image", "nobody/nothing:v1")
    assert done.code == 1
    said = " ".join(done.out.split())  # wherever a line was broken
    assert said.count("CONTAINER_MISSING: Image 'nobody/nothing:v1' not found.") == 1
    small.only(small.first)
    outcome = small.recorded(done.rollout)
    (reason,) = outcome["verdict"]["reasons"]
    assert (outcome["ending"], reason["subject"]) == ("rejected", "readiness")
    assert "CONTAINER_MISSING" in reason["text"]


@pytest.mark.parametrize("command", ["rollout", "promote", "rollback", "probe"])
def test_a_revision_that_does_not_exist_is_a_usage_error(small, tmp_path, command):
    small.pin()
    name = f"{small.name}-00099-xyz"
    policy = ("--policy", small.policy(tmp_path, GOOD))
    arguments = {
        "rollout": (*policy, "--revision", name),
        "promote": ("--revision", name, *WHY),
        "rollback": ("--to", name, *WHY),
        "probe": (*policy, "--revision", name),
    }[command]
    done = small.gate(command, *arguments)
    assert done.code == 2
    assert f"revision {name}" in " ".join((done.out + done.err).split())
    assert "does not exist" in done.out + done.err
    small.only(small.first)


@pytest.mark.parametrize("command", ["rollout", "promote", "rollback", "probe", "status"])
def test_a_service_that_does_not_exist_is_a_usage_error(cloud, small, tmp_path, command):
    policy = ("--policy", small.policy(tmp_path, GOOD))
    arguments = {
        "rollout": (*policy, "--image", "small:v2"),
        "promote": WHY,
        "rollback": WHY,
        "probe": (*policy, "--revision", "x-00001-abc"),
        "status": (),
    }[command]
    named = ("--project", "demo", "--region", "us-central1", "--service", "nobody")
    done = gate(command, *arguments, *named, env=environment(cloud.env())).clean()
    assert done.code == 2
    assert "demo/us-central1/nobody: does not exist" in done.out + done.err


def test_an_unknown_id_is_a_usage_error(small):
    small.gate("audit", "show", "20260101-000000-abcdef").refused(
        2, "the ledger has no rollout '20260101-000000-abcdef'"
    )


# The emulator's address.


@pytest.mark.parametrize(
    ("arguments", "instead"),
    [
        (("status",), "gcloud run services describe backend --project demo"),
        (("rollback", *WHY), "update-traffic backend --to-revisions REVISION=100"),
        (("rollback", "--to", "a-1", *WHY), "update-traffic backend --to-revisions a-1=100"),
        (("promote", "--revision", "a-1", *WHY), "update-traffic backend --to-revisions a-1=100"),
        (("promote", *WHY), "update-traffic backend --to-tags candidate=100"),
        (("recover",), "update-traffic backend --to-revisions REVISION=100"),
        (("unlock", *WHY), "gcloud has no command for this"),
        (("audit", "list"), "start it with `gate local up`"),
    ],
)
def test_nothing_listens_at_the_emulators_address_and_the_way_round_the_gate_is_said(
    arguments, instead
):
    done = gate(*arguments, *NAMED, env=environment(NOWHERE)).clean()
    assert done.code == 3
    said = " ".join((done.out + done.err).split())
    variable = "LOGGING" if "audit" in arguments else "CLOUD_RUN"
    refused = f"{variable}_EMULATOR_HOST: nothing answers (got connection refused at 127.0.0.1:1"
    assert refused in said
    assert instead in said


@pytest.mark.parametrize("command", ["rollback", "promote"])
def test_a_revision_that_no_revision_can_be_is_put_right(small, command):
    small.pin()
    option = {"rollback": "--to", "promote": "--revision"}[command]
    for name in (small.first.upper(), f"revisions/{small.first}", small.first.replace("-", "_")):
        done = small.gate(command, option, name, *WHY)
        assert done.code == 2, done
        assert f"does not exist: did you mean {small.first}?" in " ".join(done.out.split())


@pytest.mark.parametrize("command", [("status",), ("rollback", *WHY), ("promote", *WHY)])
def test_a_service_that_no_service_can_be_is_put_right(small, command):
    place = small.which[:4]
    for name in (small.name.upper(), small.name.replace("-", "_")):
        done = gate(*command, *place, "--service", name, env=small.env).clean()
        assert done.code == 2, done
        assert f"did you mean {small.name}" in " ".join((done.out + done.err).split())


def test_nothing_listens_at_a_rollouts_address(tmp_path, small):
    policy = small.policy(tmp_path, GOOD)
    arguments = ("--policy", policy, "--image", "small:v2")
    done = gate("rollout", *arguments, *NAMED, env=environment(NOWHERE)).clean()
    assert done.code == 3
    assert "nothing answers" in done.out


def test_without_a_ledger_nothing_is_deployed(small, tmp_path):
    policy = small.policy(tmp_path, GOOD)
    before = small.read().generation
    arguments = ("--policy", policy, "--image", "small:v2")
    done = small.gate("rollout", *arguments, LOGGING_EMULATOR_HOST="127.0.0.1:1")
    assert done.code == 3
    assert "nothing was changed, since the intention could not be recorded" in done.out
    assert "NOT RECORDED" in done.out
    assert small.read().generation == before


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1:99999",
        "\x1b[31m:1",
    ],
)
def test_an_address_that_is_none_is_a_usage_error(address):
    env = environment({"CLOUD_RUN_EMULATOR_HOST": address, "LOGGING_EMULATOR_HOST": "127.0.0.1:1"})
    done = gate("status", *NAMED, env=env)
    done.refused(2, "CLOUD_RUN_EMULATOR_HOST: is no address", "expected HOST:PORT")
    assert "\x1b" not in done.err


NO_URLS = (
    *("", "127.0.0.1:80", "ftp://127.0.0.1", "http://", "http://[", "http://a b/", "http://h:x/"),
    *("http://h/?token=x", "http://h/#x", "http://alice:hunter2@h/", "http://\x1b[31m/"),
)


@pytest.mark.parametrize("url", NO_URLS)
def test_a_url_that_is_none_is_a_usage_error(tmp_path, url):
    policy = tmp_path / "policy.yaml"
    policy.write_text(PREFIX + GOOD)
    done = gate("probe", "--policy", policy, "--url", url, env=environment())
    assert done.code == 2
    assert "--url" in done.err
    assert not {"hunter2", "\x1b"} & set(done.err.replace(":", " ").replace("@", " ").split())
