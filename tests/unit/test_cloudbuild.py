"""cloudbuild.yaml: what it calls exists, and its time limits nest."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from gate.cli import main as cli
from gate.policyfile import load_policy

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="build")
def _build() -> dict:
    return yaml.safe_load((ROOT / "cloudbuild.yaml").read_text(encoding="utf-8"))


def _step(build: dict, name: str) -> dict:
    return next(step for step in build["steps"] if step["id"] == name)


def _seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_gate_step_calls_the_gate_with_arguments_that_exist(build):
    line = next(line for line in _step(build, "gate")["script"].splitlines() if "gate " in line)
    words = shlex.split(line.strip())
    argv = words[words.index("gate") + 1 :]
    args = cli._parser(argv).parse_args(argv)
    assert args.image == "$IMAGE"
    assert args.reason == "build $BUILD_ID"


def test_every_variable_of_the_script_is_given_to_it(build):
    step = _step(build, "gate")
    given = {entry.split("=")[0] for entry in step["env"]}
    assert set(re.findall(r"\$([A-Z_]+)", step["script"])) <= given


def test_the_secrets_are_those_of_the_policy(build):
    policy = load_policy(ROOT / build["substitutions"]["_POLICY"])
    assert {ref.env for ref in policy.secrets.values()} == set(_step(build, "gate")["secretEnv"])
    assert {secret["env"] for secret in build["availableSecrets"]["secretManager"]} == set(
        _step(build, "gate")["secretEnv"]
    )


def test_deadline_then_step_then_build(build):
    policy = load_policy(ROOT / build["substitutions"]["_POLICY"])
    step, whole = _seconds(_step(build, "gate")["timeout"]), _seconds(build["timeout"])
    assert policy.deadline_s < step < whole
