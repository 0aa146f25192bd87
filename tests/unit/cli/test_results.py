"""How a result is given: whatever becomes of its telling, the decision stands."""

import json
import os

import pytest

from gate.cli.notifying import tell
from gate.cli.options import Output
from gate.cli.results import Result, decided
from gate.core.policy import Notification, Policy, Probe, SecretRef, ServiceName
from gate.kinds.http import HttpProbe

UNTELLABLE = Result([None], {"ending": "held"}, list)  # type: ignore[list-item]


def test_a_renderer_that_breaks_is_said_and_nothing_is_raised(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    files = tuple((form, tmp_path / form) for form in ("junit", "markdown", "json"))
    decided(UNTELLABLE, Output("json", files))
    said = capsys.readouterr()
    assert json.loads(said.out) == json.loads((tmp_path / "json").read_text()) == {"ending": "held"}
    assert said.err.count("a defect of the gate (AttributeError)") == 3
    assert not {"junit", "markdown", "summary"} & {one.name for one in tmp_path.iterdir()}


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    result = Result([], {}, list)
    decided(result, Output("json", (("json", tmp_path / "pipe"),)))
    assert "cannot be written (No such device or address)" in capsys.readouterr().err


def test_nor_one_that_a_build_names(monkeypatch, tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "pipe"))
    decided(Result([], {}, list), Output("json"))
    assert "GITHUB_STEP_SUMMARY: cannot be written (No such" in capsys.readouterr().err
    (tmp_path / "summary").write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    decided(Result([], {}, list), Output("json"))
    assert (tmp_path / "summary").read_text().startswith("before\n")


@pytest.mark.parametrize("entry", [{"ending": "held", "verdict": 3}, {"ending": "held"}])
def test_whatever_an_entry_holds_a_hook_without_an_address_is_a_note(monkeypatch, capsys, entry):
    monkeypatch.delenv("HOOK", raising=False)
    probes = (Probe("a", HttpProbe("/")),)
    policy = Policy(ServiceName(), probes, notify=(Notification(SecretRef("HOOK")),))
    tell(policy, entry)
    told = "note: notify[0] (cloudevents): not told: secret url: the environment variable HOOK is"
    assert told in capsys.readouterr().err
