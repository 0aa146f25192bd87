"""What a rollout leaves for a pipeline: Cloud Build's step output, and its report in a bucket."""

import json
import signal
import time

import pytest
from defusedxml.ElementTree import fromstring

from tests.campaign import campaign
from tests.e2e.bucket import Bucket
from tests.e2e.stage import WITHIN_S

GOOD = "  who: {http: {path: /}}\n"
BAD = "  who: {http: {path: /}, expect: {status: 404}}\n"


@pytest.fixture(name="output")
def _output(tmp_path):
    folder = tmp_path / "outputs"
    folder.mkdir()
    return folder


def rollout(stage, folder, probes, *more, **env):
    policy = stage.policy(folder, probes)
    return stage.gate("rollout", "--policy", policy, "--image", "small:v2", *more, **env)


@pytest.mark.parametrize(
    ("probes", "code", "ending"), [(GOOD, 0, "promoted"), (BAD, 1, "rejected")]
)
def test_it_is_left_in_a_bucket_and_as_the_steps_output(
    small, tmp_path, output, probes, code, ending
):
    with Bucket() as bucket:
        upload = ("--upload", "gs://reports/gate/build-1", "--output", "json")
        env = {**bucket.env, "BUILDER_OUTPUT": str(output)}
        done = rollout(small, tmp_path, probes, *upload, **env)
    assert (done.code, done.json["ending"]) == (code, ending)
    prefix = f"gate/build-1/{done.json['rollout']}"
    names = {"gate.json", "gate.xml", "gate.md"}
    assert {name for _, name in bucket.objects} == {f"{prefix}/{name}" for name in names}
    assert json.loads(bucket.texts()["gate.json"]) == done.json
    assert ending in bucket.texts()["gate.md"]
    assert fromstring(bucket.texts()["gate.xml"]).tag == "testsuites"
    assert f"report: gs://reports/{prefix}" in done.err
    said = json.loads((output / "output").read_text())
    assert (said["rollout"], said["ending"]) == (done.json["rollout"], ending)
    assert said["traffic"] == done.json["effective_after"]


def test_it_is_left_in_a_folder(small, tmp_path):
    folder = tmp_path / "made" / "by it"
    done = rollout(small, tmp_path, GOOD, "--upload", folder, "--output", "json")
    assert done.code == 0
    assert json.loads((folder / done.json["rollout"] / "gate.json").read_text()) == done.json


def test_what_cannot_be_kept_changes_nothing(small, tmp_path, output):
    (output / "output").mkdir()  # no file can be written there
    with Bucket(refuses=True) as bucket:
        env = {**bucket.env, "BUILDER_OUTPUT": str(output)}
        done = rollout(small, tmp_path, GOOD, "--upload", "gs://reports", **env)
    assert done.code == 0
    assert "BUILDER_OUTPUT: not written" in done.err
    assert "report: not kept at gs://reports (" in done.err
    assert "no storage.objects.create access" in done.err

    blocked = tmp_path / "a file"
    blocked.touch()
    done = rollout(small, tmp_path, BAD, "--upload", blocked / "below")
    assert done.code == 1
    assert "report: not kept at" in done.err


@pytest.mark.parametrize("stopped", [True, pytest.param(False, marks=campaign)])
def test_a_silent_bucket_holds_nothing_up_for_long(small, tmp_path, stopped):
    with Bucket(silent=True) as bucket:
        running = small.start(
            *("rollout", "--policy", small.policy(tmp_path, GOOD), "--image", "small:v2"),
            *("--upload", "gs://reports"),
            **bucket.env,
        )
        running.until("recorded as")  # while nothing is uploaded yet
        assert bucket.asked.wait(WITHIN_S)
        if stopped:
            running.signal(signal.SIGTERM)
        began = time.monotonic()
        done = running.end().clean()
    assert done.code == 0
    assert time.monotonic() - began < 30
    said = "gate: interrupted; see" if stopped else "report: not kept at gs://reports ("
    assert said in done.err


def test_a_step_that_could_not_begin_says_so(small, tmp_path, output):
    done = rollout(small, tmp_path, "  who: {htp: {}}\n", BUILDER_OUTPUT=str(output))
    assert done.code == 2
    said = json.loads((output / "output").read_text())
    assert (said["ending"], said["exit_code"], said["rollout"]) == ("not begun", 2, "")
    assert "htp" in said["why"]


@pytest.mark.parametrize("where", ["gs://", "s3://reports/x", "gs://UPPER/x", __file__])
def test_where_nothing_can_be_kept_is_said_first(small, tmp_path, where):
    done = rollout(small, tmp_path, GOOD, "--upload", where)
    done.refused(2, "argument --upload: is no ", hint=False)
