"""docs/pipeline.md and action.yml: their YAML is what others read, their calls are the gate's."""

import re
import shlex
import stat
import subprocess
import sys
import tomllib

import pytest
import yaml

from gate.cli import main as cli
from gate.cli.delivery import UPLOAD_WITHIN_S
from gate.core.policy import Policy
from gate.report.step_output import MAX_BYTES
from tests.dockerfile import ROOT

PAGE = (ROOT / "docs" / "pipeline.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]
(WORKFLOW, GITLAB) = [text for kind, text in BLOCKS if kind == "yaml"]
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")


def commands(text):
    """The command lines of a script that call the gate, as words."""
    joined = re.sub(r"\\\n\s*", "", text).splitlines()
    return [
        words[1:] for line in joined if (words := shlex.split(line, comments=True))[:1] == ["gate"]
    ]


def parsed(argv):
    return cli._parser(argv).parse_args(argv)


@pytest.mark.parametrize(
    ("schema", "text"),
    [("github-actions", ACTION), ("github-workflows", WORKFLOW), ("gitlab-ci", GITLAB)],
    ids=lambda value: value if "\n" not in value else "",
)
def test_its_yaml_is_what_its_reader_takes(tmp_path, schema, text):
    file = tmp_path / "it.yml"
    for what, code in ((text, 0), (text + "\nno such key\n", 1)):
        file.write_text(what, encoding="utf-8")
        command = ["-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", file]
        done = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout


def test_each_call_of_the_gate_is_one_that_it_takes():
    (job,) = (one for one in yaml.safe_load(GITLAB).values() if "script" in one)
    calls = [*commands("\n".join(SHELL)), *commands("\n".join(job["script"]))]
    assert {words[0] for words in calls} == {"rollout", "recover", "status"}
    for words in calls:
        parsed([re.sub(r"\$\w*(BUILD_NUMBER|IID)", "7", word) for word in words])
    in_gitlab = parsed([word.replace("$CI_PIPELINE_IID", "7") for word in calls[-1]])
    assert [str(file) for _, file in in_gitlab.write] == ["gate.xml", "gate.md"]
    assert job["artifacts"]["reports"]["junit"] == "gate.xml"


def test_the_workflow_gives_the_action_inputs_that_it_has():
    steps = yaml.safe_load(WORKFLOW)["jobs"]["deploy"]["steps"]
    (step,) = (one for one in steps if one.get("id") == "gate")
    inputs = yaml.safe_load(ACTION)["inputs"]
    assert set(step["with"]) <= set(inputs)
    assert {name for name, one in inputs.items() if one.get("required")} <= set(step["with"])


RUN = {"GITHUB_WORKFLOW": "deploy it", "GITHUB_RUN_NUMBER": "41", "GITHUB_SHA": "0123abc"}


def called(tmp_path, given):
    """What the action's last step runs, with these inputs and the others' defaults."""
    action = yaml.safe_load(ACTION)
    step = action["runs"]["steps"][-1]
    values = {name: one.get("default", "") for name, one in action["inputs"].items()} | given
    env = {name: values[text.split(".")[1].split(" ")[0]] for name, text in step["env"].items()}
    gate = tmp_path / "gate" / "bin" / "gate"
    gate.parent.mkdir(parents=True)
    gate.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 5\n")
    gate.chmod(gate.stat().st_mode | stat.S_IXUSR)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
        env={"PATH": "/usr/bin:/bin", "RUNNER_TEMP": str(tmp_path), **RUN, **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr  # the gate's own
    return parsed(done.stdout.splitlines())


def test_the_action_hands_over_what_was_given_and_says_the_rest(tmp_path):
    given = {"policy": "policies/a b.yaml", "image": "host/shop@sha256:1;touch x", "order": ""}
    args = called(tmp_path, given)
    assert (str(args.policy), args.image) == (given["policy"], given["image"])
    assert (args.revision, args.project, args.order) == ("", "", 41)
    assert args.reason == "deploy it 41, commit 0123abc"
    assert args.upload == str(tmp_path / "gate-report")


def test_the_action_adopts(tmp_path):
    more = {"reason": "$(touch x)", "order": "7", "service": "shop", "upload": "gs://reports/x"}
    args = called(tmp_path, {"policy": "p.yaml", "revision": "latest", **more})
    assert (args.image, args.revision, args.order) == ("", "latest", 7)
    assert (args.reason, args.service, args.upload) == ("$(touch x)", "shop", "gs://reports/x")


def test_numbers_are_as_in_the_code():
    assert f"{MAX_BYTES // 1024} KiB of JSON" in PAGE
    assert f"It takes {UPLOAD_WITHIN_S:.0f} s at most" in PAGE


def test_jobs_last_longer_than_rollouts():
    wait_s, default_s = 600.0, Policy.__dataclass_fields__["deadline_s"].default
    inputs, steps = (yaml.safe_load(ACTION)["inputs"], yaml.safe_load(WORKFLOW)["jobs"]["deploy"])
    assert inputs["wait"]["default"] == "10m"
    assert yaml.safe_load(GITLAB)["deploy"]["timeout"] == "40 minutes"
    assert default_s + wait_s < steps["timeout-minutes"] * 60 == 40 * 60


def test_the_version_is_the_one_that_is_released():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for name, least in (("docs/pipeline.md", 6), ("README.md", 1), ("cloudbuild.yaml", 1)):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = re.findall(r"(?:/gate:|gate==|@v|--branch v)([0-9][0-9.]*[0-9])\b", text)
        assert len(named) >= least
        assert {one for one in named if "." in one} == {version}, name
