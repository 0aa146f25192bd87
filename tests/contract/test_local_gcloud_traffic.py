"""gcloud run services update-traffic in all its flags: each effect, seen through v2."""

import pytest
from google.cloud import run_v2

from tests.contract.local_admin import Api, short, template, who
from tests.contract.local_gcloud import gcloud, needs_gcloud, read, split
from tests.local_cloud_run import local_cloud_run, local_images

__all__ = ["gcloud", "local_cloud_run", "local_images"]
pytestmark = [pytest.mark.xdist_group("local_gcloud_traffic"), needs_gcloud]
OLD, NEW = "{old}", "{new}"
TAGS = (("", 0, "new"), (OLD, 0, "old"))
STEPS = (
    (f"--to-revisions={OLD}=100", [(OLD, 100, "")]),
    (f"--to-revisions={OLD}=90,{NEW}=10", [(OLD, 90, ""), (NEW, 10, "")]),
    (f"--update-tags=blue={NEW}", [(OLD, 90, ""), (NEW, 10, ""), (NEW, 0, "blue")]),
    ("--to-tags=blue=25", [(OLD, 75, ""), (NEW, 25, ""), (NEW, 0, "blue")]),
    (f"--set-tags=green={OLD}", [(NEW, 25, ""), (OLD, 75, ""), (OLD, 0, "green")]),
    ("--remove-tags=green", [(NEW, 25, ""), (OLD, 75, "")]),
    (f"--to-latest --set-tags=new=LATEST,old={OLD}", [("", 100, ""), *TAGS]),
    (f"--to-revisions=LATEST=40,{OLD}=60", [("", 40, ""), (OLD, 60, ""), *TAGS]),
    ("--clear-tags --to-latest", [("", 100, "")]),
)
"""Flags, and the traffic that they leave: revision ("" is the latest one), percent, tag."""


@pytest.fixture(scope="module")
def pair(local_cloud_run):
    """A service with two revisions; the second one has all traffic."""
    api = Api("grpc", local_cloud_run)
    service = api.create()
    old = short(service.latest_ready_revision)
    updated = api.update(run_v2.Service(name=service.name, template=template()), "template")
    return updated, old, short(updated.latest_ready_revision)


@pytest.fixture(scope="module")
def steps(gcloud, local_cloud_run, pair):
    """What gcloud said of each step, and the service after it."""
    service, old, new = pair
    made = []
    for flags, _ in STEPS:
        asked = flags.format(old=old, new=new).split()
        said = gcloud("run", "services", "update-traffic", short(service.name), *asked)
        made.append((said, read(local_cloud_run, short(service.name))))
    return made


@pytest.mark.parametrize("number", range(len(STEPS)), ids=[flags for flags, _ in STEPS])
def test_update_traffic(steps, pair, number):
    _, old, new = pair
    said, service = steps[number]
    assert said.returncode == 0, said.stderr
    expected = [(name.format(old=old, new=new), *rest) for name, *rest in STEPS[number][1]]
    assert sorted(split(service)) == sorted(expected)


def test_no_step_makes_a_revision(steps, pair):
    _, _, new = pair
    assert {short(each.latest_created_revision) for _, each in steps} == {new}


def test_each_step_is_one_write(steps, pair):
    service, _, _ = pair
    first = service.generation + 1
    assert [each.generation for _, each in steps] == list(range(first, first + len(STEPS)))


def test_what_gcloud_moved_is_what_answers(steps, pair):
    assert steps
    service, _, new = pair
    assert who(service.uri) == new


def test_a_revision_that_does_not_exist_is_refused_and_nothing_moves(
    gcloud, local_cloud_run, steps, pair
):
    service, _, new = pair
    name = short(service.name)
    nowhere = f"--to-revisions={name}-nope=100"
    said = gcloud.refused("run", "services", "update-traffic", name, nowhere)
    assert f"Revision '{name}-nope' does not exist or is deleted." in said
    assert who(service.uri) == new
    assert steps
