"""The Dockerfile: pinned, small, without root, and all it copies is there."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.dockerfile import ROOT, assigned, copied, stages


@pytest.fixture(name="head")
def _head():
    return stages()[0]


@pytest.fixture(name="build")
def _build():
    return stages()[1]


@pytest.fixture(name="image")
def _image():
    return stages()[2]


def test_the_base_of_each_stage_is_one_that_is_pinned_by_digest(head):
    (base,) = head.values("ARG")
    assert re.fullmatch(r"BASE=python:3\.\d+-slim@sha256:[0-9a-f]{64}", base)
    assert [one.base.split(" AS ")[0] for one in stages()[1:]] == ["${BASE}"] * 2


def test_nothing_is_installed_that_no_hash_stands_for(build):
    installs = [shlex.split(line) for line in build.values("RUN") if " pip " in line]
    assert len(installs) == 5
    for words in installs:
        assert ("--require-hashes" in words) != ("--no-index" in words)


def test_what_is_copied_is_there_and_is_sent(build):
    ignored = (ROOT / ".dockerignore").read_text().split("\n")
    sent = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert copied(build) == sent
    assert all((ROOT / name).exists() for name in sent)


def test_the_image_is_the_command_and_runs_without_root(image):
    assert copied(image) == set()
    assert image.values("COPY") == ["--from=build /opt/gate /opt/gate"]
    assert image.values("USER") == ["${UID}:${UID}"]
    (given,) = image.values("ARG")
    assert int(assigned(given)["UID"]) > 0
    assert json.loads(*image.values("ENTRYPOINT")) == ["gate"]
    (env,) = image.values("ENV")
    assert Path(assigned(env)["PATH"].split(":")[0]) == Path("/opt/gate/bin")
    order = [name for name, _ in image.lines]
    assert order.index("USER") > max(at for at, name in enumerate(order) if name == "RUN")


def test_bytecode_is_compiled_of_the_gate_and_of_python_itself(build, image):
    assert "-m compileall" in build.values("RUN")[-1]
    assert "-m compileall" in image.values("RUN")[0]
