"""What the command line takes from its surroundings, also where there are hardly any."""

import os
import subprocess
import sys

import pytest

from gate.api import asker, wiring
from gate.api.gcloud import GcloudSettings

NOBODY = 54_321
"""A user id without a name, a home, or anything else."""

AS_NOBODY = f"""
import configparser, getpass, os, pathlib, pwd
from gate.api import asker
os.setuid({NOBODY})
print(asker.actor())
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_a_user_without_name_or_home_is_unknown_and_no_defect():
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY], env={}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "unknown"), done.stderr


def test_settings_come_from_gclouds_active_configuration(tmp_path):
    (tmp_path / "configurations").mkdir()
    (tmp_path / "active_config").write_text("work\n")
    (tmp_path / "configurations" / "config_work").write_text("[core]\nproject = acme\n")
    settings = GcloudSettings({"CLOUDSDK_CONFIG": str(tmp_path)})
    assert settings.project() == "acme"
    assert settings.region() == ""


def test_what_is_waited_for_is_said_on_stderr(capsys):
    wiring.on_wait("waiting for Cloud Run: no answer yet, up to 30 s")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "waiting for Cloud Run: no answer yet, up to 30 s\n")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            {"BUILD_ID": "b1", "TRIGGER_NAME": "deploy", "COMMIT_SHA": "c0ffee"},
            ("cloud build", "b1", "deploy", "c0ffee"),
        ),
        ({"BUILD_ID": "b1", "TRIGGER_ID": "t1", "COMMIT_SHA": ""}, ("cloud build", "b1", "t1", "")),
        (
            {"GITHUB_RUN_ID": "7", "GITHUB_WORKFLOW": "ci", "GITHUB_SHA": "c0ffee"},
            ("github actions", "7", "ci", "c0ffee"),
        ),
        (
            {"CI_PIPELINE_ID": "9", "CI_PIPELINE_SOURCE": "push", "CI_COMMIT_SHA": "c0ffee"},
            ("gitlab ci", "9", "push", "c0ffee"),
        ),
        ({"COMMIT_SHA": "c0ffee"}, ("", "", "", "c0ffee")),
        ({}, ("", "", "", "")),
    ],
)
def test_the_build_that_runs_the_gate_is_told_by_its_own_variables(monkeypatch, told, expected):
    for _, build, triggers, commits in asker.BUILDS:
        for name in (build, *triggers, *commits):
            monkeypatch.delenv(name, raising=False)
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    found = asker.origin()
    assert (found.system, found.build, found.trigger, found.commit) == expected
    assert found.release
