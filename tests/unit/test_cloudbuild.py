"""cloudbuild.yaml: Cloud Build understands it, what it calls exists, and its time limits nest."""

import re
from dataclasses import fields

import pytest
from google.protobuf.json_format import ParseError

from gate.cli import main as cli
from gate.core.policy import Policy
from tests import cloud_build
from tests.cloud_build import step

BUILD = {"PROJECT_ID": "demo", "BUILD_ID": "4f1c-9e"}
TRIGGERED = {**BUILD, "COMMIT_SHA": "0123456789abcdef"}


@pytest.fixture(name="build", params=[False, True], ids=["as it is", "with every option"])
def _build(request):
    return cloud_build.parsed(cloud_build.read(options=request.param))


def arguments(build, **given):
    args = list(step(cloud_build.substituted(build, **given), "gate").args)
    return cli._parser(args).parse_args(args)


def test_this_test_sees_a_field_that_cloud_build_does_not_have():
    with pytest.raises(ParseError, match="allowExitCode"):
        cloud_build.parsed(
            cloud_build.read(options=True).replace("allowExitCodes", "allowExitCode")
        )


def test_the_gate_step_is_the_image_and_its_arguments_and_nothing_else(build):
    gate = step(build, "gate")
    assert gate.name == "${_GATE_IMAGE}"
    assert not gate.script
    assert not gate.entrypoint
    assert not any("install" in word for word in gate.args)


def test_it_calls_the_gate_with_arguments_that_exist(build):
    args = arguments(build, **TRIGGERED)
    assert args.image == f"{step_image(build)}:4f1c-9e"
    assert args.reason == "build 4f1c-9e 0123456789abcdef"
    assert (args.project, args.region, args.service) == ("demo", "us-central1", "backend")
    assert args.upload == "gs://demo-gate-reports"
    assert arguments(build, **BUILD).reason == "build 4f1c-9e "  # started by hand: no commit


def step_image(build):
    pushed = step(cloud_build.substituted(build, **BUILD), "push").args[1]
    return pushed.removesuffix(":4f1c-9e")


def test_every_variable_is_given_by_cloud_build_or_by_the_file(build):
    used = set(re.findall(r"\$\{?(\w+)", cloud_build.read(options=True)))
    known = {*build.substitutions, *BUILD, *cloud_build.FROM_A_TRIGGER, "BUILDER_OUTPUT"}
    assert used <= known
    assert {*build.substitutions} <= used


def test_each_secret_of_the_step_is_made_available():
    build = cloud_build.parsed(cloud_build.read(options=True))
    made = {secret.env for secret in build.available_secrets.secret_manager}
    assert set(step(build, "gate").secret_env) == made != set()


def test_deadline_and_wait_then_step_then_build(build):
    args = arguments(build, **BUILD)
    limit = step(build, "gate").timeout.total_seconds()
    (default_s,) = (one.default for one in fields(Policy) if one.name == "deadline_s")
    assert default_s + args.wait < limit < build.timeout.total_seconds()


def test_held_is_the_exit_code_that_may_be_allowed():
    build = cloud_build.parsed(cloud_build.read(options=True))
    assert list(step(build, "gate").allow_exit_codes) == [5]


def test_the_step_that_the_readme_shows_is_one():
    text = (cloud_build.FILE.parent / "README.md").read_text(encoding="utf-8")
    _, _, section = text.partition("## Put it into a pipeline")
    shown = section.split("```yaml\n")[1].split("```")[0]
    assert len(shown.splitlines()) <= 10
    (gate,) = cloud_build.parsed(f"steps:\n{shown}").steps
    args = [re.sub(r"\$BUILD_ID|BUCKET", "b-1", word) for word in gate.args]
    assert cli._parser(args).parse_args(args).wait == 300


def test_builds_on_other_pages_are_builds_of_the_gate():
    pages = sorted((cloud_build.FILE.parent / "docs").rglob("*.md"))
    texts = "".join(page.read_text(encoding="utf-8") for page in pages)
    shown = re.findall(r"^```yaml\n(steps:\n.*?)^```$", texts, re.MULTILINE | re.DOTALL)
    assert shown
    for text in shown:
        for one in cloud_build.parsed(text).steps:
            cli._parser(list(one.args)).parse_args(list(one.args))
