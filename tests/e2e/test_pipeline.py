"""A team's pipeline: the real gcloud deploys at 0 %, the gate judges, users see only what passed.

Each build deploys its image with a tag of its own, writes the revision's name into a file, and
hands that to the gate with the build's number.
"""

import signal

import pytest

from tests.contract.local_gcloud import Gcloud, needs_gcloud
from tests.e2e.stage import eventually
from tests.local_cloud_run import PROJECT, REGION

pytestmark = [needs_gcloud, pytest.mark.timeout(600), pytest.mark.xdist_group("gcloud_pipeline")]
LEASE = "lease: 5s\ncandidate: {ready_within: 20s}\ndeadline: 3m"
TRIES = 5
WHERE = ("--project", PROJECT, "--region", REGION, "--quiet")


class Pipeline:
    """Builds of one service."""

    def __init__(self, shop, gcloud, folder):
        self.shop = shop
        self.gcloud = gcloud
        self.folder = folder

    def deploy(self, number, image):
        """What the deployer does; the exit code, and the revision's name in a file.

        gcloud gives up where somebody writes between its read and its write, as a gate at work may:
        nothing was changed then, and it is run again.
        """
        for _ in range(TRIES):
            done = self.gcloud(
                *("run", "deploy", self.shop.name, "--image", image, "--no-traffic", *WHERE),
                *("--tag", f"build-{number}", "--format=value(status.latestCreatedRevisionName)"),
            )
            if "Conflict for resource" not in done.stderr:
                break
        self._name(number).write_text(done.stdout)
        return done.returncode

    def judge(self, number, *more, path="/health"):
        """Starts the gate on what the build deployed."""
        return self.shop.start(
            *("rollout", "--policy", self.shop.policy(LEASE, path)),
            *(more or ("--revision-file", self._name(number))),
            *("--order", number, "--wait", "60s", "--reason", f"build {number}"),
            actor=f"build {number}",
        )

    def build(self, number, image):
        """A whole build: the gate's end, and the revision that it was about."""
        assert self.deploy(number, image) == 0
        return self.judge(number).end().clean(), self.revision(number)

    def revision(self, number):
        return self._name(number).read_text().strip()

    def _name(self, number):
        return self.folder / f"build-{number}"


@pytest.fixture(name="gcloud", scope="module")
def _gcloud(cloud, tmp_path_factory):
    return Gcloud(cloud, tmp_path_factory.mktemp("gcloud"))


@pytest.fixture(name="pipeline")
def _pipeline(shop, gcloud, tmp_path):
    return Pipeline(shop, gcloud, tmp_path)


def test_good_and_bad_and_crashed(pipeline, shop):
    done, good = pipeline.build(1, "good:2")
    assert done.code == 0, done
    assert shop.stable() == good
    assert shop.tags == {"build-1": good}  # the deployer's own; the gate's is gone

    shop.spoilt.touch()
    done, bad = pipeline.build(2, "spoils")
    assert done.code == 1, done
    assert shop.stable() == good
    assert shop.tags == {"build-1": good, "build-2": bad}

    assert pipeline.deploy(3, "crasher") != 0  # a pipeline ends here
    assert shop.stable() == good
    done = pipeline.judge(3, "--revision", "latest").end()  # and one that does not, here
    assert done.code == 1, done
    assert shop.stable() == good
    ended = [(one["reason"], one["ending"]) for one in shop.outcomes()]
    assert ended == [("build 3", "rejected"), ("build 2", "rejected"), ("build 1", "promoted")]


def test_a_cancelled_build_leaves_users_alone_and_the_next_one_goes_on(pipeline, shop):
    stable = shop.stable()
    assert pipeline.deploy(1, "slow") == 0
    running = pipeline.judge(1, path="/slow")
    shop.wait_until_probing()
    assert running.signal(signal.SIGKILL).end().code == -signal.SIGKILL
    assert shop.stable() == stable

    done, good = pipeline.build(2, "good:2")
    assert done.code == 0, done
    assert shop.stable() == good
    assert "recovered" in done.out
    assert set(shop.tags) == {"build-1", "build-2"}


def test_of_two_builds_at_once_the_newer_one_is_left(pipeline, shop):
    assert pipeline.deploy(1, "slow") == 0
    first = pipeline.judge(1, path="/slow")
    shop.wait_until_probing()
    assert pipeline.deploy(2, "good:2") == 0
    second = pipeline.judge(2)
    second.until("is at work: waiting for it")
    shop.go.touch()
    assert first.end().clean().code in {0, 5}
    done = second.end().clean()
    assert done.code == 0, done
    assert shop.stable() == pipeline.revision(2)


def test_an_older_build_that_comes_last_is_held(pipeline, shop):
    assert pipeline.deploy(1, "good:2") == 0
    done, newer = pipeline.build(2, "good:3")
    assert done.code == 0, done
    late = pipeline.judge(1).end().clean()
    assert late.code == 5, late
    assert "its order is 1" in late.out
    assert shop.stable() == newer
    eventually(lambda: shop.outcomes()[0]["ending"] == "held")
