"""The commands that gate doctor prints are ones that gcloud has, by gcloud's own list of them."""

import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from google.cloud import run_v2

from gate.cli.main import COMMANDS
from tests.contract.local_admin import latest, to
from tests.contract.local_gcloud import Gcloud, needs_gcloud
from tests.local_cloud_run import PROJECT, REGION, finish
from tests.unit.doctor.cases import CASES

_TREE = "data/cli/gcloud_completions.py"


@pytest.fixture(scope="module")
def gcloud():
    """The tree of gcloud's commands, each with its flags, as gcloud completes them itself."""
    found = shutil.which("gcloud")
    path = Path(found).resolve().parents[1] / _TREE if found else None
    if path is None or not path.exists():
        pytest.skip("gcloud is not installed: see https://cloud.google.com/sdk/docs/install")
    spec = importlib.util.spec_from_file_location("gcloud_completions", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.STATIC_COMPLETION_CLI_TREE


def unknown(tree, words):
    """What gcloud does not have of a command line: commands, flags, values of flags."""
    node, flags, missing = tree, dict(tree["flags"]), []
    for word in words:
        name, _, value = word.partition("=")
        if name.startswith("--"):
            choices = flags.get(name, "none")
            known = name in flags and (
                not isinstance(choices, list) or not value or value in choices
            )
            missing += [] if known else [word]
        elif word in node.get("commands", {}):
            node = node["commands"][word]
            flags |= node.get("flags", {})
    return missing + (["it is no command"] if node.get("commands") else [])


def printed():
    every = {command for _, (_, _, _, command) in CASES if command}
    return sorted(one for one in every if one.startswith("gcloud "))


@pytest.mark.parametrize("command", printed())
def test_gcloud_has_each_command_with_its_flags(gcloud, command):
    assert unknown(gcloud, shlex.split(command)[1:]) == []


def test_this_test_sees_a_command_and_a_flag_that_gcloud_does_not_have(gcloud):
    wrong = "run services update x --no-such-flag=1 --region r"
    assert unknown(gcloud, wrong.split()) == ["--no-such-flag=1"]
    assert unknown(gcloud, ["run", "services", "fix", "x"]) == ["it is no command"]
    past = "iap web add-iam-policy-binding --resource-type=cloud-run"
    assert unknown(gcloud, past.split()) == ["--resource-type=cloud-run"]


def test_commands_of_the_gate_are_its_own():
    words = [command.split() for _, (_, _, _, command) in CASES if command.startswith("gate ")]
    assert words
    assert {one[1] for one in words} <= set(COMMANDS)


# Run as they are printed, by gcloud and the gate themselves


@pytest.fixture(scope="module")
def service(local_cloud_run):
    """One that follows LATEST, with a tag that a candidate has left."""
    client = local_cloud_run.services()
    made = local_cloud_run.create_service("doctored")
    revision = made.latest_ready_revision.rpartition("/")[2]
    made.traffic = [latest(100), to(revision, tag="candidate-abc")]
    request = run_v2.UpdateServiceRequest(service=made, update_mask="traffic")
    return finish(client.update_service(request))


def doctor(running):
    """Its findings by check, without those that are well."""
    named = ("--project", PROJECT, "--region", REGION, "--service", "doctored")
    done = subprocess.run(
        [sys.executable, "-m", "gate.cli", "doctor", *named, "--output", "json"],
        env={**os.environ, **running.env()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    found = json.loads(done.stdout)["findings"]
    return {one["check"]: one["command"] for one in found if one["result"] != "ok"}


@needs_gcloud
@pytest.mark.xdist_group("local_gcloud")
def test_what_is_printed_mends_what_was_found(local_cloud_run, service, tmp_path):
    gcloud = Gcloud(local_cloud_run, tmp_path)
    found = doctor(local_cloud_run)
    assert set(found) == {"traffic", "tags"}
    for command in found.values():
        name, *words = shlex.split(command)
        assert name == "gcloud"
        gcloud.ok(*words)
    assert doctor(local_cloud_run) == {}
    now = local_cloud_run.services().get_service(name=service.name)
    (line,) = now.traffic
    assert (line.percent, line.tag) == (100, "")
    assert line.revision == service.latest_ready_revision.rpartition("/")[2]
