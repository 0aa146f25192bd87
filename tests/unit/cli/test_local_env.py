"""`gate local env`: lines for a shell."""

import shlex

import pytest

from gate.cli.main import run
from gate.errors import ExitCode


def exported(capsys, *arguments):
    """What a shell has after it read the lines."""
    assert run(["local", "env", *arguments]) == ExitCode.DONE
    lines = [shlex.split(line) for line in capsys.readouterr().out.splitlines()]
    assert all(len(words) == 2 and words[0] == "export" for words in lines)
    return dict(words[1].split("=", 1) for words in lines)


def test_the_gate_and_clients_need_these_variables(capsys):
    assert exported(capsys) == {
        "CLOUD_RUN_EMULATOR_HOST": "127.0.0.1:8790",
        "LOGGING_EMULATOR_HOST": "127.0.0.1:8790",
        "SECRET_MANAGER_EMULATOR_HOST": "127.0.0.1:8790",
        "MONITORING_EMULATOR_HOST": "127.0.0.1:8790",
    }


def test_the_port_is_that_of_the_local_cloud_run(capsys):
    assert exported(capsys, "--port", "9000")["CLOUD_RUN_EMULATOR_HOST"] == "127.0.0.1:9000"


def test_gcloud_gets_its_own_settings_and_no_other(capsys):
    found = exported(capsys, "--gcloud", "--port", "9000")
    assert {name.partition("_")[0] for name in found} == {"CLOUDSDK"}
    assert found["CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN"] == "http://127.0.0.1:9000/"
    assert found["CLOUDSDK_PROXY_PORT"] == "9000"
    assert found["CLOUDSDK_CORE_PROJECT"] == "demo"
    assert found["CLOUDSDK_RUN_REGION"] == "us-central1"


def test_project_and_region_may_be_others(capsys):
    found = exported(capsys, "--gcloud", "--project", "shop", "--region", "europe-west1")
    assert found["CLOUDSDK_CORE_PROJECT"] == "shop"
    assert found["CLOUDSDK_RUN_REGION"] == "europe-west1"


@pytest.mark.parametrize("name", ["a state", "$(exit 1)", "it's; rm x", "`x`"])
def test_values_are_quoted(capsys, tmp_path, name):
    found = exported(capsys, "--gcloud", "--state", str(tmp_path / name))
    assert found["CLOUDSDK_CONFIG"] == str(tmp_path / name / "gcloud")


def test_gclouds_own_files_have_an_absolute_path(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = exported(capsys, "--gcloud")
    assert found["CLOUDSDK_CONFIG"] == str(tmp_path / ".gate-local" / "gcloud")


def test_any_free_port_is_none_to_be_found_at(capsys):
    assert run(["local", "env", "--port", "0"]) == ExitCode.USAGE
    assert "gate local env --port: which one?" in capsys.readouterr().err
